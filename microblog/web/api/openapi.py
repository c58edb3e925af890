"""Generator of the OpenAPI 3.1 document from the route table. Deterministic: the same routes give the same document."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from inspect import getdoc
from typing import Any

from attrs import frozen

from microblog.domain.scopes import ALL
from microblog.render.api.schemas import ERROR, FILE, ID, NAMED, TEXT, WHOLE, Schema
from microblog.render.html.consent import describe_scopes
from microblog.web.http.body_parsing import path_of
from microblog.web.http.route import AccessLevel, Route, RouteOptions
from microblog.web.http.route_docs import Param, RouteDoc

Node = dict[str, Any]

_PIECE = re.compile(r"<(?:(\w+):)?(\w+)>")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SCHEMAS = "#/components/schemas/"
_CONVERTERS: dict[str, Schema] = {
    "": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
    "id": {**ID, "maxLength": 19},
    "username": {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}(?:@[A-Za-z0-9_.:-]{1,255})?$"},
    "secret": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,256}$"},
    "path": {"type": "string", "minLength": 1},
    "int": {"type": "integer", "minimum": 0},
}
_TAGS = {"oauth": "OAuth 2", "push_subscription": "Push notifications", "filters_v1": "Filters (v1)", "api_docs": "OpenAPI document"}
_BODILESS = frozenset({101, 204, 304})
_FORM, _MULTIPART, _JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"

ERRORS: dict[int, tuple[str, str]] = {
    400: ("Malformed", "The request is malformed, or a required parameter is missing."),
    401: ("Unauthorized", "The access token is missing, invalid or revoked."),
    403: ("Forbidden", "The token lacks the scope, or the user is not permitted to do this."),
    404: ("NotFound", "The record does not exist, or the user may not see it."),
    409: ("Conflict", "The request conflicts with another one."),
    410: ("Gone", "The record was deleted."),
    413: ("TooLarge", "The body is larger than this endpoint accepts."),
    422: ("Invalid", "A parameter is invalid, or an app token was sent where a user token is required."),
    426: ("UpgradeRequired", "This endpoint only accepts WebSocket."),
    429: ("TooMany", "The rate limit is exceeded. Retry-After is the number of seconds to wait."),
    503: ("Unavailable", "The server is unavailable. Retry-After is the number of seconds to wait."),
}
"""Name and description of the response for each error status."""

_DESCRIPTION = """\
The Mastodon client API, as implemented by this server.

