"""Construction of metric families from plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.utils import floatToGoString

Samples: TypeAlias = Iterable[tuple[Sequence[str], float]]
"""Values, each after those of its labels."""
Families: TypeAlias = Iterable[Metric]


def counter(name: str, help: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    """Return a counter; its name ends in `_total`."""
    family = CounterMetricFamily(name, help, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def gauge(name: str, help: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    """Return a gauge."""
    family = GaugeMetricFamily(name, help, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def one(value: float) -> Samples:
    """Return the single sample of a metric without labels."""
    return [((), value)]


def cumulative(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, int]]:
    """Return Prometheus' buckets: the number of observations up to each bound. `counts` has one more entry, for those above the last."""
    return list(zip(map(floatToGoString, (*bounds, math.inf)), accumulate(counts), strict=True))
