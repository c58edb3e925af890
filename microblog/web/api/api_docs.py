"""The OpenAPI document of the API."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
from attrs import define, field, frozen

from microblog.render.site_view import SiteView
from microblog.web.api.openapi import DocumentInfo, document
from microblog.web.http.compression import accepts_gzip
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, Response
from microblog.web.http.route import Route, RouteOptions, route, routes_of
from microblog.web.http.route_docs import RouteDoc

OPENAPI = {"type": "object", "required": ["openapi", "info", "paths"]}


@frozen
class EncodedDocument:
    """The document as JSON, plain and compressed with gzip."""

    data: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> EncodedDocument:
        """Encode and compress a document."""
        data = orjson.dumps(document)
        return cls(data, gzip.compress(data, 9, mtime=0), sha256(data).hexdigest()[:16])


@define(eq=False)
class OpenApiRoutes:
    """Serves the OpenAPI document, generated on first use, and for a new name of the site, from the routes of `features` and its own."""

    current_site: Callable[[], SiteView]
    features: tuple[object, ...]
    _built: tuple[str, dict[str, Any], EncodedDocument] | None = field(init=False, default=None)

    @property
    def routes(self) -> list[Route]:
        """All routes that may be documented."""
        return [route for feature in (*self.features, self) for route in routes_of(type(feature))]

    @property
    def document(self) -> dict[str, Any]:
        """The document, OpenAPI 3.1."""
        return self._current()[0]

    @property
    def encoded(self) -> EncodedDocument:
        """The document as it is sent."""
        return self._current()[1]

    def _current(self) -> tuple[dict[str, Any], EncodedDocument]:
        site = self.current_site()
        if self._built is None or self._built[0] != site.name:
            built = document(DocumentInfo(site.name, site.url, site.version), self.routes)
            self._built = site.name, built, EncodedDocument.of(built)
        return self._built[1:]

    @route("GET", "/api/openapi.json", RouteOptions(api=True, bearer=False), RouteDoc("View the OpenAPI document of this API", OPENAPI))
    async def show(self, request: Request) -> Response:
        """The OpenAPI 3.1 document of this API."""
        encoded = self.encoded
        if accepts_gzip(request.header("Accept-Encoding")):
            response = Response.json(encoded.packed).with_header("Content-Encoding", "gzip")
        else:
            response = Response.json(encoded.data)
        return response.cached(PUBLIC_A_WHILE, encoded.etag)
