"""Measure pages and publishing over HTTP, compared with a bare Twisted resource in the same run.

    python -m benchmarks.pages [--cache DIRECTORY] [--posts 100000 1000000] [--rounds 5] [--only TEXT]

A real `twistd microblog` for each size runs on a copy of a database of benchmarks/databases.py, with durable commits. Rounds are
interleaved; figures are medians. CPU is user and system time of the twistd process and of all PostgreSQL processes, in microseconds per
request, without the cost of this process. Requests alternate between 199 readers who follow 200 accounts each.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

import psutil
from attrs import Factory, define, field, frozen

from benchmarks.databases import DatabaseServer, database_server, options
from benchmarks.dataset import Site, name, token
from microblog.adapters.child_launcher import command_line
from microblog.domain.tokens import hash_of
from microblog.jobs.cleanup import cleanup_batches
from microblog.storage import jobs, oauth
from microblog.storage.database import Cursor, connect, execute, fetch_all
from microblog.web.http.csrf import token_for

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 8
READERS = 199  # readers who follow 200 accounts; the next one is suspended
AUTHORS = range(50)  # the most popular ones: two of three readers follow each
BARE_REQUESTS = 5_000  # cheap requests, and CPU times have a resolution of 10 ms, so many are needed
WAIT_S = 60.0
TEXT = "A harbour in winter, written down to see what it costs. #measured"


@define
class RequestFactory:
    """Builds the requests of each case as bytes. `posts` holds paths of posts."""

    site: Site
    host: str
    posts: list[str] = Factory(list)
    turn: Iterator[int] = field(factory=count)

    def _get(self, path: str, *headers: str) -> bytes:
        return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {self.host}", *headers, "", ""]).encode()

    def _reader(self) -> int:
        return self.site.typical[next(self.turn) % READERS]

    def _page(self, path: str, reader: int) -> bytes:
        return self._get(path, f"Cookie: session={token(reader)}")

    def bare(self) -> bytes:
        """The bare resource, 12 bytes."""
        return self._get("/")

    def home(self) -> bytes:
        """The newest page of home, HTML."""
        return self._page("/home", self._reader())

    def old_home(self) -> bytes:
        """A page of home from months ago, HTML."""
        reader = self._reader()
        return self._page(f"/home?max_id={self.site.post_id(self.site.posts // 5 + 7 * reader)}", reader)

    def api_request(self, path: str, reader: int) -> bytes:
        """A request to the API by an account with a token."""
        return self._get(path, f"Authorization: Bearer {token(reader)}")

    def home_json(self) -> bytes:
        """The newest page of home, JSON."""
        return self.api_request("/api/v1/timelines/home", self._reader())

    def changed_page(self, path: Callable[[int], str]) -> bytes:
        """A page of a member, HTML, whose response is not cached, as after each favourite: a new URL each time. `path` gets a number."""
        number = next(self.turn)
        return self._page(f"{path(number)}?changed={number}", self._reader())

    def home_json_uncached(self) -> bytes:
        """Home, JSON, without any cache: a new URL each time, with a bound that the home cache does not cover."""
        return self.api_request(f"/api/v1/timelines/home?since_id=1&uncached={next(self.turn)}", self._reader())

    def home_of_2000(self) -> bytes:
        """Home of an account that follows 2,000, JSON."""
        return self.api_request("/api/v1/timelines/home", self.site.special["many"])

    def home_of_2000_uncached(self) -> bytes:
        """Home of an account that follows 2,000, JSON, without any cache."""
        return self.api_request(f"/api/v1/timelines/home?since_id=1&uncached={next(self.turn)}", self.site.special["many"])

    def local_uncached(self) -> bytes:
        """The public timeline without the page cache."""
        return self._get(f"/local?uncached={next(self.turn)}")

    def public_json_uncached(self) -> bytes:
        """The public timeline, JSON, without the page cache."""
        return self._get(f"/api/v1/timelines/public?uncached={next(self.turn)}")

    def account_json(self) -> bytes:
        """The posts of an account, JSON, anonymous."""
        return self._get(f"/api/v1/accounts/{self.site.account_id(next(self.turn) % 150)}/statuses")

    def front(self) -> bytes:
        """The front page, anonymous."""
        return self._get("/")

    def local(self) -> bytes:
        """The public timeline, anonymous."""
        return self._get("/local")

    def public_json(self) -> bytes:
        """The public timeline, JSON, anonymous."""
        return self._get("/api/v1/timelines/public")

    def profile(self) -> bytes:
        """A profile, anonymous."""
        return self._get(f"/@{name(next(self.turn) % 150)}")

    def post(self) -> bytes:
        """A post with its thread, anonymous; several in turn."""
        return self._get(self.posts[next(self.turn) % len(self.posts)])

    def publish(self) -> bytes:
        """Publish a post with a hashtag."""
        cookie, number = token(self._reader()), next(self.turn)
        fields = {"csrf": token_for(cookie), "text": f"{TEXT} {number}", "visibility": "public", "key": f"{os.getpid()}-{number}"}
        body = urlencode(fields)
        headers = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}", f"Cookie: session={cookie}")
        return "\r\n".join(["POST /posts HTTP/1.1", f"Host: {self.host}", *headers, "", body]).encode()

    def _api_command(self, path: str, reader: int, **fields: object) -> bytes:
        body = urlencode(fields)
        headers = (
            f"Authorization: Bearer {token(reader)}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
        )
        return "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {self.host}", *headers, "", body]).encode()

    def _sample_post(self) -> str:
        return self.posts[next(self.turn) % len(self.posts)].rpartition("/")[2]

    def post_by_api(self) -> bytes:
        """Publish a public post, API."""
        return self._api_command("/api/v1/statuses", self._reader(), status=f"{TEXT} {next(self.turn)}")

    def reply_by_api(self) -> bytes:
        """Reply to a post and mention its author, API."""
        number, path = next(self.turn), self.posts[next(self.turn) % len(self.posts)]
        author, post = path.strip("/").split("/")
        return self._api_command("/api/v1/statuses", self._reader(), status=f"{author} {TEXT} {number}", in_reply_to_id=post)

    def favourite(self) -> bytes:
        """Favourite a post, API; each reader another one each time."""
        return self._api_command(f"/api/v1/statuses/{self._sample_post()}/favourite", self._reader())

    def follow(self) -> bytes:
        """Follow an account that the reader does not follow yet, API."""
        number = next(self.turn)
        return self._api_command(f"/api/v1/accounts/{self.site.account_id(5_000 + number * 7 % 4_900)}/follow", self._reader())


@frozen
class Case:
    """A case: its requests, how many per round, how many before that to fill the caches, and on how many connections.

    `quiet_s`: seconds to wait after the last response, until the work that the requests caused is done too.
    """

    build_request: Callable[[RequestFactory], bytes]
    requests: int = 3_000
    warm: int = READERS
    connections: int = CONNECTIONS
    quiet_s: float = 0.0


def changed(path: Callable[[int], str]) -> Case:
    """A page of a member that changed since it was read last."""
    return Case(lambda factory: factory.changed_page(path), 400, READERS)


def command(build_request: Callable[[RequestFactory], bytes]) -> Case:
    """A command through the API, one at a time, with all the work that it causes."""
    return Case(build_request, 300, 0, 1, 1.5)


CASES: dict[str, Case] = {
    "home, JSON": Case(RequestFactory.home_json),
    "home, JSON, uncached": Case(RequestFactory.home_json_uncached, 150, 0),
    "home of 2,000, JSON": Case(RequestFactory.home_of_2000, warm=10),
    "home of 2,000, JSON, uncached": Case(RequestFactory.home_of_2000_uncached, 50, 0),
    "home, HTML": Case(RequestFactory.home, 1_500),
    "home from months ago, HTML": Case(RequestFactory.old_home, 150, 0),
    "public timeline, JSON": Case(RequestFactory.public_json, warm=10),
    "public timeline, JSON, uncached": Case(RequestFactory.public_json_uncached, 150, 0),
    "account, JSON": Case(RequestFactory.account_json, warm=150),
    "front page, HTML, anonymous": Case(RequestFactory.front, warm=10),
    "local timeline, HTML, anonymous": Case(RequestFactory.local, warm=10),
    "local timeline, HTML, uncached": Case(RequestFactory.local_uncached, 150, 0),
    "profile, HTML, anonymous": Case(RequestFactory.profile, warm=150),
    "post with its thread, HTML, anonymous": Case(RequestFactory.post, warm=500),
    "changed: home": changed(lambda number: "/home"),
    "changed: profile": changed(lambda number: f"/@{name(number % 20)}"),
    "changed: followers": changed(lambda number: f"/@{name(number % 20)}/followers"),
    "changed: post with its thread": Case(lambda factory: factory.changed_page(lambda number: factory.posts[number % 50]), 400, READERS),
    "changed: hashtag": changed(lambda number: f"/tags/tag{number % 5}"),
    "changed: notifications": changed(lambda number: "/notifications"),
    "changed: bookmarks": changed(lambda number: "/bookmarks"),
    "changed: favourites": changed(lambda number: "/favourites"),
    "changed: lists": changed(lambda number: "/lists"),
    "publish a post": Case(RequestFactory.publish, 150, 0),
    "command: post": command(RequestFactory.post_by_api),
    "command: reply": command(RequestFactory.reply_by_api),
    "command: favourite": command(RequestFactory.favourite),
    "command: follow": command(RequestFactory.follow),
}


@frozen
class Cost:
    """CPU microseconds per request in Python and PostgreSQL, and the median response time in milliseconds."""

    python: float
    database: float = 0.0
    response_ms: float = 0.0

    @property
    def total(self) -> float:
        """The sum of both."""
        return self.python + self.database

    @classmethod
    def median(cls, rounds: list[Cost]) -> Cost:
        """Return the median of each figure."""
        columns = zip(*((one.python, one.database, one.response_ms) for one in rounds), strict=True)
        return cls(*(statistics.median(column) for column in columns))


@define
class Connection:
    """One keep-alive connection."""

    transport: socket.socket
    buffer: bytes = b""
    sent_at: float = 0.0

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.sent_at = time.perf_counter()
        self.transport.sendall(request)

    def read_response(self) -> bool:
        """Read what has arrived; return True once a response is complete. Ends the run if it is an error."""
        data = self.transport.recv(262_144)
        self.buffer += data
        head, blank, body = self.buffer.partition(b"\r\n\r\n")
        if not data or (blank and head[9:12] not in (b"200", b"303")):
            raise SystemExit(f"unexpected response: {self.buffer[:2000].decode('utf-8', 'replace')}")
        if not blank or len(body) < _length(head):
            return False
        self.buffer = b""
        return True


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise SystemExit("a response without Content-Length")


def load(port: int, build_request: Callable[[], bytes], requests: int, connections: int = CONNECTIONS) -> list[float]:
    """Send a number of requests on some connections; return the response times in milliseconds."""
    durations: list[float] = []
    with selectors.DefaultSelector() as poll, ExitStack() as stack:
        for _ in range(min(connections, requests)):
            connection = Connection(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            poll.register(connection.transport, selectors.EVENT_READ, connection)
            connection.send(build_request())
        sent, deadline = len(poll.get_map()), time.monotonic() + WAIT_S
        while len(durations) < requests:
            if time.monotonic() > deadline:
                raise SystemExit(f"only {len(durations)} responses of {requests} within {WAIT_S:.0f} s")
            for key, _ in poll.select(1.0):
                if key.data.read_response():
                    durations.append((time.perf_counter() - key.data.sent_at) * 1000)
                    if sent < requests:
                        sent += 1
                        key.data.send(build_request())
    return durations


@frozen
class RunningServer:
    """A server under measurement, and its processes."""

    requests: RequestFactory
    port: int
    process: psutil.Process
    database: Callable[[], float]

    def measure(self, case: Case) -> Cost:
        """Measure one case."""
        requests = case.requests
        if case.warm:
            load(self.port, lambda: case.build_request(self.requests), case.warm)
        before = _seconds(self.process), self.database()
        durations = load(self.port, lambda: case.build_request(self.requests), requests, case.connections)
        time.sleep(case.quiet_s)
        after = _seconds(self.process), self.database()
        python, database = ((later - earlier) / requests * 1e6 for earlier, later in zip(before, after, strict=True))
        return Cost(python, database, statistics.median(durations))


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def database_seconds(server: DatabaseServer) -> float:
    """Return the CPU seconds of all PostgreSQL processes, ended ones included."""
    total = 0.0
    for pid in server.pids():
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def child(command: list[str], environment: dict[str, str], output: BinaryIO) -> Iterator[subprocess.Popen[bytes]]:
    """Run a child process that ends with this one."""
    launch_command = command_line(command, directory=ROOT, at_parents_death=signal.SIGKILL)
    process = subprocess.Popen(launch_command, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def microblog(server: DatabaseServer, posts: int) -> Iterator[RunningServer]:
    """Run the site on a copy of the database with this number of posts."""
    port = free_port()
    with (
        copied_database(server, posts, port, lift_blocks) as (url, requests),
        tempfile.TemporaryDirectory() as directory,
        site_process(url, Path(directory), port) as process,
    ):
        yield RunningServer(requests, port, psutil.Process(process.pid), lambda: database_seconds(server))


@contextmanager
def copied_database(
    server: DatabaseServer, posts: int, port: int, prepare: Callable[[Cursor], object] = lambda cursor: None
) -> Iterator[tuple[str, RequestFactory]]:
    """Yield the URL of a copy with access tokens, in which no cleanup comes due, and the requests to a site at this port.

    `prepare` may change it further.
    """
    site = server.site(posts)
    with server.copy(posts) as url:
        with closing(connect(url)) as connection, connection.cursor() as cursor:
            give_tokens(cursor, site)
            skip_cleanup(cursor)
            prepare(cursor)
            requests = RequestFactory(site, f"127.0.0.1:{port}", sample_posts(cursor, site))
            connection.commit()
        yield url, requests


@contextmanager
def site_process(url: str, directory: Path, port: int, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one process of the site with `more` settings; it serves when this yields."""
    settings = {"LISTEN": f"tcp:{port}:interface=127.0.0.1", "DATABASE_URL": url, "DATA_DIR": str(directory), "RATE_LIMITS": "off"} | more
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MICROBLOG_")}
    environment = inherited | {f"MICROBLOG_{key}": value for key, value in settings.items()} | {"PYTHONPATH": str(ROOT)}
    command = [str(Path(sys.executable).with_name("twistd")), "--pidfile=", "--nodaemon", "microblog"]
    with tempfile.TemporaryFile() as log, child(command, environment, log) as process:
        _until_up(process, f"http://127.0.0.1:{port}/health", log)
        yield process


