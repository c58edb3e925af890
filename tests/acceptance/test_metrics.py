"""What a started site tells Prometheus, read by Prometheus' own parsers."""

from __future__ import annotations

import re

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from tests.acceptance.site import Site

pytestmark = pytest.mark.acceptance


def in_open_metrics(text: str) -> str:
    """The same in the stricter format, which calls a counter by its name without `_total` and refuses names that clash."""
    return re.sub(r"^# (HELP|TYPE) (\w+?)_total ", r"# \1 \2 ", text, flags=re.MULTILINE) + "# EOF\n"


def test_every_figure_is_read_by_prometheus_under_a_name_of_its_own(shared_site: Site) -> None:
    shared_site.get("/")
    status, body = shared_site.get("/metrics")
    assert status == 200
    read = {family.name: family for family in prometheus(body.decode())}
    assert {"microblog_jobs", "microblog_live_lag_seconds", "microblog_http_answers", "process_cpu_seconds"} <= read.keys()
    assert all(family.documentation and family.type != "unknown" for family in read.values())
    strict = {family.name: family for family in open_metrics(in_open_metrics(body.decode()))}  # type: ignore[no-untyped-call]
    assert strict.keys() == read.keys()
    assert {name: len(family.samples) for name, family in strict.items()} == {name: len(family.samples) for name, family in read.items()}


def test_a_gauge_and_a_counter_of_one_base_name_are_found() -> None:
    clash = "# HELP x X.\n# TYPE x gauge\nx 1\n# HELP x_total X.\n# TYPE x_total counter\nx_total 1\n"
    with pytest.raises(ValueError, match=r"Clashing|metadata after samples"):
        list(open_metrics(in_open_metrics(clash)))  # type: ignore[no-untyped-call]
