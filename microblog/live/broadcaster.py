"""The broadcaster: reads the event log once for the whole process and delivers its events to all connected clients.

It polls the log when it is woken, and at least twice a second. Each subscription receives each of its updates exactly once and in the log's
order: either pushed live, or read from the log while the subscription catches up to the live position.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import Factory, define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from microblog.live.catch_up import CatchUp, begin
from microblog.live.connections import Connections
from microblog.live.earlier_entries import load_earlier_entries
from microblog.live.event_buffer import NO_CREDENTIALS, Credentials, EventBuffer, EventSource, PollResult
from microblog.live.hub import Hub
from microblog.live.recipients import Recipients
from microblog.live.refresh_waiters import RefreshWaiters
from microblog.live.revocation import revoked_connections
from microblog.live.stats import BroadcastStats
from microblog.live.subscriber import MAX_SUBSCRIPTIONS, CloseReason, Subscriber, Subscription
from microblog.live.topics import Stream
from microblog.live.updates import Update
from microblog.live.viewer_flags import add_flags
from microblog.live.viewer_state import RELATIONS, RelationsSnapshot, ViewerStates
from microblog.model.errors import TooMany, Unauthenticated, Unavailable
from microblog.model.events import Event, EventKind, Position
from microblog.model.filters import NO_FILTERS

_log = Logger()

POLL_INTERVAL_S = 0.5  # between polls without a wake-up, so that revoked connections are closed within a second even if it is lost
RETRY_S = 0.02  # until the next poll while an older transaction delays an event
SLICE_S = 0.01  # of delivery, before the reactor handles other events
RECHECK_S = 60  # between checks of all connections' credentials
HEALTHY_S = 10
BUFFERED_AT_START = 256  # events from before the start that are buffered for clients that reconnect
NO_POSITION = Position("", 0, 0)  # until the broadcaster has started
RESTART_SPREAD_S = 5.0
MAX_CONNECTIONS = 100  # of one account; the default of the setting


@define(eq=False)
class Broadcaster:
    """Delivers events to the connected clients. Runs on the reactor thread only.

    `spread` returns a number from 0 to 1, which spreads the delays that clients are asked to wait at a restart. `now` may jump, `seconds`
    is monotonic. `listeners` are called with each event before any client receives it. `read_position` parses a position that a client
    sends.
    """

    log: EventSource
    clock: IReactorTime
    now: Callable[[], datetime]
    spread: Callable[[], float]
    seconds: Callable[[], float] = time.monotonic
    max_connections_per_account: int = MAX_CONNECTIONS
    read_position: Callable[[str], Position] = Position.parse
    stats: BroadcastStats = Factory(BroadcastStats)
    recipients: Recipients = Factory(Recipients)
    viewer_states: ViewerStates = field(init=False)
    hub: Hub[Subscription] = field(init=False)
    connections: Connections = field(init=False)
    buffer: EventBuffer = field(init=False)
    catch_up: CatchUp = field(init=False)
    listeners: list[Callable[[Event], object]] = Factory(list)
    _waiters: RefreshWaiters = Factory(RefreshWaiters)
    _wake_requested: bool = False
    _running: bool = False
    _stopped: bool = True
    _polled_at: float = 0.0
    _next: IDelayedCall | None = None
    _tick: IDelayedCall | None = None

    def __attrs_post_init__(self) -> None:
        self.connections = Connections(self.end)
        self.viewer_states, self.hub = self.recipients.viewer_states, self.recipients.hub
        self._open(NO_POSITION)

    def _open(self, head: Position) -> None:
        self.buffer = EventBuffer(self.log, head)
        self.catch_up = CatchUp(self.buffer, self.connections, self.stats, self.refresh, self.now, self.seconds)

    async def start(self) -> None:
        """Start at the end of the log, which has been read when this returns. Raises database errors and Unavailable."""
        self._open(await self.log.begin(BUFFERED_AT_START))
        self._stopped = False
        self._polled_at = self.seconds()
        self._tick = self.clock.callLater(1, self._on_second, 1)
        await self.refresh()  # subscriptions start after the buffered events

    def stop(self) -> None:
        """Close all connections, asking each client to come back after a different short delay, and stop polling."""
        self._stopped = True
        for call in (self._next, self._tick):
            if call is not None and call.active():
                call.cancel()
        self._waiters.refuse(Unavailable())
        for subscriber in self.connections.all():
            self.end(subscriber, CloseReason.RESTART)

    def wake(self) -> None:
        """Poll the log now, or right after the poll that is running."""
        self._wake_requested = True
        if not self._running and not self._stopped:
            self._running = True
            begin(self._poll_loop())

    def polled(self, position: Position, result: PollResult) -> None:
        """Deliver the result of a poll that somebody else made from the position; poll again if it is outdated."""
        if self._running or self._stopped or self.position is not position:
            self.wake()
        else:
            self._running = True
            begin(self._poll_loop(result))

    @property
    def position(self) -> Position:
        """Position up to which updates were delivered. A client that loads a page now and subscribes from here misses nothing."""
        return self.buffer.head

    def age(self) -> float:
        """Return the seconds since the last successful read of the log."""
        return self.seconds() - self._polled_at

    def healthy(self) -> bool:
        """True if the log is being read."""
        return not self._stopped and self.age() < HEALTHY_S

    def check_limit(self, account: int | None) -> None:
        """Raise TooMany if the account has too many connections, and Unavailable if the broadcaster is stopped."""
        if self._stopped:
            raise Unavailable
        if account is not None and len(self.connections.of(account)) >= self.max_connections_per_account:
            raise TooMany("This account has too many open streams.")

    async def refresh(self, subscriber: Subscriber | None = None) -> None:
        """Wait for a poll that starts after this call. Raises Unavailable if the database is unreachable."""
        waiter = self._waiters.add(subscriber)
        self.wake()
        await waiter.done

    async def admit(self, subscriber: Subscriber) -> None:
        """Register a connection and load its viewer's relations.

        Raises Unauthenticated if its session has ended, TooMany if the account has too many connections, Unavailable if the database is
        unreachable. Every admitted subscriber must be dismissed.
        """
        self.check_limit(subscriber.account)
        self.connections.add(subscriber)
        if subscriber.account is None:
            return
        try:
            await self.refresh(subscriber)
            if subscriber.open and subscriber.viewer_state is None:
                raise Unauthenticated
        except BaseException:
            self.dismiss(subscriber)
            raise

    def subscribe(self, subscriber: Subscriber, stream: Stream, since: Position | None = None, start: Position | None = None) -> None:
        """Subscribe an admitted connection to a stream; idempotent.

        Delivery starts after `since` (a position that the client sent, which is acknowledged), else after `start` (a position of this
        broadcaster at the time of the request), else now.
        """
        if stream in subscriber.subscriptions or not subscriber.open:
            return
        if len(subscriber.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise TooMany("This connection has too many subscriptions.")
        subscription = Subscription(stream, subscriber, subscriber.encoder.variant(stream))
        subscriber.subscriptions[stream] = subscription
        self.hub.join(stream.topics, subscription)
        if since is not None:
            self.catch_up.send_frame(subscriber, subscriber.encoder.resumed(stream, since))
            self.stats.replays += 1
        if since is not None and since.epoch != self.position.epoch:
            self.catch_up.report_gap(subscription, self.position)
        else:
            subscription.resume_from = since or start
            self.catch_up.resume(subscription)

    def unsubscribe(self, subscriber: Subscriber, stream: Stream) -> None:
        """Remove the connection's subscription to the stream."""
        subscription = subscriber.subscriptions.pop(stream, None)
        if subscription is not None:
            subscription.open = False
            self.hub.leave(stream.topics, subscription)
            if subscriber.viewer_state is not None:
                subscriber.viewer_state.recent.pop(stream.topics[0], None)  # without a subscription the entries are no longer recorded

    def drained(self, subscriber: Subscriber) -> None:
        """Resume the subscriptions of a connection whose send buffer is empty again."""
        for subscription in list(subscriber.subscriptions.values()):
            self.catch_up.resume(subscription)

    def dismiss(self, subscriber: Subscriber, reason: CloseReason = CloseReason.LEFT) -> None:
        """Remove a connection that is closed."""
        if not subscriber.open:
            return
        subscriber.open = False
        self.stats.closed[reason] += 1
        for stream in list(subscriber.subscriptions):
            self.unsubscribe(subscriber, stream)
        self.connections.remove(subscriber)
        if subscriber.viewer_state is not None:
            self.viewer_states.leave(subscriber.viewer_state)
            subscriber.viewer_state = None

    def end(self, subscriber: Subscriber, reason: CloseReason) -> None:
        """Close the connection with a reason."""
        if subscriber.open:
            self.dismiss(subscriber, reason)
            subscriber.connection.end(reason, self.spread() * RESTART_SPREAD_S)

    # Polling

    async def _poll_loop(self, result: PollResult | None = None) -> None:
        """Deliver `result`, poll until no further poll is requested, then schedule the next one."""
        soon = False
        try:
            if result is not None:
                await self._deliver_all(result)
                soon, self._wake_requested = result.retry_soon, self._wake_requested or result.more
            while self._wake_requested and not self._stopped:
                self._wake_requested = False
                soon = await self._poll()
        except Exception as problem:
            self.stats.poll_failures += 1
            if isinstance(problem, Unavailable):  # an outage takes one line, a bug a traceback
                _log.warn("The event log could not be read; trying again: {reason}", reason=problem)
            else:
                _log.failure("The event log could not be read; trying again")
            self._waiters.refuse(Unavailable())
        finally:
            self._running = False
        if not self._stopped:
            if self._next is not None and self._next.active():
                self._next.cancel()
            self._next = self.clock.callLater(RETRY_S if soon else POLL_INTERVAL_S, self.wake)

    async def _poll(self) -> bool:
        """Read the log to its end. Return True if an event is committed but not readable yet."""
        waiters = self._waiters.take()
        subscribers = [waiter.subscriber for waiter in waiters if waiter.subscriber is not None and waiter.subscriber.open]
        accounts = {subscriber.account for subscriber in subscribers if subscriber.account is not None}
        credentials = Credentials.of(subscribers)
        try:
            result = await self.log.poll(self.position, accounts, credentials)
            self._load_viewers(subscribers, result)
            await self._deliver_all(result)
            while result.more and not self._stopped:
                result = await self.log.poll(self.position, (), NO_CREDENTIALS)
                await self._deliver_all(result)
        except Exception:
            self._waiters.put_back(waiters)
            raise
        for waiter in waiters:
            waiter.done.callback(None)
        return result.retry_soon

    def _load_viewers(self, subscribers: list[Subscriber], result: PollResult) -> None:
        for subscriber in subscribers:
            if subscriber.open and subscriber.account is not None and result.valid_credentials.covers(subscriber):
                subscriber.viewer_state = self.viewer_states.enter(
                    result.relations.get(subscriber.account) or RelationsSnapshot(subscriber.account)
                )

    async def _deliver_all(self, result: PollResult) -> None:
        self.stats.polls += 1
        self._polled_at = self.seconds()
        updates = [(event, Update.of(event)) for event in result.events]
        await self._reload_filters(result.events)
        await self.buffer.load([update for _, update in updates if not update.loaded and self.recipients.has_any(update)])
        await load_earlier_entries(self.log, self.recipients, [update for _, update in updates])
        await add_flags(self.log, self.recipients, [update for _, update in updates], self.now())
        begun = self.seconds()
        for event, update in updates:
            if self._stopped:
                return
            self._deliver(event, update)
            if self.seconds() - begun > SLICE_S:
                await deferLater(self.clock, 0)
                begun = self.seconds()

    async def _reload_filters(self, events: Sequence[Event]) -> None:
        """Load changed filters before the next update is delivered, so that none is filtered by old ones."""
        changed = {event.account_id for event in events if event.kind is EventKind.FILTERS_CHANGED and event.account_id is not None}
        viewers = [viewer for viewer in map(self.viewer_states.of, changed) if viewer is not None]
        if viewers:
            filter_sets = await self.log.filter_sets([viewer.account for viewer in viewers])
            for viewer in viewers:
                viewer.filter_set = filter_sets.get(viewer.account, NO_FILTERS)

    def _deliver(self, event: Event, update: Update) -> None:
        """Deliver one event to all its subscriptions, then move the position past it."""
        moment = self.now()
        before, at = self.position, moment.timestamp()
        self._apply(event)
        deliveries, broken = 0, []
        for subscription in self.recipients.of(update):
            try:
                if subscription.deliver(update, before, at):
                    deliveries += 1
                elif subscription.resume_from is before:
                    self._start_catch_up(subscription, update)
            except Exception:
                _log.failure("An update could not be delivered to a client")
                broken.append(subscription.subscriber)
        self.buffer.add(update)
        self.stats.count(deliveries, max(0.0, (moment - event.at).total_seconds()))
        for subscriber in broken:
            self.end(subscriber, CloseReason.UNAVAILABLE)
        self._close_revoked(event)

    def _apply(self, event: Event) -> None:
        """Apply the event to the viewers' relations and call the listeners. A malformed event is logged and skipped."""
        try:
            if event.kind in RELATIONS:
                self.viewer_states.apply(event)
            for listener in self.listeners:
                listener(event)
        except Exception:
            _log.failure(
                "Event {event_kind} at {position} could not be applied and is skipped", event_kind=event.kind, position=event.position
            )

    def _start_catch_up(self, subscription: Subscription, update: Update) -> None:
        """Let a subscription catch up: once its connection has drained, or at once if the update was only not loaded."""
        if update.loaded:
            self.connections.slow(subscription.subscriber, self.seconds())
        else:
            self.clock.callLater(0, self.catch_up.resume, subscription)

    def _close_revoked(self, event: Event) -> None:
        for subscriber in revoked_connections(event, self.connections):
            self.end(subscriber, CloseReason.UNAUTHORIZED)
        if event.kind is EventKind.ACCOUNT_CHANGED and event.account_id and self.connections.of(event.account_id):
            begin(self._recheck())

    # Housekeeping

    def _on_second(self, count: int) -> None:
        self._tick = self.clock.callLater(1, self._on_second, count + 1)
        self.connections.tick(self.seconds(), self.position)
        if count % RECHECK_S == 0:
            begin(self._recheck())

    async def _recheck(self) -> None:
        """Close connections whose session or token expired or was removed without an event."""
        connected = [subscriber for subscriber in self.connections.all() if subscriber.account is not None]
        try:
            valid = await self.log.valid_credentials(Credentials.of(connected))
        except Exception:
            _log.failure("The credentials of connected clients could not be checked; trying again")
            return
        for subscriber in connected:
            if not valid.covers(subscriber):
                self.end(subscriber, CloseReason.UNAUTHORIZED)
