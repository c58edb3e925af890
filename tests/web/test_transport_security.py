"""Strict-Transport-Security (RFC 6797) as the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from tests.web.http_client import request
from tests.web.visitor import build_site


@pytest.mark.parametrize(
    ("scheme", "setting", "expected"),
    [("https", "on", "max-age=31536000; includeSubDomains"), ("https", "off", "max-age=31536000"), ("http", "on", None)],
)
def test_strict_transport_security_includes_subdomains_if_the_setting_says_so(
    cursor: Cursor, tmp_path: Path, scheme: str, setting: str, expected: str | None
) -> None:
    site = build_site(cursor, tmp_path, public_url=f"{scheme}://site.test", hsts_subdomains=setting)
    for path in ("/login", "/api/v2/instance", "/nowhere"):
        assert request(site.server, "GET", path).header("Strict-Transport-Security") == expected
