"""Who does the jobs in a process: four workers, each for itself, so that what is slow delays nothing but its like.

What asks other machines or runs long programs has a worker of its own, and so have mail and push messages: however many of them hang,
people are told of posts within the second.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import SystemRandom
from socket import gethostname
from typing import Any

from attrs import frozen

from microblog.domain.statistics import DailyStatistics
from microblog.jobs import cleanup, email_jobs, post_jobs, push_jobs, statistics
from microblog.jobs.email_jobs import EmailJobs
from microblog.jobs.push_jobs import PushJobs
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.scheduler import Scheduler
from microblog.jobs.worker import Task, Worker
from microblog.lifecycle import Component, SchedulerComponent
from microblog.storage.database import Transactions
from microblog.storage.push_subscriptions import SEND_JOB


@frozen
class JobServices:
    """What there is to be done. `posting` are the tasks about posts by kind of job, `events_kept` says for how long events are kept."""

    statistics: DailyStatistics
    posting: dict[str, Task]
    mailing: EmailJobs
    pushing: PushJobs
    events_kept: timedelta


@frozen
class Workers:
    """The workers of a process, and the schedule that gives them work."""

    quick: Worker
    slow: Worker
    mail: Worker
    push: Worker
    ticking: SchedulerComponent

    @classmethod
    def build(cls, duties: JobServices, database: Transactions, now: Callable[[], datetime], reactor: Any) -> Workers:
        """They do nothing yet."""

        def worker(tasks: Mapping[str, Task], plans: Mapping[str, RetryPolicy], at_once: int, poll: float = 2.0) -> Worker:
            name = f"{gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
            return Worker(database, tasks, now, reactor, name, SystemRandom().random, plans, at_once, poll)

        sweeps = [*cleanup.sweeps(events_kept=duties.events_kept), *post_jobs.SWEEPS, *push_jobs.SWEEPS, *email_jobs.sweeps()]
        done = cleanup.tasks(database, now, sweeps) | statistics.tasks(duties.statistics) | duties.posting
        push = worker({SEND_JOB: duties.pushing.send}, push_jobs.PLANS, push_jobs.AT_ONCE)
        done[push_jobs.NOTIFIED_JOB] = duties.pushing.notifying(push.wake)
        quick = worker({kind: done[kind] for kind in done.keys() - post_jobs.SLOW}, post_jobs.PLANS, 8)
        slow = worker({kind: done[kind] for kind in post_jobs.SLOW}, post_jobs.PLANS, 4, poll=1.0)
        timers = [*cleanup.timers(sweeps), *statistics.timers(duties.statistics), *email_jobs.timers(duties.mailing.zone)]
        ticking = SchedulerComponent(Scheduler(database, timers, now, quick.wake), reactor)
        return cls(quick, slow, worker(duties.mailing.tasks(), email_jobs.PLANS, email_jobs.AT_ONCE, poll=1.0), push, ticking)

    @property
    def workers(self) -> dict[str, Worker]:
        """The workers by the names that health and metrics give them."""
        return {"jobs": self.quick, "slow_jobs": self.slow, "mail": self.mail, "push": self.push}

    @property
    def parts(self) -> list[Component]:
        """They and the schedule, in the order in which they begin."""
        return [*self.workers.values(), self.ticking]

    @property
    def wake_on_commit(self) -> list[Callable[[], None]]:
        """What each commit wakes. The others look around by themselves: no second counts for them, and each look costs a statement.
        Who sends push messages is woken where some are to be sent.
        """
        return [self.quick.wake]
