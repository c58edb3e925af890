"""Pages of timelines without boosts that repeat (model/repeated_boosts.py)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from microblog.model import repeated_boosts
from microblog.model.paging import Page
from microblog.storage.timelines import Entry

MOST_IN_A_LOOK = 160


def page_without_repeats(read: Callable[[Page], list[Entry]], page: Page) -> list[Entry]:
    """The page, filled up to its limit: fewer entries are all that there are. `read` gives a page with repeats."""
    return _upward(read, page) if page.upward else _downward(read, page)


def _downward(read: Callable[[Page], list[Entry]], page: Page) -> list[Entry]:
    kept: list[Entry] = []
    part = Page(repeated_boosts.window(page.limit), max_id=page.max_id)  # what is below `since_id` tells which of those above repeat
    while True:
        entries = read(part)
        shown, whole = repeated_boosts.judged(entries, part.limit)
        kept += [entry for entry in shown if entry[0] > (page.since_id or 0)]
        told = entries[: -repeated_boosts.REACH]
        if whole or len(kept) >= page.limit or told[-1][0] <= (page.since_id or 0):
            return kept[: page.limit]
        part = beyond(part, told)


def _upward(read: Callable[[Page], list[Entry]], page: Page) -> list[Entry]:
    kept: list[Entry] = []
    part = page
    while True:
        entries = read(part)
        boosts = any(boosted is not None for _, boosted in entries)
        before = read(Page(repeated_boosts.REACH, max_id=entries[-1][0])) if boosts else []
        kept = repeated_boosts.without_repeats(entries, before) + kept
        if len(entries) < part.limit or len(kept) >= page.limit:
            return kept[-page.limit :]
        part = beyond(part, entries)


def beyond(part: Page, entries: list[Entry]) -> Page:
    """What comes after that part, which gave these entries: twice as much, up to MOST_IN_A_LOOK."""
    limit = max(part.limit, min(2 * part.limit, MOST_IN_A_LOOK))
    return evolve(part, limit=limit, min_id=entries[0][0]) if part.upward else evolve(part, limit=limit, max_id=entries[-1][0])
