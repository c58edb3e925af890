"""The OpenAPI document is correct, complete and valid, and the HTML reference has the same contents."""

from __future__ import annotations

import ast
import gzip
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from microblog.domain.scopes import ALL
from microblog.render.api.schemas import FILE, FLAG, ID, IDS, TEXT, array_of, record
from microblog.storage.database import Cursor
from microblog.web.api import openapi
from microblog.web.api.openapi import DocumentInfo, document, operation_ids
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, Route, RouteOptions, route, routes_of
from microblog.web.http.route_docs import PAGING, Param, RouteDoc
from tests.web.api.client import anonymous_client, client
from tests.web.http_client import request
from tests.web.visitor import SiteFixture, build_site, links, main_text
from tests.web.visitor import document as page_of

VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
READERS = {"text", "value", "password", "required", "flag", "integer", "id", "bound", "list", "ids", "sub", "subs", "upload"}
"""The methods of `Params` that take the name of a field."""
PAGE_FIELDS = {"uri", "url"}
"""Fields of pages that share buttons of other sites open."""
ABOUT = DocumentInfo("Here", "https://here.example", "1.0")


def openapi_document(site: SiteFixture) -> Any:
    """The OpenAPI document of the whole site."""
    response = anonymous_client(site).get("/api/openapi.json")
    assert response.status == 200
    return response.json


def operations(generated: Any) -> dict[str, Any]:
    """Each operation by `GET /path`."""
    return {f"{method.upper()} {path}": node for path, methods in generated["paths"].items() for method, node in methods.items()}


def test_the_document_is_valid_openapi(site: SiteFixture) -> None:
    OpenAPIV31SpecValidator(openapi_document(site)).validate()


def test_every_route_of_the_api_is_in_the_document_and_nothing_else(site: SiteFixture) -> None:
    routes = {route.method + " " + VARIABLE.sub(r"{\1}", route.path) for route in site.routes if route.options.api}
    assert set(operations(openapi_document(site))) == routes


def test_every_operation_has_a_unique_id_and_a_described_tag(site: SiteFixture) -> None:
    generated = openapi_document(site)
    nodes = list(operations(generated).values())
    assert len({node["operationId"] for node in nodes}) == len(nodes)
    tags = {tag["name"]: tag["description"] for tag in generated["tags"]}
    assert {name for node in nodes for name in node["tags"]} == set(tags)
    assert all(tags.values())
    assert all(re.fullmatch(r"[a-z0-9_]+", node["operationId"]) for node in nodes)


def test_scopes_are_described_and_operations_have_security_requirements(site: SiteFixture) -> None:
    generated = openapi_document(site)
    scopes = generated["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"]["scopes"]
    assert tuple(scopes) == ALL
    nodes = operations(generated)
    assert nodes["GET /api/v1/timelines/home"]["security"] == [{"oauth2": ["read:statuses"]}, {"bearer": []}]
    assert nodes["GET /api/v1/statuses/{status_id}"]["security"][0] == {}
    assert nodes["POST /api/v1/apps"]["security"] == []


def test_two_sites_of_the_same_release_have_the_same_document(site: SiteFixture, cursor: Cursor, tmp_path: Path) -> None:
    first = request(site.server, "GET", "/api/openapi.json", {}, None)
    again = request(build_site(cursor, tmp_path).server, "GET", "/api/openapi.json", {}, None)
    assert first.text == again.text


def test_the_document_is_cacheable_and_compressed(site: SiteFixture) -> None:
    plain = request(site.server, "GET", "/api/openapi.json", {}, None)
    packed = request(site.server, "GET", "/api/openapi.json", {"Accept-Encoding": "gzip"}, None)
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "public" in (plain.header("Cache-Control") or "")
    known = request(site.server, "GET", "/api/openapi.json", {"If-None-Match": plain.header("ETag") or ""}, None)
    assert (known.status, known.body) == (304, b"")
    assert plain.header("Access-Control-Allow-Origin") == "*"


