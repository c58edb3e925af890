"""The API described: as a document for programs, as a page for people."""

from __future__ import annotations

import gzip
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson
from attrs import frozen

from microblog.render.html.api_docs import ApiReference, reference_of
from microblog.render.html.pages import Pages
from microblog.web.api.openapi import DocumentInfo, document
from microblog.web.http.compression import accepts_gzip
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, Response
from microblog.web.http.route import Route, RouteOptions, route, routes_of
from microblog.web.http.route_docs import RouteDoc
from microblog.web.pages.page_context import PageContexts

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
    shells: PageContexts
    features: tuple[object, ...]

    @property
    def routes(self) -> list[Route]:
        """All that may be documented."""
        return [route for feature in (*self.features, self) for route in routes_of(type(feature))]

    @cached_property
    def document(self) -> dict[str, Any]:
        """OpenAPI 3.1."""
        site = self.shells.site
        return document(DocumentInfo(site.name, site.url, site.version), self.routes)

    @cached_property
    def encoded(self) -> Encoded:
        """The document as it is sent."""
        return Encoded.of(self.document)

    @cached_property
    def reference(self) -> ApiReference:
        """The document as it is read."""
        return reference_of(self.document, self.pages.part)

    @route("GET", "/api/openapi.json", RouteOptions(api=True, bearer=False), RouteDoc("This API as an OpenAPI document", OPENAPI))
    async def show(self, request: Request) -> Response:
        """The document that these words are from: OpenAPI 3.1."""
        encoded = self.encoded
        if accepts_gzip(request.header("Accept-Encoding")):
            answer = Response.json(encoded.packed).with_header("Content-Encoding", "gzip")
        else:
            answer = Response.json(encoded.data)
        return answer.cached(PUBLIC_A_WHILE, encoded.etag)

    @route("GET", "/api/docs", RouteOptions())
    async def read(self, request: Request) -> Response:
        """Every operation and every entity, or those that a search finds."""
        query = request.fields.text("q", max=LONGEST_SEARCH).strip()
        return Response.html(self.pages.api_docs(await self.shells.of(request), self.reference.matching(query), query))
