"""Announcements of the site to all its users."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.emojis import Emoji
from microblog.model.ids import AnnouncementDraftId, AnnouncementId


@frozen
class Reaction:
    """An emoji reaction to an announcement with its count. `mine`: the viewer added it as well."""

    name: str
    count: int
    mine: bool = False


@frozen
class AnnouncementContent:
    """Text and times of an announcement. `starts_at` and `ends_at` belong to the announced event; `all_day`: only their dates count."""

    text: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    all_day: bool = False


@frozen
class AnnouncementDraft:
    """An announcement that is not published. A job publishes it at `scheduled_at`. `email`: it is mailed to all users then."""

    id: AnnouncementDraftId
    content: AnnouncementContent
    scheduled_at: datetime | None
    email: bool
    updated_at: datetime


@frozen
class Announcement:
    """One announcement as one viewer (or an anonymous visitor) sees it.

    `text` is as typed, `html` the rendered and sanitized text. `starts_at` and `ends_at` belong to the announced event; the announcement is
    shown until `ends_at`. `all_day`: only the dates of the event count. `emojis` are the custom emoji in the text.
    """

    id: AnnouncementId
    text: str
    html: str
    published_at: datetime
    updated_at: datetime
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    all_day: bool = False
    read: bool = False
    reactions: tuple[Reaction, ...] = ()
    emojis: tuple[Emoji, ...] = ()

    @property
    def content(self) -> AnnouncementContent:
        """The text and the times."""
        return AnnouncementContent(self.text, self.starts_at, self.ends_at, self.all_day)

    def has_ended(self, now: datetime) -> bool:
        """True if it is not shown any more."""
        return self.ends_at is not None and self.ends_at <= now
