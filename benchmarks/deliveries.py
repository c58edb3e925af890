"""Measure the delivery of one post to followers on many servers, some of them dead, and what that costs people who read meanwhile.

    python -m benchmarks.deliveries [--cache DIRECTORY] [--posts 100000] [--hosts 2000] [--dead 200] [--followers 10000] [--reads 50]

The other servers are addresses 127.0.x.y of one process, which answers 202 to everything. The dead ones accept connections and never
respond, which is the worst that they can do. Readers read the newest page of home at a fixed rate: first alone, then, for as long again,
while a popular author's post is delivered. CPU of the deliveries is that of the site and of PostgreSQL minus that of the first interval.
Without TLS, which takes about 0.8 ms more for each connection.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from attrs import define, field

from benchmarks.databases import database_server, options
from benchmarks.measured_site import MeasuredSite, Writers, conditions, measured_site
from benchmarks.pages import AUTHORS, ROOT, RequestFactory, free_port
from benchmarks.traffic import Stream, Traffic, percentile, traffic
from microblog.storage.database import Cursor, connect

SECONDS, WARM_S = 50.0, 3.0
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


def addresses(count: int, dead: int) -> tuple[list[str], list[str]]:
    """Return the addresses of the live and of the dead servers."""
    found = [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(count)]
    step = count // dead if dead else count + 1
    return [each for number, each in enumerate(found) if number % step], [each for number, each in enumerate(found) if not number % step]


def serve(port: int, dead_port: int) -> None:
    """Be all of the other servers, and print the address of each that got a request."""
    poll = selectors.DefaultSelector()
    listener = socket.create_server(("0.0.0.0", port), backlog=1024)
    silent = socket.create_server(("0.0.0.0", dead_port), backlog=1024)
    for each in (listener, silent):
        poll.register(each, selectors.EVENT_READ)
    held, buffers = list[socket.socket](), dict[int, bytes]()
    sys.stdout.write("ready\n")
    while True:
        sys.stdout.flush()
        for key, _ in poll.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            if connection is silent:
                held.append(connection.accept()[0])
            elif connection is listener:
                accepted = connection.accept()[0]
                poll.register(accepted, selectors.EVENT_READ)
                buffers[accepted.fileno()] = b""
            else:
                _answer(poll, connection, buffers)


def _answer(poll: selectors.BaseSelector, connection: socket.socket, buffers: dict[int, bytes]) -> None:
    number = connection.fileno()
    data = connection.recv(65_536)
    if not data:
        poll.unregister(connection)
        connection.close()
        return
    buffers[number] += data
    head, end, body = buffers[number].partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    if end and len(body) >= length:
        buffers[number] = b""
        sys.stdout.write(f"{connection.getsockname()[0]}\n")
        connection.sendall(ANSWER)


@define
class OtherServers:
    """The process of the other servers: when each of them got the first request."""

    port: int
    dead_port: int
    times: dict[str, float] = field(factory=dict)
    requests: int = 0

    def read(self, output: Iterator[str]) -> None:
        """Take note of what the process prints."""
        for line in output:
            self.requests += 1
            self.times.setdefault(line.strip(), time.perf_counter())


@contextmanager
def other_servers() -> Iterator[OtherServers]:
    """Run the other servers."""
    found = OtherServers(free_port(), free_port())
    command = [sys.executable, "-m", "benchmarks.deliveries", "--serve", str(found.port), str(found.dead_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            threading.Thread(target=found.read, args=(process.stdout,), daemon=True).start()
            yield found
        finally:
            process.kill()


def add_followers(cursor: Cursor, author: int, hosts: list[str], count: int) -> None:
    """Insert followers of the author on the hosts, in turn, as a site has that federates."""
    cursor.execute(
        """with people as (
               select n, 'far' || n as name, h.host, 'http://' || h.host as origin
               from generate_series(1, %(count)s) n
               join unnest(%(hosts)s::text[]) with ordinality h (host, place) on h.place = 1 + n %% %(hosts_count)s),
           made as (
               insert into accounts (id, username, host, uri, created_at)
               select new_id(now()), name, host, origin || '/users/' || name, now() from people returning id, username, host, uri),
           counted as (insert into account_counts (account_id) select id from made),
           actors as (
               insert into remote_actors (account_id, kind, inbox, shared_inbox, fetched_at)
               select id, 'Person', 'http://' || host || '/users/' || username || '/inbox', 'http://' || host || '/inbox', now() from made)
           insert into follows (id, follower_id, followee_id, boosts, notify, created_at, activity_uri)
           select new_id(now()), id, %(author)s, true, false, now(), uri || '#follow' from made""",
        {"count": count, "hosts": hosts, "hosts_count": len(hosts), "author": author},
    )


@define
class Interval:
    """Cost of an interval of reads: CPU of the site, and the durations of the reads in milliseconds."""

    cpu: float
    database: float
    seconds: float
    durations: list[float]


def interval(measured: MeasuredSite, running: Traffic, reads: Stream, seconds: float) -> Interval:
    """Read for a time."""
    before = measured.cpu()
    took = running.run(seconds)
    cpu = measured.cpu() - before
    return Interval(cpu.python, cpu.database, took, list(reads.durations))


def run(arguments: argparse.Namespace) -> None:
    """Measure once, and print the results."""
    live, dead = addresses(arguments.hosts, arguments.dead)
    with database_server(arguments.cache, durable=True) as server, other_servers() as others:
        listed = [*(f"{each}:{others.port}" for each in live), *(f"{each}:{others.dead_port}" for each in dead)]
        settings = {"FEDERATION": "on", "FEDERATION_TEST_ADDRESSES": ",".join(listed)}
        with measured_site(server, arguments.posts[0], settings=settings) as measured:
            author = AUTHORS[0]
            with closing(connect(measured.url)) as connection, connection.cursor() as cursor:
                add_followers(cursor, measured.requests.site.account_id(author), listed, arguments.followers)
                connection.commit()
            reads = measured.reads(RequestFactory.home_json, arguments.reads)
            with traffic(reads) as running:
                running.run(WARM_S)
                quiet = interval(measured, running, reads, SECONDS)
                began = time.perf_counter()
                with traffic(Stream(lambda: Writers(measured).post(author), measured.ports, limit=1)) as publishing:
                    publishing.run(1.0)
                busy = interval(measured, running, reads, SECONDS)
            report(arguments, others, began, quiet, busy)


def report(arguments: argparse.Namespace, others: OtherServers, began: float, quiet: Interval, busy: Interval) -> None:
    """Print the results."""
    live = arguments.hosts - len(addresses(arguments.hosts, arguments.dead)[1])
    times = sorted(at - began for at in others.times.values())
    python, database = busy.cpu - quiet.cpu * busy.seconds / quiet.seconds, busy.database - quiet.database * busy.seconds / quiet.seconds
    print(f"{conditions()}\n{arguments.followers} followers on {arguments.hosts} hosts, {arguments.hosts - live} of them dead")
    print(f"live hosts served: {len(times)} of {live}, half after {times[len(times) // 2]:.1f} s, the last after {times[-1]:.1f} s")
    print(f"CPU of the deliveries: {python:.1f} s of the site and {database:.1f} s of PostgreSQL,", end=" ")
    print(f"{(python + database) / len(times) * 1000:.2f} ms per delivery; {(python + database) / times[-1]:.0%} of a core meanwhile")
    for name, each in (("alone", quiet), ("during the deliveries", busy)):
        values = " ".join(f"p{rank} {percentile(each.durations, rank / 100):.1f} ms" for rank in (50, 90, 99))
        print(f"home reads {name}: {len(each.durations)}, {values}")


def main() -> None:
    """Parse the arguments and measure."""
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]), int(sys.argv[3]))
    parser = options(__doc__)
    parser.set_defaults(posts=[100_000])
    parser.add_argument("--hosts", type=int, default=2_000)
    parser.add_argument("--dead", type=int, default=200)
    parser.add_argument("--followers", type=int, default=10_000)
    parser.add_argument("--reads", type=float, default=50.0)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
