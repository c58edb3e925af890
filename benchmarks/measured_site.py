"""A site of one or several processes on a copy of a benchmark database, people who write on it, and what both cost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import psutil
from attrs import Factory, define, field, frozen

from benchmarks.databases import DatabaseServer
from benchmarks.dataset import token
from benchmarks.pages import AUTHORS, READERS, ROOT, RequestFactory, copied_database, free_port, site_process
from benchmarks.traffic import Stream
from microblog.storage.database import connect

RECENT_POSTS = 40  # those that people favourite
FAVOURITES_PER_POST = 2


@frozen
class Cpu:
    """CPU seconds of the site's processes and of PostgreSQL."""

    python: float = 0.0
    database: float = 0.0

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.python - other.python, self.database - other.database)

    def times(self, factor: float) -> Cpu:
        """Return a multiple."""
        return Cpu(self.python * factor, self.database * factor)

    @property
    def total(self) -> float:
        """The sum of both."""
        return self.python + self.database


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU seconds of processes and of their children that ended; to the microsecond for the processes themselves."""
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
            total += time.clock_gettime(~pid << 3 | 2)  # the clock of a process: clock_getcpuclockid(3)
        except (psutil.NoSuchProcess, OSError):  # it ended meanwhile; its parent counts it
            continue
        total += times.children_user + times.children_system
    return total


@frozen
class MeasuredSite:
    """A running site: the ports of its processes, their ids, and the server of its database."""

    requests: RequestFactory
    ports: list[int]
    pids: list[int]
    server: DatabaseServer
    url: str

    def cpu(self) -> Cpu:
        """Return the CPU seconds so far."""
        children = [child.pid for pid in self.pids for child in psutil.Process(pid).children(recursive=True)]
        return Cpu(cpu_seconds([*self.pids, *children]), cpu_seconds(self.server.pids()))

    def reads(self, build: Callable[[RequestFactory], bytes], rate: float | None = None, limit: int | None = None) -> Stream:
        """Return a stream of reads."""
        return Stream(lambda: build(self.requests), self.ports, rate, limit)


@contextmanager
def measured_site(
    server: DatabaseServer, posts: int, processes: int = 1, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[MeasuredSite]:
    """Run a site of some processes, with these settings, on a copy of the database with this number of posts."""
    ports = [free_port() for _ in range(processes)]
    with copied_database(server, posts, ports[0]) as (url, requests), tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        public = f"http://127.0.0.1:{ports[0]}"
        children: list[subprocess.Popen[bytes]] = [
            stack.enter_context(site_process(url, Path(directory), port, **{"PUBLIC_URL": public, **settings})) for port in ports
        ]
        yield MeasuredSite(requests, ports, [child.pid for child in children], server, url)


@define
class Writers:
    """Popular authors who post, and readers who favourite the newest of these posts; nobody favourites a post twice."""

    measured: MeasuredSite
    random: random.Random = Factory(lambda: random.Random(4711))
    recent: deque[int] = field(init=False)
    _blocked: set[tuple[int, int]] = field(init=False)
    _author_of: dict[int, int] = Factory(dict)
    _done: set[tuple[int, int, str]] = Factory(set)
    _posts: int = 0

    def __attrs_post_init__(self) -> None:
        site = self.measured.requests.site
        authors, readers = [site.account_id(number) for number in AUTHORS], [site.account_id(number) for number in site.typical[:READERS]]
        params = {"authors": authors, "readers": readers, "limit": RECENT_POSTS}
        with closing(connect(self.measured.url)) as connection, connection.cursor() as cursor:
            cursor.execute(_BLOCKS, params)
            self._blocked = set(cursor.fetchall())
            cursor.execute(_NEWEST, params)
            self._author_of = dict(cursor.fetchall())
        self.recent = deque(sorted(self._author_of), maxlen=RECENT_POSTS)

    def streams(self, posts_per_second: float) -> list[Stream]:
        """Return a stream of posts at this rate and one of twice as many favourites; none at a rate of 0."""
        if not posts_per_second:
            return []
        ports = self.measured.ports
        return [
            Stream(self.post, ports, posts_per_second, done=self._published),
            Stream(self.favourite, ports, posts_per_second * FAVOURITES_PER_POST),
        ]

    def post(self, author: int | None = None) -> bytes:
        """A public post of this author or of the next popular one, by the API."""
        self._posts += 1
        author = AUTHORS[self._posts % len(AUTHORS)] if author is None else author
        text = f"A harbour in winter, written down to see what it costs. {os.getpid()} {time.time()} #measured"
        return self.api_post("/api/v1/statuses", author, {"status": text, "visibility": "public"})

    def unblocked_author(self) -> int:
        """Return a popular author whose posts all readers see."""
        hidden = {account for pair in self._blocked for account in pair}
        return next(number for number in AUTHORS if self.measured.requests.site.account_id(number) not in hidden)

    def favourite(self, action: str = "favourite") -> bytes:
        """A favourite (or bookmark) of a reader for one of the newest posts, by the API."""
        site = self.measured.requests.site
        while True:
            reader, post = self.random.choice(site.typical[:READERS]), self.random.choice(self.recent)
            account, author = site.account_id(reader), self._author_of[post]
            if (reader, post, action) not in self._done and (account, author) not in self._blocked:
                self._done.add((reader, post, action))
                return self.api_post(f"/api/v1/statuses/{post}/{action}", reader, {})

    def api_post(self, path: str, account: int, body: dict[str, object]) -> bytes:
        """Return a POST request with a JSON body by an account."""
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self.measured.requests.host}\r\nAuthorization: Bearer {token(account)}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data

    def _published(self, body: bytes) -> None:
        post = json.loads(body)
        self._author_of[int(post["id"])] = int(post["account"]["id"])
        self.recent.append(int(post["id"]))


_BLOCKS = """select account_id, target_id from blocks where account_id = any(%(readers)s) and target_id = any(%(authors)s)
    union select target_id, account_id from blocks where account_id = any(%(authors)s) and target_id = any(%(readers)s)
    union select account_id, target_id from mutes where account_id = any(%(readers)s) and target_id = any(%(authors)s)"""
_NEWEST = """select id, account_id from posts where account_id = any(%(authors)s) and boost_of is null and deleted_at is null
    and visibility = 'public' order by id desc limit %(limit)s"""


def conditions() -> str:
    """Return where and when this was measured: date, revision, cores, and how busy the machine is."""
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{datetime.now(UTC):%d %B %Y %H:%M} UTC, revision {revision or 'unknown'}, {os.cpu_count()} cores, load average {load}"
