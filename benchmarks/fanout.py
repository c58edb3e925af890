"""Measure the cost of delivering one post to many open connections, compared with a bare Twisted server that writes the same bytes.

    python -m benchmarks.fanout [--readers 100 1000 5000] [--stream user public] [--protocol socket events] [--posts 40]

A real site (twistd, embedded PostgreSQL) runs in one process, readers in another: over loopback, by WebSocket or server-sent events, each
with an API token. A thousand accounts follow the author, and each blocks and mutes some others. CPU is that of the server process alone;
the cost of publishing without readers is measured first and subtracted, or included ("with publishing"). A delay is the time from the
commit timestamp of PostgreSQL to the arrival of the bytes, at two posts a second. All readers connect, disconnect and connect again; the
second time shows the cost of a restart or a network failure.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
from attrs import define, field, frozen

from microblog.adapters.postgres import initdb_command, running
from microblog.adapters.postgres_files import Home
from microblog.domain.tokens import hash_of
from microblog.model.ids import AppId
from microblog.storage import accounts, follows, oauth, users
from microblog.storage.database import connect
from microblog.storage.follows import FollowOptions

PEOPLE = 1_000
HIDDEN_ACCOUNTS = 20  # number of accounts that each reader blocks, and of those it mutes
MAX_HANDSHAKES = 64  # concurrent handshakes
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
GREETING = "Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
PONG = b"\x8a\x80\x00\x00\x00\x00"
REQUESTS = {
    "socket": "GET /api/v1/streaming?stream={stream} HTTP/1.1\r\n" + GREETING + UPGRADE + "\r\n",
    "events": "GET /api/v1/streaming/{stream} HTTP/1.1\r\n" + GREETING + "\r\n",
}
TEXT = "A post of a usual length, as people write them when they have something to say about the weather and their lunch. #weather "


def cpu(process: psutil.Process) -> float:
    """Return the user and system time of a process, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


@frozen
class Figures:
    """The results of one round; times in seconds, memory in bytes."""

    readers: int
    deliveries: int
    cpu_s: float
    took_s: float
    delays: list[float]
    frame: int


@define
class ClientPool:
    """Many open connections and the messages that arrive on them. A message is received with the last byte of its frame."""

    port: int
    protocol: str = "socket"
    sockets: dict[int, socket.socket] = field(factory=dict)
    poll: select.epoll = field(factory=select.epoll)
    unread: dict[int, bytes] = field(factory=dict)

    def open(self, requests: list[bytes]) -> None:
        """Send each request on a connection of its own, and wait for the response headers."""
        remaining, waiting = list(reversed(requests)), 0
        while remaining or waiting:
            while remaining and waiting < MAX_HANDSHAKES:
                connection = socket.create_connection(("127.0.0.1", self.port))
                connection.sendall(remaining.pop())
                connection.setblocking(False)
                self.sockets[connection.fileno()] = connection
                self.poll.register(connection, select.EPOLLIN)
                waiting += 1
            for number, _ in self.poll.poll(1):
                data = self.sockets[number].recv(65_536)
                if number in self.unread:  # already open: a heartbeat
                    self.unread[number] += data
                    continue
                head, _, rest = data.partition(b"\r\n\r\n")
                if not head.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")):
                    raise SystemExit(f"unexpected response: {head!r}")
                self.unread[number] = rest
                waiting -= 1

    def receive(self, expected: int, timeout: float) -> list[tuple[float, bytes]]:
        """Wait for a number of messages; return the time and content of each."""
        received: list[tuple[float, bytes]] = []
        end = time.monotonic() + timeout
        while len(received) < expected and time.monotonic() < end:
            for number, _ in self.poll.poll(0.2):
                data = self.sockets[number].recv(262_144)
                at = time.time()
                if not data:
                    raise SystemExit("a connection was closed")
                received += [(at, payload) for payload in self._messages(number, data)]
        if len(received) != expected:
            raise SystemExit(f"{len(received)} of {expected} deliveries arrived")
        return received

    def _messages(self, number: int, data: bytes) -> Iterator[bytes]:
        data = self.unread[number] + data
        if self.protocol == "events":
            *events, self.unread[number] = data.split(b"\n\n")
            yield from (event + b"\n\n" for event in events if b"\ndata: " in event)
            return
        while len(data) >= 2:
            size, at = data[1], 2
            if size == 126:
                size, at = int.from_bytes(data[2:4], "big"), 4
            if len(data) < at + size:
                break
            if data[0] == 0x81:
                yield data[at : at + size]
            elif data[0] == 0x89:
                self.sockets[number].sendall(PONG)
            data = data[at + size :]
        self.unread[number] = data

    def close(self) -> None:
        """Close all connections."""
        for with_publishing in self.sockets.values():
            with_publishing.close()
        self.poll.close()


