"""Retention: jobs that delete old acts of the audit log, and posts and accounts of other servers that nobody here has to do with.

Those of other servers: each run looks at a bounded number of rows and remembers where it stopped; at the end, the next run begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from microblog.jobs.scheduler import Every, Timer
from microblog.jobs.worker import Task
from microblog.model.jobs import Job
from microblog.storage import audit, retention
from microblog.storage.database import Cursor, Transactions
from microblog.storage.retention import Batch

POSTS, ACCOUNTS, AUDIT_LOG = "cleanup.remote_posts", "cleanup.remote_accounts", "cleanup.audit_log"
BATCH = 200  # rows that one transaction looks at
BATCHES = 100  # in one run
RULE = Every(timedelta(minutes=30))


class DeleteBatch(Protocol):
    """A storage function that looks at the next `limit` rows and deletes the unused ones that are older than `before`."""

    def __call__(self, cursor: Cursor, *, after: str, before: datetime, limit: int) -> Batch:
        """Return where the batch ended, and how much was deleted."""


@frozen
class RetentionJobs:
    """The jobs. `posts`, `accounts` and `audit_log` are the ages from which they are deleted; None: never."""

    database: Transactions
    now: Callable[[], datetime]
    posts: timedelta | None = None
    accounts: timedelta | None = None
    audit_log: timedelta | None = None

    @property
    def timers(self) -> list[Timer]:
        """The timers of the jobs that are switched on."""
        ages = ((POSTS, self.posts), (ACCOUNTS, self.accounts), (AUDIT_LOG, self.audit_log))
        return [Timer(kind, RULE) for kind, age in ages if age is not None]

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks by job kind."""

        async def delete_posts(job: Job) -> None:
            del job
            await self.run(POSTS, retention.delete_posts, self.posts)

        async def delete_accounts(job: Job) -> None:
            del job
            await self.run(ACCOUNTS, retention.delete_accounts, self.accounts)

        async def delete_acts(job: Job) -> None:
            del job
            await self.delete_acts()

        return {POSTS: delete_posts, ACCOUNTS: delete_accounts, AUDIT_LOG: delete_acts}

    async def delete_acts(self) -> None:
        """Delete the acts of the audit log that are old enough, in batches."""
        if self.audit_log is not None:
            while await self.database.run(audit.delete_old, before=self.now() - self.audit_log, limit=BATCH) >= BATCH:
                pass

    async def run(self, kind: str, delete: DeleteBatch, age: timedelta | None) -> int:
        """Go on where the last run stopped; return the number of deleted rows."""
        deleted = 0
        for _ in range(BATCHES if age is not None else 0):
            batch = await self.database.run(self._step, kind, delete, age or timedelta())
            deleted += batch.deleted
            if batch.last is None:
                break
        return deleted

    def _step(self, cursor: Cursor, kind: str, delete: DeleteBatch, age: timedelta) -> Batch:
        batch = delete(cursor, after=retention.position(cursor, kind=kind), before=self.now() - age, limit=BATCH)
        retention.store_position(cursor, kind=kind, position=batch.last or "")
        return batch
