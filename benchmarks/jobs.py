"""Measure jobs: throughput, delay from commit to start, and what notifications add to the cost of publishing a post.

    python -m benchmarks.jobs [--cache DIRECTORY] [--jobs 3000] [--posts 200] [--rounds 3]

Runs on an empty database of a durable PostgreSQL with the settings of a site; each worker is a process. The baseline of the worker is a
bare psycopg2 loop that claims one job with SKIP LOCKED, commits, marks it as done and commits: the minimum that loses no job. The cost
of a post is measured on one connection without threads, compared with a transaction that only inserts the post. CPU is user and system
time of the Python process and of all PostgreSQL processes. Rounds are interleaved; figures are medians.
"""

from __future__ import annotations

import json
import random
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psutil
from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from benchmarks.databases import DatabaseServer, database_server, options
from benchmarks.pages import database_seconds
from microblog.adapters.pg_notify import PgNotifyWakeup
from microblog.domain.notify import PostNotifier
from microblog.domain.posts import Posts
from microblog.jobs.worker import Worker
from microblog.live.wakeup import MemoryWakeup
from microblog.model.accounts import Account, Viewer
from microblog.model.ids import PostId
from microblog.model.jobs import Job
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import accounts, jobs, posts
from microblog.storage.database import Connection, Cursor, Database, connect, execute, fetch_value
from microblog.storage.migrate import migrate

KIND = "nothing"
BARE_CLAIM = """update jobs set state = 'running', tries = tries + 1, worker = 'bare', lease_until = now() + interval '1 minute'
    where id = (select id from jobs where kind = 'nothing' and state = 'waiting' and due_at <= now()
                order by due_at limit 1 for update skip locked) returning id"""
BARE_DONE = "update jobs set state = 'done', finished_at = now(), lease_until = null where id = %(id)s"
FOLLOWERS = 10_000
MENTIONS = 50
TEXT = "Look at this"


def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


# Workers, each in its own process


async def work(reactor: Any, url: str) -> None:
    """Run a worker until no job waits; starts after a line on standard input."""
    database = Database(url, reactor)
    database.start()

    async def nothing(job: Job) -> None:
        del job

    worker = Worker(database, {KIND: nothing}, now, reactor, secrets.token_hex(4), random.random)
    await database.read(jobs.counts)
    print_line("ready")
    sys.stdin.readline()
    worker.start()
    while await database.read(jobs.next_due, kinds=[KIND]):
        await deferLater(reactor, 0.02)
    await worker.stop()
    database.stop()


def work_bare(url: str) -> None:
    """Do the same with a bare loop in place of the worker."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        print_line("ready")
        sys.stdin.readline()
        while True:
            id = fetch_value(cursor, BARE_CLAIM)
            connection.commit()
            if id is None:
                return
            execute(cursor, BARE_DONE, {"id": id})
            connection.commit()


async def measure_start_delay(reactor: Any, url: str, count: int) -> None:
    """Measure the delay from commit to start, within one process and between processes by PostgreSQL."""
    results = {}
    for name, shared in (("in the same process", False), ("by LISTEN and NOTIFY", True)):
        writer_database, worker_database = Database(url, reactor), Database(url, reactor)
        writer_database.start()
        worker_database.start()
        memory = MemoryWakeup()
        wakeups = [PgNotifyWakeup(url, reactor, _sender(one)) for one in (writer_database, worker_database)] if shared else [memory, memory]
        results[name] = await delays(reactor, writer_database, worker_database, wakeups, count)
        for database in (writer_database, worker_database):
            database.stop()
    print_line(json.dumps(results))


def _sender(database: Database) -> Callable[[str], Any]:
    return lambda sql: database.read(lambda cursor: cursor.execute(sql))


async def delays(
    reactor: Any, writer_database: Database, worker_database: Database, wakeups: list[Any], count: int
) -> dict[str, list[float]]:
    """Return milliseconds: how long each commit took, and the delay until the job started."""
    started_jobs: dict[str, Deferred[float]] = {}

    async def record_start(job: Job) -> None:
        started_jobs.setdefault(str(job.payload["number"]), Deferred()).callback(time.perf_counter())

    worker = Worker(worker_database, {KIND: record_start}, now, reactor, secrets.token_hex(4), random.random)
    for wakeup in wakeups:
        wakeup.start()
    wakeups[1].listen(worker.wake)
    worker_database.committed, writer_database.committed = wakeups[1].send, wakeups[0].send
    worker.start()
    await deferLater(reactor, 1.0)
    commits, waits = [], []
    for number in range(count):
        submitted = time.perf_counter()
        await writer_database.run(jobs.add, KIND, {"number": str(number)}, due_at=now(), now=now())
        committed = time.perf_counter()
        started_at = await started_jobs.setdefault(str(number), Deferred())
        commits.append((committed - submitted) * 1e3)
        waits.append((started_at - committed) * 1e3)
        await deferLater(reactor, random.uniform(0.02, 0.06))
    await worker.stop()
    for wakeup in wakeups:
        wakeup.stop()
    return {"commit": commits, "wait": waits}


def print_line(line: str) -> None:
    """Print one line for the parent process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# The runs


