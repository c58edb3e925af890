"""The audit log: a page for moderators, and its files."""

from __future__ import annotations

from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from urllib.parse import urlencode

from attrs import frozen

from microblog.domain.audit import AuditLog
from microblog.model.audit import AuditQuery
from microblog.model.errors import Invalid
from microblog.render.audit import CSV_FILE, JSON_FILE, AuditFile, AuditPage
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.audit_filter import FIELDS, MAX_NAME, audit_query
from microblog.web.http.errors import status_of
from microblog.web.http.file_body import MAX_UNSTREAMED, ByteRange, with_file
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)


@frozen
class AuditPages:
    """The audit log with its filter. `actor` is a username, or `-` for the command line; days are in UTC."""

    pages: Pages
    contexts: PageContexts
    log: AuditLog

    @route("GET", "/admin/log", MODERATOR)
    async def show(self, request: Request) -> Response:
        """List acts, newest first."""
        page = page_of(request)
        try:
            query, problem = audit_query(request), None
        except Invalid as invalid:
            query, problem = AuditQuery(), invalid
        found = () if problem else tuple(await self.log.search(page, query))
        further = older(request, [each.id for each in found], page)
        download = urlencode({name: value for name in FIELDS if (value := request.fields.value(name, max=MAX_NAME))})
        view = AuditPage(found, query, further, download, problem.fields if problem else {})
        html = self.pages.page("audit", await self.contexts.of(request), PageMetadata("Audit log"), page=view)
        return Response.html(html, status_of(problem) if problem else 200)

    @route("GET", "/admin/log.json", MODERATOR)
    async def json(self, request: Request) -> Response:
        """Serve all acts that match as JSON, newest first."""
        return await self._file(request, JSON_FILE)

    @route("GET", "/admin/log.csv", MODERATOR)
    async def csv(self, request: Request) -> Response:
        """Serve all acts that match as CSV, newest first."""
        return await self._file(request, CSV_FILE)

    async def _file(self, request: Request, format: AuditFile) -> Response:
        """Return a file. It is complete before its first byte is sent, so that a client with all bytes of it has all acts."""
        batches, between = self.log.everything(audit_query(request), request.fields.id("max_id")), b""
        response = Response.data(b"", format.content_type, download_as=format.name)
        with ExitStack() as closing:
            file = closing.enter_context(SpooledTemporaryFile(MAX_UNSTREAMED))
            file.write(format.begin)
            async for records in batches:
                file.write(between + format.acts(records))
                between = format.between
            file.write(format.end)
            closing.pop_all()
            return with_file(request, response, cast("BinaryIO", file), ByteRange(0, file.tell()))
