"""Scheduled posts: stored as drafts, published by a job under the same rules as any other post."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve, frozen

from microblog.domain.email_queue import enqueue
from microblog.domain.posts import NO_PARENT, Posts
from microblog.model.accounts import Viewer
from microblog.model.emails import EmailKind
from microblog.model.errors import Invalid, NotFound, Problem, Unavailable
from microblog.model.ids import AccountId, ScheduledId
from microblog.model.paging import Page
from microblog.model.posts import Post, PostDraft
from microblog.model.scheduled import UNREADABLE, ScheduledPost
from microblog.storage import idempotency_keys, jobs, media, posts, scheduled, users
from microblog.storage.database import Cursor, Transactions

PUBLISH = "post.publish_scheduled"
TRIES = 12  # in some four hours
MIN_DELAY = timedelta(minutes=5)
MAX_SCHEDULED, MAX_SCHEDULED_PER_DAY = 300, 25
TOO_SOON = "Scheduled at date must be in the future"
TOO_MANY = f"You have exceeded the limit of {MAX_SCHEDULED} scheduled posts"
TOO_MANY_A_DAY = f"You have exceeded the limit of {MAX_SCHEDULED_PER_DAY} scheduled posts for today"
_REASONS = {"account": "account", "draft": "draft", "text": "text", "file": "media", "media": "media", "media_ids": "media", "poll": "poll"}
FAULT = "Something went wrong on our side several times."
NOT_ALLOWED = "The account was not allowed to post at the scheduled time."


def forget(cursor: Cursor, account: AccountId, now: datetime) -> None:
    """Delete the account's scheduled posts; the account is about to be deleted."""
    media.detach_from_all_scheduled(cursor, account=account, at=now)
    scheduled.delete_all(cursor, account=account)