@frozen
class ThroughputResult:
    """The result of a run: jobs per second, and milliseconds of CPU per job in Python and in PostgreSQL."""

    rate: float
    python: float
    database: float


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start this module in a child process."""
    command = [sys.executable, "-m", "benchmarks.jobs", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def throughput(server: DatabaseServer, url: str, mode: str, processes: int, count: int) -> ThroughputResult:
    """Run all jobs in a number of processes."""
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        execute(cursor, "truncate jobs")
        execute(
            cursor,
            """insert into jobs (id, kind, payload, due_at, created_at)
               select new_id(now()), 'nothing', '{}', now(), now() from generate_series(1, %(count)s)""",
            {"count": count},
        )
    with ExitStack() as running:
        workers = [running.enter_context(child(mode, url)) for _ in range(processes)]
        for each in workers:
            line(each)
        measured_processes = [psutil.Process(each.pid) for each in workers]
        before, database, started = sum(map(seconds, measured_processes)), database_seconds(server), time.monotonic()
        for each in workers:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        with closing(connect(url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while fetch_value(cursor, "select count(*) from jobs where state <> 'done'"):
                time.sleep(0.05)
        elapsed = time.monotonic() - started
        return ThroughputResult(
            count / elapsed,
            (sum(map(seconds, measured_processes)) - before) / count * 1e3,
            (database_seconds(server) - database) / count * 1e3,
        )


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line of the child's output."""
    assert process.stdout is not None
    return process.stdout.readline()


def seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of a process."""
    times = process.cpu_times()
    return float(times.user + times.system)


# The writer


@define
class OneConnection:
    """The database interface of the services, on one connection and without threads."""

    connection: Connection

    async def run(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a command in a transaction."""
        with self.connection, self.connection.cursor() as cursor:
            return f(cursor, *args, **kwargs)

    async def read(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a query."""
        return await self.run(f, *args, **kwargs)


@frozen
class PublishingFixture:
    """Two authors, one with 10,000 followers who are notified of each post, and usernames to mention."""

    database: OneConnection
    author: Viewer
    followed: Viewer
    names: list[str]

    def publish(self, author: Viewer, text: str) -> Post:
        """Publish a post as the site does."""
        post: Post = run_now(Posts(self.database, "example.org", "https://example.org", 5000, now).publish(author, PostDraft(text)))
        return post

    def notify(self, post: Post) -> None:
        """Run the notification job of a post."""
        run_now(PostNotifier(self.database, now).published(post.id))

    def bare(self) -> None:
        """Insert a post row and nothing else."""
        post = Post(PostId(0), self.author.account, TEXT, f"<p>{TEXT}</p>", Visibility.PUBLIC, now())
        run_now(self.database.run(posts.insert, post))


def run_now(coroutine: Any) -> Any:
    """Return the result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the coroutine is waiting")


def create_accounts(connection: Connection) -> PublishingFixture:
    """Create the accounts."""
    with connection, connection.cursor() as cursor:
        made = [_account(cursor, f"person{number}") for number in range(MENTIONS + 2)]
        execute(
            cursor,
            """with made as (insert into accounts (id, username, created_at)
                   select new_id(now()), 'follower' || n, now() from generate_series(1, %(people)s) n returning id),
               counted as (insert into account_counts (account_id) select id from made)
               insert into follows (id, follower_id, followee_id, boosts, notify, created_at)
               select new_id(now()), id, %(followed)s, true, true, now() from made""",
            {"people": FOLLOWERS, "followed": made[1].id},
        )
        _history(cursor, made[0])
        execute(cursor, "analyze")
    return PublishingFixture(OneConnection(connection), Viewer(made[0]), Viewer(made[1]), [one.username for one in made[2:]])


def _history(cursor: Cursor, author: Account) -> None:
    """Write older posts with one mention each, so that PostgreSQL plans for a site where fifty mentions are rare."""
    execute(
        cursor,
        """with written as (insert into posts (id, account_id, text, html, visibility, thread_id, created_at)
               select id, %(author)s, 'Before', '<p>Before</p>', 'public', id, now()
               from (select new_id(now() - n * interval '1 minute') as id from generate_series(1, %(posts)s) n) made returning id),
           counted as (insert into post_counts (post_id) select id from written)
           insert into mentions (post_id, account_id)
           select w.id, a.id from (select id, row_number() over () as n from written) w
           join (select id, row_number() over () as n from accounts) a using (n)""",
        {"author": author.id, "posts": FOLLOWERS},
    )


def _account(cursor: Cursor, username: str) -> Account:
    id = accounts.insert(cursor, username=username, display_name="", locked=False, now=now())
    account = accounts.by_id(cursor, id=id or 0)
    assert account is not None
    return account


@frozen
class Cost:
    """Milliseconds of one action: elapsed, CPU of Python, CPU of PostgreSQL."""

    wall: float
    python: float
    database: float


def cost(server: DatabaseServer, action: Callable[[], object], times: int) -> Cost:
    """Measure one action."""
    python, database, started = time.process_time(), database_seconds(server), time.monotonic()
    for _ in range(times):
        action()
    elapsed = time.monotonic() - started, time.process_time() - python, database_seconds(server) - database
    return Cost(*(each / times * 1e3 for each in elapsed))


def measure_publishing(server: DatabaseServer, fixture: PublishingFixture, rounds: int, count: int) -> dict[str, Cost]:
    """Measure publishing posts, and their notification jobs."""
    text_with_50_mentions = f"{TEXT} " + " ".join(f"@{name}" for name in fixture.names[:MENTIONS])
    post_with_mentions, followed = fixture.publish(fixture.author, text_with_50_mentions), fixture.publish(fixture.followed, TEXT)
    cases: dict[str, Callable[[], object]] = {
        "bare insert of a post": fixture.bare,
        "post without mentions": lambda: fixture.publish(fixture.author, TEXT),
        "post as long as one with 50 mentions": lambda: fixture.publish(fixture.author, text_with_50_mentions.replace("@", "")),
        "post with one mention": lambda: fixture.publish(fixture.author, f"{TEXT} @{fixture.names[0]}"),
        "post with 50 mentions": lambda: fixture.publish(fixture.author, text_with_50_mentions),
        "post to 10,000 subscribed followers": lambda: fixture.publish(fixture.followed, TEXT),
    }
    results: dict[str, list[Cost]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, action in cases.items():
            results[name].append(cost(server, action, count))
    with fixture.database.connection, fixture.database.connection.cursor() as cursor:
        execute(cursor, "truncate notifications, events")
    results["the job: notifying 50"] = [cost(server, lambda: fixture.notify(post_with_mentions), 1)]
    results["the job: notifying 10,000"] = [cost(server, lambda: fixture.notify(followed), 1)]
    return {name: Cost(*(statistics.median(column) for column in cost_columns(costs))) for name, costs in results.items()}


def cost_columns(costs: list[Cost]) -> Iterator[tuple[float, ...]]:
    """Return the columns of the costs."""
    return zip(*((one.wall, one.python, one.database) for one in costs), strict=True)


def main() -> None:
    """Print the three tables."""
    parser = options(__doc__)
    parser.add_argument("--jobs", type=int, default=3000, help="in each round of throughput (default: 3000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.set_defaults(posts=200)
    arguments = parser.parse_args()
    posts_each = arguments.posts if isinstance(arguments.posts, int) else arguments.posts[0]
    with database_server(arguments.cache, durable=True) as server:
        server.administer("drop database if exists jobs with (force)")
        server.administer("create database jobs")
        url = server.url("jobs")
        with closing(connect(url)) as connection:
            migrate(connection)
        print_throughput(server, url, arguments.jobs, arguments.rounds)
        print_delays(url)
        with closing(connect(url)) as connection:
            print_publishing(measure_publishing(server, create_accounts(connection), arguments.rounds, posts_each))
        server.administer("drop database jobs with (force)")


def print_throughput(server: DatabaseServer, url: str, count: int, rounds: int) -> None:
    """Measure jobs per second."""
    cases = [("--bare", 1), ("--work", 1), ("--bare", 2), ("--work", 2)]
    results: dict[tuple[str, int], list[ThroughputResult]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            results[case].append(throughput(server, url, *case, count))
    for mode, processes in cases:
        costs = results[mode, processes]
        rate, python, database = (statistics.median(getattr(one, name) for one in costs) for name in ("rate", "python", "database"))
        print(f"{mode:8} {processes} processes: {rate:7.0f} jobs/s, CPU per job: {python:5.2f} ms Python, {database:5.2f} ms PostgreSQL")


def print_delays(url: str) -> None:
    """Measure the delay from commit to start."""
    with child("--begin", url) as process:
        for name, delays_ms in json.loads(line(process)).items():
            for what, values in delays_ms.items():
                values.sort()
                print(f"{name}: {what:6}  p50 {statistics.median(values):6.1f} ms  p99 {values[int(len(values) * 0.99)]:6.1f} ms")


def print_publishing(results: dict[str, Cost]) -> None:
    """Measure the cost of publishing."""
    baseline = results["post without mentions"]
    for name, one in results.items():
        total, ratio = one.python + one.database, (one.python + one.database) / (baseline.python + baseline.database)
        print(
            f"{name:42} {one.wall:9.2f} ms  CPU {one.python:8.2f} Python {one.database:8.2f} PostgreSQL"
            f" {total:8.2f} together  x {ratio:.2f} of one without mentions"
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--work", url]:
            react(lambda reactor: Deferred.fromCoroutine(work(reactor, url)))
        case ["--begin", url]:
            react(lambda reactor: Deferred.fromCoroutine(measure_start_delay(reactor, url, 300)))
        case ["--bare", url]:
            work_bare(url)
        case _:
            main()
