"""Reports to the moderators, and announcements."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from microblog.domain.announcements import Announcements
from microblog.domain.rate_limits import REPORTS
from microblog.domain.reports import ReportDraft, Reports
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId, AnnouncementId, PostId
from microblog.model.rules import Rule
from microblog.render.api.entities import Entities
from microblog.render.api.reports import ANNOUNCEMENT, REPORT, announcement_entity, report_entity
from microblog.render.api.schemas import EMPTY, FLAG, ID, IDS, TEXT, array_of, one_of
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

REACT = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:favourites"})


@frozen
class ReportRoutes:
    """Filing of reports."""

    entities: Entities
    reports: Reports
    rules: Callable[[], Sequence[Rule]] = tuple

    @route(
        "POST",
        "/api/v1/reports",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:reports"}, rate=REPORTS),
        RouteDoc(
            "File a report",
            REPORT,
            body=(
                Param("account_id", ID, "ID of the account to report.", required=True),
                Param("status_ids", IDS, "Statuses to attach to the report, for context."),
                Param("comment", TEXT, "The reason for the report."),
                Param(
                    "category",
                    one_of("spam", "legal", "violation", "other"),
                    "Whether the report is due to spam, violation of rules, or something else.",
                ),
                Param("forward", FLAG, "Also send the report to the account's own server, if that is another one; without your name."),
                Param("rule_ids", IDS, "For the category violation: IDs of the rules that were broken."),
            ),
            errors=(404, 422),
        ),
    )
    async def make(self, request: Request) -> Response:
        """File a report; the moderators are notified."""
        fields = request.fields
        draft = ReportDraft(
            AccountId(fields.id("account_id") or 0),
            [PostId(id) for id in fields.ids("status_ids")],
            fields.text("comment"),
            fields.value("category"),
            broken_rules(fields, self.rules()),
            fields.flag("forward"),
        )
        return Response.json(report_entity(self.entities, await self.reports.file(request.member, draft)))


def broken_rules(fields: Params, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules in `rule_ids`. Raises Invalid for an unknown rule."""
    ids = fields.list("rule_ids", max=100)
    if not {str(rule.id) for rule in rules}.issuperset(ids):
        raise Invalid({"rule_ids": "Rule ids does not reference valid rules"}, codes={"rule_ids": "ERR_INVALID"})
    return tuple(rule for rule in rules if str(rule.id) in ids)


@frozen
class AnnouncementRoutes:
    """Announcements by the administrators."""

    entities: Entities
    announcements: Announcements

    @route(
        "GET",
        "/api/v1/announcements",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER),
        RouteDoc("View all announcements", array_of(ANNOUNCEMENT)),
    )
    async def all(self, request: Request) -> Response:
        """Current announcements, oldest first."""
        return Response.json([announcement_entity(self.entities, one) for one in await self.announcements.current(request.member)])

    @route(
        "POST",
        "/api/v1/announcements/<id:announcement_id>/dismiss",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"}),
        RouteDoc("Dismiss an announcement", EMPTY, errors=(404,)),
    )
    async def dismiss(self, request: Request, announcement_id: int) -> Response:
        """Mark the announcement as read; idempotent."""
        await self.announcements.dismiss(request.member, AnnouncementId(announcement_id))
        return Response.json({})

    @route(
        "PUT",
        "/api/v1/announcements/<id:announcement_id>/reactions/<name>",
        REACT,
        RouteDoc("Add a reaction to an announcement", EMPTY, errors=(404, 422)),
    )
    async def react(self, request: Request, announcement_id: int, name: str) -> Response:
        """React with an emoji."""
        await self.announcements.react(request.member, AnnouncementId(announcement_id), name)
        return Response.json({})

    @route(
        "DELETE",
        "/api/v1/announcements/<id:announcement_id>/reactions/<name>",
        REACT,
        RouteDoc("Remove a reaction from an announcement", EMPTY, errors=(404,)),
    )
    async def unreact(self, request: Request, announcement_id: int, name: str) -> Response:
        """Remove the reaction."""
        await self.announcements.unreact(request.member, AnnouncementId(announcement_id), name)
        return Response.json({})
