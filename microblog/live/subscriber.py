"""A connected reader and what it listens to.

A reader that does not keep up is a cursor, not a queue: once too much waits for it, nothing more is pushed; when that has drained, it
reads on from the log, and joins the live news where it has caught up.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from attrs import Factory, define, field
from twisted.logger import Logger

from microblog.live.news import News
from microblog.live.recent import COLLECTED
from microblog.live.sight import is_for
from microblog.live.topics import Stream
from microblog.live.viewers import Circle
from microblog.model.events import Position
from microblog.model.filters import Match, Sieve

_log = Logger()

MOST_UNSENT = 256 * 1024
MOST_SUBSCRIPTIONS = 128


class Ending(StrEnum):
    """Why a connection ends. LEFT: the other side went."""

    LEFT = "left"
    STALLED = "stalled"
    UNAUTHORIZED = "unauthorized"
    RESTART = "restart"
    UNAVAILABLE = "unavailable"


class Outlet(Protocol):
    """The way out to one reader."""

    def offer(self, frame: bytes) -> bool:
        """Send the frame; or answer False and take nothing, where more than MOST_UNSENT bytes wait already."""

    def unsent(self) -> int:
        """How many bytes wait for the reader."""

    def progress(self) -> int:
        """A number that grows when some of what waited has left."""

    def beat(self, position: Position | None) -> None:
        """Say that we are there, if there is room for it; and up to where the reader has been told, unless something is still to come."""

    def end(self, ending: Ending, delay: float) -> None:
        """Say why, and close. `delay` is how many seconds the reader should wait before it comes back."""


class Dialect(Protocol):
    """How news is written for one kind of client. A None frame is not told at all."""

    def variant(self, stream: Stream) -> Hashable:
        """Streams of the same variant get the very same bytes."""

    def frame(self, news: News, stream: Stream, matches: Sequence[Match] = ()) -> bytes | None:
        """The news, as one frame; `matches` are the viewer's filters that its post falls under."""

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """The answer to a client that gave a position: what follows came after it."""

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """What came after the client's position is not known any more; from `head` on it will be told all. `oldest` is what is kept."""


@define(eq=False)
class Subscriber:
    """One connection. `account` is None for an anonymous reader; it rests on a login, `session`, or on an API `token`."""

    outlet: Outlet
    dialect: Dialect
    account: int | None = None
    session: int | None = None
    token: int | None = None
    circle: Circle | None = None
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

    def __attrs_post_init__(self) -> None:
        self.collects = self.stream.kind in COLLECTED

    def tell(self, news: News, before: Position, now: float) -> bool:
        """Live news, which comes right after the position `before`; True if it was sent. What cannot be sent now is read on later."""
        if not self.wants(news, now) or self._repeats(news) or self.behind is not None:
            return False
        if not news.loaded or not self.give(news, now):
            self.behind = before
            return False
        return True

    def wants(self, news: News, now: float) -> bool:
        """True if the news is for this reader."""
        return is_for(news, self.stream, self.subscriber.circle, now)

    def _repeats(self, news: News) -> bool:
        """True for a boost of what the timeline has just shown. Whoever is behind is asked too: no entry of it may be missed."""
        circle = self.subscriber.circle
        return self.collects and circle is not None and circle.hears(self.stream.topics[0], news)

    def give(self, news: News, now: float) -> bool:
        """Send the news; False if there is no room for it. What the dialect does not tell of counts as sent."""
        circle = self.subscriber.circle
        matches = () if circle is None or not circle.sieve.filters else self._matches(news, circle.sieve, now)
        if matches:
            frame = self._written(news, matches)
            return frame is None or self.subscriber.outlet.offer(frame)
        try:
            frame = news.frames[self.variant]
        except KeyError:
            frame = news.frames[self.variant] = self._written(news)
        return frame is None or self.subscriber.outlet.offer(frame)

    def _matches(self, news: News, sieve: Sieve, now: float) -> Sequence[Match]:
        post = news.post or (news.notice and news.notice.notification.post) or (news.conversation and news.conversation.last)
        return sieve.matches(post, datetime.fromtimestamp(now, UTC)) if post else ()

    def _written(self, news: News, matches: Sequence[Match] = ()) -> bytes | None:
        try:
            return self.subscriber.dialect.frame(news, self.stream, matches) if news.tellable else None
        except Exception:
            _log.failure("{kind} at {position} cannot be written and is left out", kind=news.kind, position=news.position)
            return None
