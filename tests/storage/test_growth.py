"""Statements whose answer is small touch few pages and rows, however much has piled up: in logs and queues, and of one member.

Pages and rows are counted by PostgreSQL and the same in each run, so that no time is measured. The limits are far below what there is: a
plan that reads the marks of a heavy member, or a log, is above them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.backlog import Backlog, heavy, pile_up
from benchmarks.dataset import Site, fill
from benchmarks.queries import ExplainingCursor, Query, growing_queries
from microblog.jobs.cleanup import BEGINNING, OrderedCleanupTask
from microblog.storage import events, invalidation_log, jobs
from microblog.storage.database import Connection, connect, execute

SITE = Site(posts=20_000, people=1_200, end=datetime(2026, 3, 4, tzinfo=UTC))
BACKLOG = Backlog(rows=60_000, marks=10_000, fans=20_000, uses=50_000, gone=2_000)
MOST_PAGES, MOST_ROWS = 400, 600
FOLLOWEES = 600  # of the heavy member, all of which home reads
# Statements that count up to thousands of rows: pages and rows beyond the limits.
COUNTING = {
    "notification groups, heavy member": (2_500, 45_000),  # ten groups of a thousand
    "unread notifications, heavy member": (2_500, 4_000),
    "unread groups, heavy member": (1_000, 8_000),
    "tags completed from a common prefix": (4_500, 4_000),  # the newest thousand uses of hashtags
}

QUERIES = {query.name: query for query in growing_queries(SITE)}


@pytest.fixture(scope="module")
def site(new_database: Callable[[], str]) -> Iterator[Connection]:
    """A connection to the site, vacuumed and analysed. Each test rolls back."""
    connection = connect(new_database())
    fill(connection, SITE)
    pile_up(connection, SITE, BACKLOG)
    yield connection
    connection.close()


class Counted(ExplainingCursor):
    """Counts pages and rows of every statement."""

    explain_options = "analyze, buffers, timing off, format json"


@pytest.fixture
def cursor(site: Connection) -> Iterator[Counted]:
    with site.cursor(cursor_factory=Counted) as made:
        made.plans = []
        yield made
    site.rollback()


def about_data(cursor: Counted) -> list[dict[str, Any]]:
    """Return the plans of the statements, without those that read the catalog only: that does not grow with what is stored."""
    plans = [plan["Plan"] for plan in cursor.plans]
    return [plan for plan in plans if not tables(plan) or any(not name.startswith("pg_") for name in tables(plan))]


def tables(plan: dict[str, Any]) -> set[str]:
    """Return the names of the tables that the plan reads or writes."""
    here = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return here.union(*map(tables, plan.get("Plans", ())))


def pages(cursor: Counted) -> int:
    """Return the number of pages that the statements touched, in shared buffers or on disk."""
    return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in about_data(cursor))


def rows(plan: dict[str, Any]) -> float:
    """Return the number of rows that the plan read from tables and indexes."""
    looked_at = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    here = looked_at * plan["Actual Loops"] if "Relation Name" in plan and "Scan" in plan["Node Type"] else 0.0
    return float(here + sum(rows(below) for below in plan.get("Plans", ())))


@pytest.mark.parametrize("name", QUERIES)
def test_what_has_piled_up_does_not_make_a_small_answer_dear(cursor: Counted, name: str) -> None:
    QUERIES[name].run(cursor)
    assert cursor.plans
    more_pages, more_rows = COUNTING.get(name, (0, FOLLOWEES if name.startswith("home, ") else 0))
    assert pages(cursor) <= MOST_PAGES + more_pages
    assert sum(map(rows, about_data(cursor))) <= MOST_ROWS + more_rows


@pytest.mark.parametrize("delete_old", [events.delete_old, invalidation_log.delete_old, jobs.delete_old], ids=lambda each: each.__module__)
def test_a_cleanup_does_not_go_past_what_its_earlier_batches_deleted(cursor: Counted, delete_old: OrderedCleanupTask) -> None:
    end = SITE.end + timedelta(days=1)
    reached = delete_old(cursor, since=BEGINNING, before=end, limit=BACKLOG.rows // 4)
    assert reached is not None
    cursor.plans = []
    assert delete_old(cursor, since=reached, before=end, limit=10)
    assert pages(cursor) <= MOST_PAGES // 2


def test_a_site_on_this_data_finds_no_job_to_do(cursor: Counted) -> None:
    execute(cursor, "select count(*) filter (where due_at <= now()), count(*) from jobs where state in ('waiting', 'running')")
    due, waiting = cursor.fetchone() or (0, 0)
    assert (due, waiting) == (0, BACKLOG.rows // 10)


def test_a_plan_that_grows_is_noticed(cursor: Counted) -> None:
    def favourited(cursor: Any, viewer: int) -> None:
        execute(cursor, "select count(*) from favourites where account_id = %(viewer)s", {"viewer": viewer})

    Query("all favourites", favourited, {"viewer": heavy(SITE)}).run(cursor)
    assert sum(map(rows, about_data(cursor))) > MOST_ROWS
