"""Estimate what a site needs for a number of accounts: processes, memory, connections, bandwidth and disk.

    python -m benchmarks.capacity [--accounts 1000 10000 100000 1000000] [--active 0.2] [--peak 3] ...
    python -m benchmarks.capacity --sizes [--cache DIRECTORY] [--at-posts 100000]

Nothing runs for the estimate: it multiplies rates of use (`Use`) with costs. Costs of requests are read from RESULTS.md, the column "under
writes", as that is how a site runs; the others (`COSTS`) were measured by the commands named beside them. docs/capacity.md shows the table
with the formulae and says what to do at each limit. `--sizes` measures bytes per row, with indexes, on a database of the benchmarks.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from attrs import field, fields, frozen

from benchmarks.databases import CACHE, database_server
from microblog.storage.database import connect, fetch_value

RESULTS = Path(__file__).with_name("RESULTS.md")
DAY_S = 86_400
KB, MB, GB = 1e3, 1e6, 1e9


@frozen
class Use:
    """Rates of use. Per day and active account, if nothing else is said; the peak is a multiple of the mean of the day."""

    active: float = 0.2  # share of the accounts that are active on a day
    homes: float = 60
    other_pages: float = 60  # threads, profiles, notifications, hashtags
    anonymous_pages: float = 60  # visitors, feeds and search engines, for each active account
    posts: float = 2
    replies: float = 2
    reactions: float = 12  # favourites and boosts
    follows: float = 0.5
    streams: float = 0.1  # open streams per active account, at the peak
    followers_online: float = 20  # open streams that a post is delivered to, at most; fewer on a small site
    photos: float = 0.3  # per post
    photos_per_page: float = 2  # thumbnails that a page loads anew, each a quarter of the photo
    peak: float = 3.0


@frozen
class Costs:
    """Measured costs that are not in RESULTS.md, each with its source."""

    delivery_ms: float = 0.018  # benchmarks.fanout: one post on one of 1,000 streams, with publishing
    photo_ms: float = 373.0  # benchmarks.uploads: a photo of 3 MB
    database_share: float = 0.45  # benchmarks.pages: PostgreSQL's part of a command
    process_mb: float = 88.0  # benchmarks.idle
    caches_mb: float = 160.0  # benchmarks.soak: what a process grows by until its caches are full
    stream_kb: float = 12.6  # benchmarks.fanout: one stream per account, who blocks and mutes 20
    response_kb: float = 8.0  # a page or JSON of 20 posts, compressed
    photo_kb: float = 400.0  # a stored photo with its thumbnail


@frozen
class Sizes:
    """Bytes in the database per row, with its indexes, what belongs to it and one notification (`--sizes`)."""

    account: float = 943.0
    post: float = 1_916.0
    reaction: float = 694.0
    follow: float = 680.0
    event: float = 285.0


BUSY = 0.5
"""Share of a core that a process may use at the peak: above it, waiting times grow faster than the load."""
STREAMS = 10_000
"""Open streams that one process was measured with."""
POOL, EVENT_DAYS = 4, 7
"""Defaults of MICROBLOG_DATABASE_POOL_SIZE and MICROBLOG_EVENT_RETENTION_DAYS."""


def request_costs(results: str) -> Mapping[str, float]:
    """Return milliseconds of CPU by unit, of the column "under writes" where it was measured, else alone."""
    costs = {}
    for line in results.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(_COLUMNS) and cells[1] == "ms":
            costs[cells[0]] = float((cells[6] or cells[2]).replace(",", ""))
    return costs


_COLUMNS = ("", "unit", "alone", "target", "floor", "reached", "under writes", "target", "floor", "reached", "x bare")


@frozen
class Estimate:
    """Needs of a site with a number of accounts, at its peak. Each method is one formula of docs/capacity.md."""

    accounts: int
    use: Use
    requests: Mapping[str, float]
    costs: Costs = field(factory=Costs)
    sizes: Sizes = field(factory=Sizes)

    def per_second(self, per_day: float) -> float:
        """Return how often per second, at the peak, everybody together does what an active account does so often per day."""
        return self.accounts * self.use.active * per_day * self.use.peak / DAY_S

    @property
    def reads(self) -> float:
        """Requests per second that read."""
        return self.per_second(self.use.homes + self.use.other_pages + self.use.anonymous_pages)

    @property
    def writes(self) -> float:
        """Commands per second."""
        return self.per_second(self.use.posts + self.use.replies + self.use.reactions + self.use.follows)

    @property
    def streams(self) -> float:
        """Open streams."""
        return self.accounts * self.use.active * self.use.streams

    # CPU, in cores at the peak

    @property
    def read_cores(self) -> float:
        """Requests that read, each with its milliseconds."""
        home = self.per_second(self.use.homes) * self.requests["home, JSON"]
        others = [self.requests[name] for name in ("context of about 100 replies", "posts of an account, JSON", "hashtag timeline")]
        pages = self.per_second(self.use.other_pages) * sum(others) / len(others)
        visitors = [self.requests[f"{name}, HTML, anonymous"] for name in ("front page", "profile", "post with its thread")]
        return (home + pages + self.per_second(self.use.anonymous_pages) * sum(visitors) / len(visitors)) / 1e3

    @property
    def write_cores(self) -> float:
        """Commands with all the work that they cause, and photos."""
        posts = self.per_second(self.use.posts) * self.requests["public post"]
        replies = self.per_second(self.use.replies) * self.requests["reply"]
        reactions = self.per_second(self.use.reactions) * self.requests["favourite"]
        follows = self.per_second(self.use.follows) * self.requests["follow"]
        photos = self.per_second((self.use.posts + self.use.replies) * self.use.photos) * self.costs.photo_ms
        return (posts + replies + reactions + follows + photos) / 1e3

    @property
    def stream_cores(self) -> float:
        """Deliveries: each post on the streams of the followers who are online."""
        posts = self.per_second(self.use.posts + self.use.replies)
        return posts * min(self.use.followers_online, self.streams) * self.costs.delivery_ms / 1e3

    @property
    def cores(self) -> float:
        """All of them, of the processes and of PostgreSQL."""
        return self.read_cores + self.write_cores + self.stream_cores

    @property
    def database_cores(self) -> float:
        """The part of PostgreSQL: its share of the commands, and of reads that were not in memory."""
        return self.costs.database_share * (self.write_cores + self.read_cores)

    # What to run

    @property
    def processes(self) -> int:
        """Processes of the site, none of which is busy for more than `BUSY` of a core, or has more than `STREAMS` streams."""
        return max(1, math.ceil((self.cores - self.database_cores) / BUSY), math.ceil(self.streams / STREAMS))

    @property
    def machine_cores(self) -> int:
        """Cores for them and for PostgreSQL."""
        return self.processes + max(1, math.ceil(self.database_cores / BUSY))

    @property
    def connections(self) -> int:
        """Connections to PostgreSQL: two pools, one that listens and one for locks in each process."""
        return self.processes * (2 * POOL + 2)

    # Memory, bandwidth, disk

    @property
    def process_gb(self) -> float:
        """Memory of all processes with full caches and their streams."""
        return (self.processes * (self.costs.process_mb + self.costs.caches_mb) * MB + self.streams * self.costs.stream_kb * KB) / GB

    @property
    def database_gb_per_year(self) -> float:
        """Growth of the database in a year, and the accounts."""
        days = self.accounts * self.use.active * 365
        rows = (self.use.posts + self.use.replies) * self.sizes.post + self.use.reactions * self.sizes.reaction
        return (days * (rows + self.use.follows * self.sizes.follow) + self.accounts * self.sizes.account) / GB

    @property
    def event_gb(self) -> float:
        """Events that are kept for streams that were away."""
        events = self.use.posts + self.use.replies + self.use.reactions + self.use.follows
        return self.accounts * self.use.active * events * EVENT_DAYS * self.sizes.event / GB

    @property
    def media_gb_per_year(self) -> float:
        """Photos of a year."""
        photos = (self.use.posts + self.use.replies) * self.use.photos
        return self.accounts * self.use.active * 365 * photos * self.costs.photo_kb * KB / GB

    @property
    def megabits(self) -> float:
        """Outgoing bandwidth at the peak, in Mbit/s: responses, and each photo as often as a page shows one."""
        return self.reads * (self.costs.response_kb + self.use.photos_per_page * self.costs.photo_kb / 4) * KB * 8 / 1e6

    def row(self) -> str:
        """Return the estimate as a line of the table."""
        cells = (
            f"{self.accounts:,}",
            f"{self.reads:,.1f}",
            f"{self.writes:,.2f}",
            f"{self.streams:,.0f}",
            f"{self.cores:,.2f}",
            f"{self.processes:,}",
            f"{self.machine_cores:,}",
            f"{self.connections:,}",
            f"{self.process_gb:,.1f}",
            f"{self.database_gb_per_year:,.1f}",
            f"{self.event_gb:,.2f}",
            f"{self.media_gb_per_year:,.0f}",
            f"{self.megabits:,.1f}",
        )
        return f"| {' | '.join(cells)} |"


HEADER = (
    "accounts",
    "reads/s",
    "writes/s",
    "streams",
    "cores used",
    "processes",
    "cores to have",
    "connections",
    "memory of the processes, GB",
    "database, GB a year",
    "events, GB",
    "media, GB a year",
    "Mbit/s",
)


def table(estimates: Sequence[Estimate]) -> str:
    """Return the estimates as a Markdown table."""
    return "\n".join([f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|", *(each.row() for each in estimates)])


_ROWS = {
    "account": ("accounts", "account_counts", "users", "sessions"),
    "post": ("posts", "post_counts", "post_words", "mentions", "post_tags", "notifications"),
    "reaction": ("favourites", "notifications"),
    "follow": ("follows", "notifications"),
    "event": ("events", "invalidation_log"),
}
_SIZE_OF_ROW = "select (pg_total_relation_size(%(table)s::regclass)) / greatest((select count(*) from {}), 1)"


def print_sizes(cache: Path, posts: int) -> None:
    """Print bytes per row of each kind, measured on a database of the benchmarks."""
    with (
        database_server(cache, durable=False) as server,
        closing(connect(server.url(server.template(posts)))) as connection,
        connection.cursor() as cursor,
    ):
        for kind, tables in _ROWS.items():
            sizes = {table: fetch_value(cursor, _SIZE_OF_ROW.format(table), {"table": table}) for table in tables}
            print(f"{kind}: {sum(sizes.values()):,} bytes ({', '.join(f'{table} {size:,}' for table, size in sizes.items())})")


def main() -> None:
    """Parse the arguments and print the table, or sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    for each in fields(Use):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=float, default=each.default)
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--at-posts", type=int, default=100_000)
    arguments = parser.parse_args()
    if arguments.sizes:
        print_sizes(arguments.cache, arguments.at_posts)
        return
    use = Use(**{each.name: getattr(arguments, each.name) for each in fields(Use)})
    requests = request_costs(RESULTS.read_text("utf-8"))
    print(table([Estimate(accounts, use, requests) for accounts in arguments.accounts]))


if __name__ == "__main__":
    main()
