"""The feed: reads the event log once for the whole process, and tells all connected readers.

It looks when it is woken, and at least twice a second. Whatever order things happen in, each subscription is told each of its news once,
in the log's order: either pushed, from the position on at which it is live, or read on from the log, up to that position.
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
from microblog.live.earlier_entries import look_back
from microblog.live.event_buffer import NO_GRANTS, Credentials, EventBuffer, EventSource, PollResult
from microblog.live.hub import Hub
from microblog.live.recipients import Recipients
from microblog.live.refresh_waiters import RefreshWaiters
from microblog.live.revocation import revoked_connections
from microblog.live.stats import BroadcastStats
from microblog.live.subscriber import MOST_SUBSCRIPTIONS, CloseReason, Subscriber, Subscription
from microblog.live.topics import Stream
from microblog.live.updates import Update
from microblog.live.viewer_flags import add_flags
from microblog.live.viewer_state import RELATIONS, RelationsSnapshot, ViewerStates
from microblog.model.errors import TooMany, Unauthenticated, Unavailable
from microblog.model.events import Event, EventKind, Position
from microblog.model.filters import NOTHING

_log = Logger()

NET_S = 0.5  # between looks that nobody asked for: who may not read any more is closed within a second, also where a wake got lost
SOON_S = 0.02  # until the next look where an older transaction holds something back
SLICE_S = 0.01  # of telling, before others get their turn
RECHECK_S = 60  # between looks whether the sessions behind the connections still stand
HEALTHY_S = 10
BACK = 256  # events of before the start that are kept at hand for those who come back
NOWHERE = Position("", 0, 0)  # until the feed has started
RESTART_SPREAD_S = 5.0
MOST_CONNECTIONS = 100  # of one account, unless settings say otherwise


@define(eq=False)
class Broadcaster:
    """Tells connected readers what happens. Everything here runs on the reactor thread.

    `spread` gives a number from 0 to 1, for the delays that readers are asked to keep at a restart. `clock` may jump, `seconds` may not.
    `listeners` hear each event before any reader is told of it. `read_position` reads what a client gives as its position.
    """

    log: EventSource
    clock: IReactorTime
    now: Callable[[], datetime]
    spread: Callable[[], float]
    seconds: Callable[[], float] = time.monotonic
    most_of_account: int = MOST_CONNECTIONS
    read_position: Callable[[str], Position] = Position.parse
    figures: BroadcastStats = Factory(BroadcastStats)
    audience: Recipients = Factory(Recipients)
    viewers: ViewerStates = field(init=False)
    hub: Hub[Subscription] = field(init=False)
    readers: Connections = field(init=False)
    history: EventBuffer = field(init=False)
    replays: CatchUp = field(init=False)
    listeners: list[Callable[[Event], object]] = Factory(list)
    _arrivals: RefreshWaiters = Factory(RefreshWaiters)
    _woken: bool = False
    _running: bool = False
    _stopped: bool = True
    _looked_at: float = 0.0
    _next: IDelayedCall | None = None
    _tick: IDelayedCall | None = None

    def __attrs_post_init__(self) -> None:
        self.readers = Connections(self.end)
        self.viewers, self.hub = self.audience.viewers, self.audience.hub
        self._open(NOWHERE)

    def _open(self, head: Position) -> None:
        self.history = EventBuffer(self.log, head)
        self.replays = CatchUp(self.history, self.readers, self.figures, self.refresh, self.now, self.seconds)

    async def start(self) -> None:
        """Begin at the log's end: it has been read when this returns. Raises what the database raises, and Unavailable."""
        self._open(await self.log.begin(BACK))
        self._stopped = False
        self._looked_at = self.seconds()
        self._tick = self.clock.callLater(1, self._second, 1)
        await self.refresh()  # whoever asks from now on is told what comes from now on, not what is kept at hand

    def stop(self) -> None:
        """Ask everybody to come back a little later, each at another moment, and hear nothing more."""
        self._stopped = True
        for call in (self._next, self._tick):
            if call is not None and call.active():
                call.cancel()
        self._arrivals.refuse(Unavailable())
        for subscriber in self.readers.all():
            self.end(subscriber, CloseReason.RESTART)

    def wake(self) -> None:
        """Look at the log, now or right after the look that is under way."""
        self._woken = True
        if not self._running and not self._stopped:
            self._running = True
            begin(self._look_on())

    @property
    def position(self) -> Position:
        """Up to where readers were told. Whoever reads a page now and listens from here on misses nothing."""
        return self.history.head

    def age(self) -> float:
        """Seconds since the log was last read."""
        return self.seconds() - self._looked_at

    def healthy(self) -> bool:
        """True if the log is really being read."""
        return not self._stopped and self.age() < HEALTHY_S

    def expect(self, account: int | None) -> None:
        """Raises TooMany if the account has too many connections already, and Unavailable if the feed does not run."""
        if self._stopped:
            raise Unavailable
        if account is not None and len(self.readers.of(account)) >= self.most_of_account:
            raise TooMany("This account has too many open streams.")

    async def refresh(self, subscriber: Subscriber | None = None) -> None:
        """Wait for a look that is begun after this call. Raises Unavailable where the database is away."""
        arrival = self._arrivals.add(subscriber)
        self.wake()
        await arrival.done

    async def admit(self, subscriber: Subscriber) -> None:
        """Count the connection in, and load whom its viewer follows, blocks and mutes.

        Raises Unauthenticated if its session has ended, TooMany if the account has too many connections, Unavailable if the database is
        away. Whoever was admitted must be dismissed.
        """
        self.expect(subscriber.account)
        self.readers.add(subscriber)
        if subscriber.account is None:
            return
        try:
            await self.refresh(subscriber)
            if subscriber.open and subscriber.circle is None:
                raise Unauthenticated
        except BaseException:
            self.dismiss(subscriber)
            raise

    def subscribe(self, subscriber: Subscriber, stream: Stream, since: Position | None = None, start: Position | None = None) -> None:
        """Let an admitted reader hear a stream: from after `since`, which its client gave and is told, or from after `start`, a position of
        this feed from when it asked, or from now on. Again is the same as once."""
        if stream in subscriber.subscriptions or not subscriber.open:
            return
        if len(subscriber.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise TooMany("This connection listens to too many streams.")
        subscription = Subscription(stream, subscriber, subscriber.dialect.variant(stream))
        subscriber.subscriptions[stream] = subscription
        self.hub.join(stream.topics, subscription)
        if since is not None:
            self.replays.offer(subscriber, subscriber.dialect.resumed(stream, since))
            self.figures.replays += 1
        if since is not None and since.epoch != self.position.epoch:
            self.replays.miss(subscription, self.position)
        else:
            subscription.behind = since or start
            self.replays.read_on(subscription)

    def unsubscribe(self, subscriber: Subscriber, stream: Stream) -> None:
        """Let it hear the stream no more."""
        subscription = subscriber.subscriptions.pop(stream, None)
        if subscription is not None:
            subscription.open = False
            self.hub.leave(stream.topics, subscription)
            if subscriber.circle is not None:
                subscriber.circle.recent.pop(stream.topics[0], None)  # nobody may be left who hears all of it

    def drained(self, subscriber: Subscriber) -> None:
        """All that waited for this reader has left: let it read on."""
        for subscription in list(subscriber.subscriptions.values()):
            self.replays.read_on(subscription)

    def dismiss(self, subscriber: Subscriber, ending: CloseReason = CloseReason.LEFT) -> None:
        """The connection is gone."""
        if not subscriber.open:
            return
        subscriber.open = False
        self.figures.endings[ending] += 1
        for stream in list(subscriber.subscriptions):
            self.unsubscribe(subscriber, stream)
        self.readers.remove(subscriber)
        if subscriber.circle is not None:
            self.viewers.leave(subscriber.circle)
            subscriber.circle = None

    def end(self, subscriber: Subscriber, ending: CloseReason) -> None:
        """Close the connection, and say why."""
        if subscriber.open:
            self.dismiss(subscriber, ending)
            subscriber.outlet.end(ending, self.spread() * RESTART_SPREAD_S)

    # Looking

    async def _look_on(self) -> None:
        """Look for as long as somebody asks."""
        soon = False
        try:
            while self._woken and not self._stopped:
                self._woken = False
                soon = await self._look()
        except Exception as problem:
            self.figures.failures += 1
            say = _log.warn if isinstance(problem, Unavailable) else _log.failure  # an outage is told in one line, a bug with its traceback
            say("The event log could not be read; trying again: {problem}", problem=problem)
            self._arrivals.refuse(Unavailable())
        finally:
            self._running = False
        if not self._stopped:
            if self._next is not None and self._next.active():
                self._next.cancel()
            self._next = self.clock.callLater(SOON_S if soon else NET_S, self.wake)

    async def _look(self) -> bool:
        """One look at the log, up to its end; True if something is about to be readable."""
        arrivals = self._arrivals.take()
        subscribers = [arrival.subscriber for arrival in arrivals if arrival.subscriber is not None and arrival.subscriber.open]
        accounts = {subscriber.account for subscriber in subscribers if subscriber.account is not None}
        grants = Credentials.of(subscribers)
        try:
            look = await self.log.look(self.position, accounts, grants)
            self._let_in(subscribers, look)
            await self._tell_all(look)
            while look.more and not self._stopped:
                look = await self.log.look(self.position, (), NO_GRANTS)
                await self._tell_all(look)
        except Exception:
            self._arrivals.put_back(arrivals)
            raise
        for arrival in arrivals:
            arrival.done.callback(None)
        return look.soon

    def _let_in(self, subscribers: list[Subscriber], look: PollResult) -> None:
        for subscriber in subscribers:
            if subscriber.open and subscriber.account is not None and look.standing.carry(subscriber):
                subscriber.circle = self.viewers.enter(look.loaded.get(subscriber.account) or RelationsSnapshot(subscriber.account))

    async def _tell_all(self, look: PollResult) -> None:
        self.figures.looks += 1
        self._looked_at = self.seconds()
        news = [(event, Update.of(event)) for event in look.events]
        await self._sift_anew(look.events)
        await self.history.load([one for _, one in news if not one.loaded and self.audience.wants(one)])
        await look_back(self.log, self.audience, [one for _, one in news])
        await add_flags(self.log, self.audience, [one for _, one in news], self.now())
        begun = self.seconds()
        for event, one in news:
            if self._stopped:
                return
            self._tell(event, one)
            if self.seconds() - begun > SLICE_S:
                await deferLater(self.clock, 0)
                begun = self.seconds()

    async def _sift_anew(self, events: Sequence[Event]) -> None:
        """Whoever has changed their filters is told nothing more by the old ones."""
        changed = {event.account_id for event in events if event.kind is EventKind.FILTERS_CHANGED and event.account_id is not None}
        circles = [circle for circle in map(self.viewers.of, changed) if circle is not None]
        if circles:
            sieves = await self.log.sieves([circle.account for circle in circles])
            for circle in circles:
                circle.sieve = sieves.get(circle.account, NOTHING)

    def _tell(self, event: Event, news: Update) -> None:
        """One event, to everybody whom it is for. After this, the head is behind it."""
        moment = self.now()
        before, at = self.position, moment.timestamp()
        self._heed(event)
        deliveries, broken = 0, []
        for subscription in self.audience.of(news):
            try:
                if subscription.tell(news, before, at):
                    deliveries += 1
                elif subscription.behind is before:
                    self._fell_behind(subscription, news)
            except Exception:
                _log.failure("A reader could not be told")
                broken.append(subscription.subscriber)
        self.history.add(news)
        self.figures.count(deliveries, max(0.0, (moment - event.at).total_seconds()))
        for subscriber in broken:
            self.end(subscriber, CloseReason.UNAVAILABLE)
        self._end_authority(event)

    def _heed(self, event: Event) -> None:
        """Learn what it changes for those who are connected, and let others know. An odd row must not stop the feed."""
        try:
            if event.kind in RELATIONS:
                self.viewers.apply(event)
            for hear in self.listeners:
                hear(event)
        except Exception:
            _log.failure("{kind} at {position} cannot be heeded and is passed over", kind=event.kind, position=event.position)

    def _fell_behind(self, subscription: Subscription, news: Update) -> None:
        """It goes on when its connection has drained; where the news was only not loaded yet, at once."""
        if news.loaded:
            self.readers.slow(subscription.subscriber, self.seconds())
        else:
            self.clock.callLater(0, self.replays.read_on, subscription)

    def _end_authority(self, event: Event) -> None:
        for subscriber in revoked_connections(event, self.readers):
            self.end(subscriber, CloseReason.UNAUTHORIZED)
        if event.kind is EventKind.ACCOUNT_CHANGED and event.account_id and self.readers.of(event.account_id):
            begin(self._recheck())

    # Watching

    def _second(self, count: int) -> None:
        self._tick = self.clock.callLater(1, self._second, count + 1)
        self.readers.tick(self.seconds(), self.position)
        if count % RECHECK_S == 0:
            begin(self._recheck())

    async def _recheck(self) -> None:
        """Close connections whose session or token has ended without an event, by its age or behind our back."""
        connected = [subscriber for subscriber in self.readers.all() if subscriber.account is not None]
        try:
            standing = await self.log.standing(Credentials.of(connected))
        except Exception:
            _log.failure("The sessions of connected readers could not be checked; trying again")
            return
        for subscriber in connected:
            if not standing.carry(subscriber):
                self.end(subscriber, CloseReason.UNAUTHORIZED)
