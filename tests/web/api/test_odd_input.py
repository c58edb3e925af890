"""Fuzzing of the API: any input gets a response with an error sentence, never an internal error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from microblog.storage.database import Cursor
from microblog.web.http.body_parsing import path_of
from microblog.web.http.route import Route
from microblog.web.http.route_docs import Param
from tests import files
from tests.web.api.client import Client, anonymous_client, client
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, build_site

STREAMS = "/api/v1/streaming"
ODD: tuple[object, ...] = (
    "a\0b",
    "1" * 40,
    "9223372036854775807",
    -(10**18),
    1.5,
    None,
    " \u2028\u202e\ufeff ",
    "é" * 3_000,
    [[]],
    [None, {"a": [1]}, "x"],
    {"0": "a", "a": {"b": "c"}},
    {"9223372036854775807": "x"},
)
QUERIES = ("x=%00", "x=%ff", "x[=1", "x[][][]=1", "x[y]=1&x=2", "x=1&x[]=2", "x[0]=1&x[y]=2&%&=", "x" * 9_000)


@pytest.fixture
def open_site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def routes(site: SiteFixture) -> Iterator[Route]:
    """The API's routes except streams."""
    for route in site.routes:
        if route.options.api and not route.path.startswith(STREAMS):
            yield route


def variables(who: Client) -> dict[str, str]:
    """Ids of existing objects by the names of path variables."""
    post = who.post("/v1/statuses", status="here").json["id"]
    created_filter = who.post("/v2/filters", title="f", context=["home"], keywords_attributes={"0": {"keyword": "x"}}).json
    list_id = who.post("/v1/lists", title="l").json["id"]
    return {
        "account_id": who.id,
        "status_id": post,
        "list_id": list_id,
        "filter_id": created_filter["id"],
        "keyword_id": created_filter["keywords"][0]["id"],
    }


def fill_path(route: Route, ids: dict[str, str]) -> str:
    """Return a path of the route with existing ids, as far as known."""
    pieces = route.path.replace("<", "\n").replace(">", "\n").split("\n")
    return "".join(ids.get(piece.partition(":")[2], "1") if place % 2 else piece for place, piece in enumerate(pieces))


def body_with(param: Param, value: object) -> object:
    """Return a JSON object with only this field."""
    for key in reversed(path_of(param.name)):
        value = {key: value}
    return value


def test_no_parameter_value_causes_an_internal_error(open_site: SiteFixture) -> None:
    who = client(open_site, "ada")
    ids = variables(who)
    for route in routes(open_site):
        assert route.doc is not None
        for param in (*route.doc.query, *route.doc.body):
            for value in ODD:
                response = who.request(route.method, fill_path(route, ids), json=body_with(param, value))
                assert response.status < 500, f"{route.method} {route.path} {param.name}={value!r}: {response.text}"


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_causes_an_internal_error(open_site: SiteFixture, query: str) -> None:
    who = client(open_site, "ada")
    ids = variables(who)
    for route in routes(open_site):
        assert route.doc is not None
        name = next((param.name for param in (*route.doc.query, *route.doc.body)), "x")
        sent = query.replace("x", name) if len(query) < 100 else query
        response = who.request(route.method, f"{fill_path(route, ids)}?{sent}")
        assert response.status < 500, f"{route.method} {route.path}?{sent[:100]}: {response.text}"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"x"', b"{", b'{"a":1,"a":2}', b'{"a":' * 500, b"\xff", b"[" * 10_000, b'{"a":1e999}']
)
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_no_body_causes_an_internal_error(open_site: SiteFixture, body: bytes, kind: str) -> None:
    who = client(open_site, "ada")
    sent = {"Authorization": f"Bearer {who.token}", "Content-Type": kind}
    for path in ("/api/v1/statuses", "/api/v1/apps", "/api/v2/filters", "/oauth/token"):
        response = request(open_site.server, "POST", path, sent, body)
        assert 400 <= response.status < 500, f"{path}: {response.status}"
        assert set(orjson.loads(response.body)) <= {"error", "error_description", "details"}


@pytest.mark.parametrize("piece", ["%00", "%0a", "%7f", "%ff", "%c3%28", "%2f", "..", "x" * 4_000])
def test_an_invalid_api_path_is_an_error_in_json(open_site: SiteFixture, piece: str) -> None:
    response: HttpResponse = request(open_site.server, "GET", f"/api/v1/statuses/{piece}/context")
    assert response.status in (400, 404, 414)
    assert response.header("Content-Type") == "application/json; charset=utf-8"
    assert set(response.json) == {"error"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("id", [2**63, 10**19 - 1, 10**19])
def test_an_id_that_is_too_large_is_404_for_any_method(open_site: SiteFixture, method: str, id: int) -> None:
    who = client(open_site, "ada")
    assert who.request(method, f"/v1/statuses/{id}").status == 404
    assert who.request("POST", "/v1/statuses/1").status == 405


def test_an_invalid_page_path_is_an_html_error(open_site: SiteFixture) -> None:
    assert open_site.visitor().get("/posts/%0a").header("Content-Type") == "text/html; charset=utf-8"


def test_the_last_of_repeated_values_is_used(open_site: SiteFixture) -> None:
    who = client(open_site, "ada")
    for number in range(3):
        who.post("/v1/statuses", status=f"{number}")
    assert len(who.request("GET", "/v1/timelines/home?limit=1&limit=2").json) == 2
    assert anonymous_client(open_site).request("GET", "/v1/timelines/public?limit=9&limit=").status == 200


def test_every_put_route_accepts_patch(site: SiteFixture) -> None:
    ada = client(site, "ada")
    post = ada.post("/v1/statuses", status="a").json["id"]
    list_id = ada.post("/v2/filters", title="f", context=["home"], keywords_attributes={"0": {"keyword": "x"}}).json
    keyword = list_id["keywords"][0]["id"]
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    later = ada.post("/v1/statuses", status="b", scheduled_at=at).json["id"]
    assert ada.patch(f"/v1/statuses/{post}", status="c").json["content"] == "<p>c</p>"
    assert ada.patch(f"/v1/lists/{ada.post('/v1/lists', title='l').json['id']}", title="m").json["title"] == "m"
    assert ada.patch(f"/v2/filters/{list_id['id']}", title="g").json["title"] == "g"
    assert ada.patch(f"/v2/filters/keywords/{keyword}", keyword="y").json["keyword"] == "y"
    assert ada.patch(f"/v1/filters/{keyword}", phrase="z", context=["home"]).json["phrase"] == "z"
    assert ada.patch(f"/v1/scheduled_statuses/{later}").json["id"] == later
    media = ada.upload("POST", "/v2/media", {"file": files.image()}).json["id"]
    assert ada.patch(f"/v1/media/{media}", description="d").json["description"] == "d"
