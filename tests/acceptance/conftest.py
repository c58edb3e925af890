"""Fixtures with real processes and real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site_process import SiteProcess, site_process


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[SiteProcess]:
    """A site for one test, not started."""
    with site_process(tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site for all tests of a module, with open registration and without rate limits."""
    with site_process(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as site:
        site.start()
        yield site
        site.stop()


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site shared by all tests of real clients; each test creates its own accounts or cleans up."""
    with site_process(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as site:
        site.start()
        yield site
        site.stop()
