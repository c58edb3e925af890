"""Cross-origin access: scripts of other sites may use the whole API, including its errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from microblog.web.http.route import METHODS, Route
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, build_site

VARIABLE = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>")
PREFIXES = ("/api/", "/.well-known/", "/nodeinfo/", "/oauth/token", "/oauth/revoke", "/oauth/userinfo")
UNKNOWN_PATHS = (
    "/api/v1/nothing",
    "/api/v9/statuses",
    "/api/",
    "/api/v1/accounts/nobody/statuses",
    "/.well-known/nothing",
    "/nodeinfo/9.9",
    "/oauth/token/",
    "/api/v1/%ff",
)
STREAMS = ("/api/v1/streaming",)
ORIGIN = {"Origin": "https://client.example"}


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def path_of(route: Route) -> str:
    """Return a path of the route, with ids that do not exist."""
    return VARIABLE.sub(lambda found: "1" if found[1] == "id" else "nobody", route.path)


def preflight(site: SiteFixture, path: str, method: str) -> HttpResponse:
    """Send the preflight request that a browser sends before a script's request."""
    wanted = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    return request(site.server, "OPTIONS", path, ORIGIN | wanted)


def test_a_preflight_is_allowed_for_every_api_path_and_method(site: SiteFixture) -> None:
    served = {path_of(route) for route in site.routes if route.path.startswith(PREFIXES)}
    assert len(served) > 100
    for path in (*served, *UNKNOWN_PATHS):
        for method in METHODS:
            response = preflight(site, path, method)
            assert (response.status, response.header("Access-Control-Allow-Origin")) == (200, "*"), path
            assert method in (response.header("Access-Control-Allow-Methods") or "").split(", "), path
            assert response.header("Access-Control-Allow-Headers") == "authorization,content-type", path


def test_the_request_after_the_preflight_can_be_read_by_the_script(site: SiteFixture) -> None:
    served = {path_of(route) for route in site.routes if route.path.startswith(PREFIXES) and not route.path.startswith(STREAMS)}
    for path in (*served, *UNKNOWN_PATHS):
        for method in METHODS:
            response = request(site.server, method, path, ORIGIN, b"" if method != "GET" else None)
            assert response.header("Access-Control-Allow-Origin") == "*", f"{method} {path} -> {response.status}"
            assert response.header("Access-Control-Allow-Credentials") is None


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("PUT", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/statuses/1/favourite", 405),
        ("DELETE", "/api/v1/instance", 405),
        ("GET", "/oauth/token", 405),
        ("GET", "/.well-known/nothing", 404),
        ("POST", "/nodeinfo/2.0", 405),
    ],
)
def test_unknown_api_paths_and_methods_are_404_or_405_in_json(site: SiteFixture, method: str, path: str, expected: int) -> None:
    response = request(site.server, method, path, ORIGIN, b"" if method != "GET" else None)
    assert (response.status, set(response.json)) == (expected, {"error"})
    assert (response.header("Allow") is not None) == (expected == 405)


@pytest.mark.parametrize("path", ["/", "/login", "/oauth/authorize", "/oauth/tokens", "/home", "/nothing", "/apis/v1", "/@ada"])
def test_pages_do_not_allow_cross_origin_requests(site: SiteFixture, path: str) -> None:
    for response in (preflight(site, path, "GET"), request(site.server, "GET", path, ORIGIN)):
        assert response.header("Access-Control-Allow-Origin") is None
        assert response.header("Access-Control-Allow-Methods") is None


def test_every_api_route_is_under_the_cross_origin_prefixes(site: SiteFixture) -> None:
    assert [route.path for route in site.routes if route.options.api and not route.path.startswith(PREFIXES)] == []
