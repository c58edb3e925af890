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
OLDEST = 20  # what masto.js asks for


@cache
def missing() -> str:
    """What this machine lacks for it; nothing where it has all."""
    if NODE is None:
        return "masto.js needs Node: apt-get install -y nodejs npm"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < OLDEST:
        return f"masto.js needs Node {OLDEST} or newer; this is {version.strip()}"
    if not (HERE.parent.parent / "node_modules" / "masto").exists():
        return "masto.js is not there: npm ci"
    return ""


def test_masto_does_what_its_stories_tell(shared_site: SiteProcess) -> None:
    if lacks := missing():
        pytest.fail(lacks) if os.environ.get("MICROBLOG_REQUIRE_BROWSER") else pytest.skip(lacks)
    ada, bob = register_account(shared_site, "ada"), register_account(shared_site, "bob")
    told = os.environ | {"SITE": shared_site.url, "ADA": str(ada.access_token), "BOB": str(bob.access_token)}
    command = [str(NODE), "--test", "--test-reporter=spec", str(HERE / "masto.mjs")]
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
