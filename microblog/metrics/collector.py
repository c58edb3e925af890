"""Collector of all metrics of a process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

from attrs import field, frozen
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics

from microblog.metrics.process import health_families
from microblog.metrics.samples import Families
from microblog.model.errors import Unavailable
from microblog.model.health import HealthReport

OPENMETRICS = "application/openmetrics-text"

Source: TypeAlias = Callable[[], Families]
"""Returns metric families of this process, without waiting."""
SiteSource: TypeAlias = Callable[[], Awaitable[Families]]
"""Returns metric families of the whole site. Raises Unavailable while the database cannot be reached."""


@frozen
class MetricsCollector:
    """Collects the metrics of this process, and those of the whole site, which are missing while the database cannot be reached."""

    sources: Sequence[Source]
    site_sources: Sequence[SiteSource]
    health: Callable[[], Awaitable[HealthReport]]
    process: ProcessCollector = field(factory=lambda: ProcessCollector(registry=None))

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type: OpenMetrics if the client accepts it, else text format 0.0.4."""
        registry = CollectorRegistry()
        registry.register(Collected(await self.families()))
        if OPENMETRICS in accept:
            return openmetrics.generate_latest(registry), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]  # prometheus_client's
        return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4

    async def families(self) -> list[Metric]:
        """Return all metric families."""
        health = await self.health()
        families = list(health_families(health))
        if not health.failed("database"):  # else each of them would wait for it
            families += await self._of_site()
        return [*families, *[family for source in self.sources for family in source()], *self.process.collect()]

    async def _of_site(self) -> list[Metric]:
        found: list[Metric] = []
        try:
            for source in self.site_sources:
                found += await source()
        except Unavailable:
            pass
        return found


@frozen(eq=False)  # a registry keeps collectors by identity
class Collected:
    """A collector of families that were already read: collectors cannot wait for the database."""

    families: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families

    def describe(self) -> Iterable[Metric]:
        return self.families
