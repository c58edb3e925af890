"""Boosts that repeat what a timeline has just shown. Pure.

A boost is left out of home and of lists if the boosted post, or another boost of it, is among the 40 entries before it; Mastodon does so
too (REBLOG_FALLOFF in app/lib/feed_manager.rb). Entries are counted with those that are left out: then whether one is shown depends on
those right before it alone, and not on where reading began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

WINDOW = 40

E = TypeVar("E", bound=tuple[int, int | None])
"""A post's id, and the id of what it boosts."""


def shown_post(entry: tuple[int, int | None]) -> int:
    """The post that an entry shows: itself, or what it boosts."""
    return entry[0] if entry[1] is None else entry[1]


def rows_to_read(limit: int) -> int:
    """How many entries to read for a page of so many: some may be left out, and REACH more tell which."""
    return limit + limit // 2 + WINDOW


def without_repeats(entries: Sequence[E], before: Sequence[E] = ()) -> list[E]:
    """The entries (newest first) without repeating boosts. `before` are the entries that come next, at least REACH if there are as many."""
    shown = [shown_post(entry) for entry in (*entries, *before[:WINDOW])]
    return [entry for at, entry in enumerate(entries) if entry[1] is None or entry[1] not in shown[at + 1 : at + 1 + WINDOW]]


def decided_entries(entries: Sequence[E], asked: int) -> tuple[list[E], bool]:
    """Without the repeats, those of the newest entries of which that can be told; and whether they are all, as fewer came than `asked`."""
    whole = len(entries) < asked
    told = entries if whole else entries[:-WINDOW]
    return without_repeats(told, entries[len(told) :]), whole
