"""Measure how soon posts are acknowledged at a constant rate, beside a bare insert and commit at the same rate.

    python -m benchmarks.pace [--cache DIRECTORY] [--posts 1000000] [--rate 50] [--seconds 20] [--rounds 3]

The site and databases of benchmarks/pages.py. Posts fall due at even distances, whatever became of those before; what is measured counts
from when each was due until its answer was whole, so that a server that falls behind does not hide it. Rounds are interleaved, and all
their answers counted together.
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

from benchmarks.ground import ground, options
from benchmarks.pages import TEXT, Connection, microblog
from microblog.model.accounts import Account
from microblog.model.ids import PostId
from microblog.model.posts import Post, Visibility
from microblog.storage import accounts, posts
from microblog.storage.database import Connection as Database
from microblog.storage.database import connect

CONNECTIONS = 64
WRITERS = 4


def paced(port: int, make: Callable[[], bytes], rate: float, seconds: float) -> list[float]:
    """Return milliseconds from when each request was due until its response."""
    took: list[float] = []
    with selectors.DefaultSelector() as poll, ExitStack() as opened:
        to = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CONNECTIONS)]
        idle = deque(map(Connection, to))  # each in its turn: the server closes what is not used
        for connection in idle:
            poll.register(connection.to, selectors.EVENT_READ, connection)
        begun, wanted, asked, due_at = time.perf_counter(), int(rate * seconds), 0, {}
        while len(took) < wanted:
            due = begun + asked / rate
            if asked < wanted and idle and due <= time.perf_counter():
                connection, asked = idle.popleft(), asked + 1
                due_at[connection.to] = due
                connection.ask(make())
                continue
            for key, _ in poll.select(max(0.0, due - time.perf_counter()) if asked < wanted and idle else 1.0):
                if key.data.answered():
                    took.append((time.perf_counter() - due_at.pop(key.data.to)) * 1000)
                    idle.append(key.data)
    return took


def bare(url: str, author: int, rate: float, seconds: float) -> list[float]:
    """Measure the insert alone, on as many connections as the site has for commands."""
    idle: SimpleQueue[Database] = SimpleQueue()
    with ExitStack() as opened, ThreadPoolExecutor(WRITERS) as writers:
        for _ in range(WRITERS):
            idle.put(opened.enter_context(closing(connect(url))))
        account = _account(idle, author)
        begun, due_at = time.perf_counter(), [number / rate for number in range(int(rate * seconds))]

        def insert(due: float) -> float:
            database = idle.get()
            with database, database.cursor() as cursor:
                posts.insert(cursor, Post(PostId(0), account, TEXT, f"<p>{TEXT}</p>", Visibility.PUBLIC, datetime.now(UTC)))
            idle.put(database)
            return (time.perf_counter() - begun - due) * 1000

        answers = []
        for due in due_at:
            time.sleep(max(0.0, begun + due - time.perf_counter()))
            answers.append(writers.submit(insert, due))
        return [answer.result() for answer in answers]


def _account(idle: SimpleQueue[Database], id: int) -> Account:
    database = idle.get()
    with database, database.cursor() as cursor:
        account = accounts.by_id(cursor, id=id)
    idle.put(database)
    assert account is not None
    return account


def report(name: str, took: list[float]) -> None:
    """Print one line."""
    took.sort()
    shares = "".join(f"  p{share} {took[int(len(took) * share / 100)]:6.1f} ms" for share in (50, 90, 99))
    print(f"{name:28} {len(took):6}{shares}  longest {took[-1]:6.1f} ms")


def main() -> None:
    """Measure and print a line for each case."""
    parser = options(__doc__)
    parser.add_argument("--rate", type=float, default=50.0, help="posts per second (default: 50)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round (default: 20)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.set_defaults(posts=[1_000_000])
    chosen = parser.parse_args()
    size, acknowledged, inserted = chosen.posts[0], list[float](), list[float]()
    with ExitStack() as opened:
        server = opened.enter_context(ground(chosen.cache, durable=True))
        site = opened.enter_context(microblog(server, size))
        for turn in range(chosen.rounds + 1):
            seconds = chosen.seconds if turn else 3.0  # the first round fills caches
            here = paced(site.port, site.visitor.publish, chosen.rate, seconds)
            there = bare(server.url(f"copy_{size}"), site.visitor.site.account_id(0), chosen.rate, seconds)
            if turn:
                acknowledged += here
                inserted += there
    report("post, until acknowledged", acknowledged)
    report("bare insert and commit", inserted)


if __name__ == "__main__":
    main()
