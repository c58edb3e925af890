"""Every API route with every scope: a token cannot do more than its scopes allow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.domain.scopes import ALL, covers
from microblog.storage.database import Cursor
from microblog.web.http.route import AccessLevel, Route
from tests import make
from tests.fakes import result_of
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, build_site

_ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>")
OUTSIDE = {"error": "This action is outside the authorized scopes"}
SCOPES = [scope for scope in ALL if not scope.startswith("admin:") or scope.count(":") == 1]
STREAMS = ("/api/v1/streaming",)


def path_of(route: Route) -> str:
    """Return a path of the route, with ids that do not exist."""
    return _ARGUMENT.sub(lambda found: "1" if found[1] == "id" else "nobody", route.path)


def api_routes(site: SiteFixture) -> list[Route]:
    return [route for route in site.routes if route.options.api and not route.path.startswith(STREAMS)]


def send(site: SiteFixture, route: Route, token: str | None = None) -> HttpResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return request(site.server, route.method, path_of(route), headers, b"" if route.method != "GET" else None)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


@pytest.fixture
def scoped_routes(site: SiteFixture) -> list[Route]:
    return [route for route in api_routes(site) if route.options.scopes]


def test_every_scope_opens_exactly_the_routes_that_require_it(site: SiteFixture, scoped_routes: list[Route]) -> None:
    viewer, wrong = make.viewer(site.cursor), list[str]()
    assert len(scoped_routes) > 30
    for scope in SCOPES:
        token = result_of(site.domain.tokens.issue(viewer.id, scope)).text
        for route in scoped_routes:
            response, allowed = send(site, route, token), any(covers([scope], needed) for needed in route.options.scopes)
            refused = response.status == 403 and response.json == OUTSIDE
            if refused is allowed or response.status in (401, 500):
                wrong.append(f"{scope}: {route.method} {route.path} -> {response.status}")
    assert wrong == []


def test_every_scope_that_a_route_requires_exists(scoped_routes: list[Route]) -> None:
    assert {scope for route in scoped_routes for scope in route.options.scopes} <= set(ALL)


def test_routes_that_require_a_user_reject_anonymous_clients_and_app_tokens(site: SiteFixture) -> None:
    app = result_of(site.domain.tokens.issue(None, " ".join(ALL))).text
    wrong = []
    for route in api_routes(site):
        if route.options.viewer >= AccessLevel.APP and send(site, route).status != 401:
            wrong.append(f"nobody: {route.method} {route.path}")
        if route.options.viewer >= AccessLevel.MEMBER and send(site, route, app).status != 422:
            wrong.append(f"an app: {route.method} {route.path}")
    assert wrong == []


def test_a_revoked_token_is_401_even_on_public_routes(site: SiteFixture) -> None:
    account = make.viewer(site.cursor).id
    issued = result_of(site.domain.tokens.issue(account, " ".join(ALL)))
    result_of(site.domain.tokens.revoke(account, issued.token.id))
    responses = {
        (response.status, str(response.json))
        for response in (send(site, route, issued.text) for route in api_routes(site) if route.options.bearer)
    }
    assert responses == {(401, "{'error': 'The access token was revoked'}")}


def test_routes_that_change_something_require_more_than_a_read_scope(scoped_routes: list[Route]) -> None:
    reading = {
        f"{route.method} {route.path}"
        for route in scoped_routes
        if not route.safe and any(covers(["read"], s) for s in route.options.scopes)
    }
    assert reading <= {"POST /oauth/userinfo"}
