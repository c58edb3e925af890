"""Read markers: how far an account has read its timelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from attrs import frozen

from microblog.model.accounts import Viewer
from microblog.model.markers import TIMELINES, Marker
from microblog.storage import markers
from microblog.storage.database import Cursor, Transactions


@frozen
class ReadMarkers:
    """Read and move the viewer's markers. Unknown timelines are ignored."""

    database: Transactions
    now: Callable[[], datetime]

    async def of(self, viewer: Viewer, timelines: Sequence[str]) -> list[Marker]:
        """Return the viewer's existing markers of these timelines."""
        return await self.database.read(markers.of_account, account=viewer.id, timelines=timelines) if timelines else []

    async def move(self, viewer: Viewer, positions: Mapping[str, int]) -> list[Marker]:
        """Move markers to these ids; returns the moved ones."""
        return await self.database.run(self._move, viewer, positions)

    def _move(self, cursor: Cursor, viewer: Viewer, positions: Mapping[str, int]) -> list[Marker]:
        moved: list[Marker] = []
        for timeline in TIMELINES:  # always in the same order, to avoid deadlocks
            if timeline in positions:
                moved += markers.put(cursor, account=viewer.id, timeline=timeline, last_read_id=positions[timeline], now=self.now())
        return moved
