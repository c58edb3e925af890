"""Measure what a read costs while people write.

    python -m benchmarks.mixed [--cache DIRECTORY] [--posts 1000000] [--writes 0 1 5 20] [--processes 1 2] [--pages JSON HTML]
                               [--rates 100 0] [--seconds 10] [--rounds 1]

199 readers in turn read the newest page of home, at a fixed rate (100 reads/s: each once in two seconds) and flat out (`--rates 0`), while
popular authors post through the API, and readers favourite the newest posts twice as often. A request that fails ends the run.

"per read" is the CPU time of the site's processes and of PostgreSQL, minus that of the same writes for the same time without any read. The
line "writes alone" shows that (at 0 writes: the idle site), and "with the writes" is the whole CPU time divided by the number of reads.
Work that writes leave to jobs runs in both. Durations at a fixed rate count from when a request was due.

A bare `twisted.web` resource is read in the same way before each group. "x bare" compares with it at the same rate: a server with pauses
between requests needs more for each, because it waits and wakes up; "flat out" compares with the bare resource at full load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from attrs import frozen

from benchmarks.databases import database_server, options
from benchmarks.measured_site import Cpu, MeasuredSite, Writers, conditions, cpu_seconds, measured_site
from benchmarks.pages import READERS, RequestFactory, RunningServer, bare
from benchmarks.traffic import Stream, percentile, traffic

PAGES: dict[str, Callable[[RequestFactory], bytes]] = {"JSON": RequestFactory.home_json, "HTML": RequestFactory.home}
WARM_S = 2.0
FLAT_OUT = 0.0
COLUMNS = (
    *("", "reads/s", "us per read: Python", "PostgreSQL", "together", "x bare", "x bare flat out", "with the writes", "p50 ms", "p99 ms"),
    *("of the posts: p50 ms", "p99 ms"),
)


@frozen
class Measurement:
    """Totals of an interval: CPU, seconds, and durations of reads and posts in milliseconds."""

    cpu: Cpu
    seconds: float
    reads: list[float]
    posts: list[float]

    def net(self, background: Measurement | None) -> Cpu:
        """Return CPU seconds per read without those of the same writes."""
        rest = self.cpu if background is None else self.cpu - background.cpu.times(self.seconds / background.seconds)
        return rest.times(1 / len(self.reads))


def measure(cpu: Callable[[], Cpu], seconds: float, reads: Stream | None, writes: Sequence[Stream] = ()) -> Measurement:
    """Send for a time, after a warm-up that is not counted."""
    streams = [*([] if reads is None else [reads]), *writes]
    with traffic(*streams) as running:
        running.run(WARM_S)
        before = cpu()
        if streams:
            elapsed = running.run(seconds)
        else:
            time.sleep(elapsed := seconds)
        return Measurement(
            cpu() - before, elapsed, [] if reads is None else list(reads.durations), list(writes[0].durations) if writes else []
        )


@frozen
class Plan:
    """Measurements to take: pages by name, rates of reads (FLAT_OUT: as many as possible), and seconds for each."""

    pages: list[str]
    rates: list[float]
    seconds: float


@frozen
class Row:
    """A line of the table."""

    name: str
    measured: Measurement
    background: Measurement | None
    bare_us: float = 0.0
    full_load_us: float = 0.0  # bare, flat out

    def cells(self) -> tuple[str, ...]:
        """Return its cells."""
        reads, posts, seconds = self.measured.reads, self.measured.posts, self.measured.seconds
        late = [f"{percentile(posts, share):.1f}" if posts else "" for share in (0.5, 0.99)]
        if not reads:
            cpu = self.measured.cpu.times(1000 / seconds)
            together = f"{cpu.python:.1f} + {cpu.database:.1f} ms of CPU per second"
            return self.name, "", *[""] * 5, together, "", "", *late
        net, gross = self.measured.net(self.background).times(1e6), self.measured.cpu.times(1e6 / len(reads))
        costs = f"{net.python:,.0f}", f"{net.database:,.0f}", f"{net.total:,.0f}", *self._ratios(net.total), f"{gross.total:,.0f}"
        return self.name, f"{len(reads) / seconds:,.0f}", *costs, *(f"{percentile(reads, share):.1f}" for share in (0.5, 0.99)), *late

    def _ratios(self, us: float) -> tuple[str, str]:
        return f"{us / self.bare_us:.1f}", f"{us / self.full_load_us:.1f}" if self.full_load_us else ""


def rate_name(rate: float) -> str:
    """Return the name of a rate of reads."""
    return f"{rate:.0f} reads/s" if rate else "flat out"


def bare_rows(server: RunningServer, plan: Plan) -> dict[float, Row]:
    """Measure the bare resource at each rate, and flat out."""
    costs, measurements = dict[float, float](), dict[float, Measurement]()
    for rate in {FLAT_OUT, *plan.rates}:
        stream = Stream(server.requests.bare, [server.port], rate or None)
        measurements[rate] = measure(lambda: Cpu(cpu_seconds([server.process.pid])), min(plan.seconds, 5.0), stream)
        costs[rate] = measurements[rate].net(None).total * 1e6
    name = "bare `twisted.web` resource, {}".format
    return {rate: Row(name(rate_name(rate)), measurements[rate], None, costs[rate], costs[FLAT_OUT]) for rate in plan.rates}


def group(site: MeasuredSite, writers: Writers, posts_per_second: float, bare: dict[float, Row], plan: Plan) -> Iterator[Row]:
    """Measure all pages and rates under one rate of writes, after the writes alone."""
    name = f"{len(site.ports)} process{'es' if len(site.ports) > 1 else ''}, {posts_per_second:g} posts/s"
    alone = measure(site.cpu, plan.seconds, None, writers.streams(posts_per_second))
    yield Row(f"{name}, writes alone" if posts_per_second else f"{name}, idle", alone, None)
    for page in plan.pages:
        for rate in plan.rates:
            measured = measure(site.cpu, plan.seconds, site.reads(PAGES[page], rate or None), writers.streams(posts_per_second))
            yield Row(f"{name}, {page}, {rate_name(rate)}", measured, alone, bare[rate].bare_us, bare[rate].full_load_us)


def fill_caches(site: MeasuredSite) -> None:
    """Read each page once for each reader, from each process."""
    for port in site.ports:
        for build in PAGES.values():
            with traffic(Stream(partial(build, site.requests), [port], limit=READERS)) as running:
                running.run(60.0)


def medians(rounds: Sequence[Sequence[Row]]) -> list[Row]:
    """Return of each line the round with the median cost."""
    return [
        sorted(lines, key=lambda row: row.measured.cpu.total / max(1, len(row.measured.reads)))[len(lines) // 2]
        for lines in zip(*rounds, strict=True)
    ]


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("--writes", type=float, nargs="+", default=[0.0, 1.0, 5.0, 20.0], help="posts per second (default: 0 1 5 20)")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--rates", type=float, nargs="+", default=[100.0, FLAT_OUT], help="reads per second; 0: flat out (default: 100 0)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each line (default: 10)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.set_defaults(posts=[1_000_000])
    arguments = parser.parse_args()
    plan = Plan(arguments.pages, arguments.rates, arguments.seconds)
    with database_server(arguments.cache, durable=False) as building:
        building.template(arguments.posts[0])
    print(f"{conditions()}; {arguments.posts[0]:,} posts\n", flush=True)
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    with database_server(arguments.cache, durable=True) as server:
        for processes in arguments.processes:
            with measured_site(server, arguments.posts[0], processes) as site, bare(site.requests.site) as bare_server:
                fill_caches(site)
                writers = Writers(site)
                for posts_per_second in arguments.writes:
                    rounds: list[list[Row]] = []
                    for _ in range(arguments.rounds):
                        bare_costs = bare_rows(bare_server, plan)
                        rounds.append([*bare_costs.values(), *group(site, writers, posts_per_second, bare_costs, plan)])
                    for row in medians(rounds):
                        print(f"| {' | '.join(row.cells())} |", flush=True)
    print(f"\nLoad average at the end: {conditions().rpartition('load average ')[2]}")


if __name__ == "__main__":
    main()
