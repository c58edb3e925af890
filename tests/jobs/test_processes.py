"""Several real processes on one real database, racing and being killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from microblog.storage import jobs
from microblog.storage.database import Connection, connect, fetch_value

pytestmark = pytest.mark.acceptance
Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    connection = connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("create table ran (job bigint not null, pid integer not null)")
    yield connection
    connection.close()


@pytest.fixture
def start(database_url: str, connection: Connection) -> Iterator[Start]:
    began: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.jobs.one_process", database_url, name]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        began.append(process)
        return process

    yield start
    for process in began:
        process.kill()
        process.communicate()


def add_notes(connection: Connection, count: int) -> None:
    with connection.cursor() as cursor:
        now = datetime.now(UTC)
        for _ in range(count):
            jobs.add(cursor, "note", {}, due_at=now, now=now)


def one(connection: Connection, sql: str) -> int:
    with connection.cursor() as cursor:
        return int(fetch_value(cursor, sql))


def ready(connection: Connection, start: Start, *names: str) -> list[subprocess.Popen[bytes]]:
    """The processes, all of them at work: however long their starts take, a job of another day keeps the first from leaving."""
    with connection.cursor() as cursor:
        now = datetime.now(UTC)
        jobs.add(cursor, "note", {}, due_at=now + timedelta(days=1), now=now)
    processes = [start(name) for name in names]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    return processes


def let_go(connection: Connection, *, after: float = 0) -> None:
    """The job that kept them there is due after so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute("update jobs set due_at = now() + make_interval(secs => %s) where due_at > now() + interval '1 hour'", [after])


def test_two_processes_share_the_jobs_and_none_is_done_twice(connection: Connection, start: Start) -> None:
    processes = ready(connection, start, "one", "two")
    add_notes(connection, 99)
    let_go(connection)
    assert [process.wait(60) for process in processes] == [0, 0]
    assert one(connection, "select count(*) from jobs where kind = 'note' and state = 'done'") == 100
    assert one(connection, "select count(distinct pid) from ran") == 2
    assert one(connection, "select count(*) from ran") == one(connection, "select count(distinct job) from ran")


def test_each_tick_has_one_job_although_two_processes_watch(connection: Connection, start: Start) -> None:
    processes = ready(connection, start, "one", "two")
    let_go(connection, after=4)
    assert [process.wait(60) for process in processes] == [0, 0]
    ticks = one(connection, "select count(*) from jobs where kind = 'tick'")
    assert ticks >= 2
    assert one(connection, "select count(distinct payload->>'tick') from jobs where kind = 'tick'") == ticks


def test_whatever_is_killed_at_whatever_moment_every_job_is_done(connection: Connection, start: Start) -> None:
    add_notes(connection, 150)
    chance = random.Random(7)
    for round in range(4):
        victim = start(f"victim-{round}")
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.02, 0.15))
        victim.kill()
        victim.wait()
    assert one(connection, "select count(*) from jobs where kind = 'note' and state = 'done'") < 150, "they were killed too late"
    assert start("survivor").wait(60) == 0
    assert one(connection, "select count(*) from jobs where kind = 'note' and state = 'done'") == 150
    assert one(connection, "select count(distinct job) from ran join jobs on jobs.id = job where kind = 'note'") == 150
    again = one(connection, "select count(*) from ran") - one(connection, "select count(distinct job) from ran")
    assert again <= 4 * 8, "only what ran when a process was killed is done again"
