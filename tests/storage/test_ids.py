"""Ids order by time, are given once, and tell nothing but their time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.model.ids import SEQUENCE_BITS, id_at
from microblog.storage.database import Cursor, connect, fetch_all
from tests import make
from tests.storage.initial_schema import schema_block

LOW = (1 << SEQUENCE_BITS) - 1
TIMES = st.integers(10**12, 1_700_000_000_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


def new_ids(cursor: Cursor, at: datetime, count: int = 1) -> list[int]:
    sql = "select new_id(%(at)s::timestamptz) from generate_series(1, %(count)s)"
    return fetch_all(cursor, int, sql, {"at": at, "count": count})


@given(times=st.lists(TIMES, min_size=2, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ids_sort_by_time_and_contain_it(cursor: Cursor, times: list[datetime]) -> None:
    made = {at: new_ids(cursor, at)[0] for at in times}
    assert [made[at] >> SEQUENCE_BITS for at in times] == [id_at(at) >> SEQUENCE_BITS for at in times]
    milliseconds = {id_at(at): at for at in times}.values()
    assert sorted(milliseconds, key=lambda at: made[at]) == sorted(milliseconds)


def test_a_millisecond_has_as_many_ascending_ids_as_the_low_bits_allow(cursor: Cursor) -> None:
    made = new_ids(cursor, make.NOW, LOW + 1)
    assert len(set(made)) == LOW + 1
    assert {id >> SEQUENCE_BITS for id in made} == {id_at(make.NOW) >> SEQUENCE_BITS}
    assert sum(later < earlier for earlier, later in pairwise(made)) <= 2  # where the numbers begin anew


def low_bits(cursor: Cursor, between: int) -> list[int]:
    """Return the low bits of ids one second apart, with that many other ids in between."""
    seen = []
    for second in range(40):
        seen.append(new_ids(cursor, make.NOW + timedelta(seconds=second))[0] & LOW)
        new_ids(cursor, make.NOW + timedelta(seconds=second, milliseconds=500), between)
    return seen


def test_two_ids_do_not_reveal_how_many_were_created_between_them(cursor: Cursor) -> None:
    for between in (0, 1, 1000):
        low = low_bits(cursor, between)
        steps = [(later - earlier) & LOW for earlier, later in pairwise(low)]
        assert len(set(steps)) > 30
        assert max(low) - min(low) > LOW // 4


def test_each_database_has_a_secret_of_its_own(cursor: Cursor) -> None:
    """The secret is generated when the schema is created: the schema's text is public, the secret is not."""
    create = schema_block("function new_id").replace("create function", "create or replace function")
    low = []
    for _ in range(2):
        cursor.execute(create)
        cursor.execute("select setval('id_sequence', 0)")
        low.append([id & LOW for id in (new_ids(cursor, make.NOW + timedelta(seconds=second))[0] for second in range(8))])
    assert low[0] != low[1]


def test_an_id_is_never_later_than_the_clock_of_the_database(cursor: Cursor) -> None:
    now = datetime.now(UTC)
    [ahead] = new_ids(cursor, now + timedelta(days=3650))
    [next_one] = new_ids(cursor, datetime.now(UTC) + timedelta(seconds=1))
    assert id_at(now - timedelta(seconds=5)) <= ahead < id_at(now + timedelta(seconds=5))
    assert next_one >> SEQUENCE_BITS >= ahead >> SEQUENCE_BITS


def test_concurrent_connections_get_different_ids(database_url: str) -> None:
    found: list[list[int]] = []

    def ask() -> None:
        connection = connect(database_url)
        with connection, connection.cursor() as cursor:
            found.append(new_ids(cursor, make.NOW, 5_000))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id for ids in found for id in ids}) == 20_000
