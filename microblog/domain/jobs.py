"""Background jobs for administrators. Callers check permissions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from attrs import frozen

from microblog.model.errors import NotFound
from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobCounts, JobState
from microblog.model.paging import Page
from microblog.storage import jobs
from microblog.storage.database import Transactions

BATCH = 500  # jobs that are read at a time
NOT_RETRYABLE = "This job is running, done or deleted."


@frozen
class Jobs:
    """Lists jobs, and retries or discards those that failed."""

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

    async def retry(self, id: JobId) -> None:
        """Run a dead or waiting job now. Raise NotFound if it is in neither state."""
        if not await self.database.run(jobs.retry, id=id, now=self.now()):
            raise NotFound(NOT_RETRYABLE)

    async def discard(self, id: JobId) -> None:
        """Delete a dead or waiting job. Raise NotFound if it is in neither state."""
        if not await self.database.run(jobs.discard, id=id):
            raise NotFound(NOT_RETRYABLE)
