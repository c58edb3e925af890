"""Account deletion: mark the account deleted at once, then delete its data step by step in a job.

Visibility rules hide a deleted account immediately, so the job may take its time. Each step keeps counters exact and the event log
complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain import attachments, profile_images, scheduled
from microblog.domain import posts as post_rules
from microblog.domain.follows import end_some, remove_follow
from microblog.domain.sessions import end_every
from microblog.model.errors import NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.storage import account_deletion as deletion
from microblog.storage import accounts, emails, events, jobs, posts, users
from microblog.storage.database import Cursor, Transactions

JOB = "account.purge"
STEP = 50  # rows of one table per transaction


def begin_deletion(cursor: Cursor, account: AccountId, now: datetime) -> None:
    """Delete the account in the running transaction and queue the job that purges its data. Raise NotFound if it is already deleted."""
    profile_images.forget(cursor, account, now)
    scheduled.forget(cursor, account, now)
    if not accounts.mark_deleted(cursor, id=account, at=now):
        raise NotFound
    end_every(cursor, account=account, now=now)
    users.delete(cursor, account=account)
    events.record(cursor, EventKind.ACCOUNT_DELETED, at=now, account=account)
    jobs.add(cursor, JOB, {"account": str(account)}, due_at=now, now=now, key=str(account))


@frozen
class AccountDeletion:
    """Purges the data of deleted accounts."""

    database: Transactions
    now: Callable[[], datetime]

    async def purge(self, account: AccountId) -> None:
        """Delete all data of the account in many small transactions. It may be interrupted and repeated at any time.

        Raise NotFound if the account is not marked as deleted.
        """
        if not await self.database.read(deletion.is_deleted, account=account):
            raise NotFound
        while await self.database.run(self.step, account):
            pass

    def step(self, cursor: Cursor, account: AccountId) -> bool:
        """Delete a batch of what the account has, in the running transaction; False if nothing was left."""
        return (
            self._remove_follows(cursor, account)
            or self._remove_posts(cursor, account)
            or attachments.delete_some(cursor, account, limit=STEP, now=self.now()) > 0
            or deletion.delete_favourites(cursor, account=account, limit=STEP) > 0
            or deletion.delete_other_rows(cursor, account=account) > 0
            or emails.erase_recipient(cursor, account=account) > 0
        )

    def _remove_follows(self, cursor: Cursor, account: AccountId) -> bool:
        def end(pairs: Sequence[tuple[AccountId, AccountId]]) -> None:
            for follower, followee in pairs:
                remove_follow(cursor, follower, followee, self.now())

        return end_some(cursor, account, end)

    def _remove_posts(self, cursor: Cursor, account: AccountId) -> bool:
        found = posts.by_ids(cursor, deletion.posts_of(cursor, account=account, limit=STEP))
        for post in found.values():
            if posts.lock(cursor, post=post.id):  # False: a boost of an own post was deleted together with it
                post_rules.remove(cursor, post, self.now(), media=True)
        return bool(found)
