"""Run a site at half load for a long time, and print memory, lag and errors as they develop.

    python -m benchmarks.soak --minutes 60 [--cache DIRECTORY] [--posts 1000000] [--writes 5] [--share 0.5] [--every 30] [--processes 1]

First, the number of reads that the site can serve under the writes is measured flat out; then readers read their home at `--share` of that
rate, three times as JSON and once as HTML, while popular authors post and readers favourite the newest posts. Each line is an interval:

* memory (PSS) of the site and of PostgreSQL, and what the caches hold by their own estimate;
* the open files and sockets of the site;
* lag: how late the reactor ran its timers, from the buckets of `microblog_reactor_lag_seconds`, so a value is an upper bound;
* errors: responses that were not 200, and connections that were lost.

The last line compares memory and open files of the last quarter with those of the second one. Exits with 1 if there was an error.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import cycle
from urllib.request import urlopen

import psutil
from attrs import Factory, define
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.databases import database_server, options
from benchmarks.idle import megabytes
from benchmarks.measured_site import MeasuredSite, Writers, conditions, measured_site
from benchmarks.mixed import fill_caches, measure
from benchmarks.pages import RequestFactory
from benchmarks.traffic import Stream, percentile, traffic

PAGES = (RequestFactory.home_json, RequestFactory.home_json, RequestFactory.home, RequestFactory.home_json)
CAPACITY_S = 10.0
LAG = "microblog_reactor_lag_seconds"


@define
class Metrics:
    """The metrics of all processes, read at two moments to see what happened in between."""

    site: MeasuredSite
    lag: defaultdict[float, float] = Factory(lambda: defaultdict(float))  # cumulative, by the upper bound of the bucket
    cache_bytes: float = 0.0

    def read(self) -> list[tuple[float, int]]:
        """Read the metrics; return the lags since the last time, as upper bound and number."""
        before, self.lag, self.cache_bytes = self.lag, defaultdict(float), 0.0
        for port in self.site.ports:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
                self._add(response.read().decode())
        below, found = 0, list[tuple[float, int]]()
        for bound in sorted(self.lag):
            count = round(self.lag[bound] - before[bound]) - below
            below += count
            found.append((bound, count))
        return found

    def _add(self, exposition: str) -> None:
        for family in text_string_to_metric_families(exposition):
            for sample in family.samples:
                if sample.name == f"{LAG}_bucket":
                    self.lag[float(sample.labels["le"])] += sample.value
                elif sample.name == "microblog_cache_bytes":
                    self.cache_bytes += sample.value


def lag_at(lags: list[tuple[float, int]], share: float) -> float:
    """Return the upper bound in milliseconds that this share of the lags does not exceed."""
    total, below = sum(count for _, count in lags), 0
    for bound, count in lags:
        below += count
        if total and below >= total * share:
            return bound * 1000
    return math.nan


def alternating() -> Callable[[RequestFactory], bytes]:
    """Return a function that makes the requests of PAGES in turn."""
    turn = cycle(PAGES)

    def build(requests: RequestFactory) -> bytes:
        return next(turn)(requests)

    return build


def capacity(site: MeasuredSite, writers: Writers, posts_per_second: float) -> float:
    """Return how many reads per second the site serves flat out, under the writes."""
    measured = measure(site.cpu, CAPACITY_S, site.reads(alternating()), writers.streams(posts_per_second))
    return len(measured.reads) / measured.seconds


HEADINGS = (
    "minute",
    "reads/s",
    "p50 ms",
    "p99 ms",
    "posts p99 ms",
    "CPU %",
    "site MB",
    "PostgreSQL MB",
    "caches MB",
    "files",
    "lag p50",
    "p99",
    "errors",
)


@define
class Resources:
    """The site's memory in MB and its open files, at the end of each interval."""

    memory: list[float] = Factory(list)
    files: list[float] = Factory(list)

    def read(self, pids: list[int]) -> None:
        """Add the values of this moment."""
        self.memory.append(megabytes(pids))
        self.files.append(sum(psutil.Process(pid).num_fds() for pid in pids))


def soak(site: MeasuredSite, streams: list[Stream], minutes: float, every: float) -> tuple[Resources, Counter[str]]:
    """Send for some minutes and print a line for each interval; return what the site used in each, and all errors."""
    reads, posts, metrics, used = streams[0], streams[1:2], Metrics(site), Resources()
    metrics.read()
    print("| " + " | ".join(HEADINGS) + " |\n" + "|---" * len(HEADINGS) + "|", flush=True)
    started = time.monotonic()
    with traffic(*streams) as running:
        while (left := started + minutes * 60 - time.monotonic()) > 0.5:
            before = site.cpu()
            elapsed = running.run(min(every, left))
            cpu, lags = (site.cpu() - before).total / elapsed * 100, metrics.read()
            used.read(site.pids)
            cells = (
                f"{(time.monotonic() - started) / 60:.1f}",
                f"{len(reads.durations) / elapsed:,.0f}",
                *(f"{percentile(reads.durations, share):.1f}" for share in (0.5, 0.99)),
                *(f"{percentile(each.durations, 0.99):.1f}" for each in posts),
                f"{cpu:.0f}",
                f"{used.memory[-1]:.0f}",
                f"{postgres_megabytes(site):.0f}",
                f"{metrics.cache_bytes / 1e6:.0f}",
                f"{used.files[-1]:.0f}",
                *(f"{lag_at(lags, share):g}" for share in (0.5, 0.99)),
                str(sum(sum(stream.errors.values()) for stream in streams)),
            )
            print("| " + " | ".join(cells) + " |", flush=True)
    return used, sum((stream.errors for stream in streams), Counter())


def postgres_megabytes(site: MeasuredSite) -> float:
    """Return the memory of PostgreSQL's processes; those that end meanwhile count nothing."""
    total = 0.0
    for pid in site.server.pids():
        try:
            total += megabytes([pid])
        except psutil.NoSuchProcess:
            continue
    return total


def quarters(values: list[float]) -> tuple[float, float]:
    """Return the medians of the second and of the last quarter."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])


def main() -> None:
    """Soak a site, and print how it went."""
    parser = options(__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--writes", type=float, default=5.0, help="posts per second, with twice as many favourites (default: 5)")
    parser.add_argument("--share", type=float, default=0.5, help="of the reads that it can serve (default: 0.5)")
    parser.add_argument("--every", type=float, default=30.0, help="seconds of each line (default: 30)")
    parser.add_argument("--processes", type=int, default=1)
    parser.set_defaults(posts=[1_000_000])
    arguments = parser.parse_args()
    with database_server(arguments.cache, durable=False) as building:
        building.template(arguments.posts[0])
    with database_server(arguments.cache, durable=True) as server, measured_site(server, arguments.posts[0], arguments.processes) as site:
        fill_caches(site)
        writers = Writers(site)
        most = capacity(site, writers, arguments.writes)
        rate = max(1.0, most * arguments.share)
        print(f"{conditions()}; {arguments.posts[0]:,} posts; {most:,.0f} reads/s flat out, so {rate:,.0f} are sent")
        streams = [site.reads(alternating(), rate), *writers.streams(arguments.writes)]
        for stream in streams:
            stream.strict = False
        used, errors = soak(site, streams, arguments.minutes, arguments.every)
    (early, late), (files_early, files_late) = quarters(used.memory), quarters(used.files)
    print(f"\nMemory of the site: {early:.0f} MB in the second quarter, {late:.0f} MB in the last one; ", end="")
    print(f"open files: {files_early:.0f}, then {files_late:.0f}. {conditions()}")
    for what, number in errors.most_common():
        print(f"{number} x {what}")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
