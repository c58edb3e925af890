"""Tests with masto.js (the library of Elk, Phanpy and other web clients), run by Node on a started site."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess
from tests.node import NODE, require

pytestmark = pytest.mark.acceptance

SCENARIOS = Path(__file__).with_name("masto.mjs")


def test_the_scenarios_of_masto_mjs_pass(shared_site: SiteProcess) -> None:
    require("masto")
    ada, bob = register_account(shared_site, "ada"), register_account(shared_site, "bob")
    maud = register_account(shared_site, "maud").me().username
    shared_site.run_command("user", "role", maud, "moderator")
    token = shared_site.run_json("token", "create", maud, "--scopes", "read admin:read admin:write")["token"]
    environment = os.environ | {"SITE": shared_site.url, "ADA": str(ada.access_token), "BOB": str(bob.access_token), "MAUD": token}
    command = [NODE, "--test", "--test-reporter=spec", str(SCENARIOS)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr
