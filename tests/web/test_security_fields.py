"""Fuzzing of every form field and API parameter: any value gets a response, never an internal error."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from microblog.storage.database import Cursor
from tests import make
from tests.web.api.client import ALL_SCOPES, token_for
from tests.web.crawler import STREAMS, all_forms, fill_path
from tests.web.http_client import request
from tests.web.visitor import SiteFixture, build_site

LONG = "a" * 60_000
SESSION_ENDING = ("/logout", "/settings/delete")
TEXTS = {
    "nothing": "",
    "NUL": "a\x00b",
    "lone surrogate": "a\ud800b",
    "header": "a\r\nSet-Cookie: x=1",
    "line separators": "\u2028\u2029\x85",
    "bidi": "\u202e\u2066a",
    "60 kB": LONG,
    "60 kB of combining marks": "e" + "\u0301" * 30_000,
    "a number that is none": "-9" + "9" * 400,
    "a path": "../../etc/passwd",
    "percent": "%00%ff%",
    "another site": "//other.test/",
}
VALUES: dict[str, Any] = {
    "null": None,
    "a flag": True,
    "zero": 0,
    "below zero": -1,
    "64 bits": 2**63,
    "a fraction": 1e308,
    "a list": [],
    "a list of nothing": [None],
    "a list of lists": [[1], [[2]]],
    "a mapping": {"a": {"b": 1}},
    "mappings": [{"id": {"c": []}}, 1, "x"],
    **{name: value for name, value in TEXTS.items() if name not in ("NUL", "lone surrogate")},
}


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def test_no_text_in_a_form_field_causes_an_internal_error(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Hello #tag")
    for visitor in (site.visitor(), ada):
        found = all_forms(site, visitor, {"username": "ada", "name": "tag", "post_id": post.id}).values()
        tried = [(form, name) for form in found for name in form.fields.keys() - {"csrf"} if form.action not in SESSION_ENDING]
        assert len(tried) > 5
        for form, name in tried:
            for kind, text in TEXTS.items():
                response = visitor.post(form.action, {**form.fields, name: text})
                where = (form.action, name, kind, response.header("Location"))
                assert response.status < 500, where
                assert "x=1" not in str(response.all("Set-Cookie")), where
                assert re.match(r"/(?![/\\])|None", str(response.header("Location"))), where


def test_no_value_in_an_api_parameter_causes_an_internal_error(site: SiteFixture) -> None:
    site.registered_user("ada")
    ada = site.viewer("ada")
    post = make.post(site.cursor, ada, "Hello #tag")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token_for(site, ada.id, ALL_SCOPES)}"}
    values = {"status_id": post.id, "account_id": ada.id, "name": "tag", "username": "ada", "post_id": post.id}
    defaults = {"status": "Hello", "title": "T", "phrase": "word", "keyword": "word", "context": ["home"], "status_id": str(post.id)}
    for route in site.routes:
        if route.doc is not None and not route.path.startswith(STREAMS):
            for param in {*route.doc.body, *route.doc.query}:
                for kind, value in VALUES.items():
                    body = json.dumps({**defaults, param.name: value}).encode()
                    response = request(site.server, route.method, fill_path(route.path, values), headers, body)
                    assert response.status < 500, (route.name, param.name, kind, response.text)
