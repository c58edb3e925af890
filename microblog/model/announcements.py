"""What the site tells all its people."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import AnnouncementId


@frozen
class Reaction:
    """An emoji under an announcement, and how many put it there; `mine` if the viewer did."""

    name: str
    count: int
    mine: bool = False


@frozen
class Announcement:
    """One announcement, as one viewer (or nobody) sees it. `text` is what was typed, `html` the same rendered and safe.

    `starts_at` and `ends_at` tell when what it is about happens; it is shown until it ends. `all_day`: only their days count.
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
