"""Every page of the site is opened by the tests of accessibility and width, or is one of a few exceptions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from microblog.web.http.dispatcher import Dispatcher
from tests.browser.page_lists import EXCEPTIONS, LISTS
from tests.web.visitor import SiteFixture, build_site

# Files, feeds, data and streams: what is no HTML page.
NO_PAGES = re.compile(
    r"/static/|/media/|/admin/reports/[^/]+/media/|/media_proxy/|/live/|/(avatars|headers)/|/compose/media/|/(robots\.txt|favicon\.ico|manifest\.json|site\.webmanifest)$"
    r"|.*\.(rss|atom|csv|json|css)$"
)
VALUES = {
    "name": "ada",
    "far": "bo@b.example",
    "host": "b.example",
    "limited": "c.example",
    "post": 1,
    "list": 1,
    "filter": 1,
    "tag": "tea",
    "app": "app",
    "id": 1,
    "emoji": 1,
    "report": 1,
    "block": 1,
    "strike": 1,
}


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, public_url="https://site.test", federation="on")


def html_routes(site: SiteFixture) -> set[str]:
    """Return the paths of the routes that serve HTML pages."""
    return {
        route.path
        for route in site.routes
        if route.method == "GET" and not route.options.api and not route.options.signed and not NO_PAGES.match(route.path)
    }


def listed_routes(site: SiteFixture) -> set[str]:
    """Return the paths of the routes of all pages in the lists. What no route has is the page of an error."""
    assert isinstance(site.server.site, Dispatcher)
    paths = [path.format(**VALUES).partition("?")[0] for paths in LISTS for path in paths]
    return {site.server.site.routes.find("GET", path)[0].route.path for path in paths if path != "/nowhere"}


def test_every_page_is_in_a_list_or_an_exception(site: SiteFixture) -> None:
    assert sorted(html_routes(site) - listed_routes(site) - EXCEPTIONS.keys()) == []


def test_exceptions_are_pages_that_are_in_no_list(site: SiteFixture) -> None:
    assert sorted(EXCEPTIONS.keys() - html_routes(site)) == []
    assert sorted(EXCEPTIONS.keys() & listed_routes(site)) == []
