"""Announcements of the site: published by administrators, dismissed by each reader."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import regex
from attrs import evolve, frozen

from microblog.domain import audit, validation
from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.announcements import Announcement, AnnouncementContent
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, AnnouncementId
from microblog.storage import accounts, announcements, events, jobs
from microblog.storage.database import Cursor, Transactions

MAX_TEXT_LENGTH = 5_000
MAX_REACTIONS = 8
END = "announcement.expire"
_EMOJI = regex.compile(r"(?=[\p{Extended_Pictographic}\p{Regional_Indicator}0-9#*])\X")
_NO_EMOJI = regex.compile(r"[0-9#*]")


@frozen
class Announcements:
    """Commands about announcements."""

    database: Transactions
    host: str
    base_url: str
    now: Callable[[], datetime]

    async def current(self, viewer: Viewer | None) -> list[Announcement]:
        """Return the announcements that have not ended, oldest first."""
        return await self.database.read(announcements.current, viewer=viewer.id if viewer else None, now=self.now())

    async def unread(self, viewer: Viewer) -> list[Announcement]:
        """Return the current announcements that the viewer has not dismissed."""
        return [item for item in await self.current(viewer) if not item.read]

    async def newest(self, limit: int) -> list[Announcement]:
        """Return all announcements, ended ones included, newest first."""
        return await self.database.read(announcements.newest, limit=limit)

    async def publish(
        self,
        text: str,
        *,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        all_day: bool = False,
        by: AccountId | None = None,
    ) -> Announcement:
        """Publish an announcement. Raise Invalid (fields text, ends_at). `by` is the administrator, None on the command line."""
        content = checked(AnnouncementContent(text, starts_at, ends_at, all_day), self.now())
        return await self.database.run(self._publish, content, by)

    async def withdraw(self, id: AnnouncementId, by: AccountId | None = None) -> None:
        """Delete an announcement. Raise NotFound."""
        await self.database.run(self._withdraw, id, by)

    async def dismiss(self, viewer: Viewer, id: AnnouncementId) -> None:
        """Mark an announcement as read by the viewer. Raise NotFound."""
        await self.database.run(self._dismiss, viewer, id)

    async def react(self, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        """Add an emoji reaction. Raise NotFound, and Invalid for anything but an emoji or for too many different ones."""
        if not _EMOJI.fullmatch(name) or _NO_EMOJI.fullmatch(name):
            raise Invalid({"name": "Name is not a recognized emoji"}, codes={"name": "ERR_INVALID"})
        await self.database.run(self._react, viewer, id, name)

    async def unreact(self, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        """Remove an emoji reaction. Raise NotFound if there is no such announcement."""
        await self.database.run(self._unreact, viewer, id, name)

    def publish_in(self, cursor: Cursor, content: AnnouncementContent) -> Announcement:
        """Publish a checked content in the running transaction."""
        html, now = self.rendered(cursor, content.text), self.now()
        announcement = Announcement(AnnouncementId(0), content.text, html, now, now, content.starts_at, content.ends_at, content.all_day)
        announcement = evolve(announcement, id=announcements.insert(cursor, announcement))
        self.record(cursor, EventKind.ANNOUNCED, announcement.id)
        self.end_later(cursor, announcement.id, content)
        return announcement

    def rendered(self, cursor: Cursor, text: str) -> str:
        """Return a text as HTML, with links to the accounts that it mentions."""
        parsed = post_text.parse(text, self.host)
        mentioned = accounts.by_usernames(cursor, usernames=parsed.mentions) if parsed.mentions else []
        return parsed.html({item.username.lower(): item.username for item in mentioned}, self.base_url)

    def end_later(self, cursor: Cursor, id: AnnouncementId, content: AnnouncementContent) -> None:
        """Let a job tell connected clients of the end."""
        if content.ends_at is not None:
            jobs.add(cursor, END, {"announcement": str(id)}, due_at=content.ends_at, now=self.now())

    def record(self, cursor: Cursor, kind: EventKind, id: AnnouncementId, **extra: str) -> None:
        """Record an event of an announcement."""
        events.record(cursor, kind, at=self.now(), data={"announcement": str(id), **extra})

    def _publish(self, cursor: Cursor, content: AnnouncementContent, by: AccountId | None) -> Announcement:
        announcement = self.publish_in(cursor, content)
        audit.record(cursor, entry(AuditAction.ANNOUNCEMENT_CREATE, by, announcement), self.now())
        return announcement

    def _withdraw(self, cursor: Cursor, id: AnnouncementId, by: AccountId | None) -> None:
        found = announcements.by_id(cursor, id=id, viewer=None)
        if not announcements.delete(cursor, id=id):
            raise NotFound
        self.record(cursor, EventKind.ANNOUNCEMENT_WITHDRAWN, id)
        audit.record(cursor, entry(AuditAction.ANNOUNCEMENT_DELETE, by, found[0]), self.now())

    def _dismiss(self, cursor: Cursor, viewer: Viewer, id: AnnouncementId) -> None:
        _require(cursor, id)
        announcements.mark_read(cursor, id=id, account=viewer.id)

    def _react(self, cursor: Cursor, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        _require(cursor, id)
        existing = announcements.reactions_of(cursor, id=id)
        if name not in existing and len(existing) >= MAX_REACTIONS:
            raise Invalid({"base": "Limit of different reactions reached"})
        if announcements.react(cursor, id=id, account=viewer.id, name=name, now=self.now()):
            self.record(cursor, EventKind.ANNOUNCEMENT_REACTED, id, name=name)

    def _unreact(self, cursor: Cursor, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        _require(cursor, id)
        if announcements.unreact(cursor, id=id, account=viewer.id, name=name):
            self.record(cursor, EventKind.ANNOUNCEMENT_REACTED, id, name=name)


def end(cursor: Cursor, id: AnnouncementId, now: datetime) -> None:
    """Tell connected clients that the announcement has ended, unless it was withdrawn or prolonged before."""
    if any(found.has_ended(now) for found in announcements.by_id(cursor, id=id, viewer=None)):
        events.record(cursor, EventKind.ANNOUNCEMENT_WITHDRAWN, at=now, data={"announcement": str(id)})


def checked(content: AnnouncementContent, published_at: datetime | None) -> AnnouncementContent:
    """Return the content as it is stored. Raises Invalid (fields text, ends_at). An end must be after `published_at`."""
    text = validation.limited(content.text, MAX_TEXT_LENGTH, "text")
    if post_text.is_blank(text):
        raise Invalid({"text": "Text can't be blank"}, codes={"text": "ERR_BLANK"})
    begin = content.starts_at or published_at
    if content.ends_at is not None and begin is not None and content.ends_at <= begin:
        raise Invalid({"ends_at": "The end must be after the beginning and in the future"}, codes={"ends_at": "ERR_INVALID"})
    return evolve(content, text=text)


def entry(action: AuditAction, by: AccountId | None, announcement: Announcement, **more: object) -> AuditEntry:
    """Return the entry of an act in the audit log."""
    times = {name: moment and moment.isoformat() for name in ("starts_at", "ends_at") for moment in [getattr(announcement, name)]}
    facts = {**times, "all_day": announcement.all_day, **more}
    return AuditEntry(action, by, str(announcement.id), announcement.id, text=announcement.text, facts=facts)


def _require(cursor: Cursor, id: AnnouncementId) -> None:
    if not announcements.by_id(cursor, id=id, viewer=None):
        raise NotFound
