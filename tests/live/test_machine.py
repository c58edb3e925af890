"""State machine test: in any order of events, each subscriber gets each update once, in log order, or a gap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import Factory, define
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from twisted.internet.defer import Deferred

from microblog.live.connections import HEARTBEAT_S, STALL_TIMEOUT_S
from microblog.live.subscriber import CloseReason, Subscriber
from microblog.live.topics import Stream, StreamKind
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.events import Event, EventKind, Position
from tests.live.fake_log import PUBLIC, BroadcasterFixture, FakeConnection, FakeEventLog, PlainEncoder, home, post

STREAMS = [PUBLIC, Stream(StreamKind.AUTHOR, 1), Stream(StreamKind.TAG, "tea"), home(1)]
FOLLOWED_BY_1 = {2}


def belongs(event: Event, stream: Stream) -> bool:
    """Restate the delivery rule of a stream in the plainest form."""
    if stream.kind is StreamKind.PUBLIC:
        return True
    if stream.kind is StreamKind.TAG:
        return event.data["tags"] == ["tea"]
    return event.account_id == 1 or (stream.kind is StreamKind.USER and event.account_id in FOLLOWED_BY_1)


@define(eq=False)
class Reader:
    """A client that connects repeatedly. `received` holds all event positions since `first`."""

    stream: Stream
    first: Position | None = None
    last: Position | None = None
    received: list[Position] = Factory(list)
    connection: FakeConnection | None = None
    subscriber: Subscriber | None = None
    admitted: bool = False

    def read(self) -> None:
        """Read the frames that have arrived."""
        if self.connection is None:
            return
        for frame in self.connection.received:
            word, _, position = frame.rpartition(" ")
            self.last = Position.parse(position)
            if word == "gap":
                self.received.clear()
                self.first = self.last
            elif word != "resumed":
                self.received.append(self.last)
        self.connection.received.clear()


class BroadcasterMachine(RuleBasedStateMachine):
    readers = Bundle("readers")
    transactions = Bundle("transactions")

    def __init__(self) -> None:
        super().__init__()
        self.log = FakeEventLog(hold_results=True, loaded={1: RelationsSnapshot(1, follows={2: None})})
        self.feed = BroadcasterFixture(self.log).start()
        self.all_readers: list[Reader] = []

    @rule(target=transactions, author=st.integers(1, 3), tea=st.booleans(), count=st.integers(0, 3))
    def write(self, author: int, tea: bool, count: int) -> int:
        xid = self.log.begin_transaction()
        for _ in range(count):
            id = 1000 + self.log.next_id
            self.log.posts[id] = post(id, author)
            tags = ["tea"] if tea else []
            self.log.write(xid, EventKind.POST_PUBLISHED, author, post=id, visibility="public", tags=tags)
        return xid

    @rule(xid=consumes(transactions), woken=st.booleans())
    def commit(self, xid: int, woken: bool) -> None:
        if any(each.position > other.position for other in self.log.open_transactions[xid] for each in self.log.all_events):
            event("a transaction commits after a later one")
        self.log.commit(xid)
        if woken:
            self.feed.broadcaster.wake()

    @rule(xid=consumes(transactions))
    def roll_back(self, xid: int) -> None:
        self.log.roll_back(xid)

    @rule(author=st.integers(1, 3))
    def publish(self, author: int) -> None:
        self.log.publish(author, tags=["tea"])
        self.feed.broadcaster.wake()

    @rule()
    def answer(self) -> None:
        self.log.release_result()
        self.feed.clock.advance(0)

    @rule()
    def settle(self) -> None:
        """Let the database return all pending results."""
        for _ in range(20):
            self.answer()

    @rule(author=st.integers(1, 3), count=st.integers(3, 6))
    def publish_many(self, author: int, count: int) -> None:
        """Publish more posts than a blocked reader has room for."""
        for _ in range(count):
            self.publish(author)
        self.settle()

    @rule()
    def time_passes(self) -> None:
        self.feed.clock.advance(1)

    @rule(jump=st.sampled_from([timedelta(days=-400), timedelta(hours=-1), timedelta(hours=1), timedelta(days=400)]))
    def wall_clock_jumps(self, jump: timedelta) -> None:
        self.feed.wall_clock += jump

    @rule()
    def stall_timeout(self) -> None:
        """Wait until readers that stopped reading are closed."""
        for _ in range(STALL_TIMEOUT_S + HEARTBEAT_S):
            self.feed.clock.advance(1)

    @rule(target=readers, stream=st.sampled_from(STREAMS))
    def connect(self, stream: Stream) -> Reader:
        reader = Reader(stream)
        self.all_readers.append(reader)
        self._open(reader)
        return reader

    @rule(reader=readers)
    def disconnect(self, reader: Reader) -> None:
        if reader.subscriber is not None:
            reader.read()
            self.feed.broadcaster.dismiss(reader.subscriber)
            reader.subscriber = reader.connection = None

    @rule(reader=readers)
    def resume(self, reader: Reader) -> None:
        if reader.subscriber is None:
            self._open(reader)

    @rule(reader=readers)
    def stall(self, reader: Reader) -> None:
        if reader.connection is not None:
            reader.connection.blocked = True

    @rule(reader=readers)
    def drain(self, reader: Reader) -> None:
        self._drain(reader)

    @rule(count=st.integers(1, 5))
    def delete_oldest(self, count: int) -> None:
        """Delete the oldest of the events that the broadcaster has delivered; cleanup runs days behind it."""
        expected = sum(event.position <= self.feed.broadcaster.position for event in self.log.events)
        self.log.delete_oldest(min(count, expected))

    @rule()
    def restart(self) -> None:
        for reader in self.all_readers:
            self.disconnect(reader)
        old = self.feed.broadcaster
        if any(self.log.open_transactions.values()):
            event("a restart while a transaction runs")
        old.stop()
        assert not len(old.connections)
        assert not len(old.hub)
        assert not len(old.viewer_states)
        self.log.waiting.clear()
        self.feed = BroadcasterFixture(self.log).start()

    @invariant()
    def received_in_order_without_repeats(self) -> None:
        for reader in self.all_readers:
            reader.read()
            assert reader.received == sorted(set(reader.received))
            self._record_situation(reader)

    def teardown(self) -> None:
        """Let everything settle; then each reader has every event after its first position."""
        for xid in list(self.log.open_transactions):
            self.log.commit(xid)
        for reader in self.all_readers:
            self.resume(reader)
        for _ in range(200):
            for reader in self.all_readers:
                self._drain(reader)
            self.log.release_result()
            self.feed.clock.advance(1)
        for reader in self.all_readers:
            reader.read()
            assert reader.first is not None
            assert reader.connection is not None
            assert reader.connection.ending is None
            expected = [event.position for event in self.log.all_events if belongs(event, reader.stream)]
            assert reader.received == [position for position in expected if position > reader.first]

    def _record_situation(self, reader: Reader) -> None:
        """Record which situations occurred, for statistics; let a closed reader reconnect."""
        if reader.connection is None or reader.subscriber is None:
            return
        if reader.connection.ending is not None:
            assert reader.connection.ending is CloseReason.STALLED
            reader.subscriber = reader.connection = None
            event("a reader was closed because it did not read")
        elif reader.connection.waiting and not reader.subscriber.live:
            event("a reader's connection was full")
        elif any(subscription.catching_up for subscription in reader.subscriber.subscriptions.values()):
            event("a reader catches up")

    def _open(self, reader: Reader) -> None:
        broadcaster, connection = self.feed.broadcaster, FakeConnection()
        reader.connection = connection
        subscriber = reader.subscriber = Subscriber(connection, PlainEncoder(), 1 if reader.stream.kind is StreamKind.USER else None)
        requested_position = broadcaster.position

        async def admit() -> None:
            await broadcaster.admit(subscriber)
            if reader.subscriber is subscriber:
                if reader.last is None:
                    reader.first = reader.last = requested_position
                    broadcaster.subscribe(subscriber, reader.stream, start=requested_position)
                else:
                    broadcaster.subscribe(subscriber, reader.stream, reader.last)

        Deferred.fromCoroutine(admit()).addErrback(lambda failure: self._admission_failed(failure, reader, subscriber))

    def _admission_failed(self, failure: Any, reader: Reader, subscriber: Subscriber) -> None:
        if reader.subscriber is subscriber:
            reader.subscriber = reader.connection = None

    def _drain(self, reader: Reader) -> None:
        if reader.connection is not None and reader.subscriber is not None:
            reader.connection.blocked = False
            reader.connection.drain()
            self.feed.broadcaster.drained(reader.subscriber)


TestBroadcaster = BroadcasterMachine.TestCase
TestBroadcaster.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
