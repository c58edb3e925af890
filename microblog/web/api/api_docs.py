"""The API described: as a document for programs, as a page for people."""

from __future__ import annotations

import gzip
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson
from attrs import frozen

from microblog.render.html.api_docs import Reference, reference_of
from microblog.render.html.pages import Pages
from microblog.web.api.openapi import About, document
from microblog.web.http.compression import accepts_gzip
from microblog.web.http.request import Call
from microblog.web.http.response import PUBLIC_A_WHILE, Answer
from microblog.web.http.route import Needs, Route, route, routes_of
from microblog.web.http.route_docs import Doc
from microblog.web.pages.page_context import Shells

OPENAPI = {"type": "object", "required": ["openapi", "info", "paths"]}
LONGEST_SEARCH = 200


@frozen
class Encoded:
    """The document as it is sent, also with gzip."""

    data: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> Encoded:
        """Encode it."""
        data = orjson.dumps(document)
        return cls(data, gzip.compress(data, 9, mtime=0), sha256(data).hexdigest()[:16])


@frozen(eq=False)
class ReferenceRoutes:
    """Both are made of the routes of `features` and of these here: once, when somebody first asks."""

    pages: Pages
    shells: Shells
    features: tuple[object, ...]

    @property
    def routes(self) -> list[Route]:
        """All that may be documented."""
        return [route for feature in (*self.features, self) for route in routes_of(type(feature))]

    @cached_property
    def document(self) -> dict[str, Any]:
        """OpenAPI 3.1."""
        site = self.shells.site
        return document(About(site.name, site.url, site.version), self.routes)

    @cached_property
    def encoded(self) -> Encoded:
        """The document as it is sent."""
        return Encoded.of(self.document)

    @cached_property
    def reference(self) -> Reference:
        """The document as it is read."""
        return reference_of(self.document, self.pages.part)

    @route("GET", "/api/openapi.json", Needs(api=True, bearer=False), Doc("This API as an OpenAPI document", OPENAPI))
    async def show(self, call: Call) -> Answer:
        """The document that these words are from: OpenAPI 3.1."""
        encoded = self.encoded
        if accepts_gzip(call.header("Accept-Encoding")):
            answer = Answer.json(encoded.packed).with_header("Content-Encoding", "gzip")
        else:
            answer = Answer.json(encoded.data)
        return answer.cached(PUBLIC_A_WHILE, encoded.etag)

    @route("GET", "/api/docs", Needs())
    async def read(self, call: Call) -> Answer:
        """Every operation and every entity, or those that a search finds."""
        query = call.fields.text("q", max=LONGEST_SEARCH).strip()
        return Answer.html(self.pages.api_docs(await self.shells.of(call), self.reference.matching(query), query))
