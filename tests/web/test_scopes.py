"""Every route of the API with every scope: what a token may not do, it cannot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.domain.scopes import ALL, covers
from microblog.storage.database import Cursor
from microblog.web.http.route import AccessLevel, Route
from tests import make
from tests.fakes import done
from tests.web.memory import Reply, ask
from tests.web.visitor import Town, town

_ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>")
OUTSIDE = {"error": "This action is outside the authorized scopes"}
SCOPES = [scope for scope in ALL if not scope.startswith("admin:") or scope.count(":") == 1]
NEVER_ENDING = ("/api/v1/streaming",)


def path_of(route: Route) -> str:
    """An address that the route answers to, of something that is not there."""
    return _ARGUMENT.sub(lambda found: "1" if found[1] == "id" else "nobody", route.path)


def api_of(site: Town) -> list[Route]:
    return [route for route in site.routes if route.options.api and not route.path.startswith(NEVER_ENDING)]


def call(site: Town, route: Route, token: str | None = None) -> Reply:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return ask(site.server, route.method, path_of(route), headers, b"" if route.method != "GET" else None)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Town:
    """A site that does not mind how often it is asked."""
    return town(cursor, tmp_path, rate_limits="off")


@pytest.fixture
def guarded(site: Town) -> list[Route]:
    return [route for route in api_of(site) if route.options.scopes]


def test_every_scope_opens_exactly_the_routes_that_it_is_for(site: Town, guarded: list[Route]) -> None:
    viewer, wrong = make.viewer(site.cursor), list[str]()
    assert len(guarded) > 30
    for scope in SCOPES:
        token = done(site.domain.tokens.issue(viewer.id, scope)).text
        for route in guarded:
            reply, may = call(site, route, token), any(covers([scope], needed) for needed in route.options.scopes)
            refused = reply.status == 403 and reply.json == OUTSIDE
            if refused is may or reply.status in (401, 500):
                wrong.append(f"{scope}: {route.method} {route.path} -> {reply.status}")
    assert wrong == []


def test_every_scope_that_a_route_asks_for_exists(guarded: list[Route]) -> None:
    assert {scope for route in guarded for scope in route.options.scopes} <= set(ALL)


def test_every_route_for_somebody_refuses_nobody_and_apps(site: Town) -> None:
    app = done(site.domain.tokens.issue(None, " ".join(ALL))).text
    wrong = []
    for route in api_of(site):
        if route.options.viewer >= AccessLevel.APP and call(site, route).status != 401:
            wrong.append(f"nobody: {route.method} {route.path}")
        if route.options.viewer >= AccessLevel.MEMBER and call(site, route, app).status != 422:
            wrong.append(f"an app: {route.method} {route.path}")
    assert wrong == []


def test_a_dead_token_is_401_even_where_nobody_has_to_be_logged_in(site: Town) -> None:
    account = make.viewer(site.cursor).id
    issued = done(site.domain.tokens.issue(account, " ".join(ALL)))
    done(site.domain.tokens.revoke(account, issued.token.id))
    told = {(reply.status, str(reply.json)) for reply in (call(site, route, issued.text) for route in api_of(site) if route.options.bearer)}
    assert told == {(401, "{'error': 'The access token was revoked'}")}


def test_a_route_that_changes_something_asks_for_more_than_reading(guarded: list[Route]) -> None:
    reading = {
        f"{route.method} {route.path}" for route in guarded if not route.safe and any(covers(["read"], s) for s in route.options.scopes)
    }
    assert reading <= {"POST /oauth/userinfo"}
