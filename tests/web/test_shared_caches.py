"""A shared cache that follows RFC 9111 never serves one client a response meant for another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import Factory, frozen

from microblog.storage.database import Cursor
from tests import make
from tests.web.api.client import new_client_for
from tests.web.crawler import fill_path, finite_get_routes
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, Visitor, build_site

ONE_TIME = re.compile(rb'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"')
FRESH = re.compile(r"max-age=[1-9]")
CHANGING = frozenset({"/health/ready", "/metrics", "/admin/stats", "/admin/stats.json"})  # different on each request


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


@frozen
class SharedCache:
    """A shared cache by RFC 9111: section 3 says what may be stored, section 4.1 when it may be reused."""

    stored: dict[str, list[tuple[Mapping[str, str | None], HttpResponse]]] = Factory(dict)

    def get(self, target: str, headers: Mapping[str, str]) -> HttpResponse | None:
        """Return the stored response for these headers, by its Vary header."""
        for varied, response in self.stored.get(target, []):
            if all(headers.get(name) == value for name, value in varied.items()):
                return response
        return None

    def put(self, target: str, headers: Mapping[str, str], response: HttpResponse) -> None:
        """Store the response if that is allowed."""
        policy = (response.header("Cache-Control") or "").lower()
        storable = "no-store" not in policy and "private" not in policy and FRESH.search(policy)
        if not storable or ("Authorization" in headers and "public" not in policy):
            return
        varies = [name.strip() for name in ",".join(response.all("Vary")).split(",") if name.strip()]
        self.stored.setdefault(target, []).append(({name: headers.get(name) for name in varies}, response))


def browser(visitor: Visitor, **more: str) -> dict[str, str]:
    """Return the headers that a visitor's browser sends."""
    return {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())} | more


def client_headers(site: SiteFixture) -> list[dict[str, str]]:
    """Return the headers of all kinds of clients, the most privileged first."""
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    site.cursor.execute("update users set role = 'admin' where account_id = %s", [site.viewer("ada").id])
    programs = [{"Authorization": f"Bearer {new_client_for(site, site.viewer(name)).token}"} for name in ("ada", "bob")]
    anybody: list[dict[str, str]] = [{}, {"Accept": "text/html"}, {"Accept": "application/json"}, {"Accept-Language": "de"}]
    strangers = [*anybody, {"Cookie": "theme=dark"}, {"Cookie": "session=" + "x" * 43}, {"Origin": "https://other.test"}]
    return [browser(ada), *programs, browser(bob), browser(bob, Accept="application/json"), *strangers]


def comparable(response: HttpResponse) -> tuple[object, ...]:
    """Return what must be equal in two responses, without one-time tokens."""
    return response.status, response.header("Content-Type"), response.header("Location"), ONE_TIME.sub(b"", response.body)


@pytest.mark.parametrize("reverse", [False, True], ids=["members first", "strangers first"])
def test_a_shared_cache_serves_each_client_what_the_site_would(site: SiteFixture, *, reverse: bool) -> None:
    all_headers = client_headers(site)
    post = make.post(site.cursor, site.viewer("ada"), "Hello #tag @bob")
    make.post(site.cursor, site.viewer("bob"), "Psst @ada", reply_to=post)
    values = {"username": "ada", "name": "tag", "post_id": post.id, "status_id": post.id, "account_id": post.author.id}
    reused = 0
    for route in finite_get_routes(site):
        if route.path in CHANGING or "<path:name>" in route.path:
            continue
        cache, target = SharedCache(), fill_path(route.path, values) + ("?q=hello" if "search" in route.path else "")
        for headers in reversed(all_headers) if reverse else all_headers:
            response, stored = request(site.server, "GET", target, headers), cache.get(target, headers)
            if stored is None:
                cache.put(target, headers, response)
            else:
                reused += 1
                assert comparable(stored) == comparable(response), f"{target} for {headers}"
            if "Cookie" in headers and "session=" in headers["Cookie"] and b'name="csrf"' in response.body:
                assert "no-store" in str(response.header("Cache-Control")), target
    assert reused > 50


def test_personal_responses_are_never_stored(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    program = {"Authorization": f"Bearer {new_client_for(site, site.viewer('ada')).token}"}
    post = make.post(site.cursor, site.viewer("ada"), "Hello")
    values = {"username": "ada", "name": "tag", "post_id": post.id, "status_id": post.id, "account_id": post.author.id}
    for route in finite_get_routes(site):
        if route.options.viewer:
            for headers in (browser(ada), program):
                response = request(site.server, "GET", fill_path(route.path, values), headers)
                assert "no-store" in str(response.header("Cache-Control")), route.path
