"""Those who are behind: each reads on from the log at its own pace, until it is live or its connection is full."""

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
    """Tells subscriptions what they have not been told. `refresh` waits for a look at the log that begins after the call."""

    history: EventBuffer
    readers: Connections
    figures: BroadcastStats
    refresh: Callable[[], Awaitable[None]]
    now: Callable[[], datetime]
    seconds: Callable[[], float]

    def read_on(self, subscription: Subscription) -> None:
        """Let it catch up, if it is behind and does not do so already."""
        if subscription.behind is not None and not subscription.reading and subscription.open:
            subscription.reading = True
            begin(self._catch_up(subscription))

    def miss(self, subscription: Subscription, oldest: Position) -> None:
        """Some of what came after its position is not kept: say so, and go on from here."""
        if subscription.open:
            self.figures.gaps += 1
            subscription.behind = None
            self.offer(subscription.subscriber, subscription.subscriber.dialect.gap(subscription.stream, self.history.head, oldest))

    def offer(self, subscriber: Subscriber, frame: bytes | None) -> None:
        """Say something that is no news. Whoever has no room for that is closed."""
        if frame is not None and not subscriber.outlet.offer(frame):
            self.readers.end(subscriber, CloseReason.STALLED)

    async def _catch_up(self, subscription: Subscription) -> None:
        """Tell a subscription what it has not been told, until it is live or its connection is full."""
        try:
            while subscription.open and subscription.behind is not None and await self._read_a_passage(subscription):
                pass
        except Exception:
            _log.failure("A reader could not catch up")
            self.readers.end(subscription.subscriber, CloseReason.UNAVAILABLE)
        finally:
            subscription.reading = False

    async def _read_a_passage(self, subscription: Subscription) -> bool:
        """One step of it; False if the connection is full."""
        place = subscription.behind
        assert place is not None
        if place == self.history.head:
            subscription.behind = None
            return True
        if place > self.history.head:  # another process told it more than this one has read
            await self.refresh()
            if subscription.open and place > self.history.head:
                self.miss(subscription, self.history.head)
            return True
        passage = await self.history.after(place)
        if passage.oldest is not None or not passage.news:
            self.miss(subscription, passage.oldest or self.history.head)
            return True
        circle = subscription.subscriber.circle
        await self.history.load([one for one in passage.news if not one.loaded and may_concern(one, subscription.stream, circle)])
        repeats = await repeats_in(self.history.log, subscription, passage.news, self.now().timestamp())
        marks = await flags_in(self.history.log, subscription, passage.news)
        return self._hand_over(subscription, passage.news, repeats, marks)

    def _hand_over(
        self, subscription: Subscription, passage: Sequence[Update], repeats: Collection[int], marks: Mapping[int, PostFlags]
    ) -> bool:
        if not subscription.open:
            return False
        at, head, circle = self.now().timestamp(), self.history.head, subscription.subscriber.circle
        for news in passage:
            if news.position > head:
                subscription.behind = head
                break
            if may_concern(news, subscription.stream, circle):
                if not news.loaded:
                    break
                told = subscription.wants(news, at) and not (news.kind is EventKind.POST_PUBLISHED and news.post_id in repeats)
                if told and not subscription.give(news, at, marks):
                    self.readers.slow(subscription.subscriber, self.seconds())
                    return False
            subscription.behind = news.position
        return True


def begin(work: Coroutine[Deferred[Any], Any, None]) -> None:
    """Let the work go on by itself. It reports its own failures; what is left is a bug, and is logged."""
    Deferred.fromCoroutine(work).addErrback(lambda failure: _log.failure("The feed stumbled", failure))
