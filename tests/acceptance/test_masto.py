"""Tests with masto.js (the library of Elk, Phanpy and other web clients), run by Node on a started site."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
NODE = shutil.which("node")
OLDEST_NODE = 20  # required by masto.js


@cache
def missing_requirement() -> str:
    """Return what is missing to run masto.js; empty if nothing is."""
    if NODE is None:
        return "masto.js needs Node: apt-get install -y nodejs npm"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        return f"masto.js needs Node {OLDEST_NODE} or newer; this is {version.strip()}"
    if not (HERE.parent.parent / "node_modules" / "masto").exists():
        return "masto.js is missing: npm ci"
    return ""


def test_the_scenarios_of_masto_mjs_pass(shared_site: SiteProcess) -> None:
    if message := missing_requirement():
        pytest.fail(message) if os.environ.get("MICROBLOG_REQUIRE_BROWSER") else pytest.skip(message)
    ada, bob = register_account(shared_site, "ada"), register_account(shared_site, "bob")
    environment = os.environ | {"SITE": shared_site.url, "ADA": str(ada.access_token), "BOB": str(bob.access_token)}
    command = [str(NODE), "--test", "--test-reporter=spec", str(HERE / "masto.mjs")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr
