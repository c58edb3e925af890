"""No page of another site, and nobody without the token of the form, makes a visitor's browser do anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from microblog.web.http.route import Route
from tests import make
from tests.web.crawler import filled
from tests.web.visitor import Town, Visitor, town

ON_PURPOSE = {
    "/mail/unsubscribe/<secret:token>",  # mail programs send it, with one click
}
FROM_ELSEWHERE = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://other.test"}, {"Origin": "null"})


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Town:
    """A site that counts no requests."""
    return town(cursor, tmp_path, rate_limits="off")


def changing(site: Town) -> Iterator[Route]:
    """The routes of pages that change something."""
    return (route for route in site.routes if not route.safe and not route.options.api)


def administrator(site: Town) -> tuple[Visitor, dict[str, object]]:
    """Somebody who may do everything, and what there is to do it to."""
    visitor = site.resident("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Hello")
    site.cursor.execute("update users set role = 'admin'")
    return visitor, {"username": "ada", "post_id": post.id, "name": "tag"}


def rows(site: Town) -> list[tuple[object, ...]]:
    """What any form could change, counted."""
    tables = ("posts", "accounts", "sessions", "lists", "filters", "events", "jobs", "emails")
    counted = [f"(select count(*) from {table})" for table in tables]
    site.cursor.execute(f"select {', '.join(counted)}, (select sum(hashtext(l::text)) from users l)")
    found: list[tuple[object, ...]] = site.cursor.fetchall()
    return found


def test_only_what_is_meant_to_does_without_a_token(site: Town) -> None:
    assert {route.path for route in changing(site) if not route.options.csrf} == ON_PURPOSE


def test_no_form_is_taken_without_its_token(site: Town) -> None:
    ada, values = administrator(site)
    before, tried = rows(site), 0
    for visitor in (ada, site.visitor()):
        for route in changing(site):
            if route.path not in ON_PURPOSE and (visitor is ada or not (route.options.viewer or route.options.cookieless)):
                for fields in ({}, {"csrf": ""}, {"csrf": "A" * 43}):
                    reply = visitor.post(filled(route.path, values), fields)
                    assert reply.status == 403, f"{route.path}: {reply.status}"
                    tried += 1
    assert tried > 200
    assert rows(site) == before


def test_no_form_is_taken_from_a_page_of_another_site(site: Town) -> None:
    ada, values = administrator(site)
    token, before = ada.token("/home"), rows(site)
    for route in changing(site):
        if route.path not in ON_PURPOSE:
            for headers in FROM_ELSEWHERE:
                reply = ada.post(filled(route.path, values), {"csrf": token}, **headers)
                assert reply.status == 403, f"{route.path} {headers}: {reply.status}"
                if not route.options.viewer:
                    reply = site.visitor().post(filled(route.path, values), {"theme": "dark"}, **headers)
                    assert (reply.status, reply.header("Set-Cookie")) == (403, None), f"{route.path} {headers}: {reply.status}"
    assert rows(site) == before
