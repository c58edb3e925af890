"""Scripts of other sites reach all of the API, and are told so where there is nothing to reach."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.storage.database import Cursor
from microblog.web.http.route import METHODS, Route
from tests.web.memory import Reply, ask
from tests.web.visitor import Town, town

PLACE = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>")
PREFIXES = ("/api/", "/.well-known/", "/nodeinfo/", "/oauth/token", "/oauth/revoke", "/oauth/userinfo")
NOWHERE = (
    "/api/v1/nothing",
    "/api/v9/statuses",
    "/api/",
    "/api/v1/accounts/nobody/statuses",
    "/.well-known/nothing",
    "/nodeinfo/9.9",
    "/oauth/token/",
    "/api/v1/%ff",
)
NEVER_ENDING = ("/api/v1/streaming",)
ORIGIN = {"Origin": "https://client.example"}


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Town:
    """A site that does not mind how often it is asked."""
    return town(cursor, tmp_path, rate_limits="off")


def path_of(route: Route) -> str:
    """An address that the route answers to, of something that is not there."""
    return PLACE.sub(lambda found: "1" if found[1] == "id" else "nobody", route.path)


def preflight(site: Town, path: str, method: str) -> Reply:
    """What a browser asks before it lets a script send the request."""
    wanted = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    return ask(site.server, "OPTIONS", path, ORIGIN | wanted)


def test_a_preflight_is_granted_for_every_path_of_the_api_and_every_method(site: Town) -> None:
    served = {path_of(route) for route in site.routes if route.path.startswith(PREFIXES)}
    assert len(served) > 100
    for path in (*served, *NOWHERE):
        for method in METHODS:
            reply = preflight(site, path, method)
            assert (reply.status, reply.header("Access-Control-Allow-Origin")) == (200, "*"), path
            assert method in (reply.header("Access-Control-Allow-Methods") or "").split(", "), path
            assert reply.header("Access-Control-Allow-Headers") == "authorization,content-type", path


def test_the_request_after_it_gets_its_own_answer_which_the_script_may_read(site: Town) -> None:
    served = {path_of(route) for route in site.routes if route.path.startswith(PREFIXES) and not route.path.startswith(NEVER_ENDING)}
    for path in (*served, *NOWHERE):
        for method in METHODS:
            reply = ask(site.server, method, path, ORIGIN, b"" if method != "GET" else None)
            assert reply.header("Access-Control-Allow-Origin") == "*", f"{method} {path} -> {reply.status}"
            assert reply.header("Access-Control-Allow-Credentials") is None


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
def test_what_is_not_served_is_404_or_405_in_json(site: Town, method: str, path: str, expected: int) -> None:
    reply = ask(site.server, method, path, ORIGIN, b"" if method != "GET" else None)
    assert (reply.status, set(reply.json)) == (expected, {"error"})
    assert (reply.header("Allow") is not None) == (expected == 405)


@pytest.mark.parametrize("path", ["/", "/login", "/oauth/authorize", "/oauth/tokens", "/home", "/nothing", "/apis/v1", "/@ada"])
def test_scripts_of_other_sites_are_not_let_in_to_pages(site: Town, path: str) -> None:
    for reply in (preflight(site, path, "GET"), ask(site.server, "GET", path, ORIGIN)):
        assert reply.header("Access-Control-Allow-Origin") is None
        assert reply.header("Access-Control-Allow-Methods") is None


def test_every_route_for_programs_is_among_those_paths(site: Town) -> None:
    assert [route.path for route in site.routes if route.options.api and not route.path.startswith(PREFIXES)] == []
