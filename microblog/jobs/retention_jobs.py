"""Retention of what came from other servers: jobs that delete old posts and accounts that nobody here has anything to do with.

Each run looks at a bounded number of rows and remembers where it stopped; at the end, the next run begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from microblog.jobs.scheduler import Every, Timer
from microblog.jobs.worker import Task
from microblog.model.jobs import Job
from microblog.storage import retention
from microblog.storage.database import Cursor, Transactions
from microblog.storage.retention import Batch

POSTS, ACCOUNTS = "cleanup.remote_posts", "cleanup.remote_accounts"
BATCH = 200  # rows that one transaction looks at
BATCHES = 100  # in one run
RULE = Every(timedelta(minutes=30))


class DeleteBatch(Protocol):
    """A storage function that looks at the next `limit` rows and deletes the unused ones that are older than `before`."""

    def __call__(self, cursor: Cursor, *, after: str, before: datetime, limit: int) -> Batch:
        """Return where the batch ended, and how much was deleted."""


@frozen
class RetentionJobs:
    """The jobs. `posts` and `accounts` are the ages from which they are deleted; None: never."""

    database: Transactions
    now: Callable[[], datetime]
    posts: timedelta | None = None
    accounts: timedelta | None = None

    @property
    def timers(self) -> list[Timer]:
        """The timers of the jobs that are switched on."""
        ages = ((POSTS, self.posts), (ACCOUNTS, self.accounts))
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

        return {POSTS: delete_posts, ACCOUNTS: delete_accounts}

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
