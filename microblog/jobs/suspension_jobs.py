"""Jobs about suspended accounts of other servers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from microblog.domain.remote_suspensions import CUT_JOB, EMPTY_JOB, RemoteSuspensions
from microblog.jobs.worker import Task
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.model.jobs import Job, PermanentFailure
from microblog.storage.database import Transactions


def tasks(database: Transactions, now: Callable[[], datetime]) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""
    suspensions = RemoteSuspensions(database, now)

    async def cut_follows(job: Job) -> None:
        await suspensions.cut_follows(AccountId(_id(job, "account")), SeveranceEventId(_id(job, "event")))

    async def empty(job: Job) -> None:
        await suspensions.empty(AccountId(_id(job, "account")))

    return {CUT_JOB: cut_follows, EMPTY_JOB: empty}


def _id(job: Job, name: str) -> int:
    id = job.payload.get(name)
    if not isinstance(id, str) or not id.isdecimal():
        raise PermanentFailure(f"The job's payload has no id for {name}.")
    return int(id)
