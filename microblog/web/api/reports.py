"""What programs tell the moderators, and what the site announces."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.domain.announcements import Announcements
from microblog.domain.rate_limits import REPORTS
from microblog.domain.reports import ReportDraft, Reports
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId, AnnouncementId, PostId
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
    """Telling the moderators of somebody."""

    entities: Entities
    reports: Reports
    rules: tuple[str, ...] = ()

    @route(
        "POST",
        "/api/v1/reports",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:reports"}, rate=REPORTS),
        RouteDoc(
            "Report somebody",
            REPORT,
            body=(
                Param("account_id", ID, "Whom.", required=True),
                Param("status_ids", IDS, "Posts of theirs that it is about."),
                Param("comment", TEXT, "What is wrong."),
                Param("category", one_of("spam", "legal", "violation", "other"), "Of which kind that is."),
                Param("forward", FLAG, "Tell the other site too: there is none."),
                Param("rule_ids", IDS, "Which rules were broken."),
            ),
            errors=(404, 422),
        ),
    )
    async def make(self, request: Request) -> Response:
        """The moderators are notified."""
        fields = request.fields
        complaint = ReportDraft(
            AccountId(fields.id("account_id") or 0),
            [PostId(id) for id in fields.ids("status_ids")],
            fields.text("comment"),
            fields.value("category"),
            broken_rules(fields, self.rules),
        )
        return Response.json(report_entity(self.entities, await self.reports.make(request.member, complaint), self.rules))


def broken_rules(fields: Params, rules: Sequence[str]) -> tuple[str, ...]:
    """The words of the rules that `rule_ids` names. Raises Invalid for what is none."""
    ids = fields.list("rule_ids", max=100)
    if not {str(id) for id in range(1, len(rules) + 1)}.issuperset(ids):
        raise Invalid({"rule_ids": "Rule ids does not reference valid rules"}, codes={"rule_ids": "ERR_INVALID"})
    return tuple(rule for id, rule in enumerate(rules, 1) if str(id) in ids)


@frozen
class AnnouncementRoutes:
    """What the site tells all its people."""

    entities: Entities
    announcements: Announcements

    @route(
        "GET",
        "/api/v1/announcements",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER),
        RouteDoc("What the site announces", array_of(ANNOUNCEMENT)),
    )
    async def all(self, request: Request) -> Response:
        """Those that are not over, the first first."""
        return Response.json([announcement_entity(self.entities, one) for one in await self.announcements.current(request.member)])

    @route(
        "POST",
        "/api/v1/announcements/<id:announcement_id>/dismiss",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"}),
        RouteDoc("Say that one has read it", EMPTY, errors=(404,)),
    )
    async def dismiss(self, request: Request, announcement_id: int) -> Response:
        """Again is the same as once."""
        await self.announcements.dismiss(request.member, AnnouncementId(announcement_id))
        return Response.json({})

    @route("PUT", "/api/v1/announcements/<id:announcement_id>/reactions/<name>", REACT, RouteDoc("Add an emoji", EMPTY, errors=(404, 422)))
    async def react(self, request: Request, announcement_id: int, name: str) -> Response:
        """Put it under the announcement."""
        await self.announcements.react(request.member, AnnouncementId(announcement_id), name)
        return Response.json({})

    @route(
        "DELETE", "/api/v1/announcements/<id:announcement_id>/reactions/<name>", REACT, RouteDoc("Remove an emoji", EMPTY, errors=(404,))
    )
    async def unreact(self, request: Request, announcement_id: int, name: str) -> Response:
        """Take it away."""
        await self.announcements.unreact(request.member, AnnouncementId(announcement_id), name)
        return Response.json({})
