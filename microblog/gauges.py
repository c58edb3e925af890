"""What this process tells Prometheus: how the database, the jobs, the live feed and the server are doing."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from microblog.jobs.worker import Worker
from microblog.live.feed import Feed
from microblog.model.errors import Unavailable
from microblog.model.jobs import JobCounts
from microblog.render.metrics import Family, Sample, counter, gauge, histogram
from microblog.storage.database import Timing
from microblog.web.answered import BOUNDS, Answered

_MEMORY = Path("/proc/self/statm")


class Timed(Protocol):
    """What measures how long functions take on the database."""

    @property
    def timings(self) -> Mapping[str, Timing]: ...


@frozen
class Gauges:
    """Reads the figures of the parts. `waiting` asks the database for the jobs of each kind, `answered` gives the server's figures."""

    database: Timed
    workers: Mapping[str, Worker]
    feed: Feed
    waiting: Callable[[], Awaitable[Mapping[str, JobCounts]]]
    answered: Callable[[], Answered]
    begun: float = field(factory=time.time)

    async def families(self) -> list[Family]:
        """All of them. Where the database does not answer, what it would tell is left out."""
        try:
            kinds: Mapping[str, JobCounts] = await self.waiting()
        except Unavailable:
            kinds = {}
        return [
            *database_families(self.database.timings),
            *worker_families(self.workers),
            *job_families(kinds),
            *feed_families(self.feed),
            *http_families(self.answered()),
            *process_families(self.begun),
        ]


def database_families(timings: Mapping[str, Timing]) -> Iterator[Family]:
    """How often each function ran on the database, how long, and what went wrong."""
    named = [({"function": name}, timing) for name, timing in sorted(timings.items())]
    yield counter("microblog_database_calls_total", "Transactions and reads that were done.", *(Sample(t.calls, n) for n, t in named))
    yield counter("microblog_database_seconds_total", "Time they took, waiting included.", *(Sample(t.seconds, n) for n, t in named))
    yield counter("microblog_database_retries_total", "Times that one was tried again.", *(Sample(t.retries, n) for n, t in named))
    yield counter("microblog_database_failures_total", "Times that one was given up.", *(Sample(t.failures, n) for n, t in named))


def worker_families(workers: Mapping[str, Worker]) -> Iterator[Family]:
    """What the workers of this process did."""
    named = [({"worker": name}, worker) for name, worker in workers.items()]
    for name, help in (
        ("begun", "Jobs that were begun here."),
        ("done", "Jobs that were done here."),
        ("failed", "Tries that failed here."),
        ("dead", "Jobs that were given up here."),
        ("lost", "Jobs whose lease ran out under the hands of this process."),
        ("given_back", "Jobs that were given back unfinished at the end."),
    ):
        yield counter(f"microblog_jobs_{name}_total", help, *(Sample(getattr(w.tally, name), n) for n, w in named))
    yield counter("microblog_jobs_seconds_total", "Time spent in jobs.", *(Sample(w.tally.seconds, n) for n, w in named))
    yield counter(
        "microblog_jobs_delay_seconds_total", "Time that jobs waited when they were due.", *(Sample(w.tally.delay, n) for n, w in named)
    )
    yield gauge("microblog_jobs_running_here", "Jobs that run in this process now.", *(Sample(len(w.running), n) for n, w in named))


def job_families(kinds: Mapping[str, JobCounts]) -> Iterator[Family]:
    """What there is to do, for all processes of the site."""
    states = ("waiting", "running", "retrying", "dead")
    samples = [Sample(getattr(counts, state), {"kind": kind, "state": state}) for kind, counts in kinds.items() for state in states]
    yield gauge("microblog_jobs", "Jobs of the site, by kind and state; those that are retried wait too.", *samples)
    due = [Sample(counts.oldest_due.timestamp(), {"kind": kind}) for kind, counts in kinds.items() if counts.oldest_due]
    yield gauge("microblog_jobs_oldest_due_timestamp_seconds", "When the waiting job of a kind is due that is due first.", *due)


def feed_families(feed: Feed) -> Iterator[Family]:
    """The live feed."""
    figures = feed.figures
    yield gauge("microblog_live_connections", "Readers that are connected now.", Sample(len(feed.readers)))
    streams = sorted(feed.readers.streams().items())
    yield gauge("microblog_live_subscriptions", "What they listen to.", *(Sample(count, {"stream": name}) for name, count in streams))
    yield gauge("microblog_live_unsent_bytes", "Bytes that wait for slow readers.", Sample(feed.readers.waiting()))
    for name, help in (
        ("events", "Events that were read from the log."),
        ("deliveries", "Times that a reader was told one."),
        ("looks", "Looks at the log."),
        ("failures", "Looks that failed."),
        ("replays", "Readers who caught up from the log."),
        ("gaps", "Readers who came back too late for that."),
    ):
        yield counter(f"microblog_live_{name}_total", help, Sample(getattr(figures, name)))
    yield gauge("microblog_live_lag_seconds", "From the last event to its telling.", Sample(figures.lag_s))
    yield counter("microblog_live_delay_seconds_total", "Time from events to their telling, summed.", Sample(figures.lag_sum_s))
    endings = [
        Sample(count, {"reason": str(ending.value)}) for ending, count in sorted(figures.endings.items(), key=lambda one: str(one[0].value))
    ]
    yield counter("microblog_live_endings_total", "Connections that ended, and why.", *endings)


def http_families(answered: Answered) -> Iterator[Family]:
    """The server."""
    counts = sorted(answered.counts.items())
    samples = [Sample(count, {"method": method, "status": str(status)}) for (method, status), count in counts]
    yield counter("microblog_http_answers_total", "Requests that were answered.", *samples)
    yield histogram(
        "microblog_http_answer_seconds", "From a request's head to the end of its answer.", BOUNDS, answered.buckets, answered.seconds
    )


def process_families(begun: float) -> Iterator[Family]:
    """The process, by the names that every exporter uses."""
    times = os.times()
    yield counter("process_cpu_seconds_total", "Processor time, children left out.", Sample(times.user + times.system))
    yield gauge("process_start_time_seconds", "When it began.", Sample(begun))
    if _MEMORY.exists():
        pages = int(_MEMORY.read_text("ascii").split()[1])
        yield gauge("process_resident_memory_bytes", "Memory in use.", Sample(pages * os.sysconf("SC_PAGE_SIZE")))
