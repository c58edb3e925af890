"""How far somebody has read."""

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
    """Keeps the viewer's place in their timelines. Names of timelines that there are not are passed over."""

    database: Transactions
    now: Callable[[], datetime]

    async def of(self, viewer: Viewer, timelines: Sequence[str]) -> list[Marker]:
        """Those of the markers that the viewer has."""
        return await self.database.read(markers.of_account, account=viewer.id, timelines=timelines) if timelines else []

    async def move(self, viewer: Viewer, places: Mapping[str, int]) -> list[Marker]:
        """The viewer has read so far; the markers that were moved."""
        return await self.database.run(self._move, viewer, places)

    def _move(self, cursor: Cursor, viewer: Viewer, places: Mapping[str, int]) -> list[Marker]:
        moved: list[Marker] = []
        for timeline in TIMELINES:  # everybody in the same order, so that no two wait for each other
            if timeline in places:
                moved += markers.put(cursor, account=viewer.id, timeline=timeline, last_read_id=places[timeline], now=self.now())
        return moved
