"""What programs for moderators do: people and reports. Nothing is done to somebody without a role above theirs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from attrs import frozen

from microblog.domain.moderation import Moderation
from microblog.domain.reports import Reports
from microblog.model.accounts import AccountWithLogin
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, ReportId
from microblog.model.moderation import AccountQuery, AccountState, ModerationAction, Sanction
from microblog.model.reports import ReportDetails
from microblog.render.api.entities import Entities
from microblog.render.api.moderation import ADMIN_ACCOUNT, ADMIN_REPORT, case_entity, member_entity
from microblog.render.api.schemas import EMPTY, FLAG, ID, IDS, TEXT, array_of, one_of
from microblog.web.api.paging import PageLinks, page_of, paged
from microblog.web.api.reports import broken_rules
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:read:accounts"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:write:accounts"})
READ_REPORTS = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:read:reports"})
WRITE_REPORTS = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:write:reports"})
BEGINNINGS = (
    Param("username", TEXT, "Whose username begins like this."),
    Param("display_name", TEXT, "Whose name begins like this."),
    Param("email", TEXT, "Whose e-mail address begins like this."),
)
ELSEWHERE = (Param("by_domain", TEXT, "Of another site: there is nobody."), Param("ip", TEXT, "From an address: those are not told."))
STANDINGS = tuple(Param(str(one), FLAG, f"Only those who are {one}.") for one in AccountState)
OLD_QUERY = (
    *PAGING,
    Param("local", FLAG, "Of this site: everybody."),
    Param("remote", FLAG, "Of other sites: nobody."),
    *STANDINGS,
    Param("staff", FLAG, "Only those who moderate."),
    *BEGINNINGS,
    *ELSEWHERE,
)
QUERY = (
    *PAGING,
    Param("origin", one_of("local", "remote"), "Of this site or of others."),
    Param("status", one_of(*AccountState), "How they stand."),
    Param("permissions", one_of("staff"), "Only those who moderate."),
    *BEGINNINGS,
    *ELSEWHERE,
)
ACTION = (
    Param("type", one_of(*ModerationAction), "What is done.", required=True),
    Param("report_id", ID, "The report that this settles; without one, all open reports of the person are settled."),
    Param("text", TEXT, "What the person is told."),
    Param("send_email_notification", FLAG, "Tell the person, by a notification and by mail; true if it is not sent."),
    Param("warning_preset_id", ID, "A prepared text; this site has none, so any id is answered with 404."),
)
REPORTS_QUERY = (
    *PAGING,
    Param("resolved", FLAG, "Those that a moderator is done with."),
    Param("account_id", ID, "Only those of this account."),
    Param("target_account_id", ID, "Only those about this account."),
)
SORT = (
    Param("category", one_of("spam", "legal", "violation", "other"), "What it is about."),
    Param("rule_ids", IDS, "Which rules were broken."),
)
MOST = 200


def _doc(summary: str) -> RouteDoc:
    return RouteDoc(summary, ADMIN_ACCOUNT, errors=(404, 409))


@frozen
class AccountAdminRoutes:
    """People, and what is done to them."""

    entities: Entities
    moderation: Moderation

    @route("GET", "/api/v1/admin/accounts", READ, RouteDoc("People, as moderators see them", array_of(ADMIN_ACCOUNT), query=OLD_QUERY))
    async def all(self, request: Request) -> Response:
        """The newest first; those who are not suspended, if nothing else is asked."""
        fields = request.fields
        standing = next((one for one in reversed(AccountState) if fields.flag(one)), AccountState.ACTIVE)
        return await self._page(request, standing, staff=fields.flag("staff"), nobody=fields.flag("remote"), kept=OLD_QUERY)

    @route("GET", "/api/v2/admin/accounts", READ, RouteDoc("People, as moderators see them", array_of(ADMIN_ACCOUNT), query=QUERY))
    async def page(self, request: Request) -> Response:
        """The newest first."""
        fields, status = request.fields, request.fields.value("status")
        standing = AccountState(status) if status in set(AccountState) else None
        remote = fields.value("origin") == "remote"
        return await self._page(request, standing, staff=fields.value("permissions") == "staff", nobody=remote, kept=QUERY)

    async def _page(
        self, request: Request, standing: AccountState | None, *, staff: bool, nobody: bool, kept: tuple[Param, ...]
    ) -> Response:
        fields, page = request.fields, page_of(request, 100, MOST)
        wanted = AccountQuery(standing, staff, *(fields.value(one.name).strip() for one in BEGINNINGS))
        nobody = nobody or any(fields.value(one.name) for one in ELSEWHERE)
        found = [] if nobody else await self.moderation.search(request.member, page, wanted)
        told = [member_entity(self.entities, member) for member in found]
        links = PageLinks(tuple(param.name for param in kept if param not in PAGING))
        return paged(request, told, [member.account.id for member in found], page, links)

    @route("GET", "/api/v1/admin/accounts/<id:account_id>", READ, _doc("Somebody, as moderators see them"))
    async def show(self, request: Request, account_id: int) -> Response:
        """One person."""
        return self._told(await self.moderation.account(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/approve", WRITE, _doc("Let an applicant in"))
    async def approve(self, request: Request, account_id: int) -> Response:
        """They are written to."""
        return self._told(await self.moderation.approve(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/reject", WRITE, RouteDoc("Turn an applicant away", EMPTY, errors=(404, 409)))
    async def reject(self, request: Request, account_id: int) -> Response:
        """They are written to, and erased."""
        await self.moderation.reject(request.member, AccountId(account_id))
        return Response.json({})

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/enable", WRITE, _doc("Let somebody log in again"))
    async def enable(self, request: Request, account_id: int) -> Response:
        """Who was disabled."""
        return self._told(await self.moderation.enable(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/unsilence", WRITE, _doc("Limit somebody no more"))
    async def unlimit(self, request: Request, account_id: int) -> Response:
        """Who was silenced."""
        return self._told(await self.moderation.unlimit(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/unsuspend", WRITE, _doc("Undo a suspension"))
    async def restore(self, request: Request, account_id: int) -> Response:
        """They and what they wrote are seen again."""
        return self._told(await self.moderation.restore(request.member, AccountId(account_id)))

    @route(
        "POST",
        "/api/v1/admin/accounts/<id:account_id>/action",
        WRITE,
        RouteDoc("Do something about somebody", EMPTY, body=ACTION, errors=(404, 422)),
    )
    async def act(self, request: Request, account_id: int) -> Response:
        """Disable: no logging in. Silence: only followers and searchers see them. Suspend: hidden. None: no more than a warning."""
        fields = request.fields
        kind, report = fields.value("type"), fields.id("report_id")
        if kind not in set(ModerationAction):
            raise Invalid({"type": "Type is not included in the list"}, codes={"type": "ERR_INCLUSION"})
        if fields.id("warning_preset_id") is not None:
            raise NotFound
        tell = fields.flag("send_email_notification", default=True)
        sanction = Sanction(ModerationAction(kind), fields.text("text"), tell, None if report is None else ReportId(report))
        await self.moderation.impose(request.member, AccountId(account_id), sanction)
        return Response.json({})

    def _told(self, member: AccountWithLogin) -> Response:
        return Response.json(member_entity(self.entities, member))


def _report_doc(summary: str, *body: Param) -> RouteDoc:
    return RouteDoc(summary, ADMIN_REPORT, body=body, errors=(404,))


@frozen
class ReportAdminRoutes:
    """Reports, and what becomes of them."""

    entities: Entities
    shown: StatusSerializer
    reports: Reports
    rules: tuple[str, ...] = ()

    @route("GET", "/api/v1/admin/reports", READ_REPORTS, RouteDoc("What people report", array_of(ADMIN_REPORT), query=REPORTS_QUERY))
    async def page(self, request: Request) -> Response:
        """What nobody is done with, the newest first; or what somebody is."""
        fields, page = request.fields, page_of(request, 100, MOST)
        by, about = (None if id is None else AccountId(id) for id in (fields.id("account_id"), fields.id("target_account_id")))
        found = await self.reports.sought(request.member, page, closed=fields.flag("resolved"), by=by, target=about)
        told = await self._entities(request, found)
        return paged(request, told, [case.report.id for case in found], page, PageLinks(("resolved", "account_id", "target_account_id")))

    @route("GET", "/api/v1/admin/reports/<id:report_id>", READ_REPORTS, _report_doc("A report"))
    async def show(self, request: Request, report_id: int) -> Response:
        """With those of its posts that the moderator may see."""
        return await self._told(request, await self.reports.one(request.member, ReportId(report_id)))

    @route("PUT", "/api/v1/admin/reports/<id:report_id>", WRITE_REPORTS, _report_doc("Say what a report is about", *SORT))
    @route("PATCH", "/api/v1/admin/reports/<id:report_id>", WRITE_REPORTS, _report_doc("Say what a report is about", *SORT))
    async def sort(self, request: Request, report_id: int) -> Response:
        """What is not sent stays as it is."""
        fields = request.fields
        rules = broken_rules(fields, self.rules) if fields.has("rule_ids") else None
        return await self._told(request, await self.reports.sort(request.member, ReportId(report_id), fields.value("category"), rules))

    @route("POST", "/api/v1/admin/reports/<id:report_id>/assign_to_self", WRITE_REPORTS, _report_doc("Look after a report"))
    async def assign(self, request: Request, report_id: int) -> Response:
        """Whoever did before does no more."""
        return await self._told(request, await self.reports.assign(request.member, ReportId(report_id), request.member.id))

    @route("POST", "/api/v1/admin/reports/<id:report_id>/unassign", WRITE_REPORTS, _report_doc("Leave a report to others"))
    async def unassign(self, request: Request, report_id: int) -> Response:
        """Nobody looks after it."""
        return await self._told(request, await self.reports.assign(request.member, ReportId(report_id), None))

    @route("POST", "/api/v1/admin/reports/<id:report_id>/resolve", WRITE_REPORTS, _report_doc("Be done with a report"))
    async def resolve(self, request: Request, report_id: int) -> Response:
        """Again is the same as once."""
        return await self._told(request, await self.reports.resolve(request.member, ReportId(report_id)))

    @route("POST", "/api/v1/admin/reports/<id:report_id>/reopen", WRITE_REPORTS, _report_doc("Look at a report again"))
    async def reopen(self, request: Request, report_id: int) -> Response:
        """As if nobody had been done with it."""
        return await self._told(request, await self.reports.reopen(request.member, ReportId(report_id)))

    async def _entities(self, request: Request, cases: Sequence[ReportDetails]) -> list[dict[str, object]]:
        """What is shown of the posts of all of them is asked once."""
        said = iter(await self.shown.each(request.viewer, [post for case in cases for post in case.posts]))
        return [case_entity(self.entities, case, list(islice(said, len(case.posts))), self.rules) for case in cases]

    async def _told(self, request: Request, case: ReportDetails) -> Response:
        return Response.json((await self._entities(request, [case]))[0])
