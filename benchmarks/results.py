"""Measure what people do most, quiet and while others write, and write the table to benchmarks/RESULTS.md.

    ./run.sh bench [--cache DIRECTORY] [--posts 1000000] [--seconds 5] [--only TEXT] [--output FILE]

Takes less than 20 minutes once the database is built, which takes about five. Each line is CPU time of the site and of PostgreSQL per unit,
first alone, then while popular authors publish five posts a second and readers favourite them ten times a second; the same writes without
the unit are measured just before and subtracted. Alone, pages are read flat out, from caches; under writes, 100 times a second (25 for
context, notifications and search), so that a server that waits in between pays for waking up, as the bare resource shows at the same rate.
Commands are sent one after the other, and ten times a second under writes. Work that is left to jobs counts. A unit that fails ends the
run.

Targets and floors were set on a machine on which the bare `twisted.web` resource costs 74 us for each request: the table has them
multiplied by what it costs here, in the same run. A floor is what the unit takes at least: a request, the rows that it has to write and
commit, the bytes that it has to send.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from itertools import count
from pathlib import Path

from attrs import Factory, define, field, frozen

from benchmarks.databases import database_server, options
from benchmarks.dataset import token
from benchmarks.fanout import REQUESTS, ClientPool
from benchmarks.measured_site import Cpu, MeasuredSite, Writers, conditions, cpu_seconds, measured_site
from benchmarks.mixed import fill_caches, measure
from benchmarks.pages import AUTHORS, READERS, ROOT, RequestFactory, RunningServer, bare
from benchmarks.traffic import FLAT_OUT_CONNECTIONS, Stream, percentile, traffic
from microblog.storage.database import connect

OUTPUT = ROOT / "benchmarks" / "RESULTS.md"
WRITES = 5.0  # posts per second, and twice as many favourites
READ_RATE, HEAVY_RATE, COMMAND_RATE = 100.0, 25.0, 10.0  # units per second, under writes
WARM_READS, COMMANDS = 500, 50
REFERENCE_BARE_MS = 0.074  # of the machine on which targets and floors were set
BURSTS = 5
ROUNDS = 2  # under writes
STREAMS, RECEIPT_RATE, BOOKMARK_RATE, SETTLE_S = 1_000, 2.0, 10.0, 2.0


@frozen
class Goal:
    """Milliseconds of CPU per unit on the machine of reference: the target, and the floor below which nobody gets. None: none is set."""

    target: float | None = None
    floor: float | None = None


@frozen
class Unit:
    """A line of the table: its requests, how many per second, and the goals without and with writes."""

    name: str
    build: Callable[[Bench], bytes]
    rate: float = READ_RATE
    quiet: Goal = Goal()
    busy: Goal = Goal()


@define
class Bench:
    """The site under measurement, and the requests of all units."""

    site: MeasuredSite
    writers: Writers
    seconds: float
    thread: int = field(init=False)
    _followed: set[tuple[int, int]] = field(init=False)
    _turn: Iterator[int] = Factory(count)

    def __attrs_post_init__(self) -> None:
        with closing(connect(self.site.url)) as connection, connection.cursor() as cursor:
            cursor.execute(_THREAD)
            (self.thread,) = cursor.fetchone() or (0,)
            cursor.execute(_RELATED, {"readers": [self.account(reader) for reader in self.readers]})
            self._followed = set(cursor.fetchall())

    @property
    def readers(self) -> range:
        """The numbers of the accounts that read."""
        return self.site.requests.site.typical[:READERS]

    def account(self, number: int) -> int:
        """Return the id of an account."""
        return self.site.requests.site.account_id(number)

    def reader(self) -> int:
        """Return the next reader."""
        return self.readers[next(self._turn) % READERS]

    def get(self, path: str) -> bytes:
        """A request to the API by the next reader."""
        return self.site.requests.api_request(path, self.reader())

    def reply(self) -> bytes:
        """A reply of a popular author to one of the newest posts, by the API."""
        author, number = AUTHORS[next(self._turn) % len(AUTHORS)], next(self._turn)
        parent = self.writers.recent[number % len(self.writers.recent)]
        text = f"I agree with every word of it, as always. {number} {time.time()}"
        return self.writers.api_post("/api/v1/statuses", author, {"status": text, "visibility": "public", "in_reply_to_id": str(parent)})

    def follow(self) -> bytes:
        """A reader follows somebody new, by the API."""
        people = self.site.requests.site.people
        while True:
            reader, number = self.reader(), next(self._turn)
            other = number * 7 % (people // 2)
            pair = self.account(reader), self.account(other)
            if other % 200 != 199 and pair not in self._followed and pair[::-1] not in self._followed:  # nobody suspended
                self._followed |= {pair}
                return self.writers.api_post(f"/api/v1/accounts/{pair[1]}/follow", reader, {})


_THREAD = """select thread_id from posts where deleted_at is null and visibility = 'public' and boost_of is null
    group by thread_id order by abs(count(*) - 101) limit 1"""
_RELATED = """select follower_id, followee_id from follows where follower_id = any(%(readers)s)
    union select account_id, target_id from blocks where account_id = any(%(readers)s) or target_id = any(%(readers)s)"""


def _of_pages(build: Callable[[RequestFactory], bytes]) -> Callable[[Bench], bytes]:
    return lambda bench: build(bench.site.requests)


UNITS = (
    Unit("home, JSON", _of_pages(RequestFactory.home_json), quiet=Goal(0.15, 0.08), busy=Goal(0.3, 0.2)),
    Unit("home, HTML", _of_pages(RequestFactory.home), quiet=Goal(0.25, 0.1), busy=Goal(1.0, 0.3)),
    Unit("public timeline, JSON", _of_pages(RequestFactory.public_json), quiet=Goal(0.13, 0.08)),
    Unit("posts of an account, JSON", _of_pages(RequestFactory.account_json), quiet=Goal(0.14, 0.08)),
    Unit("front page, HTML, anonymous", _of_pages(RequestFactory.front), quiet=Goal(0.15, 0.08)),
    Unit("local timeline, HTML, anonymous", _of_pages(RequestFactory.local), quiet=Goal(0.15, 0.08)),
    Unit("profile, HTML, anonymous", _of_pages(RequestFactory.profile), quiet=Goal(0.14, 0.08)),
    Unit("post with its thread, HTML, anonymous", _of_pages(RequestFactory.post), quiet=Goal(0.15, 0.08)),
    Unit(
        "context of about 100 replies",
        lambda bench: bench.get(f"/api/v1/statuses/{bench.thread}/context"),
        HEAVY_RATE,
        quiet=Goal(0.5, 0.3),
    ),
    Unit("notifications", lambda bench: bench.get("/api/v1/notifications"), HEAVY_RATE, quiet=Goal(0.5, 0.3)),
    Unit("hashtag timeline", lambda bench: bench.get("/api/v1/timelines/tag/tag1"), quiet=Goal(0.5, 0.3)),
    Unit("search for hashtags", lambda bench: bench.get("/api/v2/search?q=tag1&type=hashtags"), HEAVY_RATE, quiet=Goal(0.5, 0.3)),
    Unit("verify_credentials", lambda bench: bench.get("/api/v1/accounts/verify_credentials"), quiet=Goal(0.15, 0.08)),
    Unit("public post", lambda bench: bench.writers.post(), COMMAND_RATE, Goal(2.5, 1.2)),
    Unit("reply", lambda bench: bench.reply(), COMMAND_RATE, Goal(7.0, 1.5)),
    Unit("favourite", lambda bench: bench.writers.favourite(), COMMAND_RATE, Goal(3.0, 1.2)),
    Unit("follow", lambda bench: bench.follow(), COMMAND_RATE, Goal(4.0, 1.2)),
)
BURST_GOAL = Goal(63.0, 30.0)
IDLE_GOAL = Goal(1.0)
RECEIPT_GOAL = Goal(45.0)


def cost_alone(bench: Bench, unit: Unit, idle: Cpu) -> Cpu:
    """Return CPU seconds per unit if nothing else happens: pages flat out, from caches; commands one after the other, with their jobs.

    `idle` is what the site takes per second without any request.
    """
    is_command = unit.rate == COMMAND_RATE
    warm, limit, width, settle_s = (5, COMMANDS, 1, 1.0) if is_command else (WARM_READS, None, FLAT_OUT_CONNECTIONS, 0.0)
    with traffic(Stream(lambda: unit.build(bench), bench.site.ports, limit=warm)) as warming:
        warming.run(60.0)
    with traffic(Stream(lambda: unit.build(bench), bench.site.ports, limit=limit, most_connections=width)) as running:
        before, started = bench.site.cpu(), time.perf_counter()
        running.run(60.0 if is_command else bench.seconds)
        time.sleep(settle_s)
        spent = bench.site.cpu() - before - idle.times(time.perf_counter() - started)
        return spent.times(1 / len(running.streams[0].durations))


def cost_under_writes(bench: Bench, unit: Unit) -> Cpu:
    """Return CPU seconds per unit at its rate while others write, without those of the same writes alone: the mean of some rounds."""
    costs = []
    for _ in range(ROUNDS):
        alone = measure(bench.site.cpu, bench.seconds, None, bench.writers.streams(WRITES))
        stream = Stream(lambda: unit.build(bench), bench.site.ports, unit.rate)
        costs.append(measure(bench.site.cpu, bench.seconds, stream, bench.writers.streams(WRITES)).net(alone))
    return Cpu(statistics.fmean(each.python for each in costs), statistics.fmean(each.database for each in costs))


def burst_cost(bench: Bench) -> Cpu:
    """Return CPU seconds of a post and of one read of each home after it."""
    costs = []
    posts, homes = Stream(bench.writers.post, bench.site.ports, limit=1), bench.site.reads(RequestFactory.home_json, limit=READERS)
    with traffic(posts) as posting, traffic(homes) as reading:
        for turn in range(BURSTS + 1):
            before = bench.site.cpu()
            posting.run(60.0)
            reading.run(60.0)
            if turn:  # the first one fills caches
                costs.append(bench.site.cpu() - before)
    return Cpu(statistics.median(each.python for each in costs), statistics.median(each.database for each in costs))


def idle_cost(bench: Bench) -> Cpu:
    """Return CPU seconds per second of the site and PostgreSQL without requests."""
    measured = measure(bench.site.cpu, 2 * bench.seconds, None)
    return measured.cpu.times(1 / measured.seconds)


def receipt_ms(bench: Bench, bookmarks_per_second: float) -> float:
    """Return the 99th percentile of the time from a post to its arrival on STREAMS open streams, while readers bookmark others."""
    clients, ports = ClientPool(bench.site.ports[0], "events"), bench.site.ports
    author, posts = bench.writers.unblocked_author(), round(RECEIPT_RATE * bench.seconds)
    streams = [Stream(lambda: bench.writers.post(author), ports, RECEIPT_RATE)]
    if bookmarks_per_second:
        streams.append(Stream(lambda: bench.writers.favourite("bookmark"), ports, bookmarks_per_second))
    tokens = [token(bench.readers[number % READERS]) for number in range(STREAMS)]
    clients.open([REQUESTS["events"].format(stream="public", token=each).encode() for each in tokens])
    time.sleep(SETTLE_S)
    with traffic(*streams) as running, ThreadPoolExecutor(1) as thread:
        sending = thread.submit(running.run, bench.seconds)
        received = clients.receive(posts * STREAMS, 60 + bench.seconds)
        sending.result()
    clients.close()
    created = {payload: created_at(payload) for payload in {payload for _, payload in received}}
    return percentile([(at - created[payload]) * 1000 for at, payload in received], 0.99)


def created_at(message: bytes) -> float:
    """Return when the post in a server-sent event was made."""
    post = json.loads(message.partition(b"\ndata: ")[2])
    return datetime.fromisoformat(post["created_at"]).timestamp()


def bare_ms(server: RunningServer, seconds: float, rate: float | None = None) -> float:
    """Return milliseconds of CPU for a request to the bare resource: flat out, or at a rate."""
    stream = Stream(server.requests.bare, [server.port], rate)
    return measure(lambda: Cpu(cpu_seconds([server.process.pid])), seconds, stream).net(None).total * 1e3


@frozen
class Line:
    """A line of the table: figures and goals without and with writes, in its unit. `scale`: by what goals are multiplied here.

    `paced_bare`: what the bare resource costs at the rate of the line under writes.
    """

    name: str
    unit: str
    quiet: float
    quiet_goal: Goal
    busy: float | None = None
    busy_goal: Goal = Goal()
    scale: float = 1.0
    paced_bare: float | None = None

    def cells(self) -> tuple[str, ...]:
        """Return its cells."""
        ratio = "" if self.busy is None or self.paced_bare is None else f"x {self.busy / self.paced_bare:.1f}"
        return self.name, self.unit, *self._figures(self.quiet, self.quiet_goal), *self._figures(self.busy, self.busy_goal), ratio

    def _figures(self, value: float | None, goal: Goal) -> tuple[str, ...]:
        if value is None:
            return "", "", "", ""
        target = None if goal.target is None else goal.target * self.scale
        missed = "" if target is None else "yes" if value <= target else f"x {value / target:.1f}"
        return f"{value:.3g}", *("" if each is None else f"{each * self.scale:.2g}" for each in (goal.target, goal.floor)), missed


HEADINGS = ("", "unit", "alone", "target", "floor", "reached", "under writes", "target", "floor", "reached", "x bare at this rate")


def lines(bench: Bench, server: RunningServer, only: str) -> Iterator[Line]:
    """Measure all lines whose name contains `only`."""
    bare = bare_ms(server, bench.seconds)
    paced = {rate: bare_ms(server, bench.seconds, rate) for rate in (READ_RATE, HEAVY_RATE)}
    scale, idle = bare / REFERENCE_BARE_MS, idle_cost(bench)
    yield Line("bare `twisted.web` resource; at 100/s", "ms", bare, Goal(), paced[READ_RATE])
    yield Line("idle, with 500,000 rows in each log", "% of a core", idle.total * 100, IDLE_GOAL)
    for unit in UNITS:
        if only in unit.name:
            alone, busy = cost_alone(bench, unit, idle), cost_under_writes(bench, unit)
            yield Line(unit.name, "ms", alone.total * 1000, unit.quiet, busy.total * 1000, unit.busy, scale, paced.get(unit.rate))
    if only in (name := "a post, and then each of 199 homes read once"):
        yield Line(name, "ms", burst_cost(bench).total * 1000, BURST_GOAL, scale=scale)
    if only in (name := "from a post to its arrival on 1,000 streams, p99 (writes: 10 bookmarks/s)"):
        quiet, busy_ms = receipt_ms(bench, 0.0), receipt_ms(bench, BOOKMARK_RATE)
        yield Line(name, "ms", quiet, RECEIPT_GOAL, busy_ms, RECEIPT_GOAL)


def report(found: list[Line], posts: int, started: str) -> str:
    """Return the text of RESULTS.md."""
    table = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells() for line in found)]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in table)
    return f"""# Results

