"""CSRF protection of every form: requests from other sites or without a token change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from microblog.web.http.route import Route
from tests import make
from tests.web.crawler import fill_path
from tests.web.visitor import SiteFixture, Visitor, build_site

WITHOUT_CSRF_TOKEN = {
    "/mail/unsubscribe/<secret:token>",  # mail clients send it (RFC 8058)
}
CROSS_SITE_HEADERS = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://other.test"},
    {"Origin": "null"},
)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def unsafe_routes(site: SiteFixture) -> Iterator[Route]:
    """Return the page routes that change something."""
    return (route for route in site.routes if not route.safe and not route.options.api)


def administrator(site: SiteFixture) -> tuple[Visitor, dict[str, object]]:
    """Return an administrator, and path variables of existing things."""
    visitor = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Hello")
    site.cursor.execute("update users set role = 'admin'")
    return visitor, {"username": "ada", "post_id": post.id, "name": "tag"}


def table_sizes(site: SiteFixture) -> list[tuple[object, ...]]:
    """Return the sizes of all tables that forms could change."""
    tables = ("posts", "accounts", "sessions", "lists", "filters", "events", "jobs", "emails")
    counted = [f"(select count(*) from {table})" for table in tables]
    site.cursor.execute(f"select {', '.join(counted)}, (select sum(hashtext(l::text)) from users l)")
    found: list[tuple[object, ...]] = site.cursor.fetchall()
    return found


def test_only_listed_forms_need_no_csrf_token(site: SiteFixture) -> None:
    assert {route.path for route in unsafe_routes(site) if not route.options.csrf} == WITHOUT_CSRF_TOKEN


def test_no_form_is_accepted_without_a_csrf_token(site: SiteFixture) -> None:
    ada, values = administrator(site)
    before, requests_sent = table_sizes(site), 0
    for visitor in (ada, site.visitor()):
        for route in unsafe_routes(site):
            if route.path not in WITHOUT_CSRF_TOKEN and (visitor is ada or not (route.options.viewer or route.options.cookieless)):
                for fields in ({}, {"csrf": ""}, {"csrf": "A" * 43}):
                    response = visitor.post(fill_path(route.path, values), fields)
                    assert response.status == 403, f"{route.path}: {response.status}"
                    requests_sent += 1
    assert requests_sent > 200
    assert table_sizes(site) == before


def test_no_form_is_accepted_from_another_site(site: SiteFixture) -> None:
    ada, values = administrator(site)
    token, before = ada.token("/home"), table_sizes(site)
    for route in unsafe_routes(site):
        if route.path not in WITHOUT_CSRF_TOKEN:
            for headers in CROSS_SITE_HEADERS:
                response = ada.post(fill_path(route.path, values), {"csrf": token}, **headers)
                assert response.status == 403, f"{route.path} {headers}: {response.status}"
                if not route.options.viewer:
                    response = site.visitor().post(fill_path(route.path, values), {"theme": "dark"}, **headers)
                    assert (response.status, response.header("Set-Cookie")) == (403, None), f"{route.path} {headers}: {response.status}"
    assert table_sizes(site) == before
