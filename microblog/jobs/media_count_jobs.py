"""The daily count of the stored files of this site's media."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from microblog.domain.media_admin import MediaAdmin
from microblog.domain.ports import FileStore
from microblog.jobs.cleanup import nightly
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.scheduler import Timer
from microblog.jobs.worker import Task
from microblog.model.jobs import Job
from microblog.storage.database import Transactions

COUNT = Timer("statistics.stored_media", nightly(3, 50))
SLOW = frozenset({COUNT.kind})
RETRY_POLICIES = {COUNT.kind: RetryPolicy(time_limit=3600.0)}  # a bucket lists a thousand files per request


def tasks(database: Transactions, files: FileStore, now: Callable[[], datetime]) -> dict[str, Task]:
    """Return the task of this module by job kind."""

    async def count(job: Job) -> None:
        del job
        await MediaAdmin(database, files, now).count()

    return {COUNT.kind: count}
