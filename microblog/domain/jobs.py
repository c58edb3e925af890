"""The jobs as the administrator sees them. Who may look is decided by the caller."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.model.errors import NotFound
from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobCounts, JobState
from microblog.model.paging import Page
from microblog.storage import jobs
from microblog.storage.database import Transactions

NEITHER = "This job is done, running or gone."


@frozen
class Jobs:
    """Looks at jobs, and decides about those that do not get on."""

    database: Transactions
    now: Callable[[], datetime]

    async def counts(self) -> JobCounts:
        """How much there is to do."""
        return await self.database.read(jobs.counts)

    async def by_kind(self) -> dict[str, JobCounts]:
        """The same for each kind that has anything to do."""
        return await self.database.read(jobs.counts_by_kind)

    async def page(self, state: JobState, page: Page, *, retrying: bool = False) -> list[Job]:
        """Jobs in this state, the newest first; only those that failed before, if asked for."""
        return await self.database.read(jobs.listed, state=state, page=page, retrying=retrying)

    async def retry(self, id: JobId) -> None:
        """Let a dead or waiting job be tried now. Raises NotFound where it is neither."""
        if not await self.database.run(jobs.retry, id=id, now=self.now()):
            raise NotFound(NEITHER)

    async def discard(self, id: JobId) -> None:
        """Forget a dead or waiting job. Raises NotFound where it is neither."""
        if not await self.database.run(jobs.discard, id=id):
            raise NotFound(NEITHER)
