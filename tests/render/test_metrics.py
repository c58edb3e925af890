"""Figures are in the text format of Prometheus, whatever they are called."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from microblog.render.metrics import Family, Sample, counter, gauge, histogram, text

LINE = re.compile(r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (?:[0-9.e+-]+|[+-]Inf)')


def test_a_family_is_told_with_its_kind_and_labels() -> None:
    made = counter("calls_total", "Calls.", Sample(3, {"function": "by_ids", "status": "200"}), Sample(0.5))
    assert text([made]).decode().splitlines() == [
        "# HELP calls_total Calls.",
        "# TYPE calls_total counter",
        'calls_total{function="by_ids",status="200"} 3',
        "calls_total 0.5",
    ]


def test_a_histogram_counts_up_to_each_bound() -> None:
    assert text([histogram("took", "Time.", (0.1, 1.0), (2, 0, 1), 3.25)]).decode().splitlines()[2:] == [
        'took_bucket{le="0.1"} 2',
        'took_bucket{le="1"} 2',
        'took_bucket{le="+Inf"} 3',
        "took_sum 3.25",
        "took_count 3",
    ]


def test_a_family_without_samples_is_no_error() -> None:
    assert text([Family("x", "gauge", "a\nb\\", ())]) == b"# HELP x a\\nb\\\\\n# TYPE x gauge\n"


@given(st.text(alphabet=st.characters(codec="utf-8")), st.floats(allow_nan=False))
def test_no_label_breaks_out_of_its_line(label: str, value: float) -> None:
    [_, _, line, end] = text([gauge("x", "X.", Sample(value, {"name": label}))]).decode().split("\n")
    assert end == ""
    assert LINE.fullmatch(line)
