"""A client that has seen the head of a stream's response misses nothing from then on, however long it takes to let it in."""

from __future__ import annotations

import orjson
import pytest
from twisted.internet.testing import StringTransport

from microblog.live.topics import Stream, StreamKind
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.events import EventKind, Position
from microblog.web.api.streaming import MAX_LIST_LOOKUPS, MAX_PENDING_MESSAGES, Listener, Multiplexed, NotYourList
from microblog.web.streaming.sse import EventStream, event
from microblog.web.streaming.stream_connection import OpenStream, StreamIdentity
from microblog.web.streaming.websocket import text_frame
from tests.live.fake_log import BroadcasterFixture
from tests.web.socket_client import TEXT, frame
from tests.web.test_slow_readers import Wordy

ME, FRIEND = 1, 2
LIST = 7


@pytest.fixture
def world() -> BroadcasterFixture:
    """A database that answers when it is told to, in which somebody has posted before."""
    made = BroadcasterFixture()
    made.log.loaded[ME] = RelationsSnapshot(ME, follows={FRIEND: None})
    made.log.publish(FRIEND)
    made.log.publish(FRIEND)
    made.start()
    made.log.hold_results = True
    return made


def answered(world: BroadcasterFixture) -> None:
    """Let the database answer all that waits for it, and what is asked next."""
    world.clock.advance(0)
    while world.log.waiting:
        world.log.release_result()
        world.clock.advance(0)


def connected(stream: OpenStream) -> StringTransport:
    transport = StringTransport()
    stream.makeConnection(transport)  # type: ignore[no-untyped-call]  # Twisted has no annotations here
    return transport


def events(world: BroadcasterFixture) -> OpenStream:
    dialect = Wordy(lambda position: event("update", str(position).encode()))
    return EventStream(world.broadcaster, dialect, StreamIdentity(ME), lambda _: None, Stream(StreamKind.USER, ME), None)


def socket(world: BroadcasterFixture, **first: str) -> Multiplexed:
    dialect = Wordy(lambda position: text_frame(str(position).encode()))

    async def owned(id: int) -> None:
        """What the database says: the list is there as soon as it was committed."""
        at = await world.log._respond(lambda: [each for each in world.log.all_events if each.data.get("list") == str(id)])
        if not at:
            raise NotYourList

    return Multiplexed(world.broadcaster, dialect, StreamIdentity(ME), lambda _: None, Listener(ME), first, [], owned)


def asked(type: str = "subscribe", **message: str) -> bytes:
    return frame(TEXT, orjson.dumps({"type": type, **message}))


def positions(world: BroadcasterFixture, transport: StringTransport) -> list[Position]:
    """What was told of all that ever happened."""
    said = transport.value().decode("latin-1")
    return [each.position for each in world.log.all_events if str(each.position) in said]


@pytest.mark.parametrize("looks", [0, 1, 2, 3])
def test_events_during_admission_are_delivered(world: BroadcasterFixture, looks: int) -> None:
    for made in (events(world), socket(world, stream="user")):
        transport = connected(made)
        for _ in range(looks):
            world.log.release_result()
        posted = world.log.publish(FRIEND).position
        world.broadcaster.wake()
        answered(world)
        assert positions(world, transport) == [posted]


def test_a_subscription_sent_before_admission_misses_nothing(world: BroadcasterFixture) -> None:
    made = socket(world)
    transport = connected(made)
    made.dataReceived(asked(stream="user"))
    posted = world.log.publish(FRIEND).position
    answered(world)
    assert positions(world, transport) == [posted]


def test_a_later_subscription_gets_only_later_events(world: BroadcasterFixture) -> None:
    made = socket(world)
    transport = connected(made)
    world.log.publish(FRIEND)
    answered(world)
    world.wake()
    answered(world)
    made.dataReceived(asked(stream="user"))
    assert positions(world, transport) == []
    posted = world.log.publish(FRIEND).position
    world.wake()
    answered(world)
    assert positions(world, transport) == [posted]


def test_a_list_unknown_to_the_broadcaster_is_streamed_from_the_subscription_on(world: BroadcasterFixture) -> None:
    made = socket(world)
    transport = connected(made)
    answered(world)
    world.log.record(EventKind.LIST_CHANGED, ME, list=str(LIST), policy="list", added=[str(FRIEND)])
    made.dataReceived(asked(stream="list", list=str(LIST)))
    posted = world.log.publish(FRIEND).position
    world.broadcaster.wake()
    answered(world)
    assert positions(world, transport) == [posted]


def test_a_list_whose_event_is_delayed_by_an_older_transaction_can_be_streamed(world: BroadcasterFixture) -> None:
    made = socket(world)
    transport = connected(made)
    answered(world)
    older = world.log.begin_transaction()
    world.log.record(EventKind.LIST_CHANGED, ME, list=str(LIST), policy="list", added=[str(FRIEND)])
    made.dataReceived(asked(stream="list", list=str(LIST)))
    answered(world)
    assert b"error" not in transport.value()
    posted = world.log.publish(FRIEND).position
    world.log.commit(older)
    world.wake()
    answered(world)
    assert positions(world, transport) == [posted]


def test_messages_are_answered_in_order_even_if_one_is_slow(world: BroadcasterFixture) -> None:
    made = socket(world)
    transport = connected(made)
    answered(world)
    world.log.record(EventKind.LIST_CHANGED, ME, list=str(LIST), policy="list", added=[str(FRIEND)])
    made.dataReceived(asked(stream="list", list=str(LIST)) + asked(stream="nonsense") + asked("unsubscribe", stream="list", list=str(LIST)))
    assert transport.value() == b"", "the first one is not answered yet"
    answered(world)
    assert b"Unknown stream type" in transport.value()
    world.log.publish(FRIEND)
    world.wake()
    answered(world)
    assert positions(world, transport) == []


def test_a_client_with_too_many_pending_messages_is_closed(world: BroadcasterFixture) -> None:
    made = socket(world)
    transport = connected(made)
    made.dataReceived(asked(stream="user") * MAX_PENDING_MESSAGES)
    assert transport.value() == b""
    made.dataReceived(asked(stream="user"))
    assert b"Too many messages" in transport.value()
    answered(world)
    assert not len(world.broadcaster.connections)


def test_a_client_that_requests_too_many_lists_is_closed(world: BroadcasterFixture) -> None:
    made = socket(world)
    transport = connected(made)
    answered(world)
    for number in range(MAX_LIST_LOOKUPS):
        made.dataReceived(asked(stream="list", list=str(number)))
        answered(world)
    assert transport.value().count(b"Not authorized") == MAX_LIST_LOOKUPS
    made.dataReceived(asked(stream="list", list="99"))
    assert not world.log.waiting
    assert b"Too many messages" in transport.value()
