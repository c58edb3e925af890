"""Rate limits in the API."""

from __future__ import annotations

import re
from pathlib import Path

from microblog.domain.rate_limits import PAGING
from microblog.storage.database import Cursor
from tests.fakes import result_of
from tests.web.api.client import anonymous_client, client
from tests.web.visitor import SiteFixture, build_site


def test_every_response_has_rate_limit_headers(site: SiteFixture) -> None:
    ada = client(site, "ada")
    ada.get("/v1/timelines/home")
    response = ada.get("/v1/timelines/home")
    assert (response.header("X-RateLimit-Limit"), response.header("X-RateLimit-Remaining")) == ("300", "298")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", response.header("X-RateLimit-Reset") or "")


def test_a_token_over_its_rate_limit_is_429(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    responses = [ada.request("HEAD", "/v1/timelines/home") for _ in range(301)]
    assert [response.status for response in responses] == [200] * 300 + [429]
    assert responses[-1].header("X-RateLimit-Remaining") == "0"
    assert ada.get("/v1/timelines/home").json == {"error": "Too many requests"}
    assert bob.get("/v1/timelines/home").status == 200


def test_paging_has_its_own_rate_limit(site: SiteFixture) -> None:
    ada = client(site, "ada")
    result_of(site.domain.rate_limiter.count(PAGING, ada.id, PAGING.limit - 1))
    assert ada.get("/v1/timelines/home?max_id=1").header("X-RateLimit-Remaining") == "0"
    assert ada.get("/v1/timelines/home?limit=3&since_id=1").status == 429
    assert ada.get("/v1/timelines/home").status == 200
    assert anonymous_client(site).get("/v1/timelines/public?max_id=1").status == 200


def test_rate_limits_can_be_switched_off(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, rate_limits="off")
    assert client(site, "ada").get("/v1/timelines/home").header("X-RateLimit-Limit") is None
