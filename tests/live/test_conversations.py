"""The `direct` stream: delivery of conversation events and their later changes."""

from __future__ import annotations

import pytest
from attrs import evolve

from microblog.live.topics import Stream, StreamKind
from microblog.model.events import Event, EventKind
from tests.live.fake_log import BroadcasterFixture, FakeConnection, home, post

ME, FRIEND, STRANGER = 1, 2, 4
DIRECT = Stream(StreamKind.DIRECT, ME)
CHANGED = "conversation.changed"


@pytest.fixture
def world() -> BroadcasterFixture:
    return BroadcasterFixture().start()


def told(connection: FakeConnection) -> list[str]:
    return [frame.split()[0] for frame in connection.received]


def happen(world: BroadcasterFixture, event: Event) -> str:
    world.wake()
    return str(event.position)


def test_ones_conversations_are_told_and_nobody_elses(world: BroadcasterFixture) -> None:
    mine, home_of_mine = world.subscribe(DIRECT, ME), world.subscribe(home(ME), ME)
    strangers = world.subscribe(Stream(StreamKind.DIRECT, STRANGER), STRANGER)
    place = happen(world, world.log.send_direct_message(ME, FRIEND))
    assert mine.received == [f"{CHANGED} {place}"]
    assert (home_of_mine.received, strangers.received) == ([], [])


def test_nothing_else_is_told_there(world: BroadcasterFixture) -> None:
    mine = world.subscribe(DIRECT, ME)
    world.log.publish(FRIEND, "direct", mentions=[ME])
    world.log.notify(ME, FRIEND)
    happen(world, world.log.record(EventKind.FILTERS_CHANGED, ME))
    assert mine.received == []


@pytest.mark.parametrize(("who", "whom"), [(ME, FRIEND), (FRIEND, ME)])
def test_a_block_silences_who_spoke_last_at_once_and_in_replays(world: BroadcasterFixture, who: int, whom: int) -> None:
    mine, before = world.subscribe(DIRECT, ME), str(world.broadcaster.position)
    world.log.send_direct_message(ME, FRIEND)
    world.wake()
    world.log.record(EventKind.BLOCKED, who, subject=whom)
    world.log.send_direct_message(ME, FRIEND, id=7001)
    world.wake()
    assert told(mine) == [CHANGED]
    assert told(world.subscribe(DIRECT, ME, before)) == ["resumed"]


def test_whoever_comes_back_is_told_each_change_once_and_then_what_comes(world: BroadcasterFixture) -> None:
    before = str(world.broadcaster.position)
    world.log.send_direct_message(ME, FRIEND)
    world.log.send_direct_message(ME, STRANGER, id=7001)
    world.wake()
    again = world.subscribe(DIRECT, ME, before)
    world.log.send_direct_message(ME, FRIEND)
    world.wake()
    assert told(again) == ["resumed", CHANGED, CHANGED, CHANGED]


def test_a_conversation_that_is_gone_is_left_out_of_a_replay(world: BroadcasterFixture) -> None:
    before = str(world.broadcaster.position)
    world.log.send_direct_message(ME, FRIEND)
    world.subscribe(DIRECT, ME)
    world.wake()
    world.log.conversations.clear()
    event = world.log.send_direct_message(ME, STRANGER)  # so that what was known of it is forgotten
    world.log.conversations.clear()
    happen(world, event)
    assert told(world.subscribe(DIRECT, ME, before)) == ["resumed"]


@pytest.mark.parametrize("kind", [EventKind.POST_DELETED, EventKind.POST_EDITED, EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_CHANGED])
def test_what_is_not_true_any_more_is_not_told_from_memory(world: BroadcasterFixture, kind: EventKind) -> None:
    """A change of a shown post or of a participant makes the broadcaster reload the conversation."""
    before, live = str(world.broadcaster.position), world.subscribe(DIRECT, ME)
    event = world.log.send_direct_message(ME, FRIEND)
    conversation = world.log.conversations[7000]
    world.log.conversations[7000] = evolve(conversation, last=post(900, FRIEND, "direct"))  # the newest may not be seen
    world.wake()
    assert told(live) == [CHANGED]
    world.log.conversations.clear()
    world.log.record(kind, FRIEND, post=900 if kind.startswith("post") else None)
    world.wake()
    assert event.post_id != 900
    assert told(world.subscribe(DIRECT, ME, before)) == ["resumed"]
