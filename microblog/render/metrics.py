"""Figures for Prometheus, in its text format (version 0.0.4). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from attrs import field, frozen

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@frozen
class Sample:
    """One number. `suffix` is for the parts of a histogram."""

    value: float
    labels: Mapping[str, str] = field(factory=dict)
    suffix: str = ""


@frozen
class Family:
    """A figure with all its samples. `kind` is counter, gauge or histogram; counters end in `_total`, times are seconds."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def counter(name: str, help: str, *samples: Sample) -> Family:
    """What only grows, since the process began."""
    return Family(name, "counter", help, samples)


def gauge(name: str, help: str, *samples: Sample) -> Family:
    """What is so now."""
    return Family(name, "gauge", help, samples)


def histogram(name: str, help: str, bounds: Iterable[float], counts: Iterable[int], total: float) -> Family:
    """How many values there were up to each bound, those above the last included, and their sum."""
    below, samples = 0, []
    for bound, count in zip((*bounds, math.inf), counts, strict=True):
        below += count
        samples.append(Sample(below, {"le": _number(bound)}, "_bucket"))
    return Family(name, "histogram", help, (*samples, Sample(total, suffix="_sum"), Sample(below, suffix="_count")))


def text(families: Iterable[Family]) -> bytes:
    """All of it, for whoever scrapes."""
    return "".join(line for family in families for line in _lines(family)).encode("utf-8", "replace")


def _lines(family: Family) -> Iterable[str]:
    said = family.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {family.name} {said}\n# TYPE {family.name} {family.kind}\n"
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
        yield f"{family.name}{sample.suffix}{'{' + labels + '}' if labels else ''} {_number(sample.value)}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
