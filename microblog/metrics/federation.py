"""Metrics of the traffic with other servers: counters of this process, and numbers of the whole site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from microblog.federation.delivery import DeliveryStats
from microblog.federation.remote_files import CopyStats
from microblog.metrics.samples import counter, gauge, one
from microblog.model.deliveries import DeliveryCounts
from microblog.model.federation_statistics import TrafficTotals


def inbox_families(results: Mapping[str, int]) -> Iterator[Metric]:
    """Yield what became of the activities that this process received."""
    help = "Activities of other servers that arrived at this process, by result; ignored ones concern nobody here."
    yield counter("microblog_inbox_activities_total", help, [((result,), count) for result, count in sorted(results.items())], ("result",))


def delivery_families(stats: DeliveryStats) -> Iterator[Metric]:
    """Yield the results of this process's deliveries."""
    results = [(("delivered",), stats.delivered), (("failed",), stats.failed), (("retried",), stats.retried)]
    yield counter("microblog_deliveries_total", "Deliveries to other servers that this process tried, by result.", results, ("result",))


def traffic_families(counts: DeliveryCounts, totals: TrafficTotals) -> Iterator[Metric]:
    """Yield the numbers of the whole site."""
    oldest = [((), counts.oldest.timestamp())] if counts.oldest else []
    hosts = [(("known",), counts.known), (("slow",), counts.slow), (("dead",), counts.dead)]
    traffic = [(("received",), totals.received), (("delivered",), totals.delivered), (("failed",), totals.failed)]
    yield gauge("microblog_deliveries_waiting", "Deliveries of the site that wait.", one(counts.waiting))
    yield gauge("microblog_deliveries_oldest_timestamp_seconds", "Time of the oldest activity that waits for a delivery.", oldest)
    yield gauge("microblog_federation_hosts", "Other servers: all known ones, those that fail, and dead ones.", hosts, ("state",))
    help = "Activities of the whole site: received (counted every ten minutes), delivered, and tries to deliver that failed."
    yield counter("microblog_federation_activities_total", help, traffic, ("result",))


def fetch_families(stats: CopyStats) -> Iterator[Metric]:
    """Yield the results of this process's fetches of files."""
    results = [(("fetched",), stats.fetched), (("missing",), stats.missing), (("failed",), stats.failed)]
    help = "Files of other servers that this process wanted to copy, by result; missing ones include those that cannot be shown."
    yield counter("microblog_media_fetches_total", help, results, ("result",))


def copies_families(size: int) -> Iterator[Metric]:
    """Yield the size of all copies of the site in bytes."""
    yield gauge("microblog_media_cache_bytes", "Disk space of copies of files of other servers.", one(size))
