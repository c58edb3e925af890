"""Timeline pages without repeated boosts of the same post (the rule is in model/repeated_boosts.py)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from attrs import evolve

from microblog.model import repeated_boosts
from microblog.model.ids import PostId
from microblog.model.paging import Page
from microblog.storage.timelines import Entry

MAX_READ = 160


def page_without_repeats(
    read: Callable[[Page], list[Entry]], may_show: Callable[[Collection[PostId], PostId], bool], page: Page
) -> list[Entry]:
    """Return a page filled up to its limit; a shorter one is the end of the timeline.

    `read` returns pages with repeats. `may_show` is False if the timeline shows none of these posts, nor boosts of them, below an entry.
    """
    if page.upward:
        return _upward(read, page)
    entries = read(Page(page.limit, max_id=page.max_id))
    shown = repeated_boosts.without_repeats(entries)
    boosted = {boosted for _, boosted in shown if boosted is not None}
    is_full = len(shown) == page.limit and not (boosted and may_show(boosted, entries[-1][0]))
    if is_full or len(entries) < page.limit:
        return [entry for entry in shown if entry[0] > (page.since_id or 0)]
    return _downward(read, page)


def _downward(read: Callable[[Page], list[Entry]], page: Page) -> list[Entry]:
    """Return a page of older entries. Reads about three times as many entries as it returns, to detect repeats."""
    collected: list[Entry] = []
    part = Page(
        repeated_boosts.rows_to_read(page.limit), max_id=page.max_id
    )  # entries below `since_id` are needed to find repeats above it
    while True:
        entries = read(part)
        shown, complete = repeated_boosts.decided_entries(entries, part.limit)
        collected += [entry for entry in shown if entry[0] > (page.since_id or 0)]
        judged_entries = entries[: -repeated_boosts.WINDOW]
        if complete or len(collected) >= page.limit or judged_entries[-1][0] <= (page.since_id or 0):
            return collected[: page.limit]
        part = beyond(part, judged_entries)


def _upward(read: Callable[[Page], list[Entry]], page: Page) -> list[Entry]:
    collected: list[Entry] = []
    part = page
    while True:
        entries = read(part)
        boosts = any(boosted is not None for _, boosted in entries)
        before = read(Page(repeated_boosts.WINDOW, max_id=entries[-1][0])) if boosts else []
        collected = repeated_boosts.without_repeats(entries, before) + collected
        if len(entries) < part.limit or len(collected) >= page.limit:
            return collected[-page.limit :]
        part = beyond(part, entries)


def beyond(part: Page, entries: list[Entry]) -> Page:
    """Return the page that follows `part`, whose entries these are: twice as large, up to MAX_READ."""
    limit = max(part.limit, min(2 * part.limit, MAX_READ))
    return evolve(part, limit=limit, min_id=entries[0][0]) if part.upward else evolve(part, limit=limit, max_id=entries[-1][0])