# The site


@define
class SiteUnderTest:
    """A running site, and the access tokens of its readers."""

    port: int
    process: psutil.Process
    author: str
    tokens: list[str]
    database_url: str

    def committed(self) -> dict[str, float]:
        """Return the commit time of each post by its id."""
        with closing(connect(self.database_url)) as connection, connection.cursor() as cursor:
            cursor.execute("select post_id, pg_xact_commit_timestamp(xid::text::xid) from events where kind = 'post.published'")
            return {str(id): at.timestamp() for id, at in cursor.fetchall() if at is not None}

    def open_subscriptions(self) -> int:
        """Return the number of streams that were opened."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as response:
            lines = [connection.split() for connection in response.read().decode().splitlines()]
        return sum(int(float(connection[1])) for connection in lines if connection[0].startswith("microblog_live_subscriptions{"))

    def publish(self, number: int) -> None:
        """Publish a post and return its id once it is acknowledged."""
        body = json.dumps({"status": f"{TEXT}{number} {time.time()}"}).encode()
        head = (
            f"POST /api/v1/statuses HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.author}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with closing(socket.create_connection(("127.0.0.1", self.port))) as connection:
            connection.sendall(head.encode() + body)
            if not connection.recv(65_536).startswith(b"HTTP/1.1 200"):
                raise SystemExit("a post was refused")


def free_port() -> int:
    """Return a free TCP port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def site(directory: Path) -> Iterator[SiteUnderTest]:
    """Start a site with its accounts."""
    port, data = free_port(), directory / "var"
    enable_commit_timestamps(data)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")} | {
        "MICROBLOG_LISTEN": f"tcp:{port}:interface=127.0.0.1",
        "MICROBLOG_DATA_DIR": str(data),
        "MICROBLOG_RATE_LIMITS": "off",
        "MICROBLOG_STREAMS_PER_NETWORK": "100000",
    }
    command = [str(Path(sys.executable).with_name("twistd")), "--pidfile=", "--nodaemon", "microblog"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=Path(__file__).resolve().parent.parent)
    try:
        url = wait_until_ready(process, port, directory)
        author, tokens = create_accounts(url)
        yield SiteUnderTest(port, psutil.Process(process.pid), author, tokens, url)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_until_ready(process: subprocess.Popen[bytes], port: int, directory: Path) -> str:
    """Wait until the site listens, and return the URL of its database."""
    while True:
        time.sleep(0.1)
        if process.poll() is not None:
            raise SystemExit((directory / "log").read_text())
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            continue
        url = running(directory / "var")
        assert url is not None
        return url


def enable_commit_timestamps(data: Path) -> None:
    """Create the site's database with `track_commit_timestamp`, so that PostgreSQL records commit times."""
    home = Home(data)
    home.prepare()
    subprocess.run(initdb_command(home), check=True, stdout=subprocess.DEVNULL)
    home.fresh.rename(home.data)
    with (home.data / "postgresql.auto.conf").open("a") as settings:
        settings.write("track_commit_timestamp = on\n")


