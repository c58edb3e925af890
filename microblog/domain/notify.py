"""Telling people what happened to them: every notification is written by `tell`, so that what decides about one stands in one place.

What concerns one person (a favourite, a new follower) is written in the command's own transaction. A post may concern thousands: whom it
names, whom it answers, who asked to be told of each post. Its command promises one job, whoever and however many they are, so that nobody
waits for them who writes. The job looks at the post as it is when it runs: somebody who is no longer named by then is not told, a post
that is gone tells nobody, and blocks and mutes count that were made meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain.notification_policy import treated
from microblog.model.ids import AccountId, PostId, ReportId, WarningId
from microblog.model.notification_policy import Treatment
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Post, Visibility
from microblog.storage import jobs, notification_recipients, notifications, posts
from microblog.storage.database import Cursor, Transactions
from microblog.storage.notification_recipients import NotificationAudience

JOB = "post.notify"
BATCH = 500
"""People who are told in one transaction: all events wait for the longest one."""


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
) -> int:
    """Tell each of them in the running transaction, who would hear of it and was not told yet; how many were told.

    Their policies decide: who keeps such things back has it written, and hears nothing of it; who refuses them has nothing.
    """
    said = treated(cursor, accounts, kind, sender, post=post, now=now)
    heard = [account for account in accounts if said.get(account) is not Treatment.DROP]
    held = [account for account in heard if account in said]
    return notifications.add(
        cursor, accounts=heard, kind=kind, sender=sender, now=now, post=post, report=report, warning=warning, filtered=held
    )


def enqueue_notifications(cursor: Cursor, post: Post, now: datetime) -> None:
    """Promise to tell of a new post. Most posts concern nobody yet: their job would find nothing to do, and is left out."""
    concerned = {*(mention.account_id for mention in post.mentions), post.reply_to_account or post.author.id} - {post.author.id}
    payload = {"post": str(post.id)}
    if concerned:
        jobs.add(cursor, JOB, payload, due_at=now, now=now)
    elif _told_of_all(post):
        notification_recipients.add_if_subscribed(cursor, JOB, payload, account=post.author.id, now=now)


def enqueue_edit_notifications(cursor: Cursor, post: PostId, now: datetime, anew: Sequence[AccountId]) -> None:
    """Promise to tell of an edited post, which names `anew` now and did not before."""
    jobs.add(cursor, JOB, {"post": str(post), "anew": [str(account) for account in anew]}, due_at=now, now=now)


@frozen
class PostNotifier:
    """Keeps what was promised. Done again, each of these tells nobody twice."""

    database: Transactions
    now: Callable[[], datetime]

    async def published(self, post: PostId) -> None:
        """Tell those who are named, whom it answers (if they may see it), and followers who asked to be told of each post."""
        named = await self.database.run(self._tell_named, post, None)
        subscribers = await self.database.read(_subscribers, post)
        await self._tell_many(post, NotificationKind.STATUS, [account for account in subscribers if account not in named])

    async def edited(self, post: PostId, anew: Collection[AccountId]) -> None:
        """Tell those who are named anew, if they still are, and everybody who boosted it."""
        await self.database.run(self._tell_named, post, frozenset(anew))
        await self._tell_many(post, NotificationKind.UPDATE, await self.database.read(posts.boosters, original=post))

    async def _tell_many(self, post: PostId, kind: NotificationKind, accounts: Sequence[AccountId]) -> None:
        for begin in range(0, len(accounts), BATCH):
            await self.database.run(self._tell, post, kind, accounts[begin : begin + BATCH])

    def _tell_named(self, cursor: Cursor, id: PostId, only: Collection[AccountId] | None) -> Collection[AccountId]:
        """Tell whom the post names, or just those among them; whom it names."""
        post = _held(cursor, id)
        if post is None:
            return ()
        named = set(post.named)
        if only is None and post.reply_to_account and _reaches(cursor, id, post):
            named.add(post.reply_to_account)
        wanted = named if only is None else named.intersection(only)
        notify(cursor, accounts=wanted, kind=NotificationKind.MENTION, sender=post.author, post=id, now=self.now())
        return named

    def _tell(self, cursor: Cursor, id: PostId, kind: NotificationKind, accounts: Collection[AccountId]) -> None:
        if post := _held(cursor, id):
            notify(cursor, accounts=accounts, kind=kind, sender=post.author, post=id, now=self.now())


def _held(cursor: Cursor, id: PostId) -> NotificationAudience | None:
    """The post, which nobody deletes or edits until the transaction ends, so that nothing is told of it that its end has to take back."""
    return notification_recipients.of_post(cursor, post=id) if posts.lock(cursor, post=id) else None


def _reaches(cursor: Cursor, id: PostId, post: NotificationAudience) -> bool:
    return post.visibility is not Visibility.DIRECT and bool(posts.visible(cursor, ids=[id], viewer=post.reply_to_account))


def _subscribers(cursor: Cursor, id: PostId) -> list[AccountId]:
    """Followers who asked to be told of each post, if it is one of which they are told."""
    post = notification_recipients.of_post(cursor, post=id)
    return notification_recipients.subscribers(cursor, account=post.author) if post and _told_of_all(post) else []


def _told_of_all(post: Post | NotificationAudience) -> bool:
    """Whether it is one of those of which they are told who asked to be told of each post."""
    return post.reply_to is None and post.visibility is not Visibility.DIRECT