* Send tokens as `Authorization: Bearer TOKEN`. If an operation lists several scopes, any one of them is enough.
* Parameters may be sent in the query, as form data, as multipart or as JSON, with any method; lists as `name[]`.
* Lists are paginated: follow the `Link` header instead of computing ids.
* Errors always have the form `{"error": "message"}`.
* Paths may end with a slash.
"""


@frozen
class DocumentInfo:
    """Name, URL (without a trailing slash) and version of the site."""

    name: str
    url: str
    version: str


def document(about: DocumentInfo, routes: Iterable[Route]) -> Node:
    """The document for all routes that have a `doc`."""
    documented = [(route, route.doc) for route in routes if route.doc is not None]
    paths: Node = {}
    for (route, doc), name in zip(documented, operation_ids([route for route, _ in documented]), strict=True):
        paths.setdefault(_path(route), {})[route.method.lower()] = _operation(route, doc, name)
    made: Node = {
        "openapi": "3.1.0",
        "info": {
            "title": f"The API of {about.name}",
            "version": about.version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": about.url}],
        "tags": list({tag_of(route): {"name": tag_of(route), "description": _module_summary(route)} for route, _ in documented}.values()),
        "paths": paths,
        "components": {"responses": _errors(), "headers": _HEADERS, "securitySchemes": _security_schemes(about.url)},
    }
    made["components"] = {"schemas": _named(made), **made["components"]}
    return made


def operation_ids(routes: Iterable[Route]) -> list[str]:
    """Unique names of the routes, such as `status_publish` for `StatusRoutes.publish`."""
    ids: dict[str, None] = {}
    for route in routes:
        feature, _, method = route.name.partition(".")
        name = _CAPITAL.sub("_", feature.removesuffix("Routes")).lower() + "_" + method.strip("_")
        if name in ids:
            name = f"{name}_{route.method.lower()}"
        number = 2
        while name in ids:
            name, number = f"{name.rstrip('0123456789')}{number}", number + 1
        ids[name] = None
    return list(ids)


def tag_of(route: Route) -> str:
    """The tag of a route, from the name of its module."""
    module = route.function.__module__.rpartition(".")[2]
    return _TAGS.get(module, module.replace("_", " ").capitalize())


def _module_summary(route: Route) -> str:
    return (sys.modules[route.function.__module__].__doc__ or "").partition("\n")[0]


def _path(route: Route) -> str:
    return _PIECE.sub(r"{\2}", route.path)


def _operation(route: Route, doc: RouteDoc, name: str) -> Node:
    parameters = [*_path_parameters(route), *_query_parameters(_in_query(route, doc)), *_header_parameters(doc)]
    made: Node = {
        "operationId": name,
        "tags": [tag_of(route)],
        "summary": doc.summary,
        "description": getdoc(route.function) or doc.summary,
    }
    if parameters:
        made["parameters"] = parameters
    in_body = _in_body(route, doc)
    if in_body:
        made["requestBody"] = _request_body(in_body)
    made["responses"] = _responses(route, doc)
    made["security"] = _security(route.options)
    return made


def _in_query(route: Route, doc: RouteDoc) -> tuple[Param, ...]:
    """Parameters in the query: all of them for methods without a body (GET and DELETE, RFC 9110)."""
    return doc.query if route.method in ("POST", "PUT", "PATCH") else (*doc.query, *doc.body)


def _in_body(route: Route, doc: RouteDoc) -> tuple[Param, ...]:
    return doc.body if route.method in ("POST", "PUT", "PATCH") else ()


def _path_parameters(route: Route) -> Iterator[Node]:
    for converter, name in _PIECE.findall(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": _CONVERTERS[converter]}


def _query_parameters(params: Iterable[Param]) -> Iterator[Node]:
    for param in params:
        for name, schema in _as_sent(param):
            yield _parameter(param, name, schema, "query")


def _header_parameters(doc: RouteDoc) -> Iterator[Node]:
    for param in doc.headers:
        yield _parameter(param, param.name, param.schema, "header")


def _parameter(param: Param, name: str, schema: Schema, place: str) -> Node:
    made: Node = {"name": name, "in": place, "required": param.required, "schema": schema}
    return made | {"description": param.description} if param.description else made


def _as_sent(param: Param) -> Iterator[tuple[str, Schema]]:
    """Names of a parameter in a query or form: `id[]` for lists, `fields[0][name]` for lists of objects, `alerts[x]` for objects."""
    yield from _flat(param.name, param.schema)


def _flat(name: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    if schema.get("type") == "array":
        items = schema["items"]
        if "properties" not in items:
            yield f"{name}[]", schema
            return
        name, schema = f"{name}[0]", items
    if "properties" not in schema:
        yield name, schema
        return
    for key, inner in schema["properties"].items():
        yield from _flat(f"{name}[{key}]", inner)


def _request_body(params: tuple[Param, ...]) -> Node:
    files = [param for param in params if param.schema is FILE]
    texts = tuple(param for param in params if param.schema is not FILE)
    content: Node = {}
    if not any(param.required for param in files):
        content = {_JSON: {"schema": _json_schema(texts)}, _FORM: {"schema": _form_schema(texts)}}
    content[_MULTIPART] = {"schema": _form_schema(params)}
    return {"required": any(param.required for param in params), "content": content}


def _form_schema(params: Iterable[Param]) -> Node:
    made: Node = {"type": "object", "properties": {}}
    for param in params:
        for name, schema in _as_sent(param):
            made["properties"][name] = _described(schema, param.description)
            if param.required:
                made.setdefault("required", []).append(name)
    return made


def _json_schema(params: Iterable[Param]) -> Node:
    """The same parameters as nested objects, for names with brackets."""
    made: Node = {"type": "object", "properties": {}}
    for param in params:
        here = made
        *outer, last = path_of(param.name)
        for key in outer:
            here = here["properties"].setdefault(key, {"type": "object", "properties": {}})
        here["properties"][last] = _described(param.schema, param.description)
        if param.required:
            here.setdefault("required", []).append(last)
    return made


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema


def _responses(route: Route, doc: RouteDoc) -> Node:
    responses = {200: doc.returns, **dict(doc.also)}
    paged = any(param.name == "max_id" for param in doc.query) and doc.returns.get("type") == "array"
    made: Node = {}
    for status, schema in sorted(responses.items()):
        headers = _header_refs(*(["Link"] if paged else []), *_COUNTED)
        made[str(status)] = {"description": doc.summary, "headers": headers}
        if status not in _BODILESS:
            made[str(status)]["content"] = {doc.content_type if status == 200 else _JSON: {"schema": schema}}
    for status in sorted(statuses(route, doc) - set(responses)):
        made[str(status)] = {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
    return made


def statuses(route: Route, doc: RouteDoc) -> set[int]:
    """All statuses of a route's responses: its own, and those of errors that follow from its options."""
    options = route.options
    found = {200, 400, 429, 503, *dict(doc.also), *doc.errors}
    if options.bearer:
        found.add(401)
    if options.scopes or options.viewer >= AccessLevel.MEMBER:
        found.add(403)
    if "<" in route.path:
        found.add(404)
    if not route.safe:
        found.add(413)
    if options.bearer or options.viewer >= AccessLevel.MEMBER or doc.query or doc.body:
        found.add(422)
    return found


