"""Posts that wait for their time: kept as drafts, published by a job through the same rules as any other post."""

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
from microblog.storage import jobs, media, posts, scheduled, users
from microblog.storage.database import Cursor, Transactions

PUBLISH = "post.publish_scheduled"
TRIES = 12  # in some four hours
SOONEST = timedelta(minutes=5)
MOST, MOST_A_DAY = 300, 25
TOO_SOON = "Scheduled at date must be in the future"
TOO_MANY = f"You have exceeded the limit of {MOST} scheduled posts"
TOO_MANY_A_DAY = f"You have exceeded the limit of {MOST_A_DAY} scheduled posts for today"
_REASONS = {"account": "account", "draft": "draft", "text": "text", "file": "media", "media": "media", "media_ids": "media", "poll": "poll"}
FAULT = "Something went wrong on our side, again and again."
NOBODY = "The account could not publish when its time came."


def forget(cursor: Cursor, account: AccountId, now: datetime) -> None:
    """The account is about to be deleted: none of its posts to come is published."""
    media.loosen_all_scheduled(cursor, account=account, at=now)
    scheduled.delete_all(cursor, account=account)


@frozen
class Schedules:
    """The commands about posts to come."""

    database: Transactions
    posts: Posts
    now: Callable[[], datetime]

    async def add(self, viewer: Viewer, draft: PostDraft, at: datetime) -> ScheduledPost | Post:
        """Keep the draft until then. The same key again gives what it gave first: this, or the post that came of it since.

        Raises Invalid for what could not be published now, for a time less than five minutes ahead, and for too many of them.
        """
        return await self.database.run(self._add, viewer, draft, at)

    async def page(self, viewer: Viewer, page: Page) -> list[ScheduledPost]:
        """What the viewer has scheduled, the newest first."""
        return await self.database.read(scheduled.page_of, account=viewer.id, page=page)

    async def one(self, viewer: Viewer, id: ScheduledId) -> ScheduledPost:
        """One's own. Raises NotFound."""
        return _own(await self.database.read(scheduled.by_id, id=id), viewer)

    async def move(self, viewer: Viewer, id: ScheduledId, at: datetime) -> ScheduledPost:
        """Let it wait for another time. Raises Invalid as `add` does, and NotFound."""
        return await self.database.run(self._move, viewer, id, at)

    async def cancel(self, viewer: Viewer, id: ScheduledId) -> ScheduledPost:
        """Publish it never; what it was. Its media can be attached to another post for a day."""
        return await self.database.run(self._cancel, viewer, id)

    async def publish(self, id: ScheduledId, *, last_try: bool = False) -> None:
        """Publish it if its time has come. Done again, or too early, this does nothing.

        What stands against it is told to the author; a fault of ours, at the last try.
        """
        try:
            await self.database.run(self._publish, id)
        except Unavailable:
            raise
        except Problem as problem:
            await self.database.run(self._fail, id, _sentence(problem), _because(problem))
        except Exception:
            if last_try:
                await self.database.run(self._fail, id, FAULT, "fault")
            raise

    def _add(self, cursor: Cursor, viewer: Viewer, draft: PostDraft, at: datetime) -> ScheduledPost | Post:
        scheduled.lock_all(cursor, account=viewer.id)
        if draft.key and (answered := self._answered(cursor, viewer, draft.key)):
            return answered
        planned = self.posts.check_within(cursor, viewer, draft)
        self._check_time(cursor, viewer, at, None)
        kept = evolve(draft, visibility=planned.visibility)
        id = scheduled.insert(cursor, account=viewer.id, draft=kept, at=at, now=self.now())
        media.reserve(cursor, scheduled=id, ids=draft.media)
        self._promise(cursor, id, at)
        return _own(scheduled.by_id(cursor, id=id), viewer)

    def _answered(self, cursor: Cursor, viewer: Viewer, key: str) -> ScheduledPost | Post | None:
        post = posts.first_answer(cursor, account=viewer.id, key=key)
        if post is not None:
            return posts.by_ids(cursor, [post]).get(post)
        return scheduled.by_key(cursor, account=viewer.id, key=key)

    def _check_time(self, cursor: Cursor, viewer: Viewer, at: datetime, but: ScheduledId | None) -> None:
        if at < self.now() + SOONEST:
            raise Invalid({"scheduled_at": TOO_SOON})
        every, that_day = scheduled.counts(cursor, account=viewer.id, day=at, but=but)
        if every >= MOST:
            raise Invalid({"scheduled_at": TOO_MANY})
        if that_day >= MOST_A_DAY:
            raise Invalid({"scheduled_at": TOO_MANY_A_DAY})

    def _promise(self, cursor: Cursor, id: ScheduledId, at: datetime) -> None:
        jobs.add(cursor, PUBLISH, {"scheduled": str(id)}, due_at=at, now=self.now(), key=f"{id} {at.isoformat()}")

    def _move(self, cursor: Cursor, viewer: Viewer, id: ScheduledId, at: datetime) -> ScheduledPost:
        scheduled.lock_all(cursor, account=viewer.id)
        if not scheduled.lock(cursor, id=id):
            raise NotFound
        _own(scheduled.by_id(cursor, id=id), viewer)
        self._check_time(cursor, viewer, at, id)
        scheduled.move(cursor, id=id, at=at)
        self._promise(cursor, id, at)
        return _own(scheduled.by_id(cursor, id=id), viewer)

    def _cancel(self, cursor: Cursor, viewer: Viewer, id: ScheduledId) -> ScheduledPost:
        if not scheduled.lock(cursor, id=id):
            raise NotFound
        found = _own(scheduled.by_id(cursor, id=id), viewer)
        media.loosen_scheduled(cursor, scheduled=id, at=self.now())
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
            raise Invalid({"account": NOBODY}, sentence=NOBODY)
        if not found.readable:
            raise Invalid({"draft": UNREADABLE}, sentence=UNREADABLE)
        viewer = Viewer(member.account, member.login.role, member.login.preferences)
        self.posts.publish_within(cursor, viewer, found.draft, scheduled=id)
        scheduled.delete(cursor, id=id)

    def _fail(self, cursor: Cursor, id: ScheduledId, problem: str, because: str) -> None:
        """Write down what stands against it, and to its author once for each time that it was to be published at."""
        scheduled.set_problem(cursor, id=id, problem=problem)
        found = scheduled.by_id(cursor, id=id)
        member = users.by_account(cursor, account=found.author) if found else None
        if found and member:
            key, at = f"{id} {found.at.isoformat()}", found.at.isoformat()
            enqueue(cursor, EmailKind.SCHEDULED, member.login, self.now(), key=key, scheduled=str(id), at=at, because=because)


def _sentence(problem: Problem) -> str:
    """What the author is shown on the site."""
    said = ", ".join(problem.fields.values()) if isinstance(problem, Invalid) else problem.sentence
    return said if said.endswith(".") else f"{said}."


def _because(problem: Problem) -> str:
    """The name of what letters say of it in their reader's language; empty where there is none."""
    if isinstance(problem, NotFound):
        return "parent" if problem.sentence == NO_PARENT else "media"
    named = next(iter(problem.fields)).partition("[")[0] if isinstance(problem, Invalid) else ""
    return _REASONS.get(named, "")


def _own(found: ScheduledPost | None, viewer: Viewer) -> ScheduledPost:
    if found is None or found.author != viewer.id:
        raise NotFound
    return found
