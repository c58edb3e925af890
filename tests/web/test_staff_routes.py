"""Every route of moderators and administrators: where it is, who may use it, and that apps find it documented.

`test_audit.py` holds that each of them that changes something is in the audit log, `test_visibility_matrix.py` that none that reads shows
posts to people who may not see them, and `test_roles.py` that the permissions that apps are told follow from them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from microblog.domain import scopes
from microblog.model.accounts import Role
from microblog.storage.database import Cursor, fetch_value
from microblog.web.http.route import AccessLevel, Route
from tests.federation.internet import Internet
from tests.federation.remote_server import URL
from tests.web.api.client import Client, anonymous_client, app_client, client, new_client_for
from tests.web.api.test_openapi import openapi_document, operations
from tests.web.api.test_scopes import VARIABLE
from tests.web.crawler import fill_path
from tests.web.test_audit import CASES, READING, STAFF_SCOPES
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, build_site

STAFF_PATH = re.compile(r"/admin(/|$)|/api/v\d+/admin/")
STAFF_LEVELS = {AccessLevel.MODERATOR: Role.MODERATOR, AccessLevel.ADMIN: Role.ADMIN}
REFUSED = (401, 403)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site with every feature that adds routes."""
    return build_site(cursor, tmp_path, Internet(), public_url=URL, federation="on", rate_limits="off")


def staff_routes(site: SiteFixture) -> list[Route]:
    """Return all routes that ask for a role."""
    return [route for route in site.routes if route.options.viewer in STAFF_LEVELS]


def status_for(route: Route, visitor: Visitor, app: Client) -> int:
    """Return the status of a request without parameters."""
    target = fill_path(route.path, {})  # of things that do not exist
    if route.options.api:
        return app.request(route.method, target.removeprefix("/api")).status
    if route.safe:
        return visitor.get(target).status
    return visitor.post(target, {"csrf": visitor.token("/about")}).status


def test_routes_below_admin_ask_for_a_role_and_no_others_do(site: SiteFixture) -> None:
    below = {f"{route.method} {route.path}" for route in site.routes if STAFF_PATH.match(route.path)}
    assert below == {f"{route.method} {route.path}" for route in staff_routes(site)}
    assert len(below) > 60


def test_each_route_that_changes_something_has_a_case_of_the_audit_log(site: SiteFixture) -> None:
    assert {f"{route.method} {route.path}" for route in staff_routes(site) if not route.safe} == {*CASES, *READING}


def test_each_route_of_the_api_is_documented_with_the_scopes_of_administration(site: SiteFixture) -> None:
    documented: dict[str, Any] = operations(openapi_document(site))
    for route in staff_routes(site):
        if not route.options.api:
            continue
        name = f"{route.method} {VARIABLE.sub(lambda found: found[0].replace('<', '{').replace('id:', '').replace('>', '}'), route.path)}"
        reads = route.safe or f"{route.method} {route.path}" in READING
        assert route.options.scopes, name
        assert all(scopes.covers(["admin:read" if reads else "admin:write"], scope) for scope in route.options.scopes), name
        named = {scope for requirement in documented[name]["security"] for scope in requirement.get("oauth2", ())}
        assert named == set(route.options.scopes), name
        assert documented[name]["summary"], name


@pytest.mark.parametrize("role", list(Role))
def test_each_route_is_open_to_its_role_and_those_above_only(site: SiteFixture, role: Role) -> None:
    visitor = with_role(site, "actor", role)
    app = new_client_for(site, site.viewer("actor"), STAFF_SCOPES)
    for route in staff_routes(site):
        refused = status_for(route, visitor, app) in REFUSED
        assert refused != role.includes(STAFF_LEVELS[route.options.viewer]), f"{route.method} {route.path}"


def test_without_a_log_in_and_with_the_token_of_an_app_nothing_is_open(site: SiteFixture) -> None:
    visitor, nobody, app = site.visitor(), anonymous_client(site), app_client(site, STAFF_SCOPES)
    known = fetch_value(site.cursor, "select count(*) from audit_log")
    for route in staff_routes(site):
        name, target = f"{route.method} {route.path}", fill_path(route.path, {})
        if route.options.api:
            statuses = (status_for(route, visitor, nobody), status_for(route, visitor, app))
            assert statuses == (401, 422), name
        elif route.safe:
            response = visitor.get(target)
            assert (response.status, (response.header("Location") or "").startswith("/login?next=")) == (303, True), name
        else:
            assert status_for(route, visitor, nobody) in REFUSED, name
    assert fetch_value(site.cursor, "select count(*) from audit_log") == known


def test_a_token_without_the_scope_opens_nothing_to_an_administrator(site: SiteFixture) -> None:
    boss = client(site, "boss", role=Role.ADMIN)
    app = new_client_for(site, boss.owner, "read write follow push profile")
    for route in staff_routes(site):
        if route.options.api:
            assert status_for(route, site.visitor(), app) == 403, route.path
