"""Cleanup jobs: each deletes rows that are no longer needed, in small batches so that locks are held briefly.

Jobs run at least once and may be interrupted at any point: the next run deletes what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

from attrs import frozen

from microblog.domain import account_deletion, announcements, blocked_domains, deleted_posts, moves
from microblog.domain.follows import Follows
from microblog.domain.moves import FollowerMoves
from microblog.domain.relationships import Relationships
from microblog.domain.search import DAYS
from microblog.domain.sessions import LIFETIME, MAX_LIFETIME
from microblog.domain.strikes import UNDO_PERIOD
from microblog.jobs import clock_check
from microblog.jobs.scheduler import Daily, Every, Timer, TimerRule
from microblog.jobs.worker import Task
from microblog.model.email_domain_blocks import HISTORY_DAYS
from microblog.model.ids import AccountId, AnnouncementId, SeveranceEventId, id_at
from microblog.model.jobs import Job
from microblog.storage import account_addresses, events, idempotency_keys, invalidation_log, jobs, oauth, sessions, tags
from microblog.storage.database import Cursor, Transactions
from microblog.storage.email_domain_blocks import delete_old_attempts

BATCH = 500  # rows in one transaction
BEGINNING = datetime.min.replace(tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
HOURLY = Every(timedelta(hours=1))

# Retention times. Clients may rely on at least an hour for idempotency keys.
IDEMPOTENCY_KEY_RETENTION = timedelta(hours=24)
DONE_JOB_RETENTION = timedelta(days=3)
TICK_RETENTION = timedelta(days=90)
DELETED_POST_RETENTION = UNDO_PERIOD
CODE_RETENTION = timedelta(days=1)  # until then, a second use of a code is detected
REVOKED_TOKEN_RETENTION = timedelta(days=90)  # until then, apps are told "revoked" instead of "invalid"
UNUSED_APP_RETENTION = timedelta(days=30)
ATTEMPT_RETENTION = timedelta(days=HISTORY_DAYS)


class CleanupTask(Protocol):
    """A function that deletes at most `limit` rows older than `before`."""

    def __call__(self, cursor: Cursor, *, before: datetime, limit: int) -> int:
        """Return the number of deleted rows."""


@frozen
class CleanupBatch:
    """A kind of rows to delete: the job's kind, the function, the age from which rows are deleted, and the schedule."""

    kind: str
    delete: CleanupTask
    retention: timedelta
    rule: TimerRule

    async def run(self, database: Transactions, now: datetime) -> None:
        """Delete all expired rows in batches."""
        while await database.run(self.delete, before=now - self.retention, limit=BATCH) >= BATCH:
            pass


class OrderedCleanupTask(Protocol):
    """A storage function that deletes at most `limit` rows older than `before`, the oldest first, among those not older than `since`."""

    def __call__(self, cursor: Cursor, *, since: datetime, before: datetime, limit: int) -> datetime | None:
        """Return the time of the newest deleted row if there may be more, else None."""


@frozen
class OrderedCleanup:
    """Rows of which every command writes some: each batch continues at the time that the one before has reached.

    A batch that started at the oldest row would first go past the index entries of all rows that were deleted since the last vacuum, or
    since a backup began. With millions a day that costs more than the deletion (docs/capacity.md).
    """

    kind: str
    delete: OrderedCleanupTask
    retention: timedelta
    rule: TimerRule

    async def run(self, database: Transactions, now: datetime) -> None:
        """Delete all expired rows in batches."""
        reached: datetime | None = BEGINNING
        while reached is not None:
            reached = await database.run(self.delete, since=reached, before=now - self.retention, limit=BATCH)


Cleanup: TypeAlias = CleanupBatch | OrderedCleanup


def _expired_sessions(cursor: Cursor, *, before: datetime, limit: int) -> int:
    return sessions.delete_expired(cursor, now=before, limit=limit)


def nightly(hour: int, minute: int) -> Daily:
    """Return a rule for this time in UTC, when few people are online."""
    return Daily(time(hour, minute), UTC_ZONE)


