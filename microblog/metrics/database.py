"""Metrics of the database calls of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import Metric

from microblog.metrics.samples import counter, gauge
from microblog.storage.database import PoolUsage, Timing

TIMINGS: Mapping[str, tuple[str, Callable[[Timing], float]]] = {
    "transactions": ("Transactions that ran, read-only ones included.", lambda timing: timing.calls),
    "transaction_seconds": ("Time spent in transactions, including the time to connect.", lambda timing: timing.seconds),
    "retries": ("Transactions that were tried again.", lambda timing: timing.retries),
    "failures": ("Transactions that failed for good: the database could not be reached, took too long or lost them.", lambda t: t.failures),
}


class Measured(Protocol):
    """A database with transaction timings by function, and the usage of its pools by name."""

    @property
    def timings(self) -> Mapping[str, Timing]: ...

    @property
    def pools(self) -> Mapping[str, PoolUsage]: ...


def database_families(database: Measured) -> Iterator[Metric]:
    """Yield the metrics of transactions by function, and of the pools of connections."""
    timings, pools = sorted(database.timings.items()), database.pools.items()
    for name, (help, value) in TIMINGS.items():
        samples = [((function,), value(timing)) for function, timing in timings]
        yield counter(f"microblog_database_{name}_total", help, samples, ("function",))
    sizes = [((pool,), usage.size) for pool, usage in pools]
    yield gauge("microblog_database_pool_size", "Maximum number of connections, for commands and for reads.", sizes, ("pool",))
    busy = [((pool,), usage.busy) for pool, usage in pools]
    yield gauge("microblog_database_pool_in_use", "Connections that run a transaction now.", busy, ("pool",))
    waiting = [((pool,), usage.waiting) for pool, usage in pools]
    yield gauge("microblog_database_pool_waiting", "Transactions that wait for a connection now.", waiting, ("pool",))
    waited = [((pool,), usage.waited_seconds) for pool, usage in pools]
    yield counter("microblog_database_pool_waited_seconds_total", "Time that transactions waited for a connection.", waited, ("pool",))
