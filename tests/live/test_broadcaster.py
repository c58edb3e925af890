"""Broadcaster: delivery, closing of connections, and failures."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from microblog.live.broadcaster import MAX_CONNECTIONS, RESTART_SPREAD_S
from microblog.live.connections import HEARTBEAT_S, STALL_TIMEOUT_S
from microblog.live.subscriber import MAX_SUBSCRIPTIONS, CloseReason, Subscriber
from microblog.live.topics import Stream, StreamKind
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.errors import Malformed, Problem, TooMany, Unauthenticated, Unavailable
from microblog.model.events import Event, EventKind, Position
from tests.live.fake_log import NOW, PUBLIC, BroadcasterFixture, FakeConnection, PlainEncoder, account, home, post, run

ME, FRIEND, OTHER, STRANGER = 1, 2, 3, 4


@pytest.fixture
def world() -> BroadcasterFixture:
    made = BroadcasterFixture()
    made.log.loaded[ME] = RelationsSnapshot(ME, follows={FRIEND: None, OTHER: None})
    return made.start()


def told(connection: FakeConnection) -> list[str]:
    """Return the kinds of the received events, in order."""
    return [frame.split()[0] for frame in connection.received]


def happens(world: BroadcasterFixture, connection: FakeConnection, event: Event) -> bool:
    """Return True if the event is delivered to the subscriber."""
    before = len(connection.received)
    world.wake()
    return any(str(event.position) in frame for frame in connection.received[before:])


def test_a_followed_authors_post_is_told_at_home_and_a_strangers_is_not(world: BroadcasterFixture) -> None:
    connection = world.subscribe(home(ME), ME)
    assert happens(world, connection, world.log.publish(FRIEND))
    assert happens(world, connection, world.log.publish(ME, "direct"))
    assert not happens(world, connection, world.log.publish(STRANGER))


def test_who_may_see_a_post_is_decided_for_each_reader(world: BroadcasterFixture) -> None:
    connection = world.subscribe(home(ME), ME)
    assert happens(world, connection, world.log.publish(FRIEND, "private"))
    assert not happens(world, connection, world.log.publish(FRIEND, "direct", mentions=[OTHER]))
    assert happens(world, connection, world.log.publish(FRIEND, "direct", mentions=[ME]))
    assert not happens(world, connection, world.log.publish(STRANGER, "direct", mentions=[ME]))


def test_replies_are_told_at_home_only_between_people_whom_one_follows(world: BroadcasterFixture) -> None:
    connection = world.subscribe(home(ME), ME)
    assert happens(world, connection, world.log.publish(FRIEND, reply_to_account=OTHER))
    assert happens(world, connection, world.log.publish(FRIEND, reply_to_account=FRIEND))
    assert happens(world, connection, world.log.publish(FRIEND, reply_to_account=ME))
    assert not happens(world, connection, world.log.publish(FRIEND, reply_to_account=STRANGER))


@pytest.mark.parametrize(
    ("kind", "account_id", "subject"),
    [
        (EventKind.UNFOLLOWED, ME, FRIEND),
        (EventKind.MUTED, ME, FRIEND),
        (EventKind.BLOCKED, ME, FRIEND),
        (EventKind.BLOCKED, FRIEND, ME),
    ],
)
def test_an_unfollowed_muted_or_blocked_author_falls_silent_at_once(
    world: BroadcasterFixture, kind: EventKind, account_id: int, subject: int
) -> None:
    connection = world.subscribe(home(ME), ME)
    world.log.record(kind, account_id, subject=subject)
    assert not happens(world, connection, world.log.publish(FRIEND))


def test_a_newly_followed_author_is_heard_at_once(world: BroadcasterFixture) -> None:
    connection = world.subscribe(home(ME), ME)
    world.log.record(EventKind.FOLLOWED, ME, subject=STRANGER, boosts=True)
    assert happens(world, connection, world.log.publish(STRANGER))


def test_blocks_and_mutes_count_on_public_streams_too(world: BroadcasterFixture) -> None:
    connection, anybody = world.subscribe(PUBLIC, ME), world.subscribe(PUBLIC)
    world.log.record(EventKind.BLOCKED, ME, subject=FRIEND)
    world.log.record(EventKind.BLOCKED, OTHER, subject=ME)
    world.log.record(EventKind.MUTED, ME, subject=STRANGER)
    for author in (FRIEND, OTHER, STRANGER):
        event = world.log.publish(author)
        assert not happens(world, connection, event)
        assert str(event.position) in anybody.received[-1]


def test_a_mute_ends_when_its_time_is_over(world: BroadcasterFixture) -> None:
    connection = world.subscribe(PUBLIC, ME)
    world.log.record(EventKind.MUTED, ME, subject=STRANGER, until=(NOW + timedelta(hours=1)).isoformat())
    assert not happens(world, connection, world.log.publish(STRANGER))
    world.log.record(EventKind.MUTED, ME, subject=STRANGER, until=(NOW - timedelta(hours=1)).isoformat())
    assert happens(world, connection, world.log.publish(STRANGER))


def test_boosts_are_told_unless_hidden_and_never_of_whom_one_mutes(world: BroadcasterFixture) -> None:
    connection = world.subscribe(home(ME), ME)

    def boost(of: int) -> Event:
        event = world.log.publish(FRIEND, boost_of=77, boost_author=of)
        assert event.post_id is not None
        original = post(77, of)
        world.log.posts[event.post_id] = type(original)(original.id, account(FRIEND), "", "", original.visibility, NOW, boost=original)
        return event

    assert happens(world, connection, boost(STRANGER))
    world.log.record(EventKind.MUTED, ME, subject=OTHER)
    assert not happens(world, connection, boost(OTHER))
    world.log.record(EventKind.FOLLOWED, ME, subject=FRIEND, boosts=False)
    assert not happens(world, connection, boost(STRANGER))


def test_public_has_neither_replies_to_others_nor_boosts_nor_what_is_not_public(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    assert happens(world, connection, world.log.publish(STRANGER, reply_to_account=STRANGER))
    assert not happens(world, connection, world.log.publish(STRANGER, reply_to_account=OTHER))
    assert not happens(world, connection, world.log.publish(STRANGER, boost_of=77, boost_author=OTHER))
    assert not happens(world, connection, world.log.publish(STRANGER, "unlisted"))


def test_a_conversation_is_told_to_those_who_have_it_open(world: BroadcasterFixture) -> None:
    connection = world.subscribe(Stream(StreamKind.THREAD, 9))
    assert happens(world, connection, world.log.publish(STRANGER, "unlisted", thread=9, reply_to_account=OTHER))
    assert not happens(world, connection, world.log.publish(STRANGER, "private", thread=9))
    assert not happens(world, connection, world.log.publish(STRANGER, thread=10))


def test_notices_come_along_with_any_stream_and_only_to_their_owner(world: BroadcasterFixture) -> None:
    mine = world.subscribe(Stream(StreamKind.PUBLIC, 0, ME), ME)
    other = world.subscribe(Stream(StreamKind.PUBLIC, 0, OTHER), OTHER)
    assert happens(world, mine, world.log.notify(ME, STRANGER))
    assert not other.received


def test_a_notice_from_somebody_whom_one_blocks_by_now_is_not_replayed(world: BroadcasterFixture) -> None:
    before = str(world.broadcaster.position)
    world.log.notify(ME, STRANGER)
    world.log.record(EventKind.BLOCKED, ME, subject=STRANGER)
    world.wake()
    assert told(world.subscribe(home(ME), ME, before)) == ["resumed"]


def test_a_post_that_is_gone_by_now_is_left_out_of_a_replay_and_its_deletion_is_not(world: BroadcasterFixture) -> None:
    before = str(world.broadcaster.position)
    live = world.subscribe()
    event = world.log.publish(STRANGER)
    world.wake()
    assert event.post_id is not None
    del world.log.posts[event.post_id]
    world.log.record(EventKind.POST_DELETED, STRANGER, post=event.post_id, visibility="public")
    world.wake()
    assert told(live) == ["post.published", "post.deleted"]
    assert told(world.subscribe(since=before)) == ["resumed", "post.deleted"]


def test_a_suspended_authors_posts_are_told_no_more_not_even_from_memory(world: BroadcasterFixture) -> None:
    before = str(world.broadcaster.position)
    event = world.log.publish(STRANGER)
    world.subscribe()
    world.wake()
    assert event.post_id is not None
    gone = account(STRANGER)
    world.log.posts[event.post_id] = type(post(1, 1))(
        world.log.posts[event.post_id].id,
        type(gone)(gone.id, gone.username, "", "", "", NOW, suspended_at=NOW),
        "text",
        "",
        world.log.posts[event.post_id].visibility,
        NOW,
    )
    world.log.record(EventKind.ACCOUNT_SUSPENDED, STRANGER)
    world.wake()
    assert told(world.subscribe(since=before)) == ["resumed"]


def test_the_first_frame_after_a_resume_says_so_and_only_to_who_gave_a_position(world: BroadcasterFixture) -> None:
    before = str(world.broadcaster.position)
    world.log.publish(STRANGER)
    world.wake()
    assert told(world.subscribe(since=before)) == ["resumed", "post.published"]
    assert told(world.subscribe()) == []


def test_a_position_of_another_epoch_is_a_gap(world: BroadcasterFixture) -> None:
    connection = world.subscribe(since="other.5.5")
    assert told(connection) == ["resumed", "gap"]
    assert happens(world, connection, world.log.publish(STRANGER))


def test_a_position_that_is_older_than_what_is_kept_is_a_gap() -> None:
    world = BroadcasterFixture()
    for _ in range(5):
        world.log.publish(STRANGER)
    old = str(world.log.events[0].position)
    world.log.delete_oldest(3)
    world.start()
    assert told(world.subscribe(since=old)) == ["resumed", "gap"]


def test_a_position_that_never_was_is_a_gap_and_not_silence(world: BroadcasterFixture) -> None:
    connection = world.subscribe(since="e.999999.999999")
    assert told(connection) == ["resumed", "gap"]
    assert happens(world, connection, world.log.publish(STRANGER))


def test_a_position_that_another_process_gave_a_moment_ago_is_good(world: BroadcasterFixture) -> None:
    first, second = world.log.publish(STRANGER), world.log.publish(STRANGER)
    connection = world.subscribe(since=str(first.position))
    assert [frame.split()[1] for frame in connection.received] == [str(first.position), str(second.position)]


def test_an_event_is_written_once_however_many_listen(world: BroadcasterFixture) -> None:
    readers = [world.connect() for _ in range(5)]
    for subscriber, _ in readers:
        subscriber.encoder = readers[0][0].encoder
        world.broadcaster.subscribe(subscriber, PUBLIC)
    world.log.publish(STRANGER)
    world.wake()
    assert all(len(connection.received) == 1 for _, connection in readers)
    assert readers[0][0].encoder.encoded == 1  # type: ignore[attr-defined]  # PlainEncoder counts


def test_a_reader_that_stops_reading_gets_nothing_pushed_and_nobody_else_waits(world: BroadcasterFixture) -> None:
    slow, quick = world.subscribe(), world.subscribe()
    slow.blocked = True
    for _ in range(10):
        world.log.publish(STRANGER)
        world.wake()
    assert len(quick.received) == 10
    assert len(slow.waiting) == 2


def test_a_reader_without_progress_is_closed_by_name(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    connection.blocked = True
    for _ in range(3):
        world.log.publish(STRANGER)
    world.wake()
    for _ in range(STALL_TIMEOUT_S):
        assert connection.ending is None
        world.clock.advance(1)
    world.clock.advance(1)
    assert connection.ending is CloseReason.STALLED
    assert world.broadcaster.stats.closed[CloseReason.STALLED] == 1


def test_a_reader_that_is_slow_but_reads_is_not_closed(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    connection.blocked = True
    for _ in range(50):
        world.log.publish(STRANGER)
        world.wake()
    for _ in range(2 * STALL_TIMEOUT_S):
        world.clock.advance(1)
        connection.drained += 1  # another byte
    assert connection.ending is None


def test_each_connection_gets_a_beat_in_time_with_its_position(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    event = world.log.publish(STRANGER)
    world.wake()
    for _ in range(2 * HEARTBEAT_S):
        world.clock.advance(1)
    assert connection.heartbeats == [event.position, event.position]


def test_a_reader_that_has_not_caught_up_gets_no_position_with_its_beat(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    connection.blocked = True
    for _ in range(5):
        world.log.publish(STRANGER)
    world.wake()
    for _ in range(HEARTBEAT_S):
        world.clock.advance(1)
        connection.drained += 1
    assert connection.heartbeats == [None]


def test_a_reader_that_is_still_being_let_in_gets_no_position_with_its_beat(world: BroadcasterFixture) -> None:
    world.log.hold_results = True
    connection = FakeConnection()
    subscriber = Subscriber(connection, PlainEncoder(), ME)
    coming = Deferred.fromCoroutine(world.broadcaster.admit(subscriber))
    for _ in range(HEARTBEAT_S):
        world.clock.advance(1)
    assert connection.heartbeats == [None]
    while not coming.called:
        world.log.release_result()


def test_a_session_that_ends_closes_its_streams_and_no_others(world: BroadcasterFixture) -> None:
    world.log.sessions = {7, 8}
    ending, staying, other = world.connect(ME, 7)[1], world.connect(ME, 8)[1], world.connect(OTHER)[1]
    world.log.record(EventKind.SESSION_ENDED, ME, session="7")
    world.wake()
    assert (ending.ending, staying.ending, other.ending) == (CloseReason.UNAUTHORIZED, None, None)
    world.log.record(EventKind.SESSION_ENDED, ME, all=True)
    world.wake()
    assert (staying.ending, other.ending) == (CloseReason.UNAUTHORIZED, None)


@pytest.mark.parametrize("kind", [EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_DELETED])
def test_the_end_of_an_account_closes_its_streams_and_nothing_is_sent_after(world: BroadcasterFixture, kind: EventKind) -> None:
    connection = world.subscribe(home(ME), ME)
    world.log.record(kind, ME)
    world.log.publish(FRIEND)
    world.wake()
    assert connection.ending is CloseReason.UNAUTHORIZED
    assert not connection.received


def test_a_session_that_ended_while_its_stream_was_opening_gets_nothing(world: BroadcasterFixture) -> None:
    with pytest.raises(Unauthenticated):
        world.connect(ME, 7)
    assert not len(world.broadcaster.connections)


def test_a_session_that_ends_without_an_event_is_noticed(world: BroadcasterFixture) -> None:
    world.log.sessions = {7}
    connection = world.connect(ME, 7)[1]
    world.log.sessions.clear()
    for _ in range(61):
        world.clock.advance(1)
    assert connection.ending is CloseReason.UNAUTHORIZED


def test_whoever_leaves_leaves_nothing_behind(world: BroadcasterFixture) -> None:
    for _ in range(3):
        subscriber, _ = world.connect(ME)
        for stream in (home(ME), PUBLIC, Stream(StreamKind.TAG, "tea")):
            world.broadcaster.subscribe(subscriber, stream)
        assert len(world.broadcaster.viewer_states) == 1
        world.broadcaster.dismiss(subscriber)
        world.broadcaster.dismiss(subscriber)
    assert (len(world.broadcaster.viewer_states), len(world.broadcaster.hub), len(world.broadcaster.connections)) == (0, 0, 0)
    assert not list(world.broadcaster.viewer_states.following(FRIEND))


def test_who_leaves_while_being_let_in_is_forgotten(world: BroadcasterFixture) -> None:
    world.log.hold_results = True
    connection = FakeConnection()
    subscriber, outcome = world.connect()[0], list[object]()
    subscriber = type(subscriber)(connection, subscriber.encoder, ME)
    Deferred.fromCoroutine(world.broadcaster.admit(subscriber)).addBoth(outcome.append)
    world.broadcaster.dismiss(subscriber)
    world.log.release_result()
    assert outcome == [None]
    assert len(world.broadcaster.viewer_states) == 0


def test_the_same_stream_twice_is_told_once(world: BroadcasterFixture) -> None:
    subscriber, connection = world.connect()
    world.broadcaster.subscribe(subscriber, PUBLIC)
    world.broadcaster.subscribe(subscriber, PUBLIC)
    world.log.publish(STRANGER)
    world.wake()
    assert len(connection.received) == 1


def test_connections_and_subscriptions_are_bounded(world: BroadcasterFixture) -> None:
    subscriber, _ = world.connect(ME)
    for number in range(MAX_SUBSCRIPTIONS):
        world.broadcaster.subscribe(subscriber, Stream(StreamKind.TAG, str(number)))
    with pytest.raises(TooMany):
        world.broadcaster.subscribe(subscriber, PUBLIC)
    for _ in range(MAX_CONNECTIONS - 1):
        world.connect(ME)
    with pytest.raises(TooMany):
        world.connect(ME)


def test_a_log_that_cannot_be_read_is_read_later_and_nothing_is_missed(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    world.log.failing = True
    event = world.log.publish(STRANGER)
    world.wake()
    with pytest.raises(Unavailable):
        world.connect(ME)
    assert world.broadcaster.stats.poll_failures > 0
    for _ in range(11):
        world.clock.advance(1)
    assert not world.broadcaster.healthy()
    world.log.failing = False
    world.clock.advance(1)
    assert str(event.position) in connection.received[-1]
    assert world.broadcaster.healthy()


def test_an_outage_of_the_database_is_told_in_lines_without_tracebacks(world: BroadcasterFixture) -> None:
    world.log.failing = True
    events: list[LogEvent] = []
    observer = cast("ILogObserver", events.append)
    globalLogPublisher.addObserver(observer)
    try:
        world.wake()
    finally:
        globalLogPublisher.removeObserver(observer)
    assert "The event log could not be read" in str(formatEvent(events[0]))
    assert not any("log_failure" in event for event in events)


def test_what_nobody_woke_for_is_told_within_a_second(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    event = world.log.publish(STRANGER)
    world.clock.advance(1)
    assert str(event.position) in connection.received[-1]


def test_what_an_older_transaction_held_back_is_told_soon_after_it_ends(world: BroadcasterFixture) -> None:
    connection = world.subscribe()
    older = world.log.begin_transaction()
    world.log.publish(STRANGER)
    world.wake()
    assert not connection.received
    world.log.roll_back(older)  # a silent one: nobody wakes
    world.clock.advance(0.05)
    assert len(connection.received) == 1


def test_a_reader_whose_connection_breaks_keeps_the_news_from_nobody(world: BroadcasterFixture) -> None:
    broken, whole = world.subscribe(), world.subscribe()

    broken.failing = True
    world.log.publish(STRANGER)
    world.wake()
    assert len(whole.received) == 1
    assert broken.ending is CloseReason.UNAVAILABLE


def test_at_the_end_everybody_is_asked_to_come_back(world: BroadcasterFixture) -> None:
    connections = [world.subscribe(), world.subscribe(home(ME), ME)]
    world.broadcaster.stop()
    assert [connection.ending for connection in connections] == [CloseReason.RESTART, CloseReason.RESTART]
    assert not world.broadcaster.healthy()
    with pytest.raises(Problem):
        run(world.broadcaster.admit(world.connect()[0]))


def test_at_the_end_everybody_is_asked_to_come_back_at_another_moment() -> None:
    chance = iter([0.0, 0.25, 1.0])
    world = BroadcasterFixture(spread=lambda: next(chance)).start()
    connections = [world.subscribe() for _ in range(3)]
    world.broadcaster.stop()
    assert [connection.delay for connection in connections] == [0.0, RESTART_SPREAD_S / 4, RESTART_SPREAD_S]


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_clock_on_the_wall_that_jumps_changes_nothing(world: BroadcasterFixture, jump: timedelta) -> None:
    connection, deaf = world.subscribe(), world.subscribe()
    assert happens(world, connection, world.log.publish(STRANGER))
    deaf.blocked = True
    world.wall_clock += jump
    for _ in range(3):
        assert happens(world, connection, world.log.publish(STRANGER))
    for _ in range(STALL_TIMEOUT_S):
        assert deaf.ending is None
        world.clock.advance(1)
        assert world.broadcaster.healthy()
    world.wall_clock -= jump
    world.clock.advance(1)
    assert (deaf.ending, connection.ending) == (CloseReason.STALLED, None)
    assert len(connection.heartbeats) == 2
    assert world.broadcaster.stats.lag_s >= 0
    assert world.broadcaster.stats.lag_total_s >= 0


def test_positions_are_read_back_as_they_were_given() -> None:
    position = Position("e", 12, 34)
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize("text", ["", "e", "e.1", "e.1.x", "e.1.-1", "e.1.1.1", f"e.1.{2**63}", f"e.{2**63}.1", "e.1.²", "é.1.1"])
def test_what_no_log_can_have_given_is_no_position(text: str) -> None:
    with pytest.raises(Malformed):
        Position.parse(text)


def test_most_viewers_shun_nobody_and_take_no_room_for_that(world: BroadcasterFixture) -> None:
    one, other = (world.connect(account)[0].viewer_state for account in (STRANGER, OTHER))
    assert one is not None
    assert other is not None
    assert one.blocks is one.blocked_by is one.quiet is other.blocks
    assert one.tags is other.tags
    assert one.lists is other.lists


def test_an_odd_event_stops_nothing_that_comes_after_it(world: BroadcasterFixture) -> None:
    heard: list[Event] = []
    world.broadcaster.listeners.append(lambda event: 1 // (event.kind is not EventKind.LIST_CHANGED))
    world.broadcaster.listeners.append(heard.append)
    connection = world.subscribe(home(ME), ME)
    world.log.record(EventKind.MUTED, ME, subject=STRANGER, until="one of these days")
    world.log.record(EventKind.LIST_CHANGED, ME, list="7", added=["somebody"])
    posted = world.log.publish(FRIEND)
    world.wake()
    assert connection.received == [f"post.published {posted.position}"]
    assert heard[-1] == posted
