"""Tests of the broadcaster: delivery, closing of connections, failures."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from microblog.live.broadcaster import MAX_CONNECTIONS, RESTART_SPREAD_S
from microblog.live.connections import HEARTBEAT_S, STALL_TIMEOUT_S
from microblog.live.event_buffer import NO_CREDENTIALS
from microblog.live.subscriber import MAX_SUBSCRIPTIONS, CloseReason, Subscriber
from microblog.live.topics import Stream, StreamKind
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.errors import Malformed, Problem, TooMany, Unauthenticated, Unavailable
from microblog.model.events import Event, EventKind, Position
from tests.live.fake_log import NOW, PUBLIC, BroadcasterFixture, FakeConnection, PlainEncoder, account, home, post, run

ME, FRIEND, OTHER, STRANGER = 1, 2, 3, 4


@pytest.fixture
def feed() -> BroadcasterFixture:
    feed = BroadcasterFixture()
    feed.log.loaded[ME] = RelationsSnapshot(ME, follows={FRIEND: None, OTHER: None})
    return feed.start()


def received_kinds(connection: FakeConnection) -> list[str]:
    """Return the kinds of the received events, in order."""
    return [frame.split()[0] for frame in connection.received]


def is_delivered(feed: BroadcasterFixture, connection: FakeConnection, event: Event) -> bool:
    """Return True if the event is delivered to the subscriber."""
    before = len(connection.received)
    feed.wake()
    return any(str(event.position) in frame for frame in connection.received[before:])


def test_home_delivers_posts_of_followed_authors_only(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(home(ME), ME)
    assert is_delivered(feed, connection, feed.log.publish(FRIEND))
    assert is_delivered(feed, connection, feed.log.publish(ME, "direct"))
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER))


def test_events_that_a_command_has_read_are_delivered_once(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(home(ME), ME)
    before, position = len(connection.received), feed.broadcaster.position
    first = feed.log.publish(FRIEND)
    result = run(feed.log.poll(position, (), NO_CREDENTIALS))
    feed.broadcaster.polled(position, result)
    assert [str(first.position) in frame for frame in connection.received[before:]] == [True]
    second = feed.log.publish(FRIEND)
    feed.broadcaster.polled(position, result)  # outdated: the log is polled instead
    assert [str(second.position) in frame for frame in connection.received[before + 1 :]] == [True]


def test_visibility_is_checked_for_each_recipient(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(home(ME), ME)
    assert is_delivered(feed, connection, feed.log.publish(FRIEND, "private"))
    assert not is_delivered(feed, connection, feed.log.publish(FRIEND, "direct", mentions=[OTHER]))
    assert is_delivered(feed, connection, feed.log.publish(FRIEND, "direct", mentions=[ME]))
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER, "direct", mentions=[ME]))


def test_home_delivers_replies_only_between_followed_accounts(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(home(ME), ME)
    assert is_delivered(feed, connection, feed.log.publish(FRIEND, reply_to_account=OTHER))
    assert is_delivered(feed, connection, feed.log.publish(FRIEND, reply_to_account=FRIEND))
    assert is_delivered(feed, connection, feed.log.publish(FRIEND, reply_to_account=ME))
    assert not is_delivered(feed, connection, feed.log.publish(FRIEND, reply_to_account=STRANGER))


@pytest.mark.parametrize(
    ("kind", "account_id", "subject"),
    [
        (EventKind.UNFOLLOWED, ME, FRIEND),
        (EventKind.MUTED, ME, FRIEND),
        (EventKind.BLOCKED, ME, FRIEND),
        (EventKind.BLOCKED, FRIEND, ME),
    ],
)
def test_posts_of_an_unfollowed_muted_or_blocked_author_stop_at_once(
    feed: BroadcasterFixture, kind: EventKind, account_id: int, subject: int
) -> None:
    connection = feed.subscribe(home(ME), ME)
    feed.log.record(kind, account_id, subject=subject)
    assert not is_delivered(feed, connection, feed.log.publish(FRIEND))


def test_posts_of_a_newly_followed_author_arrive_at_once(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(home(ME), ME)
    feed.log.record(EventKind.FOLLOWED, ME, subject=STRANGER, boosts=True)
    assert is_delivered(feed, connection, feed.log.publish(STRANGER))


def test_blocks_and_mutes_apply_to_public_streams(feed: BroadcasterFixture) -> None:
    connection, anybody = feed.subscribe(PUBLIC, ME), feed.subscribe(PUBLIC)
    feed.log.record(EventKind.BLOCKED, ME, subject=FRIEND)
    feed.log.record(EventKind.BLOCKED, OTHER, subject=ME)
    feed.log.record(EventKind.MUTED, ME, subject=STRANGER)
    for author in (FRIEND, OTHER, STRANGER):
        event = feed.log.publish(author)
        assert not is_delivered(feed, connection, event)
        assert str(event.position) in anybody.received[-1]


def test_a_mute_ends_when_its_time_is_over(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(PUBLIC, ME)
    feed.log.record(EventKind.MUTED, ME, subject=STRANGER, until=(NOW + timedelta(hours=1)).isoformat())
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER))
    feed.log.record(EventKind.MUTED, ME, subject=STRANGER, until=(NOW - timedelta(hours=1)).isoformat())
    assert is_delivered(feed, connection, feed.log.publish(STRANGER))


def test_boosts_are_delivered_unless_hidden_or_of_a_muted_author(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(home(ME), ME)

    def boost(of: int) -> Event:
        event = feed.log.publish(FRIEND, boost_of=77, boost_author=of)
        assert event.post_id is not None
        original = post(77, of)
        feed.log.posts[event.post_id] = type(original)(original.id, account(FRIEND), "", "", original.visibility, NOW, boost=original)
        return event

    assert is_delivered(feed, connection, boost(STRANGER))
    feed.log.record(EventKind.MUTED, ME, subject=OTHER)
    assert not is_delivered(feed, connection, boost(OTHER))
    feed.log.record(EventKind.FOLLOWED, ME, subject=FRIEND, boosts=False)
    assert not is_delivered(feed, connection, boost(STRANGER))


def test_the_public_stream_has_no_replies_to_others_boosts_or_unlisted_posts(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    assert is_delivered(feed, connection, feed.log.publish(STRANGER, reply_to_account=STRANGER))
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER, reply_to_account=OTHER))
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER, boost_of=77, boost_author=OTHER))
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER, "unlisted"))


def test_a_reply_is_delivered_to_clients_that_have_its_thread_open(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(Stream(StreamKind.THREAD, 9))
    assert is_delivered(feed, connection, feed.log.publish(STRANGER, "unlisted", thread=9, reply_to_account=OTHER))
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER, "private", thread=9))
    assert not is_delivered(feed, connection, feed.log.publish(STRANGER, thread=10))


def test_notifications_are_delivered_on_any_stream_to_their_owner_only(feed: BroadcasterFixture) -> None:
    mine = feed.subscribe(Stream(StreamKind.PUBLIC, 0, ME), ME)
    second = feed.subscribe(Stream(StreamKind.PUBLIC, 0, OTHER), OTHER)
    assert is_delivered(feed, mine, feed.log.notify(ME, STRANGER))
    assert not second.received


def test_a_notification_from_an_account_blocked_since_is_not_replayed(feed: BroadcasterFixture) -> None:
    before = str(feed.broadcaster.position)
    feed.log.notify(ME, STRANGER)
    feed.log.record(EventKind.BLOCKED, ME, subject=STRANGER)
    feed.wake()
    assert received_kinds(feed.subscribe(home(ME), ME, before)) == ["resumed"]


def test_a_replay_omits_a_deleted_post_but_includes_its_deletion(feed: BroadcasterFixture) -> None:
    before = str(feed.broadcaster.position)
    live = feed.subscribe()
    event = feed.log.publish(STRANGER)
    feed.wake()
    assert event.post_id is not None
    del feed.log.posts[event.post_id]
    feed.log.record(EventKind.POST_DELETED, STRANGER, post=event.post_id, visibility="public")
    feed.wake()
    assert received_kinds(live) == ["post.published", "post.deleted"]
    assert received_kinds(feed.subscribe(since=before)) == ["resumed", "post.deleted"]


@pytest.mark.parametrize(("kind", "who"), [(EventKind.ACCOUNT_SUSPENDED, STRANGER), (EventKind.DOMAIN_RULES_CHANGED, None)])
def test_posts_of_a_suspended_author_are_not_replayed_from_the_buffer(feed: BroadcasterFixture, kind: EventKind, who: int | None) -> None:
    before = str(feed.broadcaster.position)
    event = feed.log.publish(STRANGER)
    feed.subscribe()
    feed.wake()
    assert event.post_id is not None
    suspended = account(STRANGER)
    feed.log.posts[event.post_id] = type(post(1, 1))(
        feed.log.posts[event.post_id].id,
        type(suspended)(suspended.id, suspended.username, "", "", "", NOW, suspended_at=NOW),
        "text",
        "",
        feed.log.posts[event.post_id].visibility,
        NOW,
    )
    feed.log.record(kind, who)
    feed.wake()
    assert received_kinds(feed.subscribe(since=before)) == ["resumed"]


def test_the_first_frame_after_a_resume_is_resumed_if_a_position_was_given(feed: BroadcasterFixture) -> None:
    before = str(feed.broadcaster.position)
    feed.log.publish(STRANGER)
    feed.wake()
    assert received_kinds(feed.subscribe(since=before)) == ["resumed", "post.published"]
    assert received_kinds(feed.subscribe()) == []


def test_a_position_of_another_epoch_is_a_gap(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(since="other.5.5")
    assert received_kinds(connection) == ["resumed", "gap"]
    assert is_delivered(feed, connection, feed.log.publish(STRANGER))


def test_a_position_older_than_the_oldest_event_is_a_gap() -> None:
    feed = BroadcasterFixture()
    for _ in range(5):
        feed.log.publish(STRANGER)
    old = str(feed.log.events[0].position)
    feed.log.delete_oldest(3)
    feed.start()
    assert received_kinds(feed.subscribe(since=old)) == ["resumed", "gap"]


def test_a_position_that_was_never_issued_is_a_gap(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe(since="e.999999.999999")
    assert received_kinds(connection) == ["resumed", "gap"]
    assert is_delivered(feed, connection, feed.log.publish(STRANGER))


def test_a_recent_position_of_another_process_is_accepted(feed: BroadcasterFixture) -> None:
    first, second = feed.log.publish(STRANGER), feed.log.publish(STRANGER)
    connection = feed.subscribe(since=str(first.position))
    assert [frame.split()[1] for frame in connection.received] == [str(first.position), str(second.position)]


def test_an_event_is_encoded_once_for_all_subscribers(feed: BroadcasterFixture) -> None:
    readers = [feed.connect() for _ in range(5)]
    for subscriber, _ in readers:
        subscriber.encoder = readers[0][0].encoder
        feed.broadcaster.subscribe(subscriber, PUBLIC)
    feed.log.publish(STRANGER)
    feed.wake()
    assert all(len(connection.received) == 1 for _, connection in readers)
    assert readers[0][0].encoder.encoded == 1  # type: ignore[attr-defined]  # PlainEncoder counts


def test_a_client_that_stops_reading_does_not_delay_others(feed: BroadcasterFixture) -> None:
    slow, fast = feed.subscribe(), feed.subscribe()
    slow.blocked = True
    for _ in range(10):
        feed.log.publish(STRANGER)
        feed.wake()
    assert len(fast.received) == 10
    assert len(slow.waiting) == 2


def test_a_client_without_progress_is_closed_as_stalled(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    connection.blocked = True
    for _ in range(3):
        feed.log.publish(STRANGER)
    feed.wake()
    for _ in range(STALL_TIMEOUT_S):
        assert connection.ending is None
        feed.clock.advance(1)
    feed.clock.advance(1)
    assert connection.ending is CloseReason.STALLED
    assert feed.broadcaster.stats.closed[CloseReason.STALLED] == 1


def test_a_slow_client_that_makes_progress_is_not_closed(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    connection.blocked = True
    for _ in range(50):
        feed.log.publish(STRANGER)
        feed.wake()
    for _ in range(2 * STALL_TIMEOUT_S):
        feed.clock.advance(1)
        connection.drained += 1  # another byte
    assert connection.ending is None


def test_each_connection_gets_heartbeats_with_its_position(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    event = feed.log.publish(STRANGER)
    feed.wake()
    for _ in range(2 * HEARTBEAT_S):
        feed.clock.advance(1)
    assert connection.heartbeats == [event.position, event.position]


def test_a_heartbeat_has_no_position_while_the_client_lags_behind(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    connection.blocked = True
    for _ in range(5):
        feed.log.publish(STRANGER)
    feed.wake()
    for _ in range(HEARTBEAT_S):
        feed.clock.advance(1)
        connection.drained += 1
    assert connection.heartbeats == [None]


def test_a_heartbeat_has_no_position_while_the_client_is_being_admitted(feed: BroadcasterFixture) -> None:
    feed.log.hold_results = True
    connection = FakeConnection()
    subscriber = Subscriber(connection, PlainEncoder(), ME)
    admission = Deferred.fromCoroutine(feed.broadcaster.admit(subscriber))
    for _ in range(HEARTBEAT_S):
        feed.clock.advance(1)
    assert connection.heartbeats == [None]
    while not admission.called:
        feed.log.release_result()


def test_an_ended_session_closes_its_own_streams_only(feed: BroadcasterFixture) -> None:
    feed.log.sessions = {7, 8}
    ended, kept, other = feed.connect(ME, 7)[1], feed.connect(ME, 8)[1], feed.connect(OTHER)[1]
    feed.log.record(EventKind.SESSION_ENDED, ME, session="7")
    feed.wake()
    assert (ended.ending, kept.ending, other.ending) == (CloseReason.UNAUTHORIZED, None, None)
    feed.log.record(EventKind.SESSION_ENDED, ME, all=True)
    feed.wake()
    assert (kept.ending, other.ending) == (CloseReason.UNAUTHORIZED, None)


@pytest.mark.parametrize("kind", [EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_DELETED])
def test_suspension_or_deletion_of_an_account_closes_its_streams_at_once(feed: BroadcasterFixture, kind: EventKind) -> None:
    connection = feed.subscribe(home(ME), ME)
    feed.log.record(kind, ME)
    feed.log.publish(FRIEND)
    feed.wake()
    assert connection.ending is CloseReason.UNAUTHORIZED
    assert not connection.received


def test_a_session_that_ended_while_its_stream_was_opening_is_refused(feed: BroadcasterFixture) -> None:
    with pytest.raises(Unauthenticated):
        feed.connect(ME, 7)
    assert not len(feed.broadcaster.connections)


def test_a_session_that_ends_without_an_event_is_noticed(feed: BroadcasterFixture) -> None:
    feed.log.sessions = {7}
    connection = feed.connect(ME, 7)[1]
    feed.log.sessions.clear()
    for _ in range(61):
        feed.clock.advance(1)
    assert connection.ending is CloseReason.UNAUTHORIZED


def test_a_dismissed_subscriber_leaves_no_state_behind(feed: BroadcasterFixture) -> None:
    for _ in range(3):
        subscriber, _ = feed.connect(ME)
        for stream in (home(ME), PUBLIC, Stream(StreamKind.TAG, "tea")):
            feed.broadcaster.subscribe(subscriber, stream)
        assert len(feed.broadcaster.viewer_states) == 1
        feed.broadcaster.dismiss(subscriber)
        feed.broadcaster.dismiss(subscriber)
    assert (len(feed.broadcaster.viewer_states), len(feed.broadcaster.hub), len(feed.broadcaster.connections)) == (0, 0, 0)
    assert not list(feed.broadcaster.viewer_states.following(FRIEND))


def test_a_subscriber_dismissed_during_admission_leaves_no_state_behind(feed: BroadcasterFixture) -> None:
    feed.log.hold_results = True
    connection = FakeConnection()
    subscriber, outcome = feed.connect()[0], list[object]()
    subscriber = type(subscriber)(connection, subscriber.encoder, ME)
    Deferred.fromCoroutine(feed.broadcaster.admit(subscriber)).addBoth(outcome.append)
    feed.broadcaster.dismiss(subscriber)
    feed.log.release_result()
    assert outcome == [None]
    assert len(feed.broadcaster.viewer_states) == 0


def test_a_stream_subscribed_twice_delivers_once(feed: BroadcasterFixture) -> None:
    subscriber, connection = feed.connect()
    feed.broadcaster.subscribe(subscriber, PUBLIC)
    feed.broadcaster.subscribe(subscriber, PUBLIC)
    feed.log.publish(STRANGER)
    feed.wake()
    assert len(connection.received) == 1


def test_connections_and_subscriptions_are_bounded(feed: BroadcasterFixture) -> None:
    subscriber, _ = feed.connect(ME)
    for number in range(MAX_SUBSCRIPTIONS):
        feed.broadcaster.subscribe(subscriber, Stream(StreamKind.TAG, str(number)))
    with pytest.raises(TooMany):
        feed.broadcaster.subscribe(subscriber, PUBLIC)
    for _ in range(MAX_CONNECTIONS - 1):
        feed.connect(ME)
    with pytest.raises(TooMany):
        feed.connect(ME)


def test_nothing_is_missed_while_the_event_log_cannot_be_read(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    feed.log.failing = True
    event = feed.log.publish(STRANGER)
    feed.wake()
    with pytest.raises(Unavailable):
        feed.connect(ME)
    assert feed.broadcaster.stats.poll_failures > 0
    for _ in range(11):
        feed.clock.advance(1)
    assert not feed.broadcaster.healthy()
    feed.log.failing = False
    feed.clock.advance(1)
    assert str(event.position) in connection.received[-1]
    assert feed.broadcaster.healthy()


def test_a_database_outage_is_logged_without_tracebacks(feed: BroadcasterFixture) -> None:
    feed.log.failing = True
    events: list[LogEvent] = []
    observer = cast("ILogObserver", events.append)
    globalLogPublisher.addObserver(observer)
    try:
        feed.wake()
    finally:
        globalLogPublisher.removeObserver(observer)
    assert "The event log could not be read" in str(formatEvent(events[0]))
    assert not any("log_failure" in event for event in events)


def test_an_event_without_a_wakeup_is_delivered_within_a_second(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    event = feed.log.publish(STRANGER)
    feed.clock.advance(1)
    assert str(event.position) in connection.received[-1]


def test_events_held_back_by_an_older_transaction_follow_soon_after_it_ends(feed: BroadcasterFixture) -> None:
    connection = feed.subscribe()
    older = feed.log.begin_transaction()
    feed.log.publish(STRANGER)
    feed.wake()
    assert not connection.received
    feed.log.roll_back(older)  # a rollback wakes nobody
    feed.clock.advance(0.05)
    assert len(connection.received) == 1


def test_a_broken_connection_does_not_affect_others(feed: BroadcasterFixture) -> None:
    failing, intact = feed.subscribe(), feed.subscribe()

    failing.failing = True
    feed.log.publish(STRANGER)
    feed.wake()
    assert len(intact.received) == 1
    assert failing.ending is CloseReason.UNAVAILABLE


def test_at_shutdown_every_client_is_told_to_reconnect(feed: BroadcasterFixture) -> None:
    connections = [feed.subscribe(), feed.subscribe(home(ME), ME)]
    feed.broadcaster.stop()
    assert [connection.ending for connection in connections] == [CloseReason.RESTART, CloseReason.RESTART]
    assert not feed.broadcaster.healthy()
    with pytest.raises(Problem):
        run(feed.broadcaster.admit(feed.connect()[0]))


def test_at_shutdown_reconnect_times_are_spread() -> None:
    fractions = iter([0.0, 0.25, 1.0])
    feed = BroadcasterFixture(spread=lambda: next(fractions)).start()
    connections = [feed.subscribe() for _ in range(3)]
    feed.broadcaster.stop()
    assert [connection.delay for connection in connections] == [0.0, RESTART_SPREAD_S / 4, RESTART_SPREAD_S]


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_jump_of_the_wall_clock_changes_nothing(feed: BroadcasterFixture, jump: timedelta) -> None:
    connection, blocked = feed.subscribe(), feed.subscribe()
    assert is_delivered(feed, connection, feed.log.publish(STRANGER))
    blocked.blocked = True
    feed.wall_clock += jump
    for _ in range(3):
        assert is_delivered(feed, connection, feed.log.publish(STRANGER))
    for _ in range(STALL_TIMEOUT_S):
        assert blocked.ending is None
        feed.clock.advance(1)
        assert feed.broadcaster.healthy()
    feed.wall_clock -= jump
    feed.clock.advance(1)
    assert (blocked.ending, connection.ending) == (CloseReason.STALLED, None)
    assert len(connection.heartbeats) == 2
    assert feed.broadcaster.stats.lag_s >= 0
    assert feed.broadcaster.stats.lag_total_s >= 0


def test_a_position_is_parsed_from_its_text() -> None:
    position = Position("e", 12, 34)
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize("text", ["", "e", "e.1", "e.1.x", "e.1.-1", "e.1.1.1", f"e.1.{2**63}", f"e.{2**63}.1", "e.1.²", "é.1.1"])
def test_an_invalid_position_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Position.parse(text)


def test_viewers_without_relations_share_empty_collections(feed: BroadcasterFixture) -> None:
    first, second = (feed.connect(account)[0].viewer_state for account in (STRANGER, OTHER))
    assert first is not None
    assert second is not None
    assert first.blocks is first.blocked_by is first.quiet is second.blocks
    assert first.tags is second.tags
    assert first.lists is second.lists


def test_a_malformed_event_does_not_stop_later_events(feed: BroadcasterFixture) -> None:
    received: list[Event] = []
    feed.broadcaster.listeners.append(lambda event: 1 // (event.kind is not EventKind.LIST_CHANGED))
    feed.broadcaster.listeners.append(received.append)
    connection = feed.subscribe(home(ME), ME)
    feed.log.record(EventKind.MUTED, ME, subject=STRANGER, until="one of these days")
    feed.log.record(EventKind.LIST_CHANGED, ME, list="7", added=["somebody"])
    posted = feed.log.publish(FRIEND)
    feed.wake()
    assert connection.received == [f"post.published {posted.position}"]
    assert received[-1] == posted