def _errors() -> Node:
    made: Node = {}
    for status, (name, description) in ERRORS.items():
        headers = _header_refs(*_COUNTED, *(["Retry-After"] if status in (429, 503) else []))
        made[name] = {"description": description, "headers": headers, "content": {_JSON: {"schema": ERROR}}}
    return made


_HEADERS: Node = {
    "Link": {
        "description": 'Links to the adjacent pages: `<URL>; rel="next"` is older, `<URL>; rel="prev"` newer. Absent at the ends, '
        "except that an empty page above an id links to the newer page above the same id.",
        "schema": TEXT,
    },
    "X-RateLimit-Limit": {"description": "Number of requests permitted per time period.", "schema": WHOLE},
    "X-RateLimit-Remaining": {"description": "Number of requests that can still be made.", "schema": WHOLE},
    "X-RateLimit-Reset": {"description": "Timestamp when the rate limit will reset.", "schema": {"type": "string", "format": "date-time"}},
    "X-Request-Id": {"description": "The ID of the request in the server's log.", "schema": TEXT},
    "Retry-After": {"description": "Seconds to wait.", "schema": WHOLE},
}
_COUNTED = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id")


def _header_refs(*names: str) -> Node:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _security(options: RouteOptions) -> list[Node]:
    """Alternative security requirements, one for each scope."""
    if not options.bearer:
        return []
    ways: list[Node] = [{"oauth2": [scope]} for scope in sorted(options.scopes | options.viewer_scopes)] or [{"oauth2": []}]
    ways.append({"bearer": []})
    return [{}, *ways] if options.viewer is AccessLevel.ANYONE else ways


def _security_schemes(url: str) -> Node:
    scopes = {one.scope: one.description for one in describe_scopes(ALL)}
    code = {"authorizationUrl": f"{url}/oauth/authorize", "tokenUrl": f"{url}/oauth/token", "scopes": scopes}
    own = {"tokenUrl": f"{url}/oauth/token", "scopes": scopes}
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "Register an app with `POST /api/v1/apps`. PKCE with S256 is supported.",
            "flows": {"authorizationCode": code, "clientCredentials": own},
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An existing access token, for example from `microblog token create`.",
        },
    }


def _refs(node: object) -> Iterator[str]:
    """Names of all schemas referenced in `node`."""
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str) and target.startswith(_SCHEMAS):
            yield target.removeprefix(_SCHEMAS)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        yield from _refs(child)


def _named(made: Node) -> Node:
    """The named schemas that the document refers to."""
    wanted: set[str] = set()
    new = set(_refs(made))
    while new:
        wanted |= new
        new = {name for known in new for name in _refs(NAMED[known])} - wanted
    return {name: NAMED[name] for name in sorted(wanted)}