def create_accounts(url: str) -> tuple[str, list[str]]:
    """Create an author with followers; return an access token of each."""
    at = datetime.now().astimezone()
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        app = oauth.insert_app(
            cursor, client_id="b", secret_hash=b"-", name="Bench", website=None, redirect_uris=(), scopes=("read", "write"), now=at
        ).id
        ids = []
        for number in range(PEOPLE + HIDDEN_ACCOUNTS + 1):
            id = accounts.insert(cursor, username=f"reader{number}", display_name="", locked=False, now=at)
            assert id is not None
            address = f"reader{number}@example.org"
            users.insert(cursor, account=id, email=address, password_hash="-", role="user", now=at, approved=True)  # type: ignore[arg-type]
            oauth.insert_token(cursor, token_hash=hash_of(_token(number)), app=AppId(app), account=id, scopes=("read", "write"), now=at)
            ids.append(id)
        cursor.execute("update users set confirmed_at = now() where confirmed_at is null")
        author, *others = ids
        for reader in others[:PEOPLE]:
            follows.follow(cursor, follower=reader, followee=author, options=FollowOptions(True, False), now=at)
        sets = {"people": list(others[:PEOPLE]), "hidden": list(others[PEOPLE:])}
        pairs = "select new_id(now()), a, t, now() from unnest(%(people)s) a, unnest(%(hidden)s) t"
        cursor.execute("insert into blocks (id, account_id, target_id, created_at) " + pairs, sets)
        cursor.execute("insert into mutes (id, account_id, target_id, created_at) " + pairs, sets)
    return _token(0), [_token(number + 1) for number in range(PEOPLE)]


def _token(number: int) -> str:
    return f"token-of-the-benchmark-{number:08d}"


def publishing_cost(site_process: SiteUnderTest, posts: int) -> float:
    """Return the CPU seconds of publishing one post without readers."""
    for number in range(5):
        site_process.publish(number)
    before = cpu(site_process.process)
    for number in range(posts):
        site_process.publish(number)
    time.sleep(0.3)
    return (cpu(site_process.process) - before) / posts


def measure_delivery(site_process: SiteUnderTest, clients: ClientPool, posts: int, pause: float) -> Figures:
    """Publish posts and wait until every connection has received them."""
    readers, before, started = len(clients.sockets), cpu(site_process.process), time.monotonic()

    def write() -> None:
        for number in range(posts):
            site_process.publish(number)
            time.sleep(pause)

    writer = threading.Thread(target=write)
    writer.start()
    received = clients.receive(posts * readers, 60 + posts)
    elapsed = time.monotonic() - started
    writer.join()
    spent_s, committed, posts_of = cpu(site_process.process) - before, site_process.committed(), dict[bytes, str]()
    for _, payload in received:
        if payload not in posts_of:
            posts_of[payload] = post_id(payload)
    delays = sorted(at - committed[posts_of[payload]] for at, payload in received)
    return Figures(readers, len(received), spent_s, elapsed, delays, len(received[0][1]) + (4 if clients.protocol == "socket" else 0))


def post_id(message: bytes) -> str:
    """Return the id of the post in a WebSocket or SSE message."""
    payload = json.loads(message)["payload"] if message.startswith(b"{") else message.partition(b"\ndata: ")[2]
    return str(json.loads(payload)["id"])


# The bare server


def serve_bare() -> None:
    """Run a server that calls Twisted's `transport.write` on every connection on request. The argument is the length of the message."""
    from twisted.internet import reactor as installed
    from twisted.internet.protocol import Factory, Protocol

    reactor: Any = installed
    size = int(sys.argv[2]) - 4
    frame = b"\x81\x7e" + size.to_bytes(2, "big") + b"x" * size
    transports: list[Any] = []

    class Bare(Protocol):
        def connectionMade(self) -> None:
            transports.append(self.transport)

        def dataReceived(self, data: bytes) -> None:
            if data.startswith(b"GET"):
                self.transport.write(b"HTTP/1.1 101 Bare\r\n\r\n")  # type: ignore[union-attr]
            else:
                for transport in transports:
                    transport.write(frame)

    port = reactor.listenTCP(0, Factory.forProtocol(Bare), backlog=1024, interface="127.0.0.1")
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    reactor.run()


