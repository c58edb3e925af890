"""Fakes for tests of streaming: an event log with transactions, and connections that record what they receive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import Factory, define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from microblog.live.broadcaster import Broadcaster
from microblog.live.event_buffer import Credentials, ItemIds, LoadedItems, PollResult
from microblog.live.recent_entries import EarlierEntries
from microblog.live.subscriber import MAX_UNSENT, CloseReason, Subscriber, ViewerInteractions
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
LIMIT = 3  # events per poll, so that a test needs several
PUBLIC = Stream(StreamKind.PUBLIC)


def account(id: int) -> Account:
    return Account(AccountId(id), f"user{id}", "", "", "", NOW)


def post(id: int, author: int, visibility: str = "public") -> Post:
    return Post(PostId(id), account(author), "text", "<p>text</p>", Visibility(visibility), NOW)


def home(id: int) -> Stream:
    return Stream(StreamKind.USER, id)


@define
class FakeEventLog:
    """In-memory event log with PostgreSQL's rules: ids are assigned at once, and events are readable once no older transaction is open.

    With `hold_results`, each result waits for a call of `release_result`; its contents are those at the time of the request.
    """

    events: list[Event] = Factory(list)
    all_events: list[Event] = Factory(list)
    posts: dict[int, Post] = Factory(dict)
    notifications: dict[int, NotificationUpdate] = Factory(dict)
    conversations: dict[int, Conversation] = Factory(dict)
    announcements: dict[int, Announcement] = Factory(dict)
    loaded: dict[int, RelationsSnapshot] = Factory(dict)
    sessions: set[int] = Factory(set)
    tokens: set[int] = Factory(set)
    filters: dict[int, FilterSet] = Factory(dict)
    open_transactions: dict[int, list[Event]] = Factory(dict)
    next_xid: int = 10
    next_id: int = 1
    hold_results: bool = False
    failing: bool = False
    limit: int = LIMIT
    waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = Factory(list)

    def begin_transaction(self) -> int:
        self.next_xid += 1
        self.open_transactions[self.next_xid] = []
        return self.next_xid

    def write(self, xid: int, kind: EventKind, account: int | None = None, **data: Any) -> Event:
        event = Event(
            Position(EPOCH, xid, self.next_id),
            kind,
            account,
            data.pop("subject", None),
            data.pop("post", None),
            data,
            NOW,
        )
        self.next_id += 1
        self.open_transactions[xid].append(event)
        return event

    def commit(self, xid: int) -> None:
        done = self.open_transactions.pop(xid)
        self.events = sorted(self.events + done, key=lambda event: event.position)
        self.all_events = sorted(self.all_events + done, key=lambda event: event.position)

    def roll_back(self, xid: int) -> None:
        del self.open_transactions[xid]

    def record(self, kind: EventKind, account: int | None = None, **data: Any) -> Event:
        xid = self.begin_transaction()
        event = self.write(xid, kind, account, **data)
        self.commit(xid)
        return event

    def publish(self, author: int, visibility: str = "public", **data: Any) -> Event:
        id = 1000 + self.next_id
        self.posts[id] = post(id, author, visibility)
        return self.record(EventKind.POST_PUBLISHED, author, post=id, visibility=visibility, **data)

    def notify(self, account_id: int, sender: int) -> Event:
        id = 5000 + self.next_id
        notification = Notification(NotificationId(id), NotificationKind.FOLLOW, NOW, account(sender))
        self.notifications[id] = NotificationUpdate(notification, UnreadUpdate(1))
        return self.record(EventKind.NOTIFIED, account_id, subject=sender, notification=str(id))

    def send_direct_message(self, account_id: int, author: int, id: int = 7000) -> Event:
        """Write a direct message into a conversation of the account."""
        last = post(1000 + self.next_id, author, "direct")
        self.conversations[id] = Conversation(ConversationId(id), account(account_id), (account(author),), last, True, last.id)
        return self.record(EventKind.CONVERSATION_CHANGED, account_id, post=last.id, conversation=str(id), mentions=[author])

    def readable(self, position: Position) -> list[Event]:
        bound = min(self.open_transactions, default=self.next_xid + 1)
        return [event for event in self.events if event.position > position and event.position.xid < bound]

    def delete_oldest(self, count: int) -> None:
        """Delete the oldest events; the newest always stays."""
        self.events = self.events[max(0, min(count, len(self.events) - 1)) :]

    def release_result(self) -> None:
        if self.waiting:
            deferred, build = self.waiting.pop(0)
            deferred.callback(build())

    async def _respond(self, build: Callable[[], T]) -> T:
        if self.failing:
            raise Unavailable("The database is away.")
        if not self.hold_results:
            return build()
        deferred: Deferred[T] = Deferred()
        self.waiting.append((deferred, build))
        return await deferred

    async def begin(self, back: int) -> Position:
        readable = self.readable(Position(EPOCH, 0, 0))[-back - 1 :]
        if readable:
            return readable[0].position
        oldest = self.events[0].position if self.events else Position(EPOCH, 0, 1)
        return Position(EPOCH, oldest.xid, oldest.id - 1)

    async def poll(self, position: Position, accounts: Collection[int], credentials: Credentials) -> PollResult:
        def build() -> PollResult:
            found = self.readable(position)
            xmin = min(self.open_transactions, default=self.next_xid + 1)
            loaded = {
                id: evolve(self.loaded.get(id, RelationsSnapshot(id)), xid=xmin, filter_set=self.filters.get(id, NO_FILTERS))
                for id in accounts
            }
            retry_soon = not found and any(event.position > position for event in self.events)
            return PollResult(found[: self.limit], loaded, self._valid(credentials), len(found) > self.limit, retry_soon)

        return await self._respond(build)

    async def after(self, position: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        def build() -> tuple[Sequence[Event], Position | None]:
            return self.readable(position)[: self.limit], self.events[0].position if self.events else None

        return await self._respond(build)

    async def find(self, wanted: ItemIds) -> LoadedItems:
        def build() -> LoadedItems:
            found = {id: self.posts[id] for id in wanted.posts if id in self.posts}
            notifications = {id: self.notifications[id] for id in wanted.notifications if id in self.notifications}
            conversations = {id: self.conversations[id] for id in wanted.conversations if id in self.conversations}
            unread = {account: UnreadUpdate(1, 0) for account in wanted.unread}
            announcements = {id: self.announcements[id] for id in wanted.announcements if id in self.announcements}
            return LoadedItems(found, notifications, conversations, unread, announcements)

        return await self._respond(build)

    async def entries_before(self, queries: Sequence[EarlierEntries]) -> Sequence[Sequence[tuple[int, int | None]]]:
        return await self._respond(lambda: [self._entries(query) for query in queries])

    def _entries(self, query: EarlierEntries) -> list[tuple[int, int | None]]:
        followed = {query.account, *self.loaded.get(query.account, RelationsSnapshot(query.account)).follows}
        published = [event for event in self.all_events if event.kind is EventKind.POST_PUBLISHED and event.account_id in followed]
        ids = sorted((event.post_id or 0, Update.of(event).boost_of) for event in published)
        return [entry for entry in reversed(ids) if entry[0] < query.below][: query.limit]

    async def flags(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        return await self._respond(dict[tuple[int, int], PostFlags])

    async def valid_credentials(self, credentials: Credentials) -> Credentials:
        return await self._respond(lambda: self._valid(credentials))

    async def filter_sets(self, accounts: Collection[int]) -> Mapping[int, FilterSet]:
        return await self._respond(lambda: {id: self.filters[id] for id in accounts if id in self.filters})

    def _valid(self, credentials: Credentials) -> Credentials:
        return Credentials(credentials.sessions & self.sessions, credentials.tokens & self.tokens)


@define(eq=False)
class FakeConnection:
    """A connection that records frames. While `blocked`, frames wait, with room for two; a `failing` one raises OSError."""

    received: list[str] = Factory(list)
    waiting: list[str] = Factory(list)
    blocked: bool = False
    failing: bool = False
    heartbeats: list[Position | None] = Factory(list)
    drained: int = 0
    ending: CloseReason | None = None
    delay: float = 0.0

    def offer(self, frame: bytes) -> bool:
        assert self.ending is None, "no frame may be sent after the end"
        if self.failing:
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
    """Encoder of short text frames: the kind and the position. `encoded` counts encodings."""

    encoded: int = 0

    def variant(self, stream: Stream) -> Hashable:
        return "plain"

    def personal(self, stream: Stream) -> bool:
        return stream.kind is StreamKind.USER

    def frame(self, update: Update, stream: Stream, matches: Sequence[Match] = (), own: ViewerInteractions | None = None) -> bytes | None:
        self.encoded += 1
        return f"{update.kind} {update.position}{''.join(f' ({match.filter.title})' for match in matches)}".encode()

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        return f"resumed {since}".encode()

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        return f"gap {head}".encode()


@define(eq=False)
class BroadcasterFixture:
    """A broadcaster with a fake event log and a fake clock."""

    log: FakeEventLog = Factory(FakeEventLog)
    clock: Clock = Factory(Clock)
    wall_clock: datetime = NOW
    spread: Callable[[], float] = lambda: 0.5
    broadcaster: Broadcaster = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.broadcaster = Broadcaster(self.log, self.clock, lambda: self.wall_clock, self.spread, self.clock.seconds)

    def start(self) -> BroadcasterFixture:
        held, self.log.hold_results = self.log.hold_results, False
        run(self.broadcaster.start())
        self.clock.advance(0)
        self.log.hold_results = held
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
    assert results, "the coroutine is waiting"
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]
