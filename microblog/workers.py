"""The job workers of a process: four, and two more with federation, so that slow jobs delay only their own kind.

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

from attrs import field, frozen

from microblog.domain.statistics import DailyStatistics
from microblog.jobs import (
    cleanup,
    domain_jobs,
    email_jobs,
    federation_jobs,
    media_count_jobs,
    media_jobs,
    post_jobs,
    profile_jobs,
    push_jobs,
    statistics,
    suspension_jobs,
)
from microblog.jobs.email_jobs import EmailJobs
from microblog.jobs.push_jobs import PushJobs
from microblog.jobs.retention_jobs import RetentionJobs
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.scheduler import Scheduler
from microblog.jobs.worker import Task, Worker
from microblog.lifecycle import Component, SchedulerComponent
from microblog.storage.database import Transactions
from microblog.storage.push_subscriptions import SEND_JOB


@frozen
class JobServices:
    """Services that the jobs need. `post_tasks` maps job kinds to tasks; `events_kept` is how long events are kept."""

    statistics: DailyStatistics
    post_tasks: dict[str, Task]
    email_jobs: EmailJobs
    push_jobs: PushJobs
    events_kept: timedelta
    federation_tasks: Mapping[str, Task] = field(factory=dict)
    retention: RetentionJobs | None = None
    media_tasks: Mapping[str, Task] = field(factory=dict)


@frozen
class Workers:
    """The workers of a process and the scheduler that creates timed jobs. `services` has what the jobs use."""

    quick: Worker
    slow: Worker
    email: Worker
    push: Worker
    federation: Worker | None
    remote_media: Worker | None
    scheduler: SchedulerComponent
    services: JobServices

    @classmethod
    def build(cls, services: JobServices, database: Transactions, now: Callable[[], datetime], reactor: Any) -> Workers:
        """Build the workers without starting them."""

        def worker(tasks: Mapping[str, Task], plans: Mapping[str, RetryPolicy], at_once: int, poll: float = 2.0) -> Worker:
            name = f"{gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
            return Worker(database, tasks, now, reactor, name, SystemRandom().random, plans, at_once, poll)

        cleanup_batches: list[cleanup.Cleanup] = [
            *cleanup.cleanup_batches(events_kept=services.events_kept),
            *post_jobs.CLEANUP_BATCHES,
            *push_jobs.CLEANUP_BATCHES,
            *email_jobs.cleanup_batches(),
            *federation_jobs.CLEANUP_BATCHES,
        ]
        retention = services.retention or RetentionJobs(database, now)
        tasks = (
            {**retention.tasks, **cleanup.tasks(database, now, cleanup_batches)}
            | statistics.tasks(services.statistics)
            | suspension_jobs.tasks(database, now)
            | services.post_tasks
        )
        push = worker({SEND_JOB: services.push_jobs.send}, push_jobs.RETRY_POLICIES, push_jobs.CONCURRENCY)
        tasks[push_jobs.NOTIFIED_JOB] = services.push_jobs.queue_task(push.wake)
        slow_kinds = post_jobs.SLOW | profile_jobs.SLOW | media_count_jobs.SLOW
        policies = post_jobs.RETRY_POLICIES | profile_jobs.RETRY_POLICIES | media_count_jobs.RETRY_POLICIES
        quick = worker({kind: tasks[kind] for kind in tasks.keys() - slow_kinds}, policies, 8)
        slow = worker({kind: tasks[kind] for kind in slow_kinds}, policies, 4, poll=1.0)
        timers = [*cleanup.timers(cleanup_batches), *statistics.timers(services.statistics), *email_jobs.timers(services.email_jobs.zone)]
        timers += [*retention.timers, suspension_jobs.DELETE_SUSPENDED, media_count_jobs.COUNT]
        timers += [media_jobs.CLEAN_FILES, federation_jobs.COUNT_RECEIVED] if services.federation_tasks else []
        scheduler = SchedulerComponent(Scheduler(database, timers, now, quick.wake), reactor)
        email = worker(services.email_jobs.tasks(), email_jobs.RETRY_POLICIES, email_jobs.CONCURRENCY, poll=1.0)
        received = services.federation_tasks
        policies = federation_jobs.RETRY_POLICIES | domain_jobs.RETRY_POLICIES
        federation = worker(received, policies, federation_jobs.CONCURRENCY) if received else None
        files = services.media_tasks
        remote_media = worker(files, media_jobs.RETRY_POLICIES, media_jobs.CONCURRENCY) if files else None
        return cls(quick, slow, email, push, federation, remote_media, scheduler, services)

    @property
    def workers(self) -> dict[str, Worker]:
        """Workers by their names in health reports and metrics."""
        workers = {"jobs": self.quick, "slow_jobs": self.slow, "mail": self.email, "push": self.push}
        others = {"federation": self.federation, "remote_media": self.remote_media}
        return workers | {name: each for name, each in others.items() if each is not None}

    @property
    def components(self) -> list[Component]:
        """Workers and scheduler in starting order."""
        return [*self.workers.values(), self.scheduler]

    @property
    def wake_on_commit(self) -> list[Callable[[], None]]:
        """Return the callbacks for each commit. Other workers poll: their jobs are not urgent, and each check costs a statement.

        The push worker is woken when messages are queued.
        """
        return [self.quick.wake] if self.federation is None else [self.quick.wake, self.federation.wake]
