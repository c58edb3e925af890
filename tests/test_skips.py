"""Tests of the test run: in CI, nothing is skipped silently."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest
pytest_plugins = ["tests.conftest"]

@pytest.mark.skipif(True, reason="a program is missing")
def test_marked(): pass

def test_skipped(): pytest.skip("a program is missing")

@pytest.fixture
def program(): pytest.skip("a program is missing")

def test_by_a_fixture(program): pass
"""


@pytest.mark.parametrize(("value", "outcome"), [("1", "1 failed, 2 errors"), ("", "3 skipped")])
def test_a_skipped_test_fails_where_nothing_may_be_missing(tmp_path: Path, value: str, outcome: str) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    root = Path(__file__).resolve().parent.parent
    environment = {**os.environ, "MICROBLOG_NO_SKIPS": value, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c", os.devnull, "test_it.py"]
    completed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert outcome in completed.stdout, completed.stdout
