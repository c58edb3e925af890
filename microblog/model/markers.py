"""How far somebody has read a list, kept so that all their programs know it."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

HOME, NOTIFICATIONS = "home", "notifications"
TIMELINES = (HOME, NOTIFICATIONS)


@frozen
class Marker:
    """The last id that was read of one timeline. `version` counts how often it was written."""

    timeline: str
    last_read_id: int
    version: int
    updated_at: datetime
