"""A connected reader and what it listens to.

A reader that does not keep up is a cursor, not a queue: once too much waits for it, nothing more is pushed; when that has drained, it
reads on from the log, and joins the live news where it has caught up.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from attrs import Factory, define, field, frozen
from twisted.logger import Logger

from microblog.live.delivery_rules import should_deliver
from microblog.live.recent_entries import COLLECTED, RecentEntries
from microblog.live.topics import Stream, Topic
from microblog.live.updates import Update
from microblog.live.viewer_state import ViewerState
from microblog.model.events import Position
from microblog.model.filters import FilterSet, Match
from microblog.model.posts import PostFlags

_log = Logger()

NO_FLAGS = PostFlags()
MOST_UNSENT = 256 * 1024
MOST_SUBSCRIPTIONS = 128


class CloseReason(StrEnum):
    """Why a connection ends. LEFT: the other side went."""

    LEFT = "left"
    STALLED = "stalled"
    UNAUTHORIZED = "unauthorized"
    RESTART = "restart"
    UNAVAILABLE = "unavailable"


class Connection(Protocol):
    """The way out to one reader."""

    def offer(self, frame: bytes) -> bool:
        """Send the frame; or answer False and take nothing, where more than MOST_UNSENT bytes wait already."""

    def unsent(self) -> int:
        """How many bytes wait for the reader."""

    def progress(self) -> int:
        """A number that grows when some of what waited has left."""

    def heartbeat(self, position: Position | None) -> None:
        """Say that we are there, if there is room for it; and up to where the reader has been told, unless something is still to come."""

    def end(self, ending: CloseReason, delay: float) -> None:
        """Say why, and close. `delay` is how many seconds the reader should wait before it comes back."""


@frozen
class Own:
    """A viewer to whom news is told in bytes of their own: they wrote the post, or have done something to it."""

    account: int
    flags: PostFlags = NO_FLAGS


class Encoder(Protocol):
    """How news is written for one kind of client. A None frame is not told at all."""

    def personal(self, stream: Stream) -> bool:
        """True if posts on the stream say how the viewer stands to them."""

    def variant(self, stream: Stream) -> Hashable:
        """Streams of the same variant get the very same bytes."""

    def frame(self, news: Update, stream: Stream, matches: Sequence[Match] = (), own: Own | None = None) -> bytes | None:
        """The news, as one frame; `matches` are the viewer's filters that its post falls under.

        `own` is given on personal streams, unless the viewer has nothing to do with the post.
        """

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """The answer to a client that gave a position: what follows came after it."""

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """What came after the client's position is not known any more; from `head` on it will be told all. `oldest` is what is kept."""


@define(eq=False)
class Subscriber:
    """One connection. `account` is None for an anonymous reader; it rests on a login, `session`, or on an API `token`."""

    outlet: Connection
    dialect: Encoder
    account: int | None = None
    session: int | None = None
    token: int | None = None
    circle: ViewerState | None = None
    subscriptions: dict[Stream, Subscription] = Factory(dict)
    open: bool = True

    @property
    def live(self) -> bool:
        """True if all its subscriptions have been told all that happened. While it has none yet, its client may know more than we do."""
        subscriptions = self.subscriptions.values()
        return bool(subscriptions) and all(subscription.behind is None for subscription in subscriptions)


@define(eq=False)
class Subscription:
    """One stream of one connection. `behind` is the position up to which it was told, as long as it is not live."""

    stream: Stream
    subscriber: Subscriber
    variant: Hashable
    behind: Position | None = None
    reading: bool = False
    open: bool = True
    collects: bool = field(init=False)
    personal: bool = field(init=False)
    topic: Topic = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.topic = self.stream.topics[0]
        self.personal = self.subscriber.account is not None and self.subscriber.dialect.personal(self.stream)
        self.collects = self.stream.kind in COLLECTED

    def tell(self, news: Update, before: Position, now: float) -> bool:
        """Live news, which comes right after the position `before`; True if it was sent. What cannot be sent now is read on later."""
        if not self.wants(news, now) or (self.collects and self._repeats(news)) or self.behind is not None:
            return False
        if not news.loaded or not self.give(news, now):
            self.behind = before
            return False
        return True

    def wants(self, news: Update, now: float) -> bool:
        """True if the news is for this reader."""
        return should_deliver(news, self.stream, self.subscriber.circle, now)

    def _repeats(self, news: Update) -> bool:
        """True for a boost of what the timeline has just shown. Whoever is behind is asked too: no entry of it may be missed."""
        circle = self.subscriber.circle
        if circle is None:
            return False
        recent = circle.recent.get(self.topic)
        if recent is None:
            recent = circle.recent[self.topic] = RecentEntries()
        return recent.hear(news)

    def give(self, news: Update, now: float, marks: Mapping[int, PostFlags] | None = None) -> bool:
        """Send the news; False if there is no room for it. What the dialect does not tell of counts as sent.

        `marks` says how the viewer stands to posts, by their ids, instead of what the news itself has noted.
        """
        circle = self.subscriber.circle
        matches = () if circle is None or not circle.sieve.filters else self._matches(news, circle.sieve, now)
        own = None
        if self.personal and (marks is not None or news.marks or news.owner == self.subscriber.account):
            own = self._own(news, marks)
        if matches or own is not None:
            frame = self._written(news, matches, own)
            return frame is None or self.subscriber.outlet.offer(frame)
        try:
            frame = news.frames[self.variant]
        except KeyError:
            frame = news.frames[self.variant] = self._written(news)
        return frame is None or self.subscriber.outlet.offer(frame)

    def _own(self, news: Update, marks: Mapping[int, PostFlags] | None) -> Own | None:
        account = self.subscriber.account or 0
        shown = news.about.original.id if news.about is not None else 0
        flags = news.marks.get(account) if marks is None else marks.get(shown)
        if flags is not None:
            return Own(account, flags)
        return Own(account) if account == news.owner else None

    def _matches(self, news: Update, sieve: FilterSet, now: float) -> Sequence[Match]:
        return () if news.about is None else sieve.matches(news.about, datetime.fromtimestamp(now, UTC))

    def _written(self, news: Update, matches: Sequence[Match] = (), own: Own | None = None) -> bytes | None:
        try:
            return self.subscriber.dialect.frame(news, self.stream, matches, own) if news.tellable else None
        except Exception:
            _log.failure("{kind} at {position} cannot be written and is left out", kind=news.kind, position=news.position)
            return None
