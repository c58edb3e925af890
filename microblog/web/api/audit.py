"""The audit log for client apps of moderators."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.audit import AuditLog
from microblog.model.audit import AuditAction
from microblog.render.api.audit import ADMIN_AUDIT_RECORD
from microblog.render.api.schemas import DATE, TEXT, array_of, one_of
from microblog.web.api.paging import PageLinks, page_of, paged
from microblog.web.http.audit_filter import FIELDS, audit_query
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:read"})
FILTER = (
    Param("actor", TEXT, "Only acts of the moderator or administrator with this username; - for the command line."),
    Param("action", one_of(*AuditAction), "Only this act."),
    Param("target", TEXT, "Only acts on this account, domain or other target; its whole name."),
    Param("from", DATE, "The first day (UTC)."),
    Param("to", DATE, "The last day (UTC)."),
)
DOC = RouteDoc("List the acts of moderators and administrators", array_of(ADMIN_AUDIT_RECORD), query=(*PAGING, *FILTER), errors=(422,))
MAX_PAGE_SIZE = 200


@frozen
class AuditLogRoutes:
    """The audit log, which Mastodon's API does not have."""

    log: AuditLog

    @route("GET", "/api/v1/admin/audit_log", READ, DOC)
    async def page(self, request: Request) -> Response:
        """Acts, newest first."""
        page = page_of(request, 100, MAX_PAGE_SIZE)
        found = await self.log.search(page, audit_query(request))
        return paged(request, ADMIN_AUDIT_RECORD.each(found, None), [record.id for record in found], page, PageLinks(FIELDS))
