"""Read markers: the last read position of a timeline, shared by all of a user's clients."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

HOME, NOTIFICATIONS = "home", "notifications"
TIMELINES = (HOME, NOTIFICATIONS)


@frozen
class Marker:
    """The last read id of one timeline. `version` counts its updates."""

    timeline: str
    last_read_id: int
    version: int
    updated_at: datetime