class Sample:
    """Sample routes."""

    @route("GET", "/api/things", RouteOptions(api=True), RouteDoc("Things", array_of(TEXT), query=(*PAGING, Param("kind", IDS, "Which."))))
    async def all(self, request: Request) -> Response:
        """List all things."""
        raise NotImplementedError

    @route(
        "PATCH",
        "/api/things/<id:thing_id>/of/<username:owner>/<name>",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:lists", "write:media"}),
        RouteDoc(
            "Change it",
            TEXT,
            body=(
                Param("picture", FILE),
                Param("poll[options]", array_of(TEXT), "What.", required=True),
                Param("source[note]", TEXT),
                Param("lines", array_of(record({"name": TEXT, "on": FLAG}))),
                Param("id", ID),
            ),
            also=((202, TEXT),),
            errors=(409,),
        ),
    )
    async def change(self, request: Request, thing_id: int, owner: str, name: str) -> Response:
        """Another way."""
        raise NotImplementedError

    @route(
        "POST",
        "/api/things/upload",
        RouteOptions(api=True, bearer=False),
        RouteDoc("Upload", TEXT, body=(Param("file", FILE, required=True),)),
    )
    @route("DELETE", "/api/things", RouteOptions(api=True, bearer=False), RouteDoc("Away", TEXT, body=(Param("ids", IDS, required=True),)))
    async def rest(self, request: Request) -> Response:
        """The rest."""
        raise NotImplementedError


@pytest.fixture
def sample() -> dict[str, Any]:
    """The documented operations of the sample routes."""
    generated = document(ABOUT, routes_of(Sample))
    OpenAPIV31SpecValidator(generated).validate()
    return operations(orjson.loads(orjson.dumps(generated)))


def test_lists_have_paging_parameters_and_array_parameters_have_brackets(sample: dict[str, Any]) -> None:
    node = sample["GET /api/things"]
    assert [one["name"] for one in node["parameters"]] == ["limit", "max_id", "since_id", "min_id", "kind[]"]
    assert "Link" in node["responses"]["200"]["headers"]
    assert "X-RateLimit-Remaining" in node["responses"]["200"]["headers"]


def test_path_variables_have_the_types_of_their_converters(sample: dict[str, Any]) -> None:
    node = sample["PATCH /api/things/{thing_id}/of/{owner}/{name}"]
    schemas = {one["name"]: Draft202012Validator(one["schema"]) for one in node["parameters"] if one["in"] == "path"}
    assert schemas["thing_id"].is_valid("17")
    assert not schemas["thing_id"].is_valid("x")
    assert schemas["owner"].is_valid("ada@here.example")
    assert not schemas["name"].is_valid("")


def test_bodies_are_json_form_or_multipart_and_files_only_multipart(sample: dict[str, Any]) -> None:
    content = sample["PATCH /api/things/{thing_id}/of/{owner}/{name}"]["requestBody"]["content"]
    nested, form, parts = (content[kind]["schema"] for kind in content)
    assert list(nested["properties"]) == ["poll", "source", "lines", "id"]
    assert nested["properties"]["poll"]["required"] == ["options"]
    assert list(form["properties"]) == ["poll[options][]", "source[note]", "lines[0][name]", "lines[0][on]", "id"]
    assert form["required"] == ["poll[options][]"]
    assert set(parts["properties"]) - set(form["properties"]) == {"picture"}
    assert list(sample["POST /api/things/upload"]["requestBody"]["content"]) == ["multipart/form-data"]


def test_operations_without_a_body_have_query_parameters_only(sample: dict[str, Any]) -> None:
    node = sample["DELETE /api/things"]
    assert "requestBody" not in node
    assert [(one["name"], one["in"], one["required"]) for one in node["parameters"]] == [("ids[]", "query", True)]


def test_responses_and_errors_are_listed(sample: dict[str, Any]) -> None:
    node = sample["PATCH /api/things/{thing_id}/of/{owner}/{name}"]
    assert list(node["responses"]) == ["200", "202", "400", "401", "403", "404", "409", "413", "422", "429", "503"]
    assert node["security"] == [{"oauth2": ["write:lists"]}, {"oauth2": ["write:media"]}, {"bearer": []}]
    assert list(sample["GET /api/things"]["responses"]) == ["200", "400", "401", "422", "429", "503"]


