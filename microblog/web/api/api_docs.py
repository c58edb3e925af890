"""The OpenAPI document of the API."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson
from attrs import frozen

from microblog.render.site_view import SiteView
from microblog.web.api.openapi import DocumentInfo, document
from microblog.web.http.compression import accepts_gzip
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, Response
from microblog.web.http.route import RouteOptions, route, routes_of
from microblog.web.http.route_docs import RouteDoc

OPENAPI = {"type": "object", "required": ["openapi", "info", "paths"]}


@frozen
class OpenApiDocument:
    """The document, as it is, and as JSON, plain and compressed with gzip."""

    content: dict[str, Any]
    data: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, content: dict[str, Any]) -> OpenApiDocument:
        """Encode and compress a document."""
        data = orjson.dumps(content)
        return cls(content, data, gzip.compress(data, 9, mtime=0), sha256(data).hexdigest()[:16])


@lru_cache(maxsize=4)
def _generate(about: DocumentInfo, features: tuple[type, ...]) -> OpenApiDocument:
    """Generate the document of the routes that these classes declare."""
    return OpenApiDocument.of(document(about, [route for feature in features for route in routes_of(feature)]))


@frozen(eq=False)
class OpenApiRoutes:
    """Serves the OpenAPI document, generated on first use, and for a new name of the site, from the routes of `features` and its own."""

    current_site: Callable[[], SiteView]
    features: tuple[object, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The document, OpenAPI 3.1."""
        return self.encoded.content

    @property
    def encoded(self) -> OpenApiDocument:
        """The document as it is sent."""
        site, features = self.current_site(), (*self.features, self)
        return _generate(DocumentInfo(site.name, site.url, site.version), tuple(map(type, features)))

    @route("GET", "/api/openapi.json", RouteOptions(api=True, bearer=False), RouteDoc("View the OpenAPI document of this API", OPENAPI))
    async def show(self, request: Request) -> Response:
        """The OpenAPI 3.1 document of this API."""
        encoded = self.encoded
        if accepts_gzip(request.header("Accept-Encoding")):
            response = Response.json(encoded.packed).with_header("Content-Encoding", "gzip")
        else:
            response = Response.json(encoded.data)
        return response.cached(PUBLIC_A_WHILE, encoded.etag)
