"""The event log in PostgreSQL: commit order, consistent snapshots of relations, retention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from attrs import define

from microblog.live.event_buffer import NO_CREDENTIALS, Credentials, ItemIds
from microblog.live.event_log import DatabaseEventLog
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.events import Event, EventKind, Position
from microblog.model.notifications import NotificationKind
from microblog.storage import events, notifications, relationships
from microblog.storage.database import Connection, Cursor, connect, execute
from tests import make
from tests.fakes import result_of


@define
class CommittingDatabase:
    """`Transactions` on a connection of the test, committed after each call."""

    connection: Connection

    async def run(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        with self.connection, self.connection.cursor() as cursor:
            return f(cursor, *args, **kwargs)

    async def read(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return await self.run(f, *args, **kwargs)


@pytest.fixture
def connections(database_url: str) -> Iterator[Callable[[], Connection]]:
    """A factory of connections to one database; they are closed at the end."""
    opened_connections: list[Connection] = []

    def open_connection() -> Connection:
        opened_connections.append(connect(database_url))
        return opened_connections[-1]

    yield open_connection
    for connection in opened_connections:
        connection.close()


@pytest.fixture
def connection(connections: Callable[[], Connection]) -> Connection:
    return connections()


@pytest.fixture
def log(connection: Connection) -> DatabaseEventLog:
    return DatabaseEventLog(CommittingDatabase(connection), lambda: make.NOW, "fresh")


def write(connection: Connection, number: int) -> None:
    """Write an event in the connection's transaction."""
    with connection.cursor() as cursor:
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=make.NOW, account=number)
        execute(cursor, "select")  # sends the insert now instead of with the commit


def read(log: DatabaseEventLog, position: Position) -> list[Event]:
    return list(result_of(log.poll(position, (), NO_CREDENTIALS)).events)


def test_an_empty_log_starts_before_every_event(log: DatabaseEventLog, connection: Connection) -> None:
    start = result_of(log.begin(10))
    assert start == Position("fresh", 0, 0)
    write(connection, 1)
    connection.commit()
    assert [event.account_id for event in read(log, start)] == [1]


def test_processes_on_one_log_read_each_others_positions(log: DatabaseEventLog, connection: Connection) -> None:
    other = DatabaseEventLog(log.database, log.now, "another")
    start, same = result_of(log.begin(10)), result_of(other.begin(10))
    assert str(start) == str(same)
    assert other.read_position(str(start)) == start
    write(connection, 1)
    connection.commit()
    [event] = read(log, start)
    assert other.read_position(str(event.position)) == event.position
    assert str(event.position) == str(read(other, same)[0].position)


def test_a_transaction_that_commits_late_is_not_skipped(log: DatabaseEventLog, connections: Callable[[], Connection]) -> None:
    start = result_of(log.begin(10))
    slow, quick = connections(), connections()
    write(slow, 1)
    write(quick, 2)
    quick.commit()
    result = result_of(log.poll(start, (), NO_CREDENTIALS))
    assert (list(result.events), result.retry_soon) == ([], True)
    slow.commit()
    assert [event.account_id for event in read(log, start)] == [1, 2]


def test_the_log_starts_a_given_number_of_events_back(log: DatabaseEventLog, connection: Connection) -> None:
    for number in range(6):
        write(connection, number)
        connection.commit()
    assert [event.account_id for event in read(log, result_of(log.begin(2)))] == [4, 5]
    start = result_of(log.begin(100))
    assert [event.account_id for event in read(log, start)] == [1, 2, 3, 4, 5]


def test_transaction_ids_are_ordered_as_numbers(log: DatabaseEventLog, connection: Connection) -> None:
    with connection.cursor() as cursor:
        for xid in (8, 9, 10, 11, 99, 100, 101):
            sql = "insert into events (xid, kind, account_id, at) values (%(xid)s::text::xid8, 'account.changed', %(xid)s, now())"
            cursor.execute(sql, {"xid": xid})
    connection.commit()
    first = result_of(log.begin(100))
    assert first.xid == 8
    assert result_of(log.begin(2)).xid == 99
    assert [event.position.xid for event in read(log, first)] == [9, 10, 11, 99, 100, 101]
    batch, oldest = result_of(log.after(first, 2))
    assert [event.position.xid for event in batch] == [9, 10]
    assert oldest == first


def test_after_returns_the_next_events_and_the_oldest_position(log: DatabaseEventLog, connection: Connection) -> None:
    result_of(log.begin(0))
    nothing, oldest = result_of(log.after(Position("fresh", 0, 0), 10))
    assert (list(nothing), oldest) == ([], None)
    for number in range(3):
        write(connection, number)
    connection.commit()
    found, oldest = result_of(log.after(Position("fresh", 0, 0), 2))
    assert [event.account_id for event in found] == [0, 1]
    assert oldest == found[0].position


def test_the_epoch_survives_restarts(log: DatabaseEventLog, connection: Connection) -> None:
    result_of(log.begin(0))
    restarted = DatabaseEventLog(CommittingDatabase(connection), lambda: make.NOW, "other")
    assert result_of(restarted.begin(0)).epoch == "fresh"


