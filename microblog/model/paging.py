"""Pages of a list whose rows are ordered by id, newest first."""

from __future__ import annotations

from attrs import frozen


@frozen
class Page:
    """Which part of a list is asked for. All bounds are exclusive ids; `limit` counts rows.

    `max_id` goes down from there; `since_id` is a lower bound on the newest page; `min_id` asks for the page immediately above it. The
    answer's order is newest first in each case.
    """

    limit: int = 20
    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None

    @property
    def upward(self) -> bool:
        """True if the rows nearest to the lower bound are wanted, so that the query has to ascend."""
        return self.min_id is not None
