"""Paging of lists that are ordered by id, newest first."""

from __future__ import annotations

from attrs import frozen


@frozen
class Page:
    """The requested part of a list. All bounds are exclusive ids; `limit` counts rows.

    `max_id` is an upper bound; `since_id` a lower bound of the newest page; `min_id` requests the page immediately above it. The result is
    ordered newest first in each case.
    """

    limit: int = 20
    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None

    @property
    def upward(self) -> bool:
        """True if the rows nearest to the lower bound are requested, so that the query must sort ascending."""
        return self.min_id is not None