def cleanup_batches(*, events_kept: timedelta) -> list[Cleanup]:
    """Return all cleanup jobs of the site."""
    return [
        CleanupBatch("cleanup.sessions", _expired_sessions, timedelta(0), HOURLY),
        OrderedCleanup("cleanup.invalidation_log", invalidation_log.delete_old, invalidation_log.RETENTION, HOURLY),
        OrderedCleanup("cleanup.events", events.delete_old, events_kept, HOURLY),
        OrderedCleanup("cleanup.idempotency_keys", idempotency_keys.delete_old, IDEMPOTENCY_KEY_RETENTION, HOURLY),
        CleanupBatch("cleanup.oauth_codes", oauth.delete_expired_codes, CODE_RETENTION, HOURLY),
        CleanupBatch("cleanup.oauth_tokens", oauth.delete_revoked_tokens, REVOKED_TOKEN_RETENTION, nightly(3, 30)),
        CleanupBatch("cleanup.oauth_apps", oauth.delete_unused_apps, UNUSED_APP_RETENTION, nightly(3, 40)),
        OrderedCleanup("cleanup.jobs", jobs.delete_old, DONE_JOB_RETENTION, HOURLY),
        CleanupBatch("cleanup.timer_ticks", jobs.delete_old_runs, TICK_RETENTION, nightly(3, 10)),
        CleanupBatch("cleanup.deleted_posts", deleted_posts.purge, DELETED_POST_RETENTION, nightly(3, 20)),
        CleanupBatch("cleanup.token_addresses", account_addresses.forget_of_tokens, LIFETIME, nightly(3, 35)),
        CleanupBatch("cleanup.sign_up_addresses", account_addresses.forget_of_sign_ups, MAX_LIFETIME, nightly(3, 35)),
        CleanupBatch("cleanup.email_domain_attempts", delete_old_attempts, ATTEMPT_RETENTION, nightly(3, 15)),
    ]


END_MUTES = Timer("mute.expire", Every(timedelta(minutes=1)))
COUNT_TAGS = Timer("tag.update_counts", Every(timedelta(minutes=10)))
RECOUNT_WINDOW = timedelta(hours=1)  # tags used within this time are counted again


def timers(batches: Sequence[Cleanup]) -> list[Timer]:
    """Return the timers of the jobs in this module."""
    return [*(Timer(batch.kind, batch.rule) for batch in batches), END_MUTES, COUNT_TAGS, clock_check.CHECK]


def tasks(database: Transactions, now: Callable[[], datetime], batches: Sequence[Cleanup]) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""

    def task_of(batch: Cleanup) -> Task:
        async def run(job: Job) -> None:
            await batch.run(database, now())

        return run

    async def purge_account(job: Job) -> None:
        await account_deletion.AccountDeletion(database, now).purge(AccountId(job.id_of("account")))

    async def move_followers(job: Job) -> None:
        moving = FollowerMoves(database, Follows(database, now), Relationships(database, now))
        await moving.run(AccountId(job.id_of("account")), AccountId(job.id_of("target")))

    async def cut_domain(job: Job) -> None:
        account, domain = AccountId(job.id_of("account")), job.text_of("domain")
        event = SeveranceEventId(job.id_of("event"))
        await blocked_domains.BlockedDomains(database, now).cut(account, domain, event)

    async def end_announcement(job: Job) -> None:
        await database.run(announcements.end, AnnouncementId(job.id_of("announcement")), now())

    async def end_mutes(job: Job) -> None:
        await Relationships(database, now).end_mutes()

    async def count_tags(job: Job) -> None:
        at = now()
        first_day = at.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)
        await database.run(tags.recount, after=id_at(at - RECOUNT_WINDOW), first=id_at(first_day) - 1)

    async def check_clock(job: Job) -> None:
        await clock_check.check(database, now)

    cleanups = {batch.kind: task_of(batch) for batch in batches}
    return cleanups | {
        account_deletion.JOB: purge_account,
        moves.JOB: move_followers,
        announcements.END: end_announcement,
        blocked_domains.JOB: cut_domain,
        END_MUTES.kind: end_mutes,
        COUNT_TAGS.kind: count_tags,
        clock_check.CHECK.kind: check_clock,
    }