def test_relations_are_loaded_with_their_options(log: DatabaseEventLog, connection: Connection) -> None:
    with connection, connection.cursor() as cursor:
        me, *others = (make.viewer(cursor) for _ in range(6))
        make.follow(cursor, me, others[0])
        make.follow(cursor, me, others[1], boosts=False)
        make.block(cursor, me, others[2])
        make.block(cursor, others[3], me)
        make.mute(cursor, me, others[4])
        make.mute(cursor, me, others[0], until=make.NOW + timedelta(hours=1))
        make.mute(cursor, me, others[1], until=make.NOW - timedelta(hours=1))
    result = result_of(log.poll(result_of(log.begin(0)), [me.id], NO_CREDENTIALS))
    ids = [other.id for other in others]
    found = result.relations[me.id]
    assert found == RelationsSnapshot(
        me.id,
        found.xid,
        follows={ids[0]: None, ids[1]: None},
        quiet=[ids[1]],
        blocks=(ids[2],),
        blocked_by=(ids[3],),
        mutes={ids[4]: float("inf"), ids[0]: (make.NOW + timedelta(hours=1)).timestamp()},
    )


def test_relations_carry_the_transaction_of_their_snapshot(log: DatabaseEventLog, connections: Callable[[], Connection]) -> None:
    with connections() as done_before, done_before.cursor() as cursor:
        me, other = make.viewer(cursor), make.viewer(cursor)
    running = connections()
    with running.cursor() as cursor:
        relationships.block(cursor, account=me.id, target=other.id, now=make.NOW)
        events.record(cursor, EventKind.BLOCKED, at=make.NOW, account=me.id, subject=other.id)
    start = result_of(log.begin(0))
    before = result_of(log.poll(start, [me.id], NO_CREDENTIALS)).relations[me.id]
    running.commit()
    [blocked] = read(log, start)
    assert not before.blocks
    assert blocked.position.xid >= before.xid
    after = result_of(log.poll(start, [me.id], NO_CREDENTIALS)).relations[me.id]
    assert after.blocks == (other.id,)
    assert blocked.position.xid < after.xid


def test_only_valid_sessions_are_returned(log: DatabaseEventLog, connection: Connection) -> None:
    def open_session(cursor: Cursor, account: int, hours: int) -> int:
        cursor.execute(
            """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at)
               values (new_id(%(now)s), gen_random_uuid()::text::bytea, %(who)s, %(now)s, %(now)s, %(until)s) returning id""",
            {"now": make.NOW, "who": account, "until": make.NOW + timedelta(hours=hours)},
        )
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])

    with connection, connection.cursor() as cursor:
        good, suspended = make.viewer(cursor), make.viewer(cursor)
        make.suspend(cursor, suspended)
        sessions = [open_session(cursor, good.id, 1), open_session(cursor, good.id, -1), open_session(cursor, suspended.id, 1)]
    assert result_of(log.valid_credentials(Credentials(frozenset([*sessions, 12345])))) == Credentials(frozenset(sessions[:1]))


def test_notifications_are_loaded_with_sender_post_and_unread_counts(log: DatabaseEventLog, connection: Connection) -> None:
    with connection, connection.cursor() as cursor:
        me, fan = make.viewer(cursor), make.viewer(cursor)
        post = make.post(cursor, me)
        notifications.add(cursor, accounts=[me.id], kind=NotificationKind.FAVOURITE, sender=fan.id, post=post.id, now=make.NOW)
        notifications.add(cursor, accounts=[me.id], kind=NotificationKind.FOLLOW, sender=fan.id, now=make.NOW)
        cursor.execute("select id from notifications order by id")
        ids = [row[0] for row in cursor.fetchall()]
    found = result_of(log.find(ItemIds([post.id], [*ids, 999])))
    assert list(found.posts) == [post.id]
    received = [found.notifications[id] for id in ids]
    assert [(notice.notification.kind, notice.notification.account.id, notice.unread.unread) for notice in received] == [
        (NotificationKind.FAVOURITE, fan.id, 2),
        (NotificationKind.FOLLOW, fan.id, 2),
    ]
    assert received[0].notification.post is not None
    assert received[0].notification.post.id == post.id
    assert len(found.notifications) == 2


def test_concurrent_writers_are_read_in_one_order(log: DatabaseEventLog, database_url: str) -> None:
    start = result_of(log.begin(0))

    def work(number: int) -> None:
        connection = connect(database_url)
        for _ in range(20):
            write(connection, number)
            connection.commit()
        connection.close()

    positions: list[Position] = []
    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work, number) for number in range(4)]
        position = start
        while not all(worker.done() for worker in workers) or len(positions) < 80:
            for event in read(log, position):
                position = event.position
                positions.append(position)
    assert positions == sorted(set(positions))
    assert len(positions) == 80


def test_an_event_kind_of_a_newer_release_is_read_as_unknown(log: DatabaseEventLog, connection: Connection) -> None:
    start = result_of(log.begin(10))
    with connection.cursor() as cursor:
        cursor.execute("insert into events (kind, account_id, data, at) values ('brand.new', 1, '{}', now())")
    write(connection, 2)
    connection.commit()
    assert [(event.kind, event.account_id) for event in read(log, start)] == [(EventKind.UNKNOWN, 1), (EventKind.ACCOUNT_CHANGED, 2)]
