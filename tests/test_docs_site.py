"""Tests of the documentation as a site of pages, and of its estimates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import fields

from benchmarks.capacity import RESULTS, Estimate, Use, request_costs, table

ROOT = Path(__file__).resolve().parent.parent


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "no_proxy": ""}, timeout=300, check=False)


def test_the_site_is_built_without_warnings_and_has_every_document(tmp_path: Path) -> None:
    completed = build(ROOT / "docs", tmp_path)
    assert (completed.returncode, completed.stderr) == (0, "")
    for document in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / document.with_suffix(".html").name).exists(), document


@pytest.mark.parametrize("link", ["nowhere.md", "#nowhere", "other.md#nowhere"])
def test_a_dead_link_or_a_page_that_nothing_leads_to_fails_the_build(tmp_path: Path, link: str) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text("utf-8"))
    (source / "index.md").write_text(f"# Index\n\n[a link]({link})\n\n```{{toctree}}\nother\n```\n")
    (source / "other.md").write_text("# Other\n")
    completed = build(source, tmp_path / "site")
    assert completed.returncode == 1
    assert "nowhere" in completed.stderr


def test_the_table_of_capacity_is_what_the_command_prints() -> None:
    estimates = [Estimate(accounts, Use(), request_costs(RESULTS.read_text("utf-8"))) for accounts in (1_000, 10_000, 100_000, 1_000_000)]
    assert table(estimates) in (ROOT / "docs" / "capacity.md").read_text("utf-8")


@pytest.mark.parametrize("rate", [each.name for each in fields(Use)])
def test_more_use_needs_no_less(rate: str) -> None:
    costs = request_costs(RESULTS.read_text("utf-8"))
    usual = Use()
    more = Use(**{rate: getattr(usual, rate) * 2})
    before, after = (Estimate(1_000_000, use, costs) for use in (usual, more))
    figures = [name for name, value in vars(Estimate).items() if isinstance(value, property)]
    assert all(getattr(before, name) <= getattr(after, name) for name in figures)
    assert any(getattr(before, name) < getattr(after, name) for name in figures)
