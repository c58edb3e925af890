"""Outgoing activities: reads the event log and tells other servers what people here did.

One process of the site does it at a time. It remembers its position in the log in the transaction that writes the activities, so that each
event becomes an activity once, in the order of the commits, however often processes die.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from microblog.federation.actor_keys import ActorKeys
from microblog.federation.outgoing import Outgoing
from microblog.federation.outgoing_accounts import MissingKey, OutgoingAccounts
from microblog.federation.outgoing_interactions import OutgoingInteractions
from microblog.federation.outgoing_posts import OutgoingPosts
from microblog.federation.waiting import Sleeper
from microblog.model.errors import Unavailable
from microblog.model.events import Event, EventKind, Position
from microblog.storage import events, outbound_position
from microblog.storage.database import Cursor, Transactions, suppress_wakeup

BATCH = 100  # events in a transaction
MAX_DELIVERIES = 500  # after which a transaction takes no further event: as long as it runs, later events reach nobody
TRIES = 5  # of an event that cannot be handled, before it is skipped

Handler: TypeAlias = Callable[[Cursor, Event], int]
_log = Logger()


def handlers(outgoing: Outgoing) -> Mapping[EventKind, Handler]:
    """Return what makes the activities, by the kind of the event."""
    posts, accounts, interactions = OutgoingPosts(outgoing), OutgoingAccounts(outgoing), OutgoingInteractions(outgoing)
    return {
        EventKind.POST_PUBLISHED: posts.published,
        EventKind.POST_ADDRESSED: posts.addressed,
        EventKind.POST_EDITED: posts.edited,
        EventKind.POST_DELETED: posts.deleted,
        EventKind.POLL_COUNTED: posts.poll_counted,
        EventKind.FAVOURITED: interactions.favourited,
        EventKind.UNFAVOURITED: interactions.unfavourited,
        EventKind.VOTED: interactions.voted,
        EventKind.QUOTE_REQUESTED: interactions.quote_requested,
        EventKind.PINNED: interactions.pinned,
        EventKind.TAG_FEATURED: interactions.tag_featured,
        EventKind.TAG_UNFEATURED: interactions.tag_unfeatured,
        EventKind.UNPINNED: interactions.unpinned,
        EventKind.ACCOUNT_CHANGED: accounts.changed,
        EventKind.ACCOUNT_SUSPENDED: accounts.changed,
        EventKind.ACCOUNT_DELETED: accounts.deleted,
        EventKind.ACCOUNT_MOVED: accounts.moved,
        EventKind.KEYS_REPLACED: accounts.keys_replaced,
        EventKind.FOLLOWED: accounts.followed,
        EventKind.FOLLOW_REJECTED: accounts.rejected,
        EventKind.FOLLOW_REQUESTED: accounts.requested,
        EventKind.FOLLOW_WITHDRAWN: accounts.withdrawn,
        EventKind.BLOCKED: accounts.blocked,
        EventKind.UNBLOCKED: accounts.unblocked,
        EventKind.REPORT_FORWARDED: accounts.reported,
    }


@define(eq=False)
class Outbound:
    """Makes activities of events. `deliver` is called when there are new deliveries; `poll` is the time between checks, in seconds."""

    database: Transactions
    keys: ActorKeys
    handlers: Mapping[EventKind, Handler]
    reactor: IReactorTime
    deliver: Callable[[], None]
    poll: float = 2.0
    skipped: int = 0  # events that could not be handled
    _sleeper: Sleeper = field(init=False)
    _loop: Deferred[None] | None = field(init=False, default=None)
    _stopping: bool = field(init=False, default=False)
    _checked_at: float = field(init=False, default=0.0)
    _current: Position | None = field(init=False, default=None)
    _failures: dict[Position, int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._sleeper = Sleeper(self.reactor)

    def start(self) -> None:
        """Start reading. Returns at once."""
        self._stopping, self._checked_at = False, self.reactor.seconds()
        self._loop = Deferred.fromCoroutine(self._run())

    async def stop(self) -> None:
        """Finish the running transaction and stop."""
        self._stopping = True
        self._sleeper.wake()
        loop, self._loop = self._loop, None
        if loop is not None:
            await loop

    def published(self, event: Event) -> None:
        """Read the log soon if an event concerns other servers. For every event that this process reads."""
        if event.kind in self.handlers:
            self._sleeper.wake()

    def age(self) -> float:
        """Return the seconds since the log was last read."""
        return self.reactor.seconds() - self._checked_at

    def healthy(self) -> bool:
        """True while the log is read as often as it should be."""
        return self._loop is not None and self.age() < max(30.0, 3 * self.poll)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                more = await self.step()
            except MissingKey as problem:
                more = await self._made_key(problem)
            except Unavailable:
                more = False
            except Exception:
                _log.failure("Activities for other servers could not be made; trying again")
                self._count_failure()
                more = False
            if not more or self._stopping:
                await self._sleeper.sleep(self.poll)

    async def step(self) -> bool:
        """Make the next activities; return True if there may be more."""
        if not await self.database.read(outbound_position.has_more):
            self._checked_at = self.reactor.seconds()
            return False
        handled, written = await self.database.run(self._step)
        self._checked_at = self.reactor.seconds()
        if written:
            self.deliver()
        self._failures.clear()
        return handled

    def _step(self, cursor: Cursor) -> tuple[bool, int]:
        """Handle the next events. Returns whether there were any, and the number of deliveries that were written."""
        suppress_wakeup(cursor)
        if not outbound_position.lock(cursor):
            return False, 0
        position = self._position(cursor)
        if position is None:
            return False, 0
        written = 0
        found = events.after(cursor, position.epoch, xid=position.xid, id=position.id, limit=BATCH)
        for event in found:
            self._current = position = event.position
            written += self._handle(cursor, event)
            if written >= MAX_DELIVERIES:
                break
        self._current = None
        if found:
            outbound_position.store(cursor, position)
        return bool(found), written

    def _handle(self, cursor: Cursor, event: Event) -> int:
        handler = self.handlers.get(event.kind)
        if handler is None:
            return 0
        if self._failures.get(event.position, 0) >= TRIES:
            _log.error("The event {event_kind} at {position} was not sent to other servers", event_kind=event.kind, position=event.position)
            self.skipped += 1
            return 0
        return handler(cursor, event)

    def _position(self, cursor: Cursor) -> Position | None:
        """Return where to go on; at the end of the log at the first start, and in a log that began anew after a restore."""
        epoch, stored = outbound_position.epoch(cursor), outbound_position.read(cursor)
        if epoch is None or (stored is not None and stored.epoch == epoch):
            return stored
        if stored is None:
            _log.info("Federation begins: what people here do from now on is sent to their followers on other servers.")
        else:
            _log.warn("The database was restored on another server: what happened before is not sent to other servers any more.")
        end = outbound_position.end_of_log(cursor, epoch)
        outbound_position.store(cursor, end)
        return end

    async def _made_key(self, problem: MissingKey) -> bool:
        try:
            await self.keys.of(problem.account)
        except Unavailable:
            return False
        return True

    def _count_failure(self) -> None:
        if self._current is not None:
            self._failures[self._current] = self._failures.get(self._current, 0) + 1
