"""Fixtures with real processes and real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import Site, site


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own, not yet started."""
    with site(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that all tests of a file share, started; registration is open and nothing limits their rate."""
    with site(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as made:
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that the programs which people have share, started; each test brings its own people or leaves everything as it was."""
    with site(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as made:
        made.start()
        yield made
        made.stop()
