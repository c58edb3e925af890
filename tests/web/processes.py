"""Processes of one site on a committed database, without threads: several with their own caches, and one that caches nothing.

Each operation on the database passes a gate, so that a test can decide in which order concurrent requests go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pytest
from attrs import Factory, define, evolve, field
from twisted.internet.defer import Deferred

from microblog.application import build_broadcaster, server, services
from microblog.application.server import build_server
from microblog.application.services import Domain
from microblog.config import load
from microblog.domain.account_deletion import AccountDeletion
from microblog.domain.caching.invalidation import POLL_INTERVAL_S, DependencyCache
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.render.html.pages import Pages
from microblog.storage.database import Connection, Cursor, FollowUp, connect
from microblog.web.http.server import HttpServer
from tests import make
from tests.fakes import WallClock, external_services, quick_passwords, result_of, run_notification_jobs, take_notification_jobs
from tests.web.http_client import HttpResponse, MemoryConnection, encode_request, parse_responses
from tests.web.visitor import FRONTEND, HOST, SynchronousReactor

P = ParamSpec("P")
T = TypeVar("T")

ORDERED_IDS = """create or replace function new_id(at timestamptz) returns bigint language sql volatile as
    'select floor(extract(epoch from at) * 1000)::bigint << 16 | nextval(''id_sequence'')'"""
"""Ids that count up within a millisecond. The real ones begin at a random number and may start again from 0, so that posts of one
millisecond have no order; with a stopped clock, all posts of a history are of one millisecond."""


@define(repr=False)
class Gate:
    """A gate at which database operations wait while it is closed."""

    closed: bool = False
    waiting: list[Deferred[None]] = Factory(list)

    async def turn(self) -> None:
        """Wait for the turn."""
        if self.closed:
            self.waiting.append(Deferred())
            await self.waiting[-1]

    def run(self, order: Sequence[int]) -> None:
        """Let the waiting operations go on, one at a time, until none is left. `order`: whose turn it is."""
        turn = 0
        while self.waiting:
            self.waiting.pop(order[turn % len(order)] % len(self.waiting)).callback(None)
            turn += 1


@define(eq=False, repr=False)
class CommittingDatabase:
    """The interface of `Database` on a connection of its own. Commands are committed at once, with the notification jobs of posts.

    `follow_up` as in `Database`: one command at a time reads the invalidation log right after its commit. `commits` counts them.
    """

    connection: Connection
    gate: Gate
    committed: Callable[[], None] = lambda: None
    follow_up: Callable[[], FollowUp] | None = None
    following: bool = False
    commits: int = 0

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)` in a transaction."""
        await self.gate.turn()
        read = None if self.follow_up is None or self.following else self.follow_up()
        with self.connection.cursor() as cursor:
            cursor.execute("begin")
            try:
                result = f(cursor, *args, **kwargs)
                jobs = take_notification_jobs(cursor)
                cursor.execute("commit")
                self.commits += 1
            except BaseException:
                cursor.execute("rollback")
                raise
        await self._note_commit(read)
        await run_notification_jobs(self, jobs)
        return result

    async def _note_commit(self, read: FollowUp | None) -> None:
        if read is None:
            self.committed()
            await self.gate.turn()
            return
        self.following = True
        await self.gate.turn()
        with self.connection.cursor() as cursor:
            apply = read(cursor)
        await self.gate.turn()
        self.following = False
        apply()

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`, which cannot write."""
        await self.gate.turn()
        with self.connection.cursor() as cursor:
            result = f(cursor, *args, **kwargs)
        await self.gate.turn()
        return result


@define(eq=False, repr=False)
class Process:
    """A process of the site. `unaware`: others have committed since it last read the invalidation log."""

    database: CommittingDatabase
    domain: Domain
    server: HttpServer
    clock: SynchronousReactor
    deletion: AccountDeletion
    unaware: bool = False

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes | None = None) -> MemoryConnection:
        """Send a request whose response need not be there yet."""
        connection = MemoryConnection(self.server)
        connection.channel.dataReceived(encode_request(method, target, headers, body))
        return connection

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes | None = None) -> HttpResponse:
        """Send a request and return its response."""
        return response_on(self.send(method, target, headers, body), method)

    def wake(self) -> None:
        """Learn at once what others have committed, as by a wake-up."""
        self.domain.invalidation_log.wake()
        self.unaware = False

    def poll(self) -> None:
        """Learn what others have committed because it was not asked for too long."""
        self.clock.advance(POLL_INTERVAL_S + 0.1)
        self.unaware = False

    def forget(self) -> None:
        """Empty all caches."""
        self.domain.invalidation_log._reset()
        self.domain.invalidation_log.wake()
        for cache in self.domain.invalidation_log.caches:
            if not isinstance(cache, DependencyCache):
                getattr(cache, "_entries", {}).clear()
        self.domain.trends._counting, self.domain.trends._last_tags = True, None  # pages show none: trends may be minutes old


def response_on(connection: MemoryConnection, method: str = "GET") -> HttpResponse:
    """Return the response to the only request of the connection."""
    (response,) = parse_responses(connection.read(), (method,))
    connection.hang_up()
    return response


def build_process(connection: Connection, data_dir: Path, gate: Gate, **settings: str) -> Process:
    """Build a process. `settings` as in `build_site`."""
    environment = {"public_url": f"http://{HOST}", "data_dir": str(data_dir), "registration": "open", "rate_limits": "off", **settings}
    config = load({f"MICROBLOG_{name.upper()}": value for name, value in environment.items()}, None)
    connection.autocommit = True
    database, clock = CommittingDatabase(connection, gate), SynchronousReactor()
    limits = RateLimiter(MemoryCounter(clock.seconds), services.now, False)
    domain = Domain.on(config, database, quick_passwords(), limits, external_services(data_dir))
    feed = build_broadcaster(database, clock)
    result_of(feed.start())
    log = domain.invalidation_log
    log.max_age, log.seconds, database.committed, database.follow_up = POLL_INTERVAL_S, clock.seconds, log.wake, log.follow_up
    is_usual = settings.get("caches", "all") == "all"  # else a copy, because all tests share FRONTEND and its caches
    frontend = FRONTEND if is_usual else evolve(FRONTEND, pages=Pages(FRONTEND.assets.url))
    server = build_server(config, clock, domain, frontend, feed=feed)
    return Process(database, domain, server, clock, AccountDeletion(database, services.now))


@contextmanager
def two_processes(database_url: str, data_dir: Path) -> Iterator[tuple[Process, Process]]:
    """Build two processes of a site, with all caches. Neither learns of the other's commits before it wakes up or polls."""
    connections = connect(database_url), connect(database_url)
    first, second = (build_process(connection, data_dir, Gate()) for connection in connections)
    yield first, second
    for connection in connections:
        connection.close()


@contextmanager
def stopped_clock() -> Iterator[WallClock]:
    """Let the time of all processes that are built now stand still until it is advanced."""
    clock = WallClock(make.NOW)
    with pytest.MonkeyPatch.context() as patch:
        for module in (services, server):
            patch.setattr(module, "now", clock)
        yield clock


@define(eq=False, repr=False)
class Cluster:
    """Processes with caches, and one without, on one database."""

    clock: WallClock
    gate: Gate
    cached: tuple[Process, ...]
    plain: Process
    started_at: datetime = field(default=make.NOW)

    def __attrs_post_init__(self) -> None:
        self.plain.database.committed, self.plain.database.follow_up = self.plain_committed, None
        with self.plain.database.connection.cursor() as cursor:
            cursor.execute(ORDERED_IDS)

    @property
    def commits(self) -> int:
        """The number of commits of all processes."""
        return sum(process.database.commits for process in (*self.cached, self.plain))

    def plain_committed(self) -> None:
        """Wake up the processes that have missed nothing before: reading a page may commit something too."""
        self.plain.domain.invalidation_log.wake()
        for process in self.cached:
            if not process.unaware:
                process.wake()

    def empty(self) -> None:
        """Delete everything in the database, and empty all caches."""
        with self.plain.database.connection.cursor() as cursor:
            cursor.execute("truncate accounts, apps, posts, cards, tags, jobs, events, invalidation_log cascade")
            cursor.execute("truncate severance_events, audit_log cascade")
            cursor.execute("select setval('id_sequence', 0, false)")
        self.clock.time = self.started_at
        for process in (*self.cached, self.plain):
            process.forget()
            process.unaware = False

    def committed(self, by: Process, *, wake: bool) -> None:
        """Note that a process has committed. `wake`: the others are woken up."""
        for process in self.cached:
            if process is not by:
                process.unaware = True
                if wake:
                    process.wake()
        self.plain.wake()
