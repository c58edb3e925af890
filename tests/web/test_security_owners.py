"""No request with another user's ids in path, form or body changes that user's data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from attrs import frozen
from psycopg2.sql import SQL, Composable, Identifier, Literal

from microblog.storage.database import Cursor
from microblog.web.http.route import Route
from tests import make
from tests.files import image
from tests.web.api.client import Client, new_client_for
from tests.web.crawler import fill_path
from tests.web.http_client import FORM, HttpResponse, request
from tests.web.visitor import SiteFixture, Visitor, build_site

FILTER_TABLES = ("filter_keywords", "filter_posts")
ROWS = {  # created as side effects
    "conversation_id": ("conversations", "id"),
    "notification_id": ("notifications", "id"),
    "request_id": ("notification_requests", "id"),
    "session_id": ("sessions", "id"),
    "app_id": ("tokens", "app_id"),
}
SAVEPOINT = "before_the_request"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def create_belongings(site: SiteFixture, bob: Client) -> dict[str, object]:
    """Create one of everything for Bob; return the ids by the names of path variables."""
    carol = new_client_for(site, make.viewer(site.cursor, "carol"))
    make.follow(site.cursor, bob.owner, carol.owner)
    private = bob.post("/v1/statuses", status="Mine #tag", visibility="direct").json["id"]
    poll_post = bob.post("/v1/statuses", status="Well?", visibility="direct", poll={"options": ["yes", "no"], "expires_in": 3600}).json
    bob.patch("/v2/notifications/policy", for_private_mentions="filter", for_not_following="filter")
    carol.post("/v1/statuses", status="@bob Hello", visibility="direct")
    dave = new_client_for(site, make.viewer(site.cursor, "dave"))
    dave.post(f"/v1/accounts/{bob.id}/follow")
    dave.post("/v1/statuses", status="@bob Hello", visibility="direct")
    filter = bob.post("/v2/filters", title="Mine", context=["home"], keywords_attributes=[]).json["id"]
    return {
        "username": "carol",
        "account_id": carol.id,
        "status_id": private,
        "post_id": private,
        "poll_id": poll_post["poll"]["id"],
        "list_id": bob.post("/v1/lists", title="Mine").json["id"],
        "filter_id": filter,
        "keyword_id": bob.post(f"/v2/filters/{filter}/keywords", keyword="mine").json["id"],
        "chosen_id": bob.post(f"/v2/filters/{filter}/statuses", status_id=private).json["id"],
        "scheduled_id": bob.post("/v1/statuses", status="Later", scheduled_at="2029-01-01T00:00:00Z").json["id"],
        "media_id": bob.upload("POST", "/v2/media", {"file": image()}).json["id"],
        "featured_id": bob.post("/v1/featured_tags", name="mine").json["id"],
        **{name: newest(site, table, column, bob) for name, (table, column) in ROWS.items()},
    }


def newest(site: SiteFixture, table: str, column: str, bob: Client) -> object:
    query = SQL("select max({}) from {} where account_id = %(id)s").format(Identifier(column), Identifier(table))
    site.cursor.execute(query, {"id": bob.owner.id})
    [[id]] = site.cursor.fetchall()
    assert id is not None, table
    return id


def rows_statement(site: SiteFixture) -> Composable:
    """Return a statement for every row of an account and of its filters: table and text."""
    site.cursor.execute("select table_name from information_schema.columns where table_schema = 'public' and column_name = 'account_id'")
    conditions = {table: SQL("account_id = %(id)s") for (table,) in site.cursor.fetchall()}
    conditions |= {table: SQL("filter_id in (select id from filters where account_id = %(id)s)") for table in FILTER_TABLES}
    one = SQL("select {}, t::text from {} t where {}")
    return SQL(" union all ").join(one.format(Literal(table), Identifier(table), condition) for table, condition in conditions.items())


@frozen
class Belongings:
    """Everything of one account."""

    site: SiteFixture
    owner: Client
    statement: Composable

    def rows(self) -> set[tuple[str, str]]:
        """Return every row: table and text."""
        self.site.cursor.execute(self.statement, {"id": self.owner.owner.id})
        return set(self.site.cursor.fetchall())


def bodies(values: dict[str, object]) -> Iterator[list[tuple[str, str]]]:
    """Return an empty body, and one with common parameters and Bob's ids."""
    yield []
    words = ("title", "text", "status", "keyword", "keywords", "phrase", "description")
    choices = {"choices[]": "0", "context[]": "home", "contexts[]": "home", "scheduled_at": "2030-01-01T00:00:00Z"}
    ids = {"account_ids[]": values["account_id"], "media_ids[]": values["media_id"], "media": values["media_id"]}
    yield [*((word, "x") for word in words), *choices.items(), *((name, str(id)) for name, id in ids.items())]


def unsafe_routes(site: SiteFixture) -> list[Route]:
    """Return the unsafe routes that name what they change."""
    return [route for route in site.routes if not route.safe and ("<id:" in route.path or route.path in ("/posts", "/api/v1/statuses"))]


def requests(site: SiteFixture, browser: Visitor, api_client: Client, values: dict[str, object]) -> Iterator[tuple[Route, HttpResponse]]:
    """Send every such request, each on the original state of the database."""
    token = browser.token("/home")
    for route in unsafe_routes(site):
        for fields in bodies(values):
            site.cursor.execute(f"savepoint {SAVEPOINT}")
            target = fill_path(route.path, values)
            if route.options.api:
                headers = {"Authorization": f"Bearer {api_client.token}", "Content-Type": FORM}
                yield route, request(site.server, route.method, target, headers, urlencode(fields).encode())
            else:
                yield route, browser.post(target, {"csrf": token, **dict(fields)})
            site.cursor.execute(f"rollback to savepoint {SAVEPOINT}")


def test_no_request_changes_another_users_data(site: SiteFixture) -> None:
    browsers = {name: site.registered_user(name) for name in ("bob", "eve")}
    api_clients = {name: new_client_for(site, site.viewer(name)) for name in browsers}
    values = create_belongings(site, api_clients["bob"])
    belongings = Belongings(site, api_clients["bob"], rows_statement(site))
    before = belongings.rows()
    own_changes: set[str] = set()
    for route, response in requests(site, browsers["bob"], api_clients["bob"], values):
        assert response.status < 500, f"{route.path}: {response.text}"
        if belongings.rows() != before:
            own_changes.add(f"{route.method} {route.path}")
    assert len(own_changes) > 50, own_changes  # else the requests would be no real attack
    for route, response in requests(site, browsers["eve"], api_clients["eve"], values):
        assert response.status < 500, f"{route.path}: {response.text}"
        changed = before ^ belongings.rows()
        assert not changed, f"{route.method} {route.path}: {changed}"