def bare_cost(readers: int, size: int, posts: int) -> tuple[float, float]:
    """Return the bare server's CPU seconds per delivery and memory per connection."""
    command = [sys.executable, "-m", "benchmarks.fanout", "--bare", str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        process, clients = psutil.Process(server.pid), ClientPool(int(server.stdout.readline()))
        empty = process.memory_info().rss
        clients.open([b"GET / HTTP/1.1\r\n\r\n"] * readers)
        memory = (process.memory_info().rss - empty) / readers
        before = cpu(process)
        first = next(iter(clients.sockets.values()))
        for _ in range(posts):
            first.sendall(b"go")
            clients.receive(readers, 60)
        cost = (cpu(process) - before) / posts / readers
        clients.close()
        server.terminate()
    return cost, memory


def connect_clients(site_process: SiteUnderTest, protocol: str, stream: str, readers: int) -> tuple[ClientPool, float, float]:
    """Open a number of connections; return connects per second and CPU seconds per connect."""
    tokens = [site_process.tokens[number % PEOPLE] for number in range(readers)]
    clients, before, started = ClientPool(site_process.port, protocol), cpu(site_process.process), time.monotonic()
    clients.open([REQUESTS[protocol].format(stream=stream, token=token).encode() for token in tokens])
    elapsed = time.monotonic() - started
    while site_process.open_subscriptions() < readers:  # a subscription starts shortly after the response head
        time.sleep(0.2)
    return clients, readers / elapsed, (cpu(site_process.process) - before) / readers


def measure(site_process: SiteUnderTest, readers: int, protocol: str, stream: str, posts: int) -> str:
    """Print one row of the table."""
    publishing = publishing_cost(site_process, posts)
    empty = site_process.process.memory_info().rss
    clients, _, _ = connect_clients(site_process, protocol, stream, readers)
    memory = (site_process.process.memory_info().rss - empty) / readers
    clients.close()
    time.sleep(1)
    clients, connects, connect_cpu = connect_clients(site_process, protocol, stream, readers)
    paced = measure_delivery(site_process, clients, min(posts, 20), 0.5)
    busy = measure_delivery(site_process, clients, posts, 0)
    clients.close()
    bare_delivery, bare_memory = bare_cost(readers, busy.frame, posts)
    with_publishing, delivery = busy.cpu_s / busy.deliveries * 1e6, (busy.cpu_s - posts * publishing) / busy.deliveries * 1e6
    p50, p99 = (paced.delays[int(len(paced.delays) * part)] * 1000 for part in (0.5, 0.99))
    time.sleep(1)
    cells = (
        f"{stream}, {protocol}",
        f"{readers:,}",
        f"{delivery:.1f}",
        f"{with_publishing:.1f}",
        f"{bare_delivery * 1e6:.1f}",
        f"x {delivery / bare_delivery / 1e6:.2f}",
        f"{busy.deliveries / busy.took_s:,.0f}",
        f"{p50:.0f}",
        f"{p99:.0f}",
        f"{memory / 1000:.1f}",
        f"{bare_memory / 1000:.1f}",
        f"{connects:,.0f}",
        f"{connect_cpu * 1000:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, nargs="+", default=[100, 1_000, 5_000])
    parser.add_argument("--stream", nargs="+", default=["user", "public"])
    parser.add_argument("--protocol", nargs="+", choices=REQUESTS, default=list(REQUESTS))
    parser.add_argument("--posts", type=int, default=40)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("| stream | readers | us of CPU per delivery | with publishing | bare write | | deliveries/s | p50 ms | p99 ms ", end="")
    print("| kB per connection | bare | connects/s | ms of CPU each |\n" + "|---" * 13 + "|", flush=True)
    with tempfile.TemporaryDirectory() as directory, site(Path(directory)) as site_process:
        for readers, stream, protocol in product(arguments.readers, arguments.stream, arguments.protocol):
            print(measure(site_process, readers, protocol, stream, arguments.posts), flush=True)


if __name__ == "__main__":
    serve_bare() if "--bare" in sys.argv else main()
