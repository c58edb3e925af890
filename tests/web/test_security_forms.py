"""No page of another site, and nobody without the token of the form, makes a visitor's browser do anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from microblog.web.http.route import Route
from tests import make
from tests.web.crawler import fill_path
from tests.web.visitor import SiteFixture, Visitor, build_site

ON_PURPOSE = {
    "/mail/unsubscribe/<secret:token>",  # mail programs send it, with one click
}
FROM_ELSEWHERE = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://other.test"}, {"Origin": "null"})


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site that counts no requests."""
    return build_site(cursor, tmp_path, rate_limits="off")


def changing(site: SiteFixture) -> Iterator[Route]:
    """The routes of pages that change something."""
    return (route for route in site.routes if not route.safe and not route.options.api)


def administrator(site: SiteFixture) -> tuple[Visitor, dict[str, object]]:
    """Somebody who may do everything, and what there is to do it to."""
    visitor = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Hello")
    site.cursor.execute("update users set role = 'admin'")
    return visitor, {"username": "ada", "post_id": post.id, "name": "tag"}


def rows(site: SiteFixture) -> list[tuple[object, ...]]:
    """What any form could change, counted."""
    tables = ("posts", "accounts", "sessions", "lists", "filters", "events", "jobs", "emails")
    counted = [f"(select count(*) from {table})" for table in tables]
    site.cursor.execute(f"select {', '.join(counted)}, (select sum(hashtext(l::text)) from users l)")
    found: list[tuple[object, ...]] = site.cursor.fetchall()
    return found


def test_only_listed_forms_need_no_csrf_token(site: SiteFixture) -> None:
    assert {route.path for route in changing(site) if not route.options.csrf} == ON_PURPOSE


def test_no_form_is_accepted_without_a_csrf_token(site: SiteFixture) -> None:
    ada, values = administrator(site)
    before, tried = rows(site), 0
    for visitor in (ada, site.visitor()):
        for route in changing(site):
            if route.path not in ON_PURPOSE and (visitor is ada or not (route.options.viewer or route.options.cookieless)):
                for fields in ({}, {"csrf": ""}, {"csrf": "A" * 43}):
                    response = visitor.post(fill_path(route.path, values), fields)
                    assert response.status == 403, f"{route.path}: {response.status}"
                    tried += 1
    assert tried > 200
    assert rows(site) == before


def test_no_form_is_accepted_from_another_site(site: SiteFixture) -> None:
    ada, values = administrator(site)
    token, before = ada.token("/home"), rows(site)
    for route in changing(site):
        if route.path not in ON_PURPOSE:
            for headers in FROM_ELSEWHERE:
                response = ada.post(fill_path(route.path, values), {"csrf": token}, **headers)
                assert response.status == 403, f"{route.path} {headers}: {response.status}"
                if not route.options.viewer:
                    response = site.visitor().post(fill_path(route.path, values), {"theme": "dark"}, **headers)
                    assert (response.status, response.header("Set-Cookie")) == (403, None), f"{route.path} {headers}: {response.status}"
    assert rows(site) == before