Written by `./run.sh bench`; [README.md](README.md) says what is measured and how. {posts:,} posts.

Started {started}; load average at the end {conditions().rpartition("load average ")[2]}. Nothing else should run on the machine: with a
load average above the number of cores, only figures that differ much can be compared, and milliseconds of waiting mean nothing.

"ms" are milliseconds of CPU of the site and of PostgreSQL together, for each request or other unit. Alone: pages flat out from caches,
commands one after the other. Under writes: 100 pages (25 of context, notifications and search) or ten commands per second while five posts
and ten favourites are written per second, whose own cost is subtracted; the bare resource at that rate shows what waking up for each
request costs, and the last column compares with it. Targets and floors are multiplied by what the bare resource costs here, divided by
{REFERENCE_BARE_MS * 1000:.0f} us.
"Reached" is yes, or by how much the target is missed.

{text}
"""


def main() -> None:
    """Measure, print and write the table."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default: 5)")
    parser.add_argument("--only", default="", help="only lines whose name contains this")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"where the table is written (default: {OUTPUT})")
    parser.set_defaults(posts=[1_000_000])
    arguments = parser.parse_args()
    with database_server(arguments.cache, durable=False) as building:
        building.template(arguments.posts[0])
    started, found = conditions(), list[Line]()
    print(f"| {' | '.join(HEADINGS)} |\n{'|---' * len(HEADINGS)}|", flush=True)
    settings = {"STREAMS_PER_NETWORK": "100000"}
    with database_server(arguments.cache, durable=True) as server, measured_site(server, arguments.posts[0], 1, settings) as site:
        fill_caches(site)
        with bare(site.requests.site) as bare_server:
            for line in lines(Bench(site, Writers(site), arguments.seconds), bare_server, arguments.only):
                print(f"| {' | '.join(line.cells())} |", flush=True)
                found.append(line)
    arguments.output.write_text(report(found, arguments.posts[0], started), "utf-8")
    print(f"\nWritten to {arguments.output}")


if __name__ == "__main__":
    main()
