"""Compare two ways to get rid of expired events: deleting rows in batches, as the site does, and dropping partitions.

    python -m benchmarks.event_retention [--accounts 1000000] [--cache DIRECTORY] [--rounds 5]

The statements of the hot path on a log that is one table, and on partitioned ones. Then a log of a week and a day, as long as
benchmarks/capacity.py estimates for that many accounts, loses its oldest day: hour by hour in batches, then vacuumed, and the last hours
while a backup holds a snapshot. Costs are microseconds of CPU of the server process that works, and bytes of write-ahead log with full
page images. A commit waits for nothing.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from attrs import frozen

from benchmarks.capacity import DAY_S, EVENT_DAYS, Use
from benchmarks.databases import CACHE, DatabaseServer, database_server
from benchmarks.measured_site import cpu_seconds
from microblog.jobs.cleanup import BATCH, BEGINNING
from microblog.model.events import EventKind, Position
from microblog.storage import events, follow_up, invalidation_log, live_queries
from microblog.storage.database import Connection, Cursor, Prepared, connect, execute, execute_deferred, fetch_value
from microblog.storage.migrate import migrate
from microblog.storage.statements import PipeliningConnection

END = datetime(2026, 3, 4, tzinfo=UTC)
CALLS = 2_000
LOG_ROWS = 300_000  # of the hot path: its cost depends on the number of partitions, not of rows
PARTITIONS = (9, 35)  # one for each day of a week, or of a month, and for days ahead
SERVER = {"shared_buffers": "2GB", "max_wal_size": "8GB", "full_page_writes": "on"}  # of docs/capacity.md for 100,000 accounts
SETTINGS = "set statement_timeout = 0; set maintenance_work_mem = '256MB'; set synchronous_commit = off"

# As many as a site writes: one event in two tells a recipient of a notification. The oldest row is the first.
_FILL = """insert into events (xid, kind, account_id, subject_id, post_id, data, at)
    select (10 + n * %(xids)s / %(rows)s)::text::xid8, case when n %% 2 = 0 then 'favourited' else 'notified' end, n, n + 1, n + 2,
        case when n %% 2 = 0 then '{}' else jsonb_build_object('notification', (n * 65536)::text, 'kind', 'favourite') end,
        %(end)s::timestamptz - (%(rows)s - n) * %(step)s::interval
    from generate_series(1, %(rows)s::bigint) n"""


@frozen
class Spent:
    """CPU seconds of a server process, bytes of write-ahead log, and rows."""

    cpu: float
    wal: float
    rows: int = 1

    def __str__(self) -> str:
        return f"{self.cpu / self.rows * 1e6:8.2f} us and {self.wal / self.rows:6.0f} bytes of log a row, {self.cpu:8.2f} s of CPU"


def spent(connection: Connection, rows: int, work: Callable[[], None]) -> Spent:
    """Return what the server process of this connection spends on the work, which is about a number of rows."""
    pid = connection.info.backend_pid
    with connection.cursor() as cursor:
        wal = "select pg_current_wal_insert_lsn() - '0/0'"
        before, began = float(fetch_value(cursor, wal)), cpu_seconds([pid])
        work()
        took = cpu_seconds([pid]) - began
        return Spent(took, float(fetch_value(cursor, wal)) - before, rows)


@contextmanager
def database(server: DatabaseServer, name: str) -> Iterator[Connection]:
    """Yield a connection to a new database of a site, which commits each statement; it is dropped at the end."""
    server.administer(f"drop database if exists {name} with (force)")
    server.administer(f"create database {name}")
    try:
        with closing(connect(server.url(name))) as connection:
            migrate(connection)
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(SETTINGS)
            yield connection
    finally:
        server.administer(f"drop database {name} with (force)")


def fill(connection: Connection, rows: int, xids: int, step: timedelta) -> None:
    """Write the log, then index, vacuum and analyse it."""
    with connection.cursor() as cursor:
        cursor.execute("alter table events set (autovacuum_enabled = off); alter table events drop constraint events_pkey")
        cursor.execute("drop index events_by_time")
        execute(cursor, _FILL, {"rows": rows, "xids": xids, "end": END, "step": step})
        cursor.execute("alter table events add primary key (xid, id)")
        cursor.execute("create index events_by_time on events (at)")
        cursor.execute("vacuum (analyze) events")


# Deletion


def delete(connection: Connection, before: datetime) -> None:
    """Delete as the cleanup job does."""
    reached: datetime | None = BEGINNING
    with connection.cursor() as cursor:
        while reached is not None:
            reached = events.delete_old(cursor, since=reached, before=before, limit=BATCH)


def measure_deletion(server: DatabaseServer, per_day: int) -> None:
    """Print what it costs to delete a day in batches, and to vacuum it."""
    with database(server, "retention") as connection:
        fill(connection, per_day * (EVENT_DAYS + 1), 500, timedelta(seconds=DAY_S / per_day))
        print(f"{per_day:,} events a day; log of {EVENT_DAYS + 1} days: {_sizes(connection)}", flush=True)
        oldest, hours = END - timedelta(days=EVENT_DAYS + 1), []

        def delete_hour(number: int) -> Spent:
            return spent(connection, per_day // 24, lambda: delete(connection, oldest + timedelta(hours=number)))

        for hour in range(1, 22):
            hours.append(delete_hour(hour))
            if hour in (1, 6, 12, 18, 21):
                print(f"hour {hour:2} since the last vacuum, {hours[-1].rows:,} rows: {hours[-1]}", flush=True)
        cpu, wal, rows = (sum(getattr(each, name) for each in hours) for name in ("cpu", "wal", "rows"))
        print(f"all {len(hours)} hours: {cpu:.1f} s of CPU, {wal / 1e6:,.0f} MB of log")
        print(f"vacuum of {rows:,} deleted rows: {spent(connection, rows, lambda: _vacuum(connection))}", flush=True)
        with closing(connect(server.url("retention"))) as backup, backup.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read; select count(*) from event_log")
            for hour in (22, 23, 24):
                print(f"hour {hour:2}, while a backup runs: {delete_hour(hour)}", flush=True)
        print(f"afterwards: {_sizes(connection)}")


def _vacuum(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("vacuum (analyze) events")


def _sizes(connection: Connection) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select pg_table_size('events'), pg_table_size('events_pkey'), pg_table_size('events_by_time')")
        [sizes] = cursor.fetchall()
    return " + ".join(f"{size / 1e6:,.0f}" for size in sizes) + " MB (rows, key, time)"


# Statements of the hot path

_FROM = "events.xid >= %(xid)s::text::xid8"  # what partitions are pruned by: follows from the comparison of the pair, unknown to PostgreSQL
_FROM_XID = events.AFTER.replace("where ", f"where {_FROM} and ").replace("events.xid", "e.xid")
_COLUMNS = """xid xid8 not null default pg_current_xact_id(), id bigint generated always as identity, kind text not null,
    account_id bigint, subject_id bigint, post_id bigint, data jsonb not null default '{}', at timestamptz not null"""


@frozen
class Layout:
    """A log of a number of partitions, by transaction or by time; none for one table."""

    key: str = ""
    partitions: int = 0

    def __str__(self) -> str:
        return f"{self.partitions} partitions by {self.key}" if self.partitions else "one table"

    def prepare(self, connection: Connection) -> None:
        """Replace the table of a new site by such a log, and fill it. Five partitions ahead are empty but for the newest event."""
        xids, step = 600, timedelta(days=1) * max(1, self.partitions - 5) / LOG_ROWS
        with connection.cursor() as cursor:
            if self.partitions:
                cursor.execute("drop table events")
                key = "xid, id" if self.key == "xid" else "xid, id, at"
                cursor.execute(f"create table events ({_COLUMNS}, primary key ({key})) partition by range ({self.key})")
                cursor.execute("create index events_by_time on events (at)")
                bounds = ["minvalue", *self._bounds(xids), "maxvalue"]
                for number, (first, last) in enumerate(pairwise(bounds)):
                    cursor.execute(f"create table events_{number} partition of events for values from ({first}) to ({last})")
            execute(cursor, _FILL, {"rows": LOG_ROWS, "xids": xids, "end": END, "step": step})
            cursor.execute("vacuum (analyze)")

    def _bounds(self, xids: int) -> list[str]:
        full = max(1, self.partitions - 5)
        if self.key == "at":
            return [f"'{END - timedelta(days=full - number):%Y-%m-%d}+0'" for number in range(1, self.partitions)]
        # The newest of the full partitions, from the middle of its rows on, takes what is written now; others are far ahead.
        return [f"'{10 + xids * number // full}'" if number < full else f"'{10_000_000 * number}'" for number in range(1, self.partitions)]


Hot = Callable[[Cursor, Position], object]


def statements(layout: Layout) -> Mapping[str, Hot]:
    """Return the statements of the hot path, written so that partitions are left out where that is possible."""
    by_xid = layout.key == "xid"
    after_sql = _FROM_XID if by_xid else events.AFTER
    after = Prepared(after_sql.replace("select e.xid,", "select e.xid::text,"))
    newest_sql = live_queries.HELD_BACK.replace("from events", f"from events where {_FROM}") if by_xid else live_queries.HELD_BACK
    whole_sql = follow_up._AFTER_COMMIT
    whole = Prepared(whole_sql.replace(events.AFTER, after_sql).replace(live_queries.HELD_BACK, newest_sql))
    newest = Prepared(newest_sql)

    def insert(cursor: Cursor, end: Position) -> None:
        execute_deferred(cursor, "begin")
        events.record(cursor, EventKind.FAVOURITED, at=END, account=1, subject=2, post=3)
        cursor.execute("commit")

    def read(sql: str) -> Hot:
        def run(cursor: Cursor, end: Position) -> int:
            return execute(cursor, sql, {"xid": str(end.xid), "id": end.id, "limit": 500})

        return run

    def followed(cursor: Cursor, end: Position) -> int:
        since = invalidation_log.InvalidationPosition("1000000:1000000:", END)
        params: dict[str, Any] = {"xid": str(end.xid), "id": end.id, "limit": 100, **invalidation_log.params_since(since)}
        return execute(cursor, whole, {**params, "kinds": ["email.send"], "soon": END})

    return MappingProxyType(
        {
            "insert and commit one event": insert,
            "look for new events": read(after),
            "newest event": read(newest),
            "all that follows a commit": followed,
            "oldest event, planned each time": lambda cursor, end: events.oldest(cursor),
        }
    )


def measure_statements(server: DatabaseServer, rounds: int) -> None:
    """Print what each statement costs on each layout, compared with one table: prepared, and planned each time."""
    layouts = [Layout(), *(Layout(key, number) for key in ("xid", "at") for number in PARTITIONS)]
    for layout in layouts[1:]:
        costs: dict[tuple[str, str, bool], list[float]] = {}
        with database(server, "one_table") as one, database(server, "partitioned") as parted:
            logs = {"one": (one, Layout()), "parted": (parted, layout)}
            for connection, each in logs.values():
                each.prepare(connection)
            for _ in range(rounds):
                for name, (connection, each) in logs.items():
                    for planned in (False, True):
                        cast("PipeliningConnection", connection).pooled = planned
                        for what, cost in _round(connection, each, CALLS // 4 if planned else CALLS).items():
                            costs.setdefault((what, name, planned), []).append(cost)
        print(f"\n{layout}: us, prepared; planned each time (one table -> partitioned)")
        for what in statements(layout):
            pairs = [[statistics.median(costs[what, name, planned]) for name in logs] for planned in (False, True)]
            print(f"  {what:34}" + ";".join(f" {a:7.1f} -> {b:7.1f} (x {b / a:.2f})" for a, b in pairs), flush=True)


def _round(connection: Connection, layout: Layout, calls: int) -> dict[str, float]:
    """Return microseconds of CPU per call of each statement."""
    costs, pid = {}, connection.info.backend_pid
    with connection.cursor() as cursor:
        for what, call in statements(layout).items():
            cursor.execute("select xid::text, id from events order by events.xid desc, id desc limit 1")
            [(xid, id)] = cursor.fetchall()
            end = Position("", int(xid), id)
            call(cursor, end)
            began = cpu_seconds([pid])
            for _ in range(calls):
                call(cursor, end)
            costs[what] = (cpu_seconds([pid]) - began) / calls * 1e6
    return costs


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where the server is kept (default: {CACHE})")
    parser.add_argument("--accounts", type=int, default=1_000_000, help="people whose events are deleted (default: 1000000)")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    use = Use()
    per_day = int(arguments.accounts * use.active * (use.posts + use.replies + use.reactions + use.follows))
    with database_server(arguments.cache, durable=False, settings=SERVER) as server:
        measure_statements(server, arguments.rounds)
        measure_deletion(server, per_day)


if __name__ == "__main__":
    main()
