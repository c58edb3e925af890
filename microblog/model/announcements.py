"""Announcements of the site to all its users."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.emojis import Emoji
from microblog.model.ids import AnnouncementId


@frozen
class Reaction:
    """An emoji reaction to an announcement with its count. `mine`: the viewer added it as well."""

    name: str
    count: int
    mine: bool = False


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
