"""The newest entries of connected viewers' timelines, used to detect repeated boosts.

Entries are recorded from the first subscription on. Earlier ones are loaded when a boost requires it, once for all viewers together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from attrs import Factory, define, frozen

from microblog.live.topics import StreamKind
from microblog.live.updates import Update
from microblog.model import repeated_boosts
from microblog.model.events import EventKind, Position
from microblog.model.lists import ListReplies

COLLECTED = frozenset({StreamKind.USER, StreamKind.LIST})
"""Streams without repeated boosts."""
SPARE = 24  # extra entries, in case some are deleted


@frozen
class EarlierEntries:
    """A query for the newest `limit` entries below the post `below`, in the home timeline of `account` or in its `list`."""

    account: int
    below: int
    limit: int
    list: int | None = None
    replies: ListReplies = ListReplies.LIST


@define(eq=False)
class RecentEntries:
    """The newest entries of one timeline: each an entry id and the id of the post that it shows."""

    entries: deque[tuple[int, int]] = Factory(lambda: deque(maxlen=repeated_boosts.WINDOW + SPARE))
    loaded: bool = False
    _below: int = 0
    _last: Position | None = None
    _repeat: bool = False

    @property
    def is_complete(self) -> bool:
        """True if the entries are enough to tell for every boost whether it is a repeat."""
        return self.loaded or len(self.entries) >= repeated_boosts.WINDOW

    def shows(self, post: int, below: int) -> bool:
        """True if the post, or a boost of it, is within reach of the entry with the id `below`."""
        return any(shown == post and id < below for id, shown in islice(reversed(self.entries), repeated_boosts.WINDOW))

    def record(self, news: Update) -> bool:
        """Record an update of the timeline. Return True if it is a repeated boost.

        Each connection of the viewer calls this; only the first call for an update changes anything.
        """
        if news.position is self._last:
            return self._repeat
        self._last, self._repeat = news.position, False
        if news.kind is EventKind.POST_PUBLISHED:
            if news.boost_of is not None:
                self._repeat = self.shows(news.boost_of, news.entry[0])
            if news.post is not None and news.entry[0] >= self._below:
                self.entries.append(news.entry)
        elif news.kind is EventKind.POST_DELETED:
            self._remove(news.post_id)
        return self._repeat

    def load(self, entries: Sequence[tuple[int, int | None]], below: int) -> None:
        """Replace the entries by those before the post `below`, newest first."""
        self.entries.clear()
        self._below = below
        self.entries.extend((entry[0], repeated_boosts.shown_post(entry)) for entry in reversed(entries))
        self.loaded = True

    def _remove(self, post: int | None) -> None:
        for entry in self.entries:
            if entry[0] == post:
                self.entries.remove(entry)
                self.loaded = self.loaded and len(self.entries) >= repeated_boosts.WINDOW
                return
