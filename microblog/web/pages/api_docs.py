"""The API reference as a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from attrs import frozen

from microblog.render.html.api_docs import ApiReference, build_reference
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.page_context import PageContexts

MAX_SEARCH_LENGTH = 200


@frozen(eq=False)
class ApiDocsPage:
    """The reference page, made on first use from the OpenAPI `document`."""

    pages: Pages
    contexts: PageContexts
    document: Callable[[], dict[str, Any]]

    @cached_property
    def reference(self) -> ApiReference:
        """All operations and entities of the document."""
        return build_reference(self.document(), self.pages.part)

    @route("GET", "/api/docs", RouteOptions())
    async def read(self, request: Request) -> Response:
        """All operations and entities, or those that match the search `q`."""
        query = request.fields.text("q", max=MAX_SEARCH_LENGTH).strip()
        return Response.html(self.pages.api_docs(await self.contexts.of(request), self.reference.matching(query), query))
