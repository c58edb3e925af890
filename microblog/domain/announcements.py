"""What the site tells all its people: made by the administrator, dismissed by each for themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import regex
from attrs import define, evolve, field

from microblog.domain import validation
from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.announcements import Announcement
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import Event, EventKind
from microblog.model.ids import AnnouncementId
from microblog.storage import accounts, announcements, events, jobs
from microblog.storage.database import Cursor, Transactions

LONGEST = 5_000
MOST_REACTIONS = 8
END = "announcement.expire"
REMEMBERED = timedelta(minutes=1)
_EMOJI = regex.compile(r"(?=[\p{Extended_Pictographic}\p{Regional_Indicator}0-9#*])\X")
_NO_EMOJI = regex.compile(r"[0-9#*]")


@define
class Announcements:
    """The commands about announcements. That there is none is remembered for a minute: then most pages need not ask."""

    database: Transactions
    host: str
    base_url: str
    now: Callable[[], datetime]
    _none_at: datetime | None = field(default=None, init=False)

    async def current(self, viewer: Viewer | None) -> list[Announcement]:
        """Those that are not over, the first first."""
        return await self.database.read(announcements.current, viewer=viewer.id if viewer else None, now=self.now())

    async def unread(self, viewer: Viewer) -> list[Announcement]:
        """Those of them that the viewer has not dismissed."""
        if self._none_at is not None and self.now() - self._none_at < REMEMBERED:
            return []
        found = await self.current(viewer)
        self._none_at = None if found else self.now()
        return [one for one in found if not one.read]

    def on_event(self, event: Event) -> None:
        """Look again after another process has announced something."""
        if event.kind is EventKind.ANNOUNCED:
            self._none_at = None

    async def newest(self, limit: int) -> list[Announcement]:
        """All of them, those too that are over."""
        return await self.database.read(announcements.newest, limit=limit)

    async def publish(
        self, said: str, *, starts_at: datetime | None = None, ends_at: datetime | None = None, all_day: bool = False
    ) -> Announcement:
        """Tell everybody. Raises Invalid (fields text, ends_at)."""
        tidy = validation.limited(said, LONGEST, "text")
        if post_text.is_blank(tidy):
            raise Invalid({"text": "Text can't be blank"}, codes={"text": "ERR_BLANK"})
        if ends_at is not None and ends_at <= (starts_at or self.now()):
            raise Invalid({"ends_at": "The end has to come after the beginning, and to lie ahead"}, codes={"ends_at": "ERR_INVALID"})
        made = Announcement(AnnouncementId(0), tidy, "", self.now(), self.now(), starts_at, ends_at, all_day)
        self._none_at = None
        return await self.database.run(self._publish, made)

    async def withdraw(self, id: AnnouncementId) -> None:
        """Take it back. Raises NotFound."""
        await self.database.run(self._withdraw, id)

    async def dismiss(self, viewer: Viewer, id: AnnouncementId) -> None:
        """The viewer has read it. Raises NotFound."""
        await self.database.run(self._dismiss, viewer, id)

    async def react(self, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        """Put an emoji under it. Raises NotFound, and Invalid for what is no emoji or one kind too many."""
        if not _EMOJI.fullmatch(name) or _NO_EMOJI.fullmatch(name):
            raise Invalid({"name": "Name is not a recognized emoji"}, codes={"name": "ERR_INVALID"})
        await self.database.run(self._react, viewer, id, name)

    async def unreact(self, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        """Take it away. Raises NotFound if there is no such announcement."""
        await self.database.run(self._unreact, viewer, id, name)

    def _publish(self, cursor: Cursor, made: Announcement) -> Announcement:
        parsed = post_text.parse(made.text, self.host)
        named = accounts.by_usernames(cursor, usernames=parsed.mentions) if parsed.mentions else []
        made = evolve(made, html=parsed.html({one.username.lower(): one.username for one in named}, self.base_url))
        made = evolve(made, id=announcements.insert(cursor, made))
        self._record(cursor, EventKind.ANNOUNCED, made.id)
        if made.ends_at is not None:
            jobs.add(cursor, END, {"announcement": str(made.id)}, due_at=made.ends_at, now=self.now())
        return made

    def _withdraw(self, cursor: Cursor, id: AnnouncementId) -> None:
        if not announcements.delete(cursor, id=id):
            raise NotFound
        self._record(cursor, EventKind.ANNOUNCEMENT_WITHDRAWN, id)

    def _record(self, cursor: Cursor, kind: EventKind, id: AnnouncementId, **more: str) -> None:
        events.record(cursor, kind, at=self.now(), data={"announcement": str(id), **more})

    def _dismiss(self, cursor: Cursor, viewer: Viewer, id: AnnouncementId) -> None:
        _there(cursor, id)
        announcements.read(cursor, id=id, account=viewer.id)

    def _react(self, cursor: Cursor, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        _there(cursor, id)
        there = announcements.reactions_of(cursor, id=id)
        if name not in there and len(there) >= MOST_REACTIONS:
            raise Invalid({"base": "Limit of different reactions reached"})
        if announcements.react(cursor, id=id, account=viewer.id, name=name, now=self.now()):
            self._record(cursor, EventKind.ANNOUNCEMENT_REACTED, id, name=name)

    def _unreact(self, cursor: Cursor, viewer: Viewer, id: AnnouncementId, name: str) -> None:
        _there(cursor, id)
        if announcements.unreact(cursor, id=id, account=viewer.id, name=name):
            self._record(cursor, EventKind.ANNOUNCEMENT_REACTED, id, name=name)


def end(cursor: Cursor, id: AnnouncementId, now: datetime) -> None:
    """Tell connected clients that the announcement is over. One that was withdrawn before was told then."""
    if announcements.one(cursor, id=id, viewer=None):
        events.record(cursor, EventKind.ANNOUNCEMENT_WITHDRAWN, at=now, data={"announcement": str(id)})


def _there(cursor: Cursor, id: AnnouncementId) -> None:
    if not announcements.one(cursor, id=id, viewer=None):
        raise NotFound
