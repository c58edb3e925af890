"""Measure how soon posts are acknowledged at a constant rate, beside a bare insert and commit at the same rate.

    python -m benchmarks.latency [--cache DIRECTORY] [--posts 1000000] [--rate 50] [--seconds 20] [--rounds 3]

Uses the site and databases of benchmarks/pages.py. Posts are due at fixed intervals, whether or not earlier ones are acknowledged. Times
count from the due time to the complete response, so that they show when a server falls behind (no coordinated omission). Rounds are
interleaved, and all their responses are counted together.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from queue import SimpleQueue

from benchmarks.databases import database_server, options
from benchmarks.pages import TEXT, Connection, microblog
from microblog.model.accounts import Account
from microblog.model.ids import PostId
from microblog.model.posts import Post, Visibility
from microblog.storage import accounts, posts
from microblog.storage.database import Connection as Database
from microblog.storage.database import connect

CONNECTIONS = 64
WRITERS = 4


def send_at_rate(port: int, build_request: Callable[[], bytes], rate: float, seconds: float) -> list[float]:
    """Return milliseconds from when each request was due until its response."""
    durations: list[float] = []
    with selectors.DefaultSelector() as poll, ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CONNECTIONS)]
        idle = deque(map(Connection, sockets))  # used in turn, because the server closes idle connections
        for connection in idle:
            poll.register(connection.transport, selectors.EVENT_READ, connection)
        started, total, sent, due_at = time.perf_counter(), int(rate * seconds), 0, {}
        while len(durations) < total:
            due = started + sent / rate
            if sent < total and idle and due <= time.perf_counter():
                connection, sent = idle.popleft(), sent + 1
                due_at[connection.transport] = due
                connection.send(build_request())
                continue
            for key, _ in poll.select(max(0.0, due - time.perf_counter()) if sent < total and idle else 1.0):
                if key.data.read_response():
                    durations.append((time.perf_counter() - due_at.pop(key.data.transport)) * 1000)
                    idle.append(key.data)
    return durations


def bare(url: str, author: int, rate: float, seconds: float) -> list[float]:
    """Measure the insert alone, on as many connections as the site has for commands."""
    idle: SimpleQueue[Database] = SimpleQueue()
    with ExitStack() as stack, ThreadPoolExecutor(WRITERS) as writers:
        for _ in range(WRITERS):
            idle.put(stack.enter_context(closing(connect(url))))
        account = _account(idle, author)
        started, due_at = time.perf_counter(), [number / rate for number in range(int(rate * seconds))]

        def insert(due: float) -> float:
            database = idle.get()
            with database, database.cursor() as cursor:
                posts.insert(cursor, Post(PostId(0), account, TEXT, f"<p>{TEXT}</p>", Visibility.PUBLIC, datetime.now(UTC)))
            idle.put(database)
            return (time.perf_counter() - started - due) * 1000

        futures = []
        for due in due_at:
            time.sleep(max(0.0, started + due - time.perf_counter()))
            futures.append(writers.submit(insert, due))
        return [future.result() for future in futures]


def _account(idle: SimpleQueue[Database], id: int) -> Account:
    database = idle.get()
    with database, database.cursor() as cursor:
        account = accounts.by_id(cursor, id=id)
    idle.put(database)
    assert account is not None
    return account


def report(name: str, durations: list[float]) -> None:
    """Print one line."""
    durations.sort()
    shares = "".join(f"  p{share} {durations[int(len(durations) * share / 100)]:6.1f} ms" for share in (50, 90, 99))
    print(f"{name:28} {len(durations):6}{shares}  longest {durations[-1]:6.1f} ms")


def main() -> None:
    """Measure and print a line for each case."""
    parser = options(__doc__)
    parser.add_argument("--rate", type=float, default=50.0, help="posts per second (default: 50)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round (default: 20)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.set_defaults(posts=[1_000_000])
    arguments = parser.parse_args()
    size, acknowledged, inserted = arguments.posts[0], list[float](), list[float]()
    with ExitStack() as stack:
        server = stack.enter_context(database_server(arguments.cache, durable=True))
        site = stack.enter_context(microblog(server, size))
        for turn in range(arguments.rounds + 1):
            seconds = arguments.seconds if turn else 3.0  # the first round fills caches
            site_times = send_at_rate(site.port, site.requests.publish, arguments.rate, seconds)
            bare_times = bare(server.url(f"copy_{size}"), site.requests.site.account_id(0), arguments.rate, seconds)
            if turn:
                acknowledged += site_times
                inserted += bare_times
    report("post, until acknowledged", acknowledged)
    report("bare insert and commit", inserted)


if __name__ == "__main__":
    main()
