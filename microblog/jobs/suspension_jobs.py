"""Jobs about suspended accounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from microblog.domain.remote_suspensions import CUT_JOB, EMPTY_JOB, RemoteSuspensions
from microblog.domain.suspended_accounts import SuspendedAccounts
from microblog.jobs.cleanup import nightly
from microblog.jobs.scheduler import Timer
from microblog.jobs.worker import Task
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.model.jobs import Job
from microblog.storage.database import Transactions

DELETE_SUSPENDED = Timer("account.delete_suspended", nightly(3, 5))


def tasks(database: Transactions, now: Callable[[], datetime]) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""
    suspensions = RemoteSuspensions(database, now)

    async def cut_follows(job: Job) -> None:
        await suspensions.cut_follows(AccountId(job.id_of("account")), SeveranceEventId(job.id_of("event")))

    async def empty(job: Job) -> None:
        await suspensions.empty(AccountId(job.id_of("account")))

    async def delete_suspended(job: Job) -> None:
        del job
        await SuspendedAccounts(database, now).delete_expired()

    return {CUT_JOB: cut_follows, EMPTY_JOB: empty, DELETE_SUSPENDED.kind: delete_suspended}
