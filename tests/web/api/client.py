"""API client for tests: authenticates with a token, and checks each response against its route's documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from attrs import define
from jsonschema import Draft202012Validator

from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId
from microblog.render.api.schemas import NAMED
from microblog.web.api.openapi import statuses
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import MethodNotSupported
from microblog.web.http.response import JSON
from microblog.web.http.route import Route
from tests import make
from tests.fakes import result_of
from tests.files import multipart
from tests.web.http_client import FORM, HttpResponse, request
from tests.web.visitor import SiteFixture

ALL_SCOPES = "read write follow push profile"

Params = Mapping[str, object]


def token_for(site: SiteFixture, account: AccountId | None, scopes: str) -> str:
    """Return a new token of an account, or of an app."""
    return result_of(site.domain.tokens.issue(account, scopes, "Tapper")).text


@cache
def _validator(route: Route, status: int) -> Draft202012Validator:
    assert route.doc is not None, f"{route.name} does not document its responses."
    return Draft202012Validator({"components": {"schemas": NAMED}, **route.doc.response_schema(status)})


def check_against_documentation(site: SiteFixture, method: str, target: str, response: HttpResponse) -> None:
    """Fail unless the response matches the documentation of its route."""
    assert isinstance(site.server.site, Dispatcher)
    if method == "OPTIONS":
        return
    try:
        bound, _ = site.server.site.routes.find(method, urlsplit(target).path)
    except (NotFound, MethodNotSupported):
        assert set(response.json) == {"error"}
        return
    doc = bound.route.doc
    assert doc is None or response.status in statuses(bound.route, doc), f"{method} {target} -> {response.status}, which is not documented."
    if doc is None or response.header("Content-Type") != JSON.decode() or method == "HEAD":
        return
    errors = list(_validator(bound.route, response.status).iter_errors(response.json))
    assert not errors, f"{method} {target} -> {response.status}: {errors[0].json_path}: {errors[0].message[:500]}"


def encode_params(params: Params) -> list[tuple[str, str]]:
    """Encode parameters as clients do: lists as `name[]`, booleans as words."""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            pairs += [(f"{name}[]", str(item)) for item in value]
        elif isinstance(value, Mapping):
            pairs += [(name + re.sub(r"^([^\[]+)", r"[\1]", inner), text) for inner, text in encode_params(value)]
        elif value is not None:
            pairs.append((name, str(value)))
    return pairs


@define(eq=False)
class Client:
    """An app of one account (or of none). Paths are without `/api`."""

    site: SiteFixture
    token: str | None = None
    viewer: Viewer | None = None

    @property
    def owner(self) -> Viewer:
        """The client's account."""
        assert self.viewer is not None
        return self.viewer

    @property
    def id(self) -> str:
        """The id of the client's account."""
        return str(self.owner.id)

    def get(self, path: str, **params: object) -> HttpResponse:
        """Send a GET request."""
        return self.request("GET", path, params)

    def post(self, path: str, **params: object) -> HttpResponse:
        """Send a POST request with form parameters."""
        return self.request("POST", path, form=params)

    def put(self, path: str, **params: object) -> HttpResponse:
        """Send a PUT request with form parameters."""
        return self.request("PUT", path, form=params)

    def patch(self, path: str, **params: object) -> HttpResponse:
        """Send a PATCH request with form parameters."""
        return self.request("PATCH", path, form=params)

    def delete(self, path: str, **params: object) -> HttpResponse:
        """Send a DELETE request."""
        return self.request("DELETE", path, params)

    def request(
        self,
        method: str,
        path: str,
        query: Params | None = None,
        *,
        form: Params | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Send any request; its response is checked."""
        target = path if path.startswith(("/api/", "/oauth/", "/.well-known/", "/nodeinfo/", "/health")) else f"/api{path}"
        if query:
            target += ("&" if "?" in target else "?") + urlencode(encode_params(query))
        request_headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = None
        if json is not None:
            request_headers["Content-Type"], body = "application/json", orjson.dumps(json)
        elif form is not None:
            request_headers["Content-Type"], body = FORM, urlencode(encode_params(form)).encode()
        response = request(self.site.server, method, target, request_headers | dict(headers or {}), body)
        check_against_documentation(self.site, method, target, response)
        return response

    def upload(self, method: str, path: str, sent: Mapping[str, BytesIO], **fields: object) -> HttpResponse:
        """Send files with form parameters."""
        content_type, body = multipart(sent, encode_params(fields))
        headers = {"Content-Type": content_type} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        response = request(self.site.server, method, f"/api{path}", headers, body)
        check_against_documentation(self.site, method, f"/api{path}", response)
        return response

    def follow(self, link: str) -> HttpResponse:
        """Request a URL from a Link header."""
        parts = urlsplit(link)
        return self.request("GET", f"{parts.path}?{parts.query}")


def client(site: SiteFixture, username: str, scopes: str = ALL_SCOPES, **member: Any) -> Client:
    """Return an API client of a new account."""
    viewer = make.viewer(site.cursor, username, **member)
    return new_client_for(site, viewer, scopes)


def new_client_for(site: SiteFixture, viewer: Viewer, scopes: str = ALL_SCOPES) -> Client:
    """Return a new API client of an existing account."""
    return Client(site, token_for(site, viewer.id, scopes), viewer)


def app_client(site: SiteFixture, scopes: str = ALL_SCOPES) -> Client:
    """Return an API client with an app's own token, without an account."""
    return Client(site, token_for(site, None, scopes))


def anonymous_client(site: SiteFixture) -> Client:
    """Return an API client without a token."""
    return Client(site)


def links(response: HttpResponse) -> dict[str, str]:
    """Return the Link header: relation -> URL."""
    header = response.header("Link")
    if not header:
        return {}
    parts = (part.split(">; rel=") for part in header.split(", "))
    return {relation.strip('"'): url.removeprefix("<") for url, relation in parts}


def ids(response: HttpResponse) -> list[str]:
    """Return the ids of a list of entities."""
    return [item["id"] for item in response.json]
