"""Tests of a started site's metrics with Prometheus' own parsers."""

from __future__ import annotations

import re
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from tests.acceptance.site_process import SiteProcess

pytestmark = pytest.mark.acceptance


def in_open_metrics(text: str) -> str:
    """The same in the stricter format, which calls a counter by its name without `_total` and refuses names that clash."""
    return re.sub(r"^# (HELP|TYPE) (\w+?)_total ", r"# \1 \2 ", text, flags=re.MULTILINE) + "# EOF\n"


def test_every_figure_is_read_by_prometheus_under_a_name_of_its_own(shared_site: SiteProcess) -> None:
    shared_site.get("/")
    status, body = shared_site.get("/metrics")
    assert status == 200
    read = {family.name: family for family in prometheus(body.decode())}
    assert {"microblog_jobs", "microblog_live_lag_seconds", "microblog_http_requests", "process_cpu_seconds"} <= read.keys()
    assert all(family.documentation and family.type != "unknown" for family in read.values())
    strict = {family.name: family for family in open_metrics(in_open_metrics(body.decode()))}  # type: ignore[no-untyped-call]
    assert strict.keys() == read.keys()
    assert {name: len(family.samples) for name, family in strict.items()} == {name: len(family.samples) for name, family in read.items()}


def test_every_cache_tells_its_hits_misses_entries_and_bytes(shared_site: SiteProcess) -> None:
    for _ in range(2):
        assert shared_site.get("/about")[0] == shared_site.get("/")[0] == 200
    read = {family.name: family for family in prometheus(shared_site.get("/metrics")[1].decode())}
    caches = {"filters", "home_dependencies", "homes", "media_access", "pages", "post_html", "post_json", "posts", "sessions", "tokens"}
    figures = {
        figure: {sample.labels["cache"]: sample.value for sample in read[f"microblog_cache_{figure}"].samples}
        for figure in ("hits", "misses", "entries", "bytes")
    }
    assert {figure: named.keys() for figure, named in figures.items()} == dict.fromkeys(figures, caches)
    assert all(figures[figure]["pages"] > 0 for figure in figures), figures
    assert all((figures["bytes"][name] > 0) == (figures["entries"][name] > 0) for name in caches), figures


def test_openmetrics_is_answered_where_it_is_accepted(shared_site: SiteProcess) -> None:
    asked = urllib.request.Request(f"{shared_site.url}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    with urllib.request.urlopen(asked, timeout=10) as response:
        body = response.read()
    assert "microblog_jobs" in {family.name for family in open_metrics(body.decode())}  # type: ignore[no-untyped-call]


def test_a_gauge_and_a_counter_of_one_base_name_are_found() -> None:
    clash = "# HELP x X.\n# TYPE x gauge\nx 1\n# HELP x_total X.\n# TYPE x_total counter\nx_total 1\n"
    with pytest.raises(ValueError, match=r"Clashing|metadata after samples"):
        list(open_metrics(in_open_metrics(clash)))  # type: ignore[no-untyped-call]
