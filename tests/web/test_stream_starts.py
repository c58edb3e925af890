"""A client misses nothing from the head of its stream's response on, however long its admission takes."""

from __future__ import annotations

import orjson
import pytest
from twisted.internet.testing import StringTransport

from microblog.live.topics import Stream, StreamKind
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.events import EventKind, Position
from microblog.web.api.stream_names import Listener, NotYourList
from microblog.web.api.streaming import MAX_LIST_LOOKUPS, MAX_PENDING_MESSAGES, Multiplexed
from microblog.web.streaming.sse import EventStream, event
from microblog.web.streaming.stream_connection import OpenStream, StreamIdentity
from microblog.web.streaming.websocket import text_frame
from tests.live.fake_log import BroadcasterFixture
from tests.web.socket_client import TEXT, frame
from tests.web.test_slow_readers import LargeEventEncoder

ME, FRIEND = 1, 2
LIST = 7


@pytest.fixture
def world() -> BroadcasterFixture:
    """A broadcaster whose database queries wait until released, with two earlier posts."""
    fixture = BroadcasterFixture()
    fixture.log.loaded[ME] = RelationsSnapshot(ME, follows={FRIEND: None})
    fixture.log.publish(FRIEND)
    fixture.log.publish(FRIEND)
    fixture.start()
    fixture.log.hold_results = True
    return fixture


def release_all(world: BroadcasterFixture) -> None:
    """Release all pending database queries, and those that follow."""
    world.clock.advance(0)
    while world.log.waiting:
        world.log.release_result()
        world.clock.advance(0)


def connected(stream: OpenStream) -> StringTransport:
    transport = StringTransport()
    stream.makeConnection(transport)  # type: ignore[no-untyped-call]  # Twisted has no annotations here
    return transport


def open_events(world: BroadcasterFixture) -> OpenStream:
    encoder = LargeEventEncoder(lambda position: event("update", str(position).encode()))
    return EventStream(world.broadcaster, encoder, StreamIdentity(ME), lambda _: None, Stream(StreamKind.USER, ME), None)


def open_socket(world: BroadcasterFixture, **first: str) -> Multiplexed:
    encoder = LargeEventEncoder(lambda position: text_frame(str(position).encode()))

    async def owned(id: int) -> None:
        """Raise unless the list was committed."""
        at = await world.log._respond(lambda: [each for each in world.log.all_events if each.data.get("list") == str(id)])
        if not at:
            raise NotYourList

    return Multiplexed(world.broadcaster, encoder, StreamIdentity(ME), lambda _: None, Listener(ME), first, [], owned)


def subscribe_message(type: str = "subscribe", **message: str) -> bytes:
    return frame(TEXT, orjson.dumps({"type": type, **message}))


def positions(world: BroadcasterFixture, transport: StringTransport) -> list[Position]:
    """Return the positions of the events that the client received."""
    received = transport.value().decode("latin-1")
    return [each.position for each in world.log.all_events if str(each.position) in received]


@pytest.mark.parametrize("released", [0, 1, 2, 3])
def test_events_during_admission_are_delivered(world: BroadcasterFixture, released: int) -> None:
    for stream in (open_events(world), open_socket(world, stream="user")):
        transport = connected(stream)
        for _ in range(released):
            world.log.release_result()
        posted = world.log.publish(FRIEND).position
        world.broadcaster.wake()
        release_all(world)
        assert positions(world, transport) == [posted]


def test_a_subscription_sent_before_admission_misses_nothing(world: BroadcasterFixture) -> None:
    stream = open_socket(world)
    transport = connected(stream)
    stream.dataReceived(subscribe_message(stream="user"))
    posted = world.log.publish(FRIEND).position
    release_all(world)
    assert positions(world, transport) == [posted]


def test_a_later_subscription_gets_only_later_events(world: BroadcasterFixture) -> None:
    stream = open_socket(world)
    transport = connected(stream)
    world.log.publish(FRIEND)
    release_all(world)
    world.wake()
    release_all(world)
    stream.dataReceived(subscribe_message(stream="user"))
    assert positions(world, transport) == []
    posted = world.log.publish(FRIEND).position
    world.wake()
    release_all(world)
    assert positions(world, transport) == [posted]


def test_a_list_unknown_to_the_broadcaster_is_streamed_from_the_subscription_on(world: BroadcasterFixture) -> None:
    stream = open_socket(world)
    transport = connected(stream)
    release_all(world)
    world.log.record(EventKind.LIST_CHANGED, ME, list=str(LIST), policy="list", added=[str(FRIEND)])
    stream.dataReceived(subscribe_message(stream="list", list=str(LIST)))
    posted = world.log.publish(FRIEND).position
    world.broadcaster.wake()
    release_all(world)
    assert positions(world, transport) == [posted]


def test_a_list_whose_event_is_delayed_by_an_older_transaction_can_be_streamed(world: BroadcasterFixture) -> None:
    stream = open_socket(world)
    transport = connected(stream)
    release_all(world)
    older = world.log.begin_transaction()
    world.log.record(EventKind.LIST_CHANGED, ME, list=str(LIST), policy="list", added=[str(FRIEND)])
    stream.dataReceived(subscribe_message(stream="list", list=str(LIST)))
    release_all(world)
    assert b"error" not in transport.value()
    posted = world.log.publish(FRIEND).position
    world.log.commit(older)
    world.wake()
    release_all(world)
    assert positions(world, transport) == [posted]


def test_messages_are_answered_in_order_even_if_one_is_slow(world: BroadcasterFixture) -> None:
    stream = open_socket(world)
    transport = connected(stream)
    release_all(world)
    world.log.record(EventKind.LIST_CHANGED, ME, list=str(LIST), policy="list", added=[str(FRIEND)])
    stream.dataReceived(
        subscribe_message(stream="list", list=str(LIST))
        + subscribe_message(stream="nonsense")
        + subscribe_message("unsubscribe", stream="list", list=str(LIST))
    )
    assert transport.value() == b"", "the first message is not answered yet"
    release_all(world)
    assert b"Unknown stream type" in transport.value()
    world.log.publish(FRIEND)
    world.wake()
    release_all(world)
    assert positions(world, transport) == []


def test_a_client_with_too_many_pending_messages_is_closed(world: BroadcasterFixture) -> None:
    stream = open_socket(world)
    transport = connected(stream)
    stream.dataReceived(subscribe_message(stream="user") * MAX_PENDING_MESSAGES)
    assert transport.value() == b""
    stream.dataReceived(subscribe_message(stream="user"))
    assert b"Too many messages" in transport.value()
    release_all(world)
    assert not len(world.broadcaster.connections)


def test_a_client_that_requests_too_many_lists_is_closed(world: BroadcasterFixture) -> None:
    stream = open_socket(world)
    transport = connected(stream)
    release_all(world)
    for number in range(MAX_LIST_LOOKUPS):
        stream.dataReceived(subscribe_message(stream="list", list=str(number)))
        release_all(world)
    assert transport.value().count(b"Not authorized") == MAX_LIST_LOOKUPS
    stream.dataReceived(subscribe_message(stream="list", list="99"))
    assert not world.log.waiting
    assert b"Too many messages" in transport.value()