@frozen
class Schedules:
    """The commands about scheduled posts."""

    database: Transactions
    posts: Posts
    now: Callable[[], datetime]

    async def add(self, viewer: Viewer, draft: PostDraft, at: datetime) -> ScheduledPost | Post:
        """Schedule the draft. The same idempotency key returns the first result: the scheduled post, or the post published from it.

        Raises Invalid for a draft that could not be published now, for a time less than five minutes ahead, and above the maximum number.
        """
        return await self.database.run(self._add, viewer, draft, at)

    async def page(self, viewer: Viewer, page: Page) -> list[ScheduledPost]:
        """Return the viewer's scheduled posts, newest first."""
        return await self.database.read(scheduled.page_of, account=viewer.id, page=page)

    async def one(self, viewer: Viewer, id: ScheduledId) -> ScheduledPost:
        """Return one of the viewer's scheduled posts. Raises NotFound."""
        return _own(await self.database.read(scheduled.by_id, id=id), viewer)

    async def move(self, viewer: Viewer, id: ScheduledId, at: datetime) -> ScheduledPost:
        """Change the time. Raises Invalid as `add` does, and NotFound."""
        return await self.database.run(self._move, viewer, id, at)

    async def cancel(self, viewer: Viewer, id: ScheduledId) -> ScheduledPost:
        """Delete the scheduled post and return it. Its media can be attached to another post for a day."""
        return await self.database.run(self._cancel, viewer, id)

    async def publish(self, id: ScheduledId, *, last_try: bool = False) -> None:
        """Publish the post if it is due. Idempotent; does nothing before that time.

        If it fails, the author is notified of the reason; of an internal error only after the last try.
        """
        try:
            await self.database.run(self._publish, id)
        except Unavailable:
            raise
        except Problem as problem:
            await self.database.run(self._fail, id, _sentence(problem), _reason_key(problem))
        except Exception:
            if last_try:
                await self.database.run(self._fail, id, FAULT, "fault")
            raise

    def _add(self, cursor: Cursor, viewer: Viewer, draft: PostDraft, at: datetime) -> ScheduledPost | Post:
        scheduled.lock_scheduling(cursor, account=viewer.id)
        if draft.key and (earlier := self._earlier_result(cursor, viewer, draft.key)):
            return earlier
        planned = self.posts.check_within(cursor, viewer, draft)
        self._check_time(cursor, viewer, at, None)
        stored = evolve(draft, visibility=planned.visibility)
        id = scheduled.insert(cursor, account=viewer.id, draft=stored, at=at, now=self.now())
        media.attach_to_scheduled(cursor, scheduled=id, ids=draft.media)
        self._enqueue(cursor, id, at)
        return _own(scheduled.by_id(cursor, id=id), viewer)

    def _earlier_result(self, cursor: Cursor, viewer: Viewer, key: str) -> ScheduledPost | Post | None:
        post = idempotency_keys.post_of(cursor, account=viewer.id, key=key)
        if post is not None:
            return posts.by_ids(cursor, [post]).get(post)
        return scheduled.by_key(cursor, account=viewer.id, key=key)

    def _check_time(self, cursor: Cursor, viewer: Viewer, at: datetime, excluding: ScheduledId | None) -> None:
        if at < self.now() + MIN_DELAY:
            raise Invalid({"scheduled_at": TOO_SOON})
        total, that_day = scheduled.counts(cursor, account=viewer.id, day=at, excluding=excluding)
        if total >= MAX_SCHEDULED:
            raise Invalid({"scheduled_at": TOO_MANY})
        if that_day >= MAX_SCHEDULED_PER_DAY:
            raise Invalid({"scheduled_at": TOO_MANY_A_DAY})

    def _enqueue(self, cursor: Cursor, id: ScheduledId, at: datetime) -> None:
        jobs.add(cursor, PUBLISH, {"scheduled": str(id)}, due_at=at, now=self.now(), key=f"{id} {at.isoformat()}")

    def _move(self, cursor: Cursor, viewer: Viewer, id: ScheduledId, at: datetime) -> ScheduledPost:
        scheduled.lock_scheduling(cursor, account=viewer.id)
        if not scheduled.lock(cursor, id=id):
            raise NotFound
        _own(scheduled.by_id(cursor, id=id), viewer)
        self._check_time(cursor, viewer, at, id)
        scheduled.reschedule(cursor, id=id, at=at)
        self._enqueue(cursor, id, at)
        return _own(scheduled.by_id(cursor, id=id), viewer)

    def _cancel(self, cursor: Cursor, viewer: Viewer, id: ScheduledId) -> ScheduledPost:
        if not scheduled.lock(cursor, id=id):
            raise NotFound
        found = _own(scheduled.by_id(cursor, id=id), viewer)
        media.detach_from_scheduled(cursor, scheduled=id, at=self.now())
        scheduled.delete(cursor, id=id)
        return evolve(found, media=tuple(evolve(one, attached=False) for one in found.media))

    def _publish(self, cursor: Cursor, id: ScheduledId) -> None:
        if not scheduled.lock(cursor, id=id):
            return
        found = scheduled.by_id(cursor, id=id)
        if found is None or found.at > self.now():
            return
        member = users.by_account(cursor, account=found.author)
        if member is None or member.barred or member.pending:
            raise Invalid({"account": NOT_ALLOWED}, sentence=NOT_ALLOWED)
        if not found.readable:
            raise Invalid({"draft": UNREADABLE}, sentence=UNREADABLE)
        viewer = Viewer(member.account, member.login.role, member.login.preferences)
        self.posts.publish_within(cursor, viewer, found.draft, scheduled=id)
        scheduled.delete(cursor, id=id)

    def _fail(self, cursor: Cursor, id: ScheduledId, problem: str, reason: str) -> None:
        """Store the problem, and send the author one e-mail for each time that the post was scheduled for."""
        scheduled.set_problem(cursor, id=id, problem=problem)
        found = scheduled.by_id(cursor, id=id)
        member = users.by_account(cursor, account=found.author) if found else None
        if found and member:
            key, at = f"{id} {found.at.isoformat()}", found.at.isoformat()
            enqueue(cursor, EmailKind.SCHEDULED, member.login, self.now(), key=key, scheduled=str(id), at=at, because=reason)


def _sentence(problem: Problem) -> str:
    """Return the error text that the site shows to the author."""
    text = ", ".join(problem.fields.values()) if isinstance(problem, Invalid) else problem.sentence
    return text if text.endswith(".") else f"{text}."


def _reason_key(problem: Problem) -> str:
    """Return the key of the e-mail's explanation, which is translated for its recipient; empty if there is none."""
    if isinstance(problem, NotFound):
        return "parent" if problem.sentence == NO_PARENT else "media"
    field = next(iter(problem.fields)).partition("[")[0] if isinstance(problem, Invalid) else ""
    return _REASONS.get(field, "")


def _own(found: ScheduledPost | None, viewer: Viewer) -> ScheduledPost:
    if found is None or found.author != viewer.id:
        raise NotFound
    return found
