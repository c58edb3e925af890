"""Every route of the API lets in exactly those whom it says, whichever scope their token has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.domain import scopes
from microblog.storage.database import Cursor
from microblog.web.needs import Route, Who
from tests.web.api.client import Client, anonymous, another, application, client
from tests.web.memory import Reply
from tests.web.visitor import Town, town

OUTSIDE = "This action is outside the authorized scopes"
FILLED = re.compile(r"<(?:\w+:)?\w+>")
UNFINISHED = "/api/v1/streaming"  # answers that do not end have tests of their own


@pytest.fixture
def open_site(cursor: Cursor, tmp_path: Path) -> Town:
    """A site that counts nothing."""
    return town(cursor, tmp_path, rate_limits="off")


def api_routes(site: Town) -> list[Route]:
    """The documented routes of the API."""
    return [route for route in site.routes if route.needs.api and route.doc is not None and not route.path.startswith(UNFINISHED)]


def call(who: Client, route: Route) -> Reply:
    """Ask, of things that are not there."""
    return who.ask(route.method, FILLED.sub("1", route.path))


def test_every_route_of_the_api_is_documented(open_site: Town) -> None:
    assert {route.path for route in open_site.routes if route.needs.api and route.doc is None} == set()


def test_each_scope_opens_the_routes_that_name_it_and_no_others(open_site: Town) -> None:
    routes, ada = api_routes(open_site), client(open_site, "ada")
    for scope in scopes.ALL:
        program = another(open_site, ada.person, scope)
        for route in routes:
            if not route.needs.bearer:
                continue
            reply = call(program, route)
            expected = bool(route.needs.scopes) and not any(scopes.covers([scope], wanted) for wanted in route.needs.scopes)
            refused = reply.status == 403 and reply.json["error"] == OUTSIDE
            assert refused == expected, f"{route.method} {route.path} with {scope}: {reply.status}"


def test_every_scope_that_a_route_names_exists(open_site: Town) -> None:
    assert {scope for route in api_routes(open_site) for scope in route.needs.scopes} <= set(scopes.ALL)


def test_no_token_and_a_dead_token_are_401_where_one_is_needed(open_site: Town) -> None:
    nobody, dead = anonymous(open_site), Client(open_site, "x" * 43)
    for route in api_routes(open_site):
        if route.needs.bearer:
            reply = call(dead, route)
            assert (reply.status, reply.json["error"]) == (401, "The access token is invalid"), route.path
        if route.needs.viewer is not Who.ANYONE:
            assert call(nobody, route).status == 401, route.path


def test_an_application_alone_is_422_where_a_person_is_needed(open_site: Town) -> None:
    program = application(open_site, "read write follow push profile admin:read admin:write")
    for route in api_routes(open_site):
        if route.needs.viewer >= Who.MEMBER:
            reply = call(program, route)
            assert (reply.status, reply.json["error"]) == (422, "This method requires an authenticated user"), route.path


def test_every_answer_may_be_read_by_scripts_of_other_sites(open_site: Town) -> None:
    for route in api_routes(open_site):
        reply = call(anonymous(open_site), route)
        assert reply.header("Access-Control-Allow-Origin") == "*", route.path
        exposed = reply.header("Access-Control-Expose-Headers") or ""
        assert {"Link", "X-RateLimit-Reset", "X-Request-Id"} <= set(exposed.split(", "))
