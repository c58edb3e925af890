"""Removal of repeated boosts from timelines.

A boost is left out of home and list timelines if the boosted post, or another boost of it, is among the 40 entries before it, as on
Mastodon (REBLOG_FALLOFF in app/lib/feed_manager.rb). Entries that are left out count as well: so the result for an entry depends only on
the 40 entries before it, and not on where the page starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

WINDOW = 40

E = TypeVar("E", bound=tuple[int, int | None])
"""A post's id, and the id of what it boosts."""


def shown_post(entry: tuple[int, int | None]) -> int:
    """Return the id of the post that an entry shows: itself, or the boosted one."""
    return entry[0] if entry[1] is None else entry[1]


def rows_to_read(limit: int) -> int:
    """Return how many rows to read for a page of `limit` entries: some to replace repeats, and WINDOW more to detect them."""
    return limit + limit // 2 + WINDOW


def without_repeats(entries: Sequence[E], before: Sequence[E] = ()) -> list[E]:
    """Return the entries (newest first) without repeated boosts. `before` are the next older entries, WINDOW of them if they exist."""
    if all(boosted is None for _, boosted in entries):
        return list(entries)
    shown = [shown_post(entry) for entry in (*entries, *before[:WINDOW])]
    return [entry for at, entry in enumerate(entries) if entry[1] is None or entry[1] not in shown[at + 1 : at + 1 + WINDOW]]


def decided_entries(entries: Sequence[E], requested: int) -> tuple[list[E], bool]:
    """Return the entries whose repeats are known, without the repeats.

    The flag is True if these are all entries, because fewer than `asked` were read.
    """
    complete = len(entries) < requested
    decided = entries if complete else entries[:-WINDOW]
    return without_repeats(decided, entries[len(decided) :]), complete
