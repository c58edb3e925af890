"""Creation of notifications.

Every notification is written by `notify`, so the rules for who gets one are in one place.

Notifications for one account (a favourite, a new follower), or for the few that a post mentions, are written in the command's own
transaction. But a post may notify thousands: accounts that it mentions, per-post subscribers. Its command then enqueues one job, however
many recipients there are, so that publishing stays fast. The job reads the post as it is when it runs: an account that is no longer
mentioned is not notified, a deleted post notifies nobody, and blocks and mutes made meanwhile apply.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.domain.notification_policy import treatments_of
from microblog.model.ids import AccountId, PostId, ReportId, WarningId
from microblog.model.notification_policy import Treatment
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Post, Visibility
from microblog.storage import jobs, notification_recipients, notifications, posts
from microblog.storage.database import Cursor, Transactions
from microblog.storage.notification_recipients import NotificationAudience

JOB = "post.notify"
AT_ONCE = 3
"""Recipients of a new post that are notified without a job: with so few, the job would cost more than the notifications."""
BATCH = 500
"""Recipients per transaction. Kept small, because events are delivered only after all older transactions have ended."""


def notify(
    cursor: Cursor,
    *,
    accounts: Collection[AccountId],
    kind: NotificationKind,
    sender: AccountId,
    now: datetime,
    post: PostId | None = None,
    report: ReportId | None = None,
    warning: WarningId | None = None,
    severance: int | None = None,
) -> None:
    """Notify the accounts within the running transaction.

    Skips accounts that hide the sender or were notified of the same thing before. The recipients' notification policies apply: a filtered
    notification is written but not delivered, a dropped one is not written.
    """
    treatments = treatments_of(cursor, accounts, kind, sender, post=post, now=now)
    recipients = [account for account in accounts if treatments.get(account) is not Treatment.DROP]
    filtered = [account for account in recipients if account in treatments]
    about: dict[str, Any] = {"post": post, "report": report, "warning": warning, "severance": severance}
    notifications.add(cursor, accounts=recipients, kind=kind, sender=sender, now=now, filtered=filtered, **about)


def notify_of_post(cursor: Cursor, post: Post, now: datetime) -> None:
    """Notify the few accounts that a new post mentions or replies to, or enqueue a job if there are many, or per-post subscribers."""
    mentioned = {mention.account_id for mention in post.mentions}
    recipients = mentioned | ({post.reply_to_account} if post.reply_to_account else set())
    recipients.discard(post.author.id)
    payload = {"post": str(post.id)}
    if len(recipients) > AT_ONCE:
        jobs.add(cursor, JOB, payload, due_at=now, now=now)
        return
    if post.reply_to_account in recipients - mentioned and not _is_visible_to_parent_author(cursor, post.id, post):
        recipients.remove(post.reply_to_account)
    notify(cursor, accounts=recipients, kind=NotificationKind.MENTION, sender=post.author.id, post=post.id, now=now)
    if _notifies_subscribers(post):
        notification_recipients.add_if_subscribed(cursor, JOB, payload, account=post.author.id, now=now)


def enqueue_edit_notifications(cursor: Cursor, post: PostId, now: datetime, newly_mentioned: Sequence[AccountId]) -> None:
    """Enqueue the notifications of an edited post. `newly_mentioned` are the accounts that the edit added."""
    jobs.add(cursor, JOB, {"post": str(post), "anew": [str(account) for account in newly_mentioned]}, due_at=now, now=now)


def _nothing(cursor: Cursor) -> None:
    """Default of `finish`."""


@frozen
class PostNotifier:
    """Commands of the notification jobs. Idempotent: no account is notified twice of the same thing.

    `finish` is called in the last transaction of a command, to finish its job.
    """

    database: Transactions
    now: Callable[[], datetime]

    async def published(self, post: PostId, finish: Callable[[Cursor], None] = _nothing) -> None:
        """Notify mentioned accounts, the author of the post replied to (if they may see it), and per-post subscribers."""
        subscribers = await self.database.run(self._notify_mentioned, post, None, finish)
        await self._notify_batches(post, NotificationKind.STATUS, subscribers, finish)

    async def edited(self, post: PostId, newly_mentioned: Collection[AccountId], finish: Callable[[Cursor], None] = _nothing) -> None:
        """Notify newly mentioned accounts, if they are still mentioned, and everyone who boosted the post."""
        boosters = await self.database.run(self._notify_mentioned, post, frozenset(newly_mentioned), finish)
        await self._notify_batches(post, NotificationKind.UPDATE, boosters, finish)

    async def _notify_batches(
        self, post: PostId, kind: NotificationKind, accounts: Sequence[AccountId], finish: Callable[[Cursor], None]
    ) -> None:
        for begin in range(0, len(accounts), BATCH):
            last = begin + BATCH >= len(accounts)
            await self.database.run(self._notify, post, kind, accounts[begin : begin + BATCH], finish if last else _nothing)

    def _notify_mentioned(
        self, cursor: Cursor, id: PostId, only: Collection[AccountId] | None, finish: Callable[[Cursor], None]
    ) -> Sequence[AccountId]:
        """Notify the accounts that the post mentions, or after an edit those of them in `only`.

        Return who else is notified: its author's subscribers, or after an edit those who boosted it. If there are none, this was all.
        """
        post = _lock_post(cursor, id)
        others = [] if post is None else self._notify_now(cursor, id, post, only)
        if not others:
            finish(cursor)
        return others

    def _notify_now(
        self, cursor: Cursor, id: PostId, post: NotificationAudience, only: Collection[AccountId] | None
    ) -> Sequence[AccountId]:
        mentioned = set(post.mentioned)
        if only is None and post.reply_to_account and _is_visible_to_parent_author(cursor, id, post):
            mentioned.add(post.reply_to_account)
        recipients = mentioned if only is None else mentioned.intersection(only)
        notify(cursor, accounts=recipients, kind=NotificationKind.MENTION, sender=post.author, post=id, now=self.now())
        if only is not None:
            return posts.boosters(cursor, original=id)
        return [account for account in _subscribers(cursor, post) if account not in mentioned]

    def _notify(
        self, cursor: Cursor, id: PostId, kind: NotificationKind, accounts: Collection[AccountId], finish: Callable[[Cursor], None]
    ) -> None:
        if post := _lock_post(cursor, id):
            notify(cursor, accounts=accounts, kind=kind, sender=post.author, post=id, now=self.now())
        finish(cursor)


def _lock_post(cursor: Cursor, id: PostId) -> NotificationAudience | None:
    """Lock the post against edits and deletion until the transaction ends, so that no notification outlives it."""
    return notification_recipients.of_post(cursor, post=id) if posts.lock(cursor, post=id) else None


def _is_visible_to_parent_author(cursor: Cursor, id: PostId, post: Post | NotificationAudience) -> bool:
    return post.visibility is not Visibility.DIRECT and bool(posts.visible(cursor, ids=[id], viewer=post.reply_to_account))


def _subscribers(cursor: Cursor, post: NotificationAudience) -> list[AccountId]:
    """Return the author's per-post subscribers, if they are notified of this post."""
    return notification_recipients.subscribers(cursor, account=post.author) if _notifies_subscribers(post) else []


def _notifies_subscribers(post: Post | NotificationAudience) -> bool:
    """Return True if the author's per-post subscribers are notified of the post."""
    return post.reply_to is None and post.visibility is not Visibility.DIRECT
