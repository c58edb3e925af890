"""The audit log: a page for moderators, and its files."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from attrs import frozen

from microblog.domain.audit import AuditLog
from microblog.model.audit import AuditAction, AuditQuery
from microblog.model.errors import Invalid
from microblog.model.paging import Page
from microblog.render.audit import AuditPage, audit_csv, audit_record_json
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)
FIELDS = ("actor", "action", "target", "from", "to")
MAX_EXPORTED = 10_000  # acts in one file; `max_id` goes on after the last one
MAX_NAME = 320  # characters


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
            query, problem = _query(request), None
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
        """Serve the newest acts that match as JSON."""
        found = await self.log.search(page_of(request, MAX_EXPORTED), _query(request))
        return Response.json([audit_record_json(each) for each in found])

    @route("GET", "/admin/log.csv", MODERATOR)
    async def csv(self, request: Request) -> Response:
        """Serve the newest acts that match as CSV."""
        found = await self.log.search(Page(MAX_EXPORTED, max_id=request.fields.id("max_id")), _query(request))
        return Response.data(audit_csv(found), "text/csv; charset=utf-8; header=present", download_as="audit-log.csv")


def _query(request: Request) -> AuditQuery:
    """Return the filter. Raises Invalid (fields action, from, to)."""
    fields, action = request.fields, request.fields.value("action", max=100)
    if action and action not in set(AuditAction):
        raise Invalid({"action": "This act does not exist"})
    first, last = _day(request, "from"), _day(request, "to")
    if first and last and last < first:
        raise Invalid({"to": "The last day is before the first"})
    return AuditQuery(
        actor=fields.text("actor", max=MAX_NAME).strip().removeprefix("@"),
        action=action,
        target=fields.text("target", max=MAX_NAME).strip().removeprefix("@"),
        since=datetime.combine(first, time(), UTC) if first else None,
        until=datetime.combine(last, time(), UTC) + timedelta(days=1) if last else None,
    )


def _day(request: Request, name: str) -> date | None:
    text = request.fields.value(name, max=100)
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as problem:
        raise Invalid({name: "Enter a day such as 2026-03-04"}) from problem
    if day is not None and not 1970 <= day.year <= 9998:
        raise Invalid({name: "Enter a day such as 2026-03-04"})
    return day
