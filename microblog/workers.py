"""The job workers of a process: four, so that slow jobs delay only their own kind.

Jobs that contact other servers or run long programs have their own worker, and so do e-mail and push notifications. However many of them
hang, users are notified of posts within a second.
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
    """Services that the jobs need. `posting` maps job kinds to tasks; `events_kept` is how long events are kept."""

    statistics: DailyStatistics
    posting: dict[str, Task]
    mailing: EmailJobs
    pushing: PushJobs
    events_kept: timedelta


@frozen
class Workers:
    """The workers of a process and the scheduler that creates timed jobs."""

    quick: Worker
    slow: Worker
    mail: Worker
    push: Worker
    ticking: SchedulerComponent

    @classmethod
    def build(cls, duties: JobServices, database: Transactions, now: Callable[[], datetime], reactor: Any) -> Workers:
        """Build the workers without starting them."""

        def worker(tasks: Mapping[str, Task], plans: Mapping[str, RetryPolicy], at_once: int, poll: float = 2.0) -> Worker:
            name = f"{gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
            return Worker(database, tasks, now, reactor, name, SystemRandom().random, plans, at_once, poll)

        sweeps = [
            *cleanup.cleanup_batches(events_kept=duties.events_kept),
            *post_jobs.CLEANUP_BATCHES,
            *push_jobs.CLEANUP_BATCHES,
            *email_jobs.cleanup_batches(),
        ]
        done = cleanup.tasks(database, now, sweeps) | statistics.tasks(duties.statistics) | duties.posting
        push = worker({SEND_JOB: duties.pushing.send}, push_jobs.RETRY_POLICIES, push_jobs.CONCURRENCY)
        done[push_jobs.NOTIFIED_JOB] = duties.pushing.queue_task(push.wake)
        quick = worker({kind: done[kind] for kind in done.keys() - post_jobs.SLOW}, post_jobs.RETRY_POLICIES, 8)
        slow = worker({kind: done[kind] for kind in post_jobs.SLOW}, post_jobs.RETRY_POLICIES, 4, poll=1.0)
        timers = [*cleanup.timers(sweeps), *statistics.timers(duties.statistics), *email_jobs.timers(duties.mailing.zone)]
        ticking = SchedulerComponent(Scheduler(database, timers, now, quick.wake), reactor)
        return cls(quick, slow, worker(duties.mailing.tasks(), email_jobs.RETRY_POLICIES, email_jobs.CONCURRENCY, poll=1.0), push, ticking)

    @property
    def workers(self) -> dict[str, Worker]:
        """Workers by their names in health reports and metrics."""
        return {"jobs": self.quick, "slow_jobs": self.slow, "mail": self.mail, "push": self.push}

    @property
    def parts(self) -> list[Component]:
        """Workers and scheduler in starting order."""
        return [*self.workers.values(), self.ticking]

    @property
    def wake_on_commit(self) -> list[Callable[[], None]]:
        """Return the callbacks for each commit. Other workers poll: their jobs are not urgent, and each check costs a statement.

        The push worker is woken when messages are queued.
        """
        return [self.quick.wake]