def skip_cleanup(cursor: Cursor) -> None:
    """Record the cleanup of the next day as done: it would delete the rows of benchmarks/backlog.py at the full hour."""
    now = datetime.now(UTC)
    for batch in cleanup_batches(events_kept=timedelta(days=1)):
        for tick in takewhile(lambda tick: tick >= now - timedelta(days=1), batch.rule.before(now + timedelta(days=1))):
            jobs.record_run(cursor, batch.kind, tick)


def give_tokens(cursor: Cursor, site: Site) -> None:
    """Create access tokens for the readers and authors."""
    now, scopes = datetime.now(UTC), ["read", "write"]
    app = oauth.insert_app(
        cursor, client_id="measured", secret_hash=b"-", name="measured", website=None, redirect_uris=[], scopes=scopes, now=now
    )
    for member in (*site.typical[:READERS], site.special["many"], *AUTHORS):
        account = site.account_id(member)
        oauth.insert_token(cursor, token_hash=hash_of(token(member)), app=app.id, account=account, scopes=scopes, now=now)


def lift_blocks(cursor: Cursor) -> None:
    """Let everybody follow everybody."""
    execute(cursor, "delete from blocks")


def sample_posts(cursor: Cursor, site: Site) -> list[str]:
    """Return paths of public posts from the middle of the year."""
    return fetch_all(
        cursor,
        lambda id, username: f"/@{username}/{id}",
        """select p.id, a.username from posts p join accounts a on a.id = p.account_id and a.suspended_at is null
           where p.id > %(first)s and p.visibility = 'public' and p.boost_of is null and p.deleted_at is null order by p.id limit 500""",
        {"first": site.post_id(site.posts // 3)},
    )


@contextmanager
def bare(site: Site) -> Iterator[RunningServer]:
    """Run the bare resource of benchmarks/overhead.py."""
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "benchmarks.overhead", "--serve", "bare"]
        with child(command, dict(os.environ), output) as process:
            port = _printed_port(output)
            yield RunningServer(RequestFactory(site, f"127.0.0.1:{port}"), port, psutil.Process(process.pid), lambda: 0.0)


def _printed_port(output: BinaryIO) -> int:
    ends = time.monotonic() + WAIT_S
    while time.monotonic() < ends:
        output.seek(0)
        if (line := output.read()).endswith(b"\n"):
            return int(line)
        time.sleep(0.05)
    raise SystemExit("the bare server did not start")


def free_port() -> int:
    """Return a free TCP port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _until_up(process: subprocess.Popen[bytes], url: str, log: BinaryIO) -> None:
    ends = time.monotonic() + WAIT_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            if error.code == 404:  # any response will do
                return
        except OSError:
            pass
        time.sleep(0.1)
    log.seek(0)
    raise SystemExit("the site did not start:\n" + log.read().decode("utf-8", "replace"))


def main() -> None:
    """Measure every case at every size, and print the table."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    arguments = parser.parse_args()
    cases = {case: build_request for case, build_request in CASES.items() if arguments.only in case}
    with ExitStack() as stack:
        with database_server(arguments.cache, durable=False) as building:
            for posts in arguments.posts:
                building.template(posts)
        server = stack.enter_context(database_server(arguments.cache, durable=True))
        sites = {posts: stack.enter_context(microblog(server, posts)) for posts in arguments.posts}
        bare_server = stack.enter_context(bare(sites[arguments.posts[0]].requests.site))
        results: dict[tuple[str, int], list[Cost]] = {(case, posts): [] for case in cases for posts in sites}
        bare_costs: list[Cost] = []
        for turn in range(arguments.rounds + 1):
            bare_cost = [bare_server.measure(Case(RequestFactory.bare, BARE_REQUESTS))]
            costs = {(case, posts): sites[posts].measure(cases[case]) for case, posts in results}
            if turn:  # the first round fills caches
                bare_costs += bare_cost
                for case_and_size, cost in costs.items():
                    results[case_and_size].append(cost)
    report(Cost.median(bare_costs), {case_and_size: Cost.median(rounds) for case_and_size, rounds in results.items()})


def report(bare_server: Cost, results: dict[tuple[str, int], Cost]) -> None:
    """Print a line for each case and size: CPU, ratio to the bare resource, growth from the smaller size."""
    print(f"bare twisted.web Resource, 12 bytes: {bare_server.total:.0f} us CPU\n")
    figures = f"{'posts':>9} {'Python':>8} {'PostgreSQL':>11} {'together':>9} {'x bare':>7} {'growth':>7} {'p50 ms':>7}"
    print(f"{'CPU in us per request':38} {figures}")
    smaller: dict[str, float] = {}
    for (case, posts), cost in results.items():
        growth = f"x {cost.total / smaller[case]:.2f}" if case in smaller else ""
        smaller[case] = cost.total
        print(
            f"{case:38} {posts:9,} {cost.python:8.0f} {cost.database:11.0f} {cost.total:9.0f} {cost.total / bare_server.total:7.0f} "
            f"{growth:>7} {cost.response_ms:7.1f}"
        )


if __name__ == "__main__":
    main()
