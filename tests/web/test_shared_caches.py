"""Whatever stands between the site and its readers may keep what the site lets it keep: nobody gets the answer that was for another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import Factory, frozen

from microblog.storage.database import Cursor
from tests import make
from tests.web.api.client import another
from tests.web.crawler import filled, reading
from tests.web.memory import Reply, ask
from tests.web.visitor import Town, Visitor, town

ONCE = re.compile(rb'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"')
FRESH = re.compile(r"max-age=[1-9]")
FLEETING = frozenset({"/health", "/metrics", "/admin/stats", "/admin/stats.json"})  # what they tell is another each time


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Town:
    """A site that counts no requests."""
    return town(cursor, tmp_path, rate_limits="off")


@frozen
class SharedCache:
    """Keeps what RFC 9111 allows a cache that many use: section 3 says what may be stored, section 4.1 when it may be used again."""

    kept: dict[str, list[tuple[Mapping[str, str | None], Reply]]] = Factory(dict)

    def get(self, target: str, headers: Mapping[str, str]) -> Reply | None:
        """The answer to an earlier request that was like this one in all that the answer varies by."""
        for told, reply in self.kept.get(target, []):
            if all(headers.get(name) == value for name, value in told.items()):
                return reply
        return None

    def put(self, target: str, headers: Mapping[str, str], reply: Reply) -> None:
        """Keep the answer, if that is allowed."""
        policy = (reply.header("Cache-Control") or "").lower()
        may_be_kept = "no-store" not in policy and "private" not in policy and FRESH.search(policy)
        if not may_be_kept or ("Authorization" in headers and "public" not in policy):
            return
        varies = [name.strip() for name in ",".join(reply.all("Vary")).split(",") if name.strip()]
        self.kept.setdefault(target, []).append(({name: headers.get(name) for name in varies}, reply))


def browser(visitor: Visitor, **more: str) -> dict[str, str]:
    """What a visitor's browser sends along."""
    return {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())} | more


def askers(site: Town) -> list[dict[str, str]]:
    """Headers of all sorts of readers: whoever is told more than others stands first."""
    ada, bob = site.resident("ada"), site.resident("bob")
    site.cursor.execute("update users set role = 'admin' where account_id = %s", [site.viewer("ada").id])
    programs = [{"Authorization": f"Bearer {another(site, site.viewer(name)).token}"} for name in ("ada", "bob")]
    anybody: list[dict[str, str]] = [{}, {"Accept": "text/html"}, {"Accept": "application/json"}, {"Accept-Language": "de"}]
    strangers = [*anybody, {"Cookie": "theme=dark"}, {"Cookie": "session=" + "x" * 43}, {"Origin": "https://other.test"}]
    return [browser(ada), *programs, browser(bob), browser(bob, Accept="application/json"), *strangers]


def said(reply: Reply) -> tuple[object, ...]:
    """What an answer says, without what is good for one time only."""
    return reply.status, reply.header("Content-Type"), reply.header("Location"), ONCE.sub(b"", reply.body)


@pytest.mark.parametrize("turned", [False, True], ids=["members first", "strangers first"])
def test_a_cache_that_many_share_tells_each_what_the_site_would(site: Town, *, turned: bool) -> None:
    everybody = askers(site)
    post = make.post(site.cursor, site.viewer("ada"), "Hello #tag @bob")
    make.post(site.cursor, site.viewer("bob"), "Psst @ada", reply_to=post)
    values = {"username": "ada", "name": "tag", "post_id": post.id, "status_id": post.id, "account_id": post.author.id}
    reused = 0
    for route in reading(site):
        if route.path in FLEETING or "<path:name>" in route.path:
            continue
        cache, target = SharedCache(), filled(route.path, values) + ("?q=hello" if "search" in route.path else "")
        for headers in reversed(everybody) if turned else everybody:
            reply, kept = ask(site.server, "GET", target, headers), cache.get(target, headers)
            if kept is None:
                cache.put(target, headers, reply)
            else:
                reused += 1
                assert said(kept) == said(reply), f"{target} for {headers}"
            if "Cookie" in headers and "session=" in headers["Cookie"] and b'name="csrf"' in reply.body:
                assert "no-store" in str(reply.header("Cache-Control")), target
    assert reused > 50


def test_what_is_for_one_person_is_kept_by_nobody(site: Town) -> None:
    ada = site.resident("ada")
    program = {"Authorization": f"Bearer {another(site, site.viewer('ada')).token}"}
    post = make.post(site.cursor, site.viewer("ada"), "Hello")
    values = {"username": "ada", "name": "tag", "post_id": post.id, "status_id": post.id, "account_id": post.author.id}
    for route in reading(site):
        if route.options.viewer:
            for headers in (browser(ada), program):
                reply = ask(site.server, "GET", filled(route.path, values), headers)
                assert "no-store" in str(reply.header("Cache-Control")), route.path
