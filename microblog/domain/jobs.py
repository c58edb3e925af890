"""Background jobs for administrators. Callers check permissions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from attrs import frozen

from microblog.domain import audit
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId, JobId
from microblog.model.jobs import Job, JobCounts, JobState
from microblog.model.paging import Page
from microblog.storage import jobs
from microblog.storage.database import Cursor, Transactions

BATCH = 500  # jobs that are read at a time
NOT_RETRYABLE = "This job is running, done or deleted."


@frozen
class Jobs:
    """Lists jobs, and retries or discards those that failed. `by` is the administrator, None on the command line."""

    database: Transactions
    now: Callable[[], datetime]

    async def counts(self) -> JobCounts:
        """Return the number of jobs by state."""
        return await self.database.read(jobs.counts)

    async def by_kind(self) -> dict[str, JobCounts]:
        """Return the number of jobs by state for each kind that has any."""
        return await self.database.read(jobs.counts_by_kind)

    async def page(self, state: JobState, page: Page, *, retrying: bool = False, kind: str | None = None) -> list[Job]:
        """Return jobs in this state, newest first; with `retrying`, only those that failed before; optionally of one kind only."""
        return await self.database.read(jobs.page_of, state=state, page=page, retrying=retrying, kind=kind)

    async def each_failed(self, act: Callable[[JobId], Awaitable[None]], *, kind: str | None = None) -> int:
        """Retry or discard all dead jobs, optionally of one kind, and return their number. Can be interrupted and repeated.

        A job that leaves that state meanwhile is not counted.
        """
        done, before = 0, None
        while found := await self.page(JobState.DEAD, Page(limit=BATCH, max_id=before), kind=kind):
            before = found[-1].id
            for job in found:
                with suppress(NotFound):
                    await act(job.id)
                    done += 1
        return done

    async def retry(self, id: JobId, by: AccountId | None = None) -> None:
        """Run a dead or waiting job now. Raise NotFound if it is in neither state."""
        await self._act(AuditAction.JOB_RETRY, id, by, partial(jobs.retry, id=id, now=self.now()))

    async def discard(self, id: JobId, by: AccountId | None = None) -> None:
        """Delete a dead or waiting job. Raise NotFound if it is in neither state."""
        await self._act(AuditAction.JOB_DELETE, id, by, partial(jobs.discard, id=id))

    async def _act(self, action: AuditAction, id: JobId, by: AccountId | None, change: Callable[[Cursor], bool]) -> None:
        def act(cursor: Cursor) -> None:
            if not change(cursor):
                raise NotFound(NOT_RETRYABLE)
            audit.record(cursor, AuditEntry(action, by, str(id), id), self.now())

        await self.database.run(act)
