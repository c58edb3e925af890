"""A whole site for each test of pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from tests.web.visitor import Town, town


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Town:
    """The site as it is on a fresh machine."""
    return town(cursor, tmp_path)
