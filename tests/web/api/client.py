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
from microblog.web.http.errors import NotAllowedHere
from microblog.web.http.response import JSON
from microblog.web.http.route import Route
from tests import make
from tests.fakes import done
from tests.files import multipart
from tests.web.memory import FORM, Reply, ask
from tests.web.visitor import Town

EVERYTHING = "read write follow push profile"

Params = Mapping[str, object]


def token_for(town: Town, account: AccountId | None, scopes: str) -> str:
    """Return a new token of an account, or of an app."""
    return done(town.domain.tokens.issue(account, scopes, "Tapper")).text


@cache
def _validator(route: Route, status: int) -> Draft202012Validator:
    assert route.doc is not None, f"{route.name} does not say what it answers."
    return Draft202012Validator({"components": {"schemas": NAMED}, **route.doc.response_schema(status)})


def hold_to_its_promise(town: Town, method: str, target: str, reply: Reply) -> None:
    """Fail unless the response matches the documentation of its route."""
    assert isinstance(town.server.site, Dispatcher)
    if method == "OPTIONS":
        return
    try:
        bound, _ = town.server.site.routes.find(method, urlsplit(target).path)
    except (NotFound, NotAllowedHere):
        assert set(reply.json) == {"error"}
        return
    doc = bound.route.doc
    assert doc is None or reply.status in statuses(bound.route, doc), f"{method} {target} -> {reply.status}, which it does not promise."
    if doc is None or reply.header("Content-Type") != JSON.decode() or method == "HEAD":
        return
    problems = list(_validator(bound.route, reply.status).iter_errors(reply.json))
    assert not problems, f"{method} {target} -> {reply.status}: {problems[0].json_path}: {problems[0].message[:500]}"


def flat(params: Params) -> list[tuple[str, str]]:
    """Encode parameters as clients do: lists as `name[]`, booleans as words."""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            pairs += [(f"{name}[]", str(item)) for item in value]
        elif isinstance(value, Mapping):
            pairs += [(name + re.sub(r"^([^\[]+)", r"[\1]", inner), text) for inner, text in flat(value)]
        elif value is not None:
            pairs.append((name, str(value)))
    return pairs


@define(eq=False)
class Client:
    """An app of one account (or of none). Paths are without `/api`."""

    town: Town
    token: str | None = None
    viewer: Viewer | None = None

    @property
    def person(self) -> Viewer:
        """The client's account."""
        assert self.viewer is not None
        return self.viewer

    @property
    def id(self) -> str:
        """The id of the client's account."""
        return str(self.person.id)

    def get(self, path: str, **params: object) -> Reply:
        """Send a GET request."""
        return self.ask("GET", path, params)

    def post(self, path: str, **params: object) -> Reply:
        """Send a POST request with form parameters."""
        return self.ask("POST", path, form=params)

    def put(self, path: str, **params: object) -> Reply:
        """Send a PUT request with form parameters."""
        return self.ask("PUT", path, form=params)

    def patch(self, path: str, **params: object) -> Reply:
        """Send a PATCH request with form parameters."""
        return self.ask("PATCH", path, form=params)

    def delete(self, path: str, **params: object) -> Reply:
        """Send a DELETE request."""
        return self.ask("DELETE", path, params)

    def ask(
        self,
        method: str,
        path: str,
        query: Params | None = None,
        *,
        form: Params | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send any request; its response is checked."""
        target = path if path.startswith(("/api/", "/oauth/", "/.well-known/", "/nodeinfo/", "/health")) else f"/api{path}"
        if query:
            target += ("&" if "?" in target else "?") + urlencode(flat(query))
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = None
        if json is not None:
            sent["Content-Type"], body = "application/json", orjson.dumps(json)
        elif form is not None:
            sent["Content-Type"], body = FORM, urlencode(flat(form)).encode()
        reply = ask(self.town.server, method, target, sent | dict(headers or {}), body)
        hold_to_its_promise(self.town, method, target, reply)
        return reply

    def upload(self, method: str, path: str, sent: Mapping[str, BytesIO], **fields: object) -> Reply:
        """Send files with form parameters."""
        kind, body = multipart(sent, flat(fields))
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        reply = ask(self.town.server, method, f"/api{path}", headers, body)
        hold_to_its_promise(self.town, method, f"/api{path}", reply)
        return reply

    def follow(self, link: str) -> Reply:
        """Request a URL from a Link header."""
        parts = urlsplit(link)
        return self.ask("GET", f"{parts.path}?{parts.query}")


def client(town: Town, username: str, scopes: str = EVERYTHING, **member: Any) -> Client:
    """Return an app of a new account."""
    viewer = make.viewer(town.cursor, username, **member)
    return another(town, viewer, scopes)


def another(town: Town, viewer: Viewer, scopes: str = EVERYTHING) -> Client:
    """Return another app of the same account."""
    return Client(town, token_for(town, viewer.id, scopes), viewer)


def application(town: Town, scopes: str = EVERYTHING) -> Client:
    """Return an app with a token of its own, without an account."""
    return Client(town, token_for(town, None, scopes))


def anonymous(town: Town) -> Client:
    """Return an app without a token."""
    return Client(town)


def links(reply: Reply) -> dict[str, str]:
    """Return the Link header: relation -> URL."""
    header = reply.header("Link")
    if not header:
        return {}
    parts = (part.split(">; rel=") for part in header.split(", "))
    return {relation.strip('"'): url.removeprefix("<") for url, relation in parts}


def ids(reply: Reply) -> list[str]:
    """Return the ids of a list of entities."""
    return [item["id"] for item in reply.json]
