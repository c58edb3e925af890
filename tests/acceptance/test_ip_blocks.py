"""A running site hears of blocked networks from the command line."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.site_process import SiteProcess, site_process, wait_until

pytestmark = pytest.mark.acceptance


def status_for(site: SiteProcess, address: str) -> int:
    """Return the status of a request that a trusted proxy passes on from this address."""
    request = urllib.request.Request(f"{site.url}/about", headers={"X-Forwarded-For": address})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_running_site_refuses_a_network_once_it_is_blocked_and_from_its_start(tmp_path: Path) -> None:
    with site_process(tmp_path, rate_limits="off", trusted_proxies="127.0.0.1") as site:
        site.start()
        assert status_for(site, "198.51.100.9") == 200
        site.run_command("ip-block", "add", "198.51.100.0/24", "--severity", "no_access")
        assert wait_until(lambda: status_for(site, "198.51.100.9") == 403)
        assert status_for(site, "198.51.101.9") == 200
        site.stop()
        site.start()
        assert status_for(site, "198.51.100.9") == 403
        site.run_command("ip-block", "remove", "198.51.100.0/24")
        assert wait_until(lambda: status_for(site, "198.51.100.9") == 200)
        site.stop()
