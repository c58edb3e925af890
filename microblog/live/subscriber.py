"""Connected clients and their subscriptions.

A slow client has no queue, only a position: once its send buffer is too full, no more updates are pushed. When the buffer has drained, the
subscription reads from the log until it is live again.
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
from microblog.model.posts import NO_FLAGS, PostFlags

_log = Logger()

MAX_UNSENT = 256 * 1024
MAX_SUBSCRIPTIONS = 128


class CloseReason(StrEnum):
    """Reason for closing a connection. LEFT: the client closed it."""

    LEFT = "left"
    STALLED = "stalled"
    UNAUTHORIZED = "unauthorized"
    RESTART = "restart"
    UNAVAILABLE = "unavailable"


class Connection(Protocol):
    """The transport to one client."""

    def offer(self, frame: bytes) -> bool:
        """Send the frame. Return False, without sending it, if more than MAX_UNSENT bytes are waiting."""

    def unsent(self) -> int:
        """Return the number of bytes in the send buffer."""

    def progress(self) -> int:
        """Return a number that grows when bytes leave the send buffer."""

    def heartbeat(self, position: Position | None) -> None:
        """Send a heartbeat if there is room, with the position that the client has reached unless it is still catching up."""

    def end(self, reason: CloseReason, delay: float) -> None:
        """Close the connection with a reason. The client should wait `delay` seconds before it reconnects."""


@frozen
class ViewerInteractions:
    """The viewer's relation to the post of an update, which needs a frame of its own: the viewer is its author or interacted with it."""

    account: int
    flags: PostFlags = NO_FLAGS


class Encoder(Protocol):
    """Encoding of updates for one kind of client. None instead of a frame: the client does not receive it."""

    def personal(self, stream: Stream) -> bool:
        """True if posts on the stream contain the viewer's interactions with them."""

    def variant(self, stream: Stream) -> Hashable:
        """Return a key that is equal for streams with identical frames."""

    def frame(self, update: Update, stream: Stream, matches: Sequence[Match] = (), own: ViewerInteractions | None = None) -> bytes | None:
        """Encode the update as one frame. `matches` are the viewer's filters that match its post.

        `own` is given on personal streams if the viewer is the author or interacted with the post.
        """

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """Encode the acknowledgement of a position that the client sent."""

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """Encode the message that events after the client's position were deleted. Delivery continues at `head`; `oldest` is the oldest
        position in the log.
        """


@define(eq=False)
class Subscriber:
    """One connection. `account` is None for an anonymous client. It was authorized by a `session` or an access `token`."""

    connection: Connection
    encoder: Encoder
    account: int | None = None
    session: int | None = None
    token: int | None = None
    viewer_state: ViewerState | None = None
    subscriptions: dict[Stream, Subscription] = Factory(dict)
    open: bool = True

    @property
    def live(self) -> bool:
        """True if all its subscriptions are live. Without any subscription it is not: the client may know a later position."""
        subscriptions = self.subscriptions.values()
        return bool(subscriptions) and all(subscription.resume_from is None for subscription in subscriptions)


@define(eq=False)
class Subscription:
    """One stream of one connection. `resume_from` is the position that it has reached, or None while it is live."""

    stream: Stream
    subscriber: Subscriber
    variant: Hashable
    resume_from: Position | None = None
    catching_up: bool = False
    open: bool = True
    skips_repeated_boosts: bool = field(init=False)
    personal: bool = field(init=False)
    topic: Topic = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.topic = self.stream.topics[0]
        self.personal = self.subscriber.account is not None and self.subscriber.encoder.personal(self.stream)
        self.skips_repeated_boosts = self.stream.kind in COLLECTED

    def deliver(self, update: Update, before: Position, now: float) -> bool:
        """Push a live update that directly follows the position `before`. Return True if it was sent.

        An update that cannot be sent now is read from the log later.
        """
        if not self.wants(update, now) or (self.skips_repeated_boosts and self._repeats(update)) or self.resume_from is not None:
            return False
        if not update.loaded or not self.send(update, now):
            self.resume_from = before
            return False
        return True

    def wants(self, update: Update, now: float) -> bool:
        """True if the update should be delivered on this subscription."""
        return should_deliver(update, self.stream, self.subscriber.viewer_state, now)

    def _repeats(self, update: Update) -> bool:
        """True for a boost of a post that the timeline already shows. Called while catching up, too, to record all entries."""
        viewer = self.subscriber.viewer_state
        if viewer is None:
            return False
        recent = viewer.recent.get(self.topic)
        if recent is None:
            recent = viewer.recent[self.topic] = RecentEntries()
        return recent.record(update)

    def send(self, update: Update, now: float, flags_by_post: Mapping[int, PostFlags] | None = None) -> bool:
        """Send the update. Return False if the send buffer is full. An update that the encoder skips counts as sent.

        `flags` has the viewer's interactions by post, instead of those stored with the update.
        """
        viewer = self.subscriber.viewer_state
        matches = () if viewer is None or not viewer.filter_set.filters else self._matches(update, viewer.filter_set, now)
        own = None
        if self.personal and (flags_by_post is not None or update.flags or update.owner == self.subscriber.account):
            own = self._own(update, flags_by_post)
        if matches or own is not None:
            frame = self._encoded(update, matches, own)
            return frame is None or self.subscriber.connection.offer(frame)
        try:
            frame = update.frames[self.variant]
        except KeyError:
            frame = update.frames[self.variant] = self._encoded(update)
        return frame is None or self.subscriber.connection.offer(frame)

    def _own(self, update: Update, flags_by_post: Mapping[int, PostFlags] | None) -> ViewerInteractions | None:
        account = self.subscriber.account or 0
        shown = update.shown_post.original.id if update.shown_post is not None else 0
        flags = update.flags.get(account) if flags_by_post is None else flags_by_post.get(shown)
        if flags is not None:
            return ViewerInteractions(account, flags)
        return ViewerInteractions(account) if account == update.owner else None

    def _matches(self, update: Update, filter_set: FilterSet, now: float) -> Sequence[Match]:
        return () if update.shown_post is None else filter_set.matches(update.shown_post, datetime.fromtimestamp(now, UTC))

    def _encoded(self, update: Update, matches: Sequence[Match] = (), own: ViewerInteractions | None = None) -> bytes | None:
        try:
            return self.subscriber.encoder.frame(update, self.stream, matches, own) if update.deliverable else None
        except Exception:
            _log.failure(
                "Event {event_kind} at {position} could not be encoded and is skipped", event_kind=update.kind, position=update.position
            )
            return None
