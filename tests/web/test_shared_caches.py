"""Whatever stands between the site and its readers may keep what the site lets it keep: nobody gets the answer that was for another."""

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

ONCE = re.compile(rb'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"')
FRESH = re.compile(r"max-age=[1-9]")
FLEETING = frozenset({"/health", "/metrics", "/admin/stats", "/admin/stats.json"})  # what they tell is another each time


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site that counts no requests."""
    return build_site(cursor, tmp_path, rate_limits="off")


@frozen
class SharedCache:
    """Keeps what RFC 9111 allows a cache that many use: section 3 says what may be stored, section 4.1 when it may be used again."""

    kept: dict[str, list[tuple[Mapping[str, str | None], HttpResponse]]] = Factory(dict)

    def get(self, target: str, headers: Mapping[str, str]) -> HttpResponse | None:
        """The answer to an earlier request that was like this one in all that the answer varies by."""
        for told, response in self.kept.get(target, []):
            if all(headers.get(name) == value for name, value in told.items()):
                return response
        return None

    def put(self, target: str, headers: Mapping[str, str], response: HttpResponse) -> None:
        """Keep the answer, if that is allowed."""
        policy = (response.header("Cache-Control") or "").lower()
        may_be_kept = "no-store" not in policy and "private" not in policy and FRESH.search(policy)
        if not may_be_kept or ("Authorization" in headers and "public" not in policy):
            return
        varies = [name.strip() for name in ",".join(response.all("Vary")).split(",") if name.strip()]
        self.kept.setdefault(target, []).append(({name: headers.get(name) for name in varies}, response))


def browser(visitor: Visitor, **more: str) -> dict[str, str]:
    """What a visitor's browser sends along."""
    return {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())} | more


def askers(site: SiteFixture) -> list[dict[str, str]]:
    """Headers of all sorts of readers: whoever is told more than others stands first."""
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    site.cursor.execute("update users set role = 'admin' where account_id = %s", [site.viewer("ada").id])
    programs = [{"Authorization": f"Bearer {new_client_for(site, site.viewer(name)).token}"} for name in ("ada", "bob")]
    anybody: list[dict[str, str]] = [{}, {"Accept": "text/html"}, {"Accept": "application/json"}, {"Accept-Language": "de"}]
    strangers = [*anybody, {"Cookie": "theme=dark"}, {"Cookie": "session=" + "x" * 43}, {"Origin": "https://other.test"}]
    return [browser(ada), *programs, browser(bob), browser(bob, Accept="application/json"), *strangers]


def said(response: HttpResponse) -> tuple[object, ...]:
    """What an answer says, without what is good for one time only."""
    return response.status, response.header("Content-Type"), response.header("Location"), ONCE.sub(b"", response.body)


@pytest.mark.parametrize("turned", [False, True], ids=["members first", "strangers first"])
def test_a_shared_cache_serves_each_client_what_the_site_would(site: SiteFixture, *, turned: bool) -> None:
    everybody = askers(site)
    post = make.post(site.cursor, site.viewer("ada"), "Hello #tag @bob")
    make.post(site.cursor, site.viewer("bob"), "Psst @ada", reply_to=post)
    values = {"username": "ada", "name": "tag", "post_id": post.id, "status_id": post.id, "account_id": post.author.id}
    reused = 0
    for route in finite_get_routes(site):
        if route.path in FLEETING or "<path:name>" in route.path:
            continue
        cache, target = SharedCache(), fill_path(route.path, values) + ("?q=hello" if "search" in route.path else "")
        for headers in reversed(everybody) if turned else everybody:
            response, kept = request(site.server, "GET", target, headers), cache.get(target, headers)
            if kept is None:
                cache.put(target, headers, response)
            else:
                reused += 1
                assert said(kept) == said(response), f"{target} for {headers}"
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
