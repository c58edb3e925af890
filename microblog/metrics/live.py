"""Metrics of live delivery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric

from microblog.live.broadcaster import Broadcaster
from microblog.live.stats import BroadcastStats
from microblog.metrics.samples import counter, gauge, one

BROADCAST_STATS: Mapping[str, tuple[str, Callable[[BroadcastStats], float]]] = {
    "events": ("Events that were read from the event log.", lambda stats: stats.events),
    "deliveries": ("Events that were delivered, counted once per connection.", lambda stats: stats.deliveries),
    "polls": ("Reads of the event log.", lambda stats: stats.polls),
    "poll_failures": ("Reads of the event log that failed.", lambda stats: stats.poll_failures),
    "replays": ("Reconnections that caught up from the event log.", lambda stats: stats.replays),
    "gaps": ("Reconnections whose position was too old to catch up.", lambda stats: stats.gaps),
}


def feed_families(feed: Broadcaster) -> Iterator[Metric]:
    """Yield the metrics of streams and of the event log."""
    stats = feed.stats
    yield gauge("microblog_live_connections", "Open live connections.", one(len(feed.connections)))
    streams = [((name,), count) for name, count in sorted(feed.connections.streams().items())]
    yield gauge("microblog_live_subscriptions", "Subscriptions of the open connections, by stream.", streams, ("stream",))
    yield gauge("microblog_live_unsent_bytes", "Bytes that wait to be sent to slow connections.", one(feed.connections.waiting()))
    for name, (help, value) in BROADCAST_STATS.items():
        yield counter(f"microblog_live_{name}_total", help, one(value(stats)))
    yield gauge("microblog_live_lag_seconds", "Time between the last event and its delivery.", one(stats.lag_s))
    yield counter("microblog_live_delivery_delay_seconds_total", "Time between events and their delivery, summed.", one(stats.lag_total_s))
    endings = [((reason,), count) for reason, count in sorted((str(ending.value), count) for ending, count in stats.closed.items())]
    yield counter("microblog_live_connections_closed_total", "Connections that were closed, by reason.", endings, ("reason",))
