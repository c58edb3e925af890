"""Catching up: subscriptions that are behind read from the log at their own pace, until they are live or their send buffer is full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from microblog.live.connections import Connections
from microblog.live.delivery_rules import may_concern
from microblog.live.earlier_entries import repeats_in
from microblog.live.event_buffer import EventBuffer
from microblog.live.stats import BroadcastStats
from microblog.live.subscriber import CloseReason, Subscriber, Subscription
from microblog.live.updates import Update
from microblog.live.viewer_flags import flags_in
from microblog.model.events import EventKind, Position
from microblog.model.posts import PostFlags

_log = Logger()


@define(eq=False)
class CatchUp:
    """Sends updates from the log to subscriptions that are behind. `refresh` waits for a poll of the log that starts after the call."""

    buffer: EventBuffer
    connections: Connections
    stats: BroadcastStats
    refresh: Callable[[], Awaitable[None]]
    now: Callable[[], datetime]
    seconds: Callable[[], float]

    def resume(self, subscription: Subscription) -> None:
        """Start catching up if the subscription is behind and is not catching up yet."""
        if subscription.resume_from is not None and not subscription.catching_up and subscription.open:
            subscription.catching_up = True
            begin(self._catch_up(subscription))

    def report_gap(self, subscription: Subscription, oldest: Position) -> None:
        """Tell the client that events after its position were deleted, and continue from the current position."""
        if subscription.open:
            self.stats.gaps += 1
            subscription.resume_from = None
            self.send_frame(subscription.subscriber, subscription.subscriber.encoder.gap(subscription.stream, self.buffer.head, oldest))

    def send_frame(self, subscriber: Subscriber, frame: bytes | None) -> None:
        """Send a frame that is not an update. Closes the connection if its buffer is full."""
        if frame is not None and not subscriber.connection.offer(frame):
            self.connections.end(subscriber, CloseReason.STALLED)

    async def _catch_up(self, subscription: Subscription) -> None:
        """Read batches until the subscription is live or its connection is full."""
        try:
            while subscription.open and subscription.resume_from is not None and await self._read_batch(subscription):
                pass
        except Exception:
            _log.failure("A client could not catch up")
            self.connections.end(subscription.subscriber, CloseReason.UNAVAILABLE)
        finally:
            subscription.catching_up = False

    async def _read_batch(self, subscription: Subscription) -> bool:
        """Read and send one batch. Return False if the connection is full."""
        position = subscription.resume_from
        assert position is not None
        if position == self.buffer.head:
            subscription.resume_from = None
            return True
        if position > self.buffer.head:  # another process delivered more than this one has read
            await self.refresh()
            if subscription.open and position > self.buffer.head:
                self.report_gap(subscription, self.buffer.head)
            return True
        batch = await self.buffer.after(position)
        if batch.oldest is not None or not batch.updates:
            self.report_gap(subscription, batch.oldest or self.buffer.head)
            return True
        viewer = subscription.subscriber.viewer_state
        await self.buffer.load(
            [update for update in batch.updates if not update.loaded and may_concern(update, subscription.stream, viewer)]
        )
        repeats = await repeats_in(self.buffer.log, subscription, batch.updates, self.now().timestamp())
        flags = await flags_in(self.buffer.log, subscription, batch.updates)
        return self._send_batch(subscription, batch.updates, repeats, flags)

    def _send_batch(
        self, subscription: Subscription, batch: Sequence[Update], repeats: Collection[int], flags: Mapping[int, PostFlags]
    ) -> bool:
        if not subscription.open:
            return False
        at, head, viewer = self.now().timestamp(), self.buffer.head, subscription.subscriber.viewer_state
        for update in batch:
            if update.position > head:
                subscription.resume_from = head
                break
            if may_concern(update, subscription.stream, viewer):
                if not update.loaded:
                    break
                wanted = subscription.wants(update, at) and not (update.kind is EventKind.POST_PUBLISHED and update.post_id in repeats)
                if wanted and not subscription.send(update, at, flags):
                    self.connections.slow(subscription.subscriber, self.seconds())
                    return False
            subscription.resume_from = update.position
        return True


def begin(work: Coroutine[Deferred[Any], Any, None]) -> None:
    """Run the coroutine in the background. It handles its own failures; anything else is a bug and is logged."""
    Deferred.fromCoroutine(work).addErrback(lambda failure: _log.failure("Unexpected failure in the broadcaster", failure))
