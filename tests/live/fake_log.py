"""Fakes for tests of streaming: an event log with transactions, and connections that record what they receive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import Factory, define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from microblog.live.broadcaster import Broadcaster
from microblog.live.event_buffer import Credentials, LoadedItems, PollResult, Wanted
from microblog.live.recent_entries import EarlierEntries
from microblog.live.subscriber import MAX_UNSENT, CloseReason, Own, Subscriber
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import NotificationUpdate, UnreadUpdate, Update
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.accounts import Account
from microblog.model.announcements import Announcement
from microblog.model.conversations import Conversation
from microblog.model.errors import Unavailable
from microblog.model.events import Event, EventKind, Position
from microblog.model.filters import NO_FILTERS, FilterSet, Match
from microblog.model.ids import AccountId, ConversationId, NotificationId, PostId
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.posts import Post, PostFlags, Visibility

T = TypeVar("T")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
EPOCH = "e"
LIMIT = 3  # events in one look, so that there is more to look at
PUBLIC = Stream(StreamKind.PUBLIC)


def account(id: int) -> Account:
    return Account(AccountId(id), f"user{id}", "", "", "", NOW)


def post(id: int, author: int, visibility: str = "public") -> Post:
    return Post(PostId(id), account(author), "text", "<p>text</p>", Visibility(visibility), NOW)


def home(id: int) -> Stream:
    return Stream(StreamKind.USER, id)


@define
class ModelLog:
    """In-memory event log with PostgreSQL's rules: ids are assigned at once, and events are readable once no older transaction is open.

    With `held`, results wait until `answer()`; their contents are those at the time of the request.
    """

    events: list[Event] = Factory(list)
    everything: list[Event] = Factory(list)
    posts: dict[int, Post] = Factory(dict)
    notifications: dict[int, NotificationUpdate] = Factory(dict)
    conversations: dict[int, Conversation] = Factory(dict)
    announcements: dict[int, Announcement] = Factory(dict)
    loaded: dict[int, RelationsSnapshot] = Factory(dict)
    sessions: set[int] = Factory(set)
    tokens: set[int] = Factory(set)
    filters: dict[int, FilterSet] = Factory(dict)
    running: dict[int, list[Event]] = Factory(dict)
    next_xid: int = 10
    next_id: int = 1
    held: bool = False
    broken: bool = False
    limit: int = LIMIT
    waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = Factory(list)

    def begin_transaction(self) -> int:
        self.next_xid += 1
        self.running[self.next_xid] = []
        return self.next_xid

    def write(self, xid: int, kind: EventKind, account: int | None = None, **given: Any) -> Event:
        event = Event(
            Position(EPOCH, xid, self.next_id),
            kind,
            account,
            given.pop("subject", None),
            given.pop("post", None),
            given,
            NOW,
        )
        self.next_id += 1
        self.running[xid].append(event)
        return event

    def commit(self, xid: int) -> None:
        done = self.running.pop(xid)
        self.events = sorted(self.events + done, key=lambda event: event.position)
        self.everything = sorted(self.everything + done, key=lambda event: event.position)

    def roll_back(self, xid: int) -> None:
        del self.running[xid]

    def happen(self, kind: EventKind, account: int | None = None, **given: Any) -> Event:
        xid = self.begin_transaction()
        event = self.write(xid, kind, account, **given)
        self.commit(xid)
        return event

    def publish(self, author: int, visibility: str = "public", **given: Any) -> Event:
        id = 1000 + self.next_id
        self.posts[id] = post(id, author, visibility)
        return self.happen(EventKind.POST_PUBLISHED, author, post=id, visibility=visibility, **given)

    def notify(self, account_id: int, sender: int) -> Event:
        id = 5000 + self.next_id
        told = Notification(NotificationId(id), NotificationKind.FOLLOW, NOW, account(sender))
        self.notifications[id] = NotificationUpdate(told, UnreadUpdate(1))
        return self.happen(EventKind.NOTIFIED, account_id, subject=sender, notification=str(id))

    def converse(self, account_id: int, author: int, id: int = 7000) -> Event:
        """Write a direct message into a conversation of the account."""
        last = post(1000 + self.next_id, author, "direct")
        self.conversations[id] = Conversation(ConversationId(id), account(account_id), (account(author),), last, True, last.id)
        return self.happen(EventKind.CONVERSATION_CHANGED, account_id, post=last.id, conversation=str(id), mentions=[author])

    def readable(self, place: Position) -> list[Event]:
        bound = min(self.running, default=self.next_xid + 1)
        return [event for event in self.events if event.position > place and event.position.xid < bound]

    def sweep(self, count: int) -> None:
        """Delete the oldest events; the newest always stays."""
        self.events = self.events[max(0, min(count, len(self.events) - 1)) :]

    def answer(self) -> None:
        if self.waiting:
            deferred, give = self.waiting.pop(0)
            deferred.callback(give())

    async def _asked(self, give: Callable[[], T]) -> T:
        if self.broken:
            raise Unavailable("The database is away.")
        if not self.held:
            return give()
        deferred: Deferred[T] = Deferred()
        self.waiting.append((deferred, give))
        return await deferred

    async def begin(self, back: int) -> Position:
        readable = self.readable(Position(EPOCH, 0, 0))[-back - 1 :]
        if readable:
            return readable[0].position
        oldest = self.events[0].position if self.events else Position(EPOCH, 0, 1)
        return Position(EPOCH, oldest.xid, oldest.id - 1)

    async def poll(self, place: Position, accounts: Collection[int], grants: Credentials) -> PollResult:
        def give() -> PollResult:
            found = self.readable(place)
            xmin = min(self.running, default=self.next_xid + 1)
            loaded = {
                id: evolve(self.loaded.get(id, RelationsSnapshot(id)), xid=xmin, filter_set=self.filters.get(id, NO_FILTERS))
                for id in accounts
            }
            soon = not found and any(event.position > place for event in self.events)
            return PollResult(found[: self.limit], loaded, self._standing(grants), len(found) > self.limit, soon)

        return await self._asked(give)

    async def after(self, place: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        def give() -> tuple[Sequence[Event], Position | None]:
            return self.readable(place)[: self.limit], self.events[0].position if self.events else None

        return await self._asked(give)

    async def find(self, wanted: Wanted) -> LoadedItems:
        def give() -> LoadedItems:
            found = {id: self.posts[id] for id in wanted.posts if id in self.posts}
            told = {id: self.notifications[id] for id in wanted.notices if id in self.notifications}
            spoken = {id: self.conversations[id] for id in wanted.conversations if id in self.conversations}
            badges = {account: UnreadUpdate(1, 0) for account in wanted.badges}
            said = {id: self.announcements[id] for id in wanted.announcements if id in self.announcements}
            return LoadedItems(found, told, spoken, badges, said)

        return await self._asked(give)

    async def entries_before(self, questions: Sequence[EarlierEntries]) -> Sequence[Sequence[tuple[int, int | None]]]:
        return await self._asked(lambda: [self._entries(asked) for asked in questions])

    def _entries(self, asked: EarlierEntries) -> list[tuple[int, int | None]]:
        followed = {asked.account, *self.loaded.get(asked.account, RelationsSnapshot(asked.account)).follows}
        published = [event for event in self.everything if event.kind is EventKind.POST_PUBLISHED and event.account_id in followed]
        ids = sorted((event.post_id or 0, Update.of(event).boost_of) for event in published)
        return [entry for entry in reversed(ids) if entry[0] < asked.below][: asked.limit]

    async def flags(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        return await self._asked(dict[tuple[int, int], PostFlags])

    async def valid_credentials(self, grants: Credentials) -> Credentials:
        return await self._asked(lambda: self._standing(grants))

    async def filter_sets(self, accounts: Collection[int]) -> Mapping[int, FilterSet]:
        return await self._asked(lambda: {id: self.filters[id] for id in accounts if id in self.filters})

    def _standing(self, grants: Credentials) -> Credentials:
        return Credentials(grants.sessions & self.sessions, grants.tokens & self.tokens)


@define(eq=False)
class FakeConnection:
    """Connection that records frames. While `deaf`, frames wait, with room for two; a `burst` one raises."""

    received: list[str] = Factory(list)
    waiting: list[str] = Factory(list)
    blocked: bool = False
    broken: bool = False
    heartbeats: list[Position | None] = Factory(list)
    drained: int = 0
    ending: CloseReason | None = None
    delay: float = 0.0

    def offer(self, frame: bytes) -> bool:
        assert self.ending is None, "nothing is sent after the end"
        if self.broken:
            raise OSError("gone")
        if self.blocked:
            if len(self.waiting) >= 2:
                return False
            self.waiting.append(frame.decode())
        else:
            self.received.append(frame.decode())
        return True

    def drain(self) -> None:
        self.drained += len(self.waiting)
        self.received += self.waiting
        self.waiting.clear()

    def unsent(self) -> int:
        return len(self.waiting) * (MAX_UNSENT // 2)

    def progress(self) -> int:
        return self.drained

    def heartbeat(self, position: Position | None) -> None:
        self.heartbeats.append(position)

    def end(self, ending: CloseReason, delay: float) -> None:
        self.ending, self.delay = ending, delay


@define
class PlainEncoder:
    """Encoder of short text frames: the kind and the position. `written` counts encodings."""

    encoded: int = 0

    def variant(self, stream: Stream) -> Hashable:
        return "plain"

    def personal(self, stream: Stream) -> bool:
        return stream.kind is StreamKind.USER

    def frame(self, news: Update, stream: Stream, matches: Sequence[Match] = (), own: Own | None = None) -> bytes | None:
        self.encoded += 1
        return f"{news.kind} {news.position}{''.join(f' ({match.filter.title})' for match in matches)}".encode()

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        return f"resumed {since}".encode()

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        return f"gap {head}".encode()


@define(eq=False)
class FakeFeed:
    """A broadcaster with a fake event log and a fake clock."""

    log: ModelLog = Factory(ModelLog)
    clock: Clock = Factory(Clock)
    wall: datetime = NOW
    spread: Callable[[], float] = lambda: 0.5
    broadcaster: Broadcaster = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.broadcaster = Broadcaster(self.log, self.clock, lambda: self.wall, self.spread, self.clock.seconds)

    def start(self) -> FakeFeed:
        held, self.log.held = self.log.held, False
        run(self.broadcaster.start())
        self.clock.advance(0)
        self.log.held = held
        return self

    def connect(
        self, account: int | None = None, session: int | None = None, token: int | None = None
    ) -> tuple[Subscriber, FakeConnection]:
        connection = FakeConnection()
        subscriber = Subscriber(connection, PlainEncoder(), account, session, token)
        run(self.broadcaster.admit(subscriber))
        return subscriber, connection

    def subscribe(self, stream: Stream = PUBLIC, account: int | None = None, since: str | None = None) -> FakeConnection:
        subscriber, connection = self.connect(account)
        self.broadcaster.subscribe(subscriber, stream, None if since is None else Position.parse(since))
        return connection

    def wake(self) -> None:
        self.broadcaster.wake()
        self.clock.advance(0)


def run(work: Any) -> Any:
    """Return the result of a coroutine that must not wait."""
    results: list[Any] = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    assert results, "it waits for something"
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]
