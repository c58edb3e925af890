"""Fixtures with real processes and real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import Site, site


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own, not started."""
    with site(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A started site for all tests of a file, with open registration and without rate limits."""
    with site(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as made:
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A started site shared by all tests of real clients; each test creates its own accounts or cleans up."""
    with site(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as made:
        made.start()
        yield made
        made.stop()
