"""The newest entries of the timelines of connected viewers, so that boosts which repeat are told from those that do not.

A timeline is remembered from when somebody listens to it. What came before is read when a boost makes it necessary, once, for all
viewers concerned together.
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
"""The streams from which repeating boosts are left out."""
SPARE = 24  # entries beyond the reach, for those that are deleted


@frozen
class EarlierEntries:
    """A question: the newest `limit` entries below the post `below`, in the home of `account`, or in its `list`."""

    account: int
    below: int
    limit: int
    list: int | None = None
    replies: ListReplies = ListReplies.LIST


@define(eq=False)
class RecentEntries:
    """The newest entries of one timeline, each as its id and that of the post which it shows. All of them, unless there are few."""

    entries: deque[tuple[int, int]] = Factory(lambda: deque(maxlen=repeated_boosts.REACH + SPARE))
    read: bool = False
    _below: int = 0
    _last: Position | None = None
    _repeat: bool = False

    @property
    def whole(self) -> bool:
        """True if it tells of every boost whether it repeats."""
        return self.read or len(self.entries) >= repeated_boosts.REACH

    def shows(self, post: int, below: int) -> bool:
        """True if the post, or a boost of it, is within reach of the entry with the id `below`, which is the next or thereabouts."""
        return any(shown == post and id < below for id, shown in islice(reversed(self.entries), repeated_boosts.REACH))

    def hear(self, news: Update) -> bool:
        """Note what belongs to the timeline; True if it is a boost that repeats. All connections of the viewer ask in turn."""
        if news.position is self._last:
            return self._repeat
        self._last, self._repeat = news.position, False
        if news.kind is EventKind.POST_PUBLISHED:
            if news.boost_of is not None:
                self._repeat = self.shows(news.boost_of, news.entry[0])
            if news.post is not None and news.entry[0] >= self._below:
                self.entries.append(news.entry)
        elif news.kind is EventKind.POST_DELETED:
            self._forget(news.post_id)
        return self._repeat

    def begin(self, entries: Sequence[tuple[int, int | None]], below: int) -> None:
        """Note all that came before the post `below`, newest first."""
        self.entries.clear()
        self._below = below
        self.entries.extend((entry[0], repeated_boosts.shown_by(entry)) for entry in reversed(entries))
        self.read = True

    def _forget(self, post: int | None) -> None:
        for entry in self.entries:
            if entry[0] == post:
                self.entries.remove(entry)
                self.read = self.read and len(self.entries) >= repeated_boosts.REACH
                return
