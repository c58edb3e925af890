"""The site fixture of the web tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from tests.web.visitor import SiteFixture, build_site


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site with default settings and an empty database."""
    return build_site(cursor, tmp_path)
