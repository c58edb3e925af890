"""A client that has seen the head of a stream's response misses nothing from then on, however long it takes to let it in."""

from __future__ import annotations

import orjson
import pytest
from twisted.internet.testing import StringTransport

from microblog.live.topics import Stream, StreamKind
from microblog.live.viewers import Loaded
from microblog.model.events import EventKind, Position
from microblog.web.api.streaming import Listener, Multiplexed
from microblog.web.outlets import OpenStream, Reader
from microblog.web.streaming import EventStream, event
from microblog.web.websocket import text_frame
from tests.live.world import World
from tests.web.socket_client import TEXT, frame
from tests.web.test_slow_readers import Wordy

ME, FRIEND = 1, 2
LIST = 7


@pytest.fixture
def world() -> World:
    """A database that answers when it is told to, in which somebody has posted before."""
    made = World()
    made.log.loaded[ME] = Loaded(ME, follows={FRIEND: None})
    made.log.publish(FRIEND)
    made.log.publish(FRIEND)
    made.start()
    made.log.held = True
    return made


def answered(world: World) -> None:
    """Let the database answer all that waits for it, and what is asked next."""
    world.clock.advance(0)
    while world.log.waiting:
        world.log.answer()
        world.clock.advance(0)


def connected(stream: OpenStream) -> StringTransport:
    transport = StringTransport()
    stream.makeConnection(transport)  # type: ignore[no-untyped-call]  # Twisted has no annotations here
    return transport


def events(world: World) -> OpenStream:
    dialect = Wordy(lambda position: event("update", str(position).encode()))
    return EventStream(world.feed, dialect, Reader(ME), lambda _: None, Stream(StreamKind.USER, ME), None)


def socket(world: World, **first: str) -> Multiplexed:
    dialect = Wordy(lambda position: text_frame(str(position).encode()))
    return Multiplexed(world.feed, dialect, Reader(ME), lambda _: None, Listener(ME), first, [])


def asked(**message: str) -> bytes:
    return frame(TEXT, orjson.dumps({"type": "subscribe", **message}))


def positions(world: World, transport: StringTransport) -> list[Position]:
    """What was told of all that ever happened."""
    said = transport.value().decode("latin-1")
    return [each.position for each in world.log.everything if str(each.position) in said]


@pytest.mark.parametrize("looks", [0, 1, 2, 3])
def test_what_happens_while_a_reader_is_let_in_is_told(world: World, looks: int) -> None:
    for made in (events(world), socket(world, stream="user")):
        transport = connected(made)
        for _ in range(looks):
            world.log.answer()
        posted = world.log.publish(FRIEND).position
        world.feed.wake()
        answered(world)
        assert positions(world, transport) == [posted]


def test_who_subscribes_before_being_let_in_misses_nothing_either(world: World) -> None:
    made = socket(world)
    transport = connected(made)
    made.dataReceived(asked(stream="user"))
    posted = world.log.publish(FRIEND).position
    answered(world)
    assert positions(world, transport) == [posted]


def test_who_subscribes_later_is_told_what_comes_later(world: World) -> None:
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


def test_a_list_that_the_feed_has_not_heard_of_yet_is_told_from_the_moment_it_is_asked_for(world: World) -> None:
    made = socket(world)
    transport = connected(made)
    answered(world)
    world.log.happen(EventKind.LIST_CHANGED, ME, list=str(LIST), policy="list", added=[str(FRIEND)])
    made.dataReceived(asked(stream="list", list=str(LIST)))
    posted = world.log.publish(FRIEND).position
    answered(world)
    assert positions(world, transport) == [posted]
