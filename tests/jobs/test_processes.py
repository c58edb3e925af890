"""Tests of jobs in several real processes on one database, which race and are killed."""

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
StartProcess = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    connection = connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("create table ran (job bigint not null, pid integer not null)")
    yield connection
    connection.close()


@pytest.fixture
def start(database_url: str, connection: Connection) -> Iterator[StartProcess]:
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.jobs.worker_process", database_url, name]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def add_notes(connection: Connection, count: int) -> None:
    with connection.cursor() as cursor:
        now = datetime.now(UTC)
        for _ in range(count):
            jobs.add(cursor, "note", {}, due_at=now, now=now)


def fetch_count(connection: Connection, sql: str) -> int:
    with connection.cursor() as cursor:
        return int(fetch_value(cursor, sql))


def start_all(connection: Connection, start: StartProcess, *names: str) -> list[subprocess.Popen[bytes]]:
    """Start processes and wait until all are ready; a job due tomorrow keeps the first from exiting before the last has started."""
    with connection.cursor() as cursor:
        now = datetime.now(UTC)
        jobs.add(cursor, "note", {}, due_at=now + timedelta(days=1), now=now)
    processes = [start(name) for name in names]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    return processes


def release(connection: Connection, *, after: float = 0) -> None:
    """Make the job that keeps the processes running due after this many seconds."""
    with connection.cursor() as cursor:
        cursor.execute("update jobs set due_at = now() + make_interval(secs => %s) where due_at > now() + interval '1 hour'", [after])


def test_two_processes_share_the_jobs_and_run_each_once(connection: Connection, start: StartProcess) -> None:
    processes = start_all(connection, start, "one", "two")
    add_notes(connection, 99)
    release(connection)
    assert [process.wait(60) for process in processes] == [0, 0]
    assert fetch_count(connection, "select count(*) from jobs where kind = 'note' and state = 'done'") == 100
    assert fetch_count(connection, "select count(distinct pid) from ran") == 2
    assert fetch_count(connection, "select count(*) from ran") == fetch_count(connection, "select count(distinct job) from ran")


def test_each_tick_has_one_job_with_two_processes(connection: Connection, start: StartProcess) -> None:
    processes = start_all(connection, start, "one", "two")
    release(connection, after=4)
    assert [process.wait(60) for process in processes] == [0, 0]
    ticks = fetch_count(connection, "select count(*) from jobs where kind = 'tick'")
    assert ticks >= 2
    assert fetch_count(connection, "select count(distinct payload->>'tick') from jobs where kind = 'tick'") == ticks


def test_every_job_is_done_although_processes_are_killed(connection: Connection, start: StartProcess) -> None:
    add_notes(connection, 150)
    rng = random.Random(7)
    for round in range(4):
        victim = start(f"victim-{round}")
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.02, 0.15))
        victim.kill()
        victim.wait()
    assert fetch_count(connection, "select count(*) from jobs where kind = 'note' and state = 'done'") < 150, "they were killed too late"
    assert start("survivor").wait(60) == 0
    assert fetch_count(connection, "select count(*) from jobs where kind = 'note' and state = 'done'") == 150
    assert fetch_count(connection, "select count(distinct job) from ran join jobs on jobs.id = job where kind = 'note'") == 150
    repeated = fetch_count(connection, "select count(*) from ran") - fetch_count(connection, "select count(distinct job) from ran")
    assert repeated <= 4 * 8, "only what ran when a process was killed is done again"