def test_the_idempotency_key_is_documented(site: SiteFixture) -> None:
    [key] = operations(openapi_document(site))["POST /api/v1/statuses"]["parameters"]
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", False)


def test_operation_ids_never_collide() -> None:
    one = next(iter(routes_of(Sample)))
    again = [one, one, one, Route("POST", one.path, one.options, one.name, one.function, one.doc)]
    assert operation_ids(again) == ["sample_all", "sample_all_get", "sample_all_get2", "sample_all_post"]


def test_the_page_has_every_operation_and_every_entity(site: SiteFixture) -> None:
    response = site.visitor().get("/api/docs")
    generated, page = openapi_document(site), page_of(response)
    assert (response.status, response.header("Content-Type")) == (200, "text/html; charset=utf-8")
    shown = {str(name) for name in page.xpath("//*[@class='operation-body']/@id")}
    assert shown == {node["operationId"] for node in operations(generated).values()} | set(generated["components"]["schemas"])
    assert all(response.text.count(f"<code>{scope}</code>") for scope in ("read:statuses", "write:statuses"))


def test_internal_links_of_the_page_have_targets(site: SiteFixture) -> None:
    page = page_of(site.visitor().get("/api/docs"))
    names = {str(name) for name in page.xpath("//@id")}
    inner = {str(link)[1:] for link in page.xpath("//main//a/@href") if str(link).startswith("#")}
    assert len(inner) > 50
    assert inner <= names


def test_the_page_needs_no_external_resources_and_no_script(site: SiteFixture) -> None:
    page = page_of(site.visitor().get("/api/docs"))
    sources = [str(source) for source in page.xpath("//main//@src | //head//@src | //link[@rel='stylesheet']/@href")]
    assert all(source.startswith("/static/") for source in sources)
    assert not page.xpath("//main//script")


def test_the_page_can_be_searched(site: SiteFixture) -> None:
    visitor = site.visitor()
    found = page_of(visitor.get("/api/docs?q=write:filters+delete")).xpath("//*[@class='operation-body']/@id")
    assert {"filter_delete", "filter_v1_delete"} <= {str(name) for name in found}
    assert not {"status_delete", "filter_show"} & {str(name) for name in found}
    assert "No results" in main_text(visitor.get("/api/docs?q=zeppelin"))
    assert "<script>" not in visitor.get("/api/docs?q=%3Cscript%3E").text.partition("<main")[2]


def test_the_about_page_links_to_the_reference(site: SiteFixture) -> None:
    assert "/api/docs" in links(site.visitor().get("/about"))
    assert "/api/openapi.json" in links(site.visitor().get("/api/docs"))


def test_logged_in_users_can_read_the_reference(site: SiteFixture) -> None:
    assert site.registered_user("ada").get("/api/docs").status == 200
    assert client(site, "bob").get("/api/openapi.json").status == 200


def documented_fields(generated: Any) -> set[str]:
    """Return the names of all parameters of any operation, with brackets resolved."""
    names = [parameter["name"] for operation in operations(generated).values() for parameter in operation.get("parameters", ())]
    bodies = [operation["requestBody"]["content"] for operation in operations(generated).values() if "requestBody" in operation]
    names += [name for body in bodies for kind in body.values() for name in kind["schema"]["properties"]]
    return {part for name in names for part in re.findall(r"\w+", name)}


def test_every_field_that_the_api_reads_is_documented(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, public_url="https://site.test", federation="on")  # with all routes
    trees = [ast.parse(path.read_text("utf-8")) for path in Path(openapi.__file__).parent.glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    names = [request.args[0] for request in calls if request.args and request.func.attr in READERS]  # type: ignore[attr-defined]  # attributes, by the line above
    read = {name.value for name in names if isinstance(name, ast.Constant) and re.fullmatch(r"[a-z][a-z_\[\]]*", str(name.value))}
    known = documented_fields(openapi_document(site))
    assert len(read) > 60
    assert {str(name) for name in read if not known.issuperset(re.findall(r"\w+", str(name)))} == PAGE_FIELDS
