"""Tests of a started site's metrics with Prometheus' own parsers."""

from __future__ import annotations

import re
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from microblog.model.caches import CACHES
from tests.acceptance.site_process import SiteProcess

pytestmark = pytest.mark.acceptance


def to_open_metrics(text: str) -> str:
    """Convert to OpenMetrics, which names a counter without `_total` in its metadata and refuses clashing names."""
    return re.sub(r"^# (HELP|TYPE) (\w+?)_total ", r"# \1 \2 ", text, flags=re.MULTILINE) + "# EOF\n"


def test_every_metric_is_parsed_under_a_unique_name(shared_site: SiteProcess) -> None:
    shared_site.get("/")
    status, body = shared_site.get("/metrics")
    assert status == 200
    families = {family.name: family for family in prometheus(body.decode())}
    assert {
        "microblog_jobs",
        "microblog_live_lag_seconds",
        "microblog_http_requests",
        "process_cpu_seconds",
        "microblog_reactor_lag_seconds",
    } <= families.keys()
    assert all(family.documentation and family.type != "unknown" for family in families.values())
    strict_families = {family.name: family for family in open_metrics(to_open_metrics(body.decode()))}  # type: ignore[no-untyped-call]  # prometheus_client's
    assert strict_families.keys() == families.keys()
    assert {name: len(family.samples) for name, family in strict_families.items()} == {
        name: len(family.samples) for name, family in families.items()
    }


def test_every_cache_reports_hits_misses_entries_and_bytes(shared_site: SiteProcess) -> None:
    for _ in range(2):
        assert shared_site.get("/about")[0] == shared_site.get("/")[0] == 200
    families = {family.name: family for family in prometheus(shared_site.get("/metrics")[1].decode())}
    caches = CACHES | {"invalidation_log", "post_journal"}  # the logs of changes that the caches read
    values = {
        metric: {sample.labels["cache"]: sample.value for sample in families[f"microblog_cache_{metric}"].samples}
        for metric in ("hits", "misses", "entries", "bytes")
    }
    assert {metric: named.keys() for metric, named in values.items()} == dict.fromkeys(values, caches)
    assert all(values[metric]["pages"] > 0 for metric in values), values
    assert all((values["bytes"][name] > 0) == (values["entries"][name] > 0) for name in CACHES), values


def test_openmetrics_is_served_when_accepted(shared_site: SiteProcess) -> None:
    request = urllib.request.Request(f"{shared_site.url}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    with urllib.request.urlopen(request, timeout=10) as response:
        body = response.read()
    assert "microblog_jobs" in {family.name for family in open_metrics(body.decode())}  # type: ignore[no-untyped-call]  # prometheus_client's


def test_a_gauge_and_a_counter_with_one_base_name_are_detected() -> None:
    clash = "# HELP x X.\n# TYPE x gauge\nx 1\n# HELP x_total X.\n# TYPE x_total counter\nx_total 1\n"
    with pytest.raises(ValueError, match=r"Clashing|metadata after samples"):
        list(open_metrics(to_open_metrics(clash)))  # type: ignore[no-untyped-call]  # prometheus_client's
