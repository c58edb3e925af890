"""Deleting an account: buried at once, emptied in small steps by a job.

From the burial on no rule of visibility lets anybody see anything of it, so the steps may take their time; each keeps all counters
exact and the event log complete.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import attachments, profile_images, scheduled
from microblog.domain import posts as post_rules
from microblog.domain.follows import remove_follow
from microblog.domain.sessions import end_every
from microblog.model.errors import NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.storage import account_deletion as leftovers
from microblog.storage import accounts, emails, events, follows, jobs, posts, users
from microblog.storage.database import Cursor, Transactions

JOB = "account.purge"
STEP = 50  # rows of a kind


def begin_deletion(cursor: Cursor, account: AccountId, now: datetime) -> None:
    """Delete the account in the running transaction, and promise the job that empties it. Raises NotFound if it is gone already."""
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
    """Empties accounts that were deleted."""

    database: Transactions
    now: Callable[[], datetime]

    async def purge(self, account: AccountId) -> None:
        """Remove all that the deleted account holds, in many small transactions; may be broken off and begun again at any time.

        Raises NotFound if the account is not deleted.
        """
        if not await self.database.read(leftovers.is_buried, account=account):
            raise NotFound
        while await self.database.run(self._step, account):
            pass

    def _step(self, cursor: Cursor, account: AccountId) -> bool:
        """Remove some of what is left; False if nothing was."""
        return (
            self._some_follows(cursor, account)
            or self._some_posts(cursor, account)
            or attachments.delete_some(cursor, account, limit=STEP, now=self.now()) > 0
            or leftovers.favourites(cursor, account=account, limit=STEP) > 0
            or leftovers.everything_else(cursor, account=account) > 0
            or emails.forget_recipient(cursor, account=account) > 0
        )

    def _some_follows(self, cursor: Cursor, account: AccountId) -> bool:
        pairs = follows.of_account(cursor, account=account, limit=STEP)
        accounts.lock(cursor, ids=sorted({id for pair in pairs for id in pair}))
        for follower, followee in pairs:
            remove_follow(cursor, follower, followee, self.now())
        return bool(pairs)

    def _some_posts(self, cursor: Cursor, account: AccountId) -> bool:
        found = posts.by_ids(cursor, leftovers.posts_of(cursor, account=account, limit=STEP))
        for post in found.values():
            if posts.lock(cursor, post=post.id):  # a boost of one's own post goes with the post
                post_rules.remove(cursor, post, self.now(), media=True)
        return bool(found)
