"""The query after a commit returns what the separate reads return."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from microblog.model.events import EventKind, Position
from microblog.storage import events, follow_up, invalidation_log, jobs
from microblog.storage.database import Connection, Cursor, connect, execute

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def connection(database_url: str) -> Connection:
    """A connection whose transactions are committed at once."""
    opened = connect(database_url)
    opened.autocommit = True
    return opened


def test_the_query_after_a_commit_returns_what_the_separate_reads_return(connection: Connection) -> None:
    with closing(connection), connection.cursor() as cursor:
        start, since = Position("epoch", 0, 0), invalidation_log.current_position(cursor)
        events.record(cursor, EventKind.FOLLOWED, at=NOW, account=1, subject=2, data={"languages": ["en"], "boosts": True, "id": 2**60})
        events.record(cursor, EventKind.POST_PUBLISHED, at=NOW + MINUTE / 7, account=3, post=4)
        execute(cursor, "select invalidate(array['p4', 'c4=1,2,3'])")
        found = follow_up.after_commit(cursor, events_after=start, changed_since=since, kinds=[], soon=NOW)
        assert list(found.events) == events.after(cursor, "epoch", xid=0, id=0, limit=100)
        assert len(found.events) == 2
        position, keys = invalidation_log.changed_since(cursor, since=since)
        assert (found.log_position.snapshot, found.keys) == (position.snapshot, keys)
        assert keys == ["p4", "c4=1,2,3"]
        last = found.events[-1].position
        assert not follow_up.after_commit(cursor, events_after=last, changed_since=position, kinds=[], soon=NOW).events


def test_an_event_of_a_later_transaction_is_held_back_until_an_older_one_ends(connection: Connection, database_url: str) -> None:
    with closing(connection), connection.cursor() as cursor, closing(connect(database_url)) as older, older.cursor() as other:
        since = invalidation_log.current_position(cursor)

        def read() -> follow_up.FollowUpResult:
            return follow_up.after_commit(cursor, events_after=Position("epoch", 0, 0), changed_since=since, kinds=[], soon=NOW)

        execute(other, "select invalidate(array['a1'])")
        events.record(cursor, EventKind.FOLLOWED, at=NOW)
        waiting = read()
        older.commit()
        readable = read()
        assert (len(waiting.events), waiting.held_back, len(readable.events), readable.held_back) == (0, True, 1, False)


def test_only_jobs_that_are_due_soon_and_can_be_claimed_are_reported(cursor: Cursor) -> None:
    def due() -> datetime | None:
        since = invalidation_log.current_position(cursor)
        return follow_up.after_commit(cursor, events_after=Position("", 0, 0), changed_since=since, kinds=["mine"], soon=NOW + MINUTE).due

    jobs.add(cursor, "mine", {}, due_at=NOW + MINUTE, now=NOW)
    jobs.add(cursor, "other", {}, due_at=NOW, now=NOW)
    assert due() is None
    jobs.add(cursor, "mine", {}, due_at=NOW + MINUTE / 2, now=NOW, key="k")
    assert due() == NOW + MINUTE / 2
    jobs.claim(cursor, kinds=["mine"], worker="w", lease_until=NOW + 9 * MINUTE, now=NOW + MINUTE / 2, limit=1)
    jobs.add(cursor, "mine", {}, due_at=NOW, now=NOW, key="k")
    assert due() is None, "a job of its key is running"
