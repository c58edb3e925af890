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
def feed() -> BroadcasterFixture:
    return BroadcasterFixture().start()


def received_kinds(connection: FakeConnection) -> list[str]:
    return [frame.split()[0] for frame in connection.received]


def wake_feed(feed: BroadcasterFixture, event: Event) -> str:
    feed.wake()
    return str(event.position)


def test_the_stream_has_the_owners_conversations_only(feed: BroadcasterFixture) -> None:
    own_stream, own_home = feed.subscribe(DIRECT, ME), feed.subscribe(home(ME), ME)
    other_stream = feed.subscribe(Stream(StreamKind.DIRECT, STRANGER), STRANGER)
    position = wake_feed(feed, feed.log.send_direct_message(ME, FRIEND))
    assert own_stream.received == [f"{CHANGED} {position}"]
    assert (own_home.received, other_stream.received) == ([], [])


def test_the_stream_has_no_other_events(feed: BroadcasterFixture) -> None:
    own_stream = feed.subscribe(DIRECT, ME)
    feed.log.publish(FRIEND, "direct", mentions=[ME])
    feed.log.notify(ME, FRIEND)
    wake_feed(feed, feed.log.record(EventKind.FILTERS_CHANGED, ME))
    assert own_stream.received == []


@pytest.mark.parametrize(("blocker", "blocked"), [(ME, FRIEND), (FRIEND, ME)])
def test_a_block_hides_the_last_author_at_once_and_in_replays(feed: BroadcasterFixture, blocker: int, blocked: int) -> None:
    own_stream, before = feed.subscribe(DIRECT, ME), str(feed.broadcaster.position)
    feed.log.send_direct_message(ME, FRIEND)
    feed.wake()
    feed.log.record(EventKind.BLOCKED, blocker, subject=blocked)
    feed.log.send_direct_message(ME, FRIEND, id=7001)
    feed.wake()
    assert received_kinds(own_stream) == [CHANGED]
    assert received_kinds(feed.subscribe(DIRECT, ME, before)) == ["resumed"]


def test_a_resumed_stream_replays_each_change_once_and_continues(feed: BroadcasterFixture) -> None:
    before = str(feed.broadcaster.position)
    feed.log.send_direct_message(ME, FRIEND)
    feed.log.send_direct_message(ME, STRANGER, id=7001)
    feed.wake()
    resumed = feed.subscribe(DIRECT, ME, before)
    feed.log.send_direct_message(ME, FRIEND)
    feed.wake()
    assert received_kinds(resumed) == ["resumed", CHANGED, CHANGED, CHANGED]


def test_a_deleted_conversation_is_not_replayed(feed: BroadcasterFixture) -> None:
    before = str(feed.broadcaster.position)
    feed.log.send_direct_message(ME, FRIEND)
    feed.subscribe(DIRECT, ME)
    feed.wake()
    feed.log.conversations.clear()
    event = feed.log.send_direct_message(ME, STRANGER)  # invalidates the buffered conversation
    feed.log.conversations.clear()
    wake_feed(feed, event)
    assert received_kinds(feed.subscribe(DIRECT, ME, before)) == ["resumed"]


@pytest.mark.parametrize("kind", [EventKind.POST_DELETED, EventKind.POST_EDITED, EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_CHANGED])
def test_a_stale_conversation_is_not_replayed_from_the_buffer(feed: BroadcasterFixture, kind: EventKind) -> None:
    """A change of a shown post or of a participant makes the broadcaster reload the conversation."""
    before, live = str(feed.broadcaster.position), feed.subscribe(DIRECT, ME)
    event = feed.log.send_direct_message(ME, FRIEND)
    conversation = feed.log.conversations[7000]
    feed.log.conversations[7000] = evolve(
        conversation, last=post(900, FRIEND, "direct")
    )  # the newest post may not be visible to the viewer
    feed.wake()
    assert received_kinds(live) == [CHANGED]
    feed.log.conversations.clear()
    feed.log.record(kind, FRIEND, post=900 if kind.startswith("post") else None)
    feed.wake()
    assert event.post_id != 900
    assert received_kinds(feed.subscribe(DIRECT, ME, before)) == ["resumed"]
