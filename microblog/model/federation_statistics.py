"""Numbers of the traffic with other servers."""

from __future__ import annotations

from datetime import date

from attrs import frozen

from microblog.model.deliveries import DeliveryCounts, HostSummary


@frozen
class TrafficDay:
    """Activities of a day (UTC): received and accepted, delivered, and tries that failed."""

    day: date
    received: int = 0
    delivered: int = 0
    failed: int = 0


@frozen
class TrafficTotals:
    """The same since the site began to federate."""

    received: int
    delivered: int
    failed: int


@frozen
class FederationFigures:
    """Figures for administrators: hosts and what waits for them, the last days, newest first, and hosts to which deliveries fail."""

    counts: DeliveryCounts
    days: tuple[TrafficDay, ...]
    failing: tuple[HostSummary, ...]
