"""Moderation of accounts and reports by client apps. Acting on an account needs a role above the account's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from attrs import evolve, frozen

from microblog.domain.ip_blocks import parse_network
from microblog.domain.moderation import ModeratedAccount, Moderation
from microblog.domain.reports import Reports
from microblog.model.accounts import Account
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, ReportId
from microblog.model.moderation import ACCOUNT_ACTIONS, AccountQuery, AccountState, ModerationAction, RemoteAccountQuery, Sanction
from microblog.model.reports import ReportDetails, ReportQuery
from microblog.model.rules import Rule
from microblog.render.api.accounts import ROLE_IDS
from microblog.render.api.entities import Entities
from microblog.render.api.moderation import ADMIN_ACCOUNT, ADMIN_REPORT, admin_account_entity, admin_report_entity
from microblog.render.api.schemas import EMPTY, FLAG, ID, IDS, TEXT, TEXTS, array_of, one_of
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
PREFIXES = (
    Param("username", TEXT, "Search for the given username prefix."),
    Param("display_name", TEXT, "Search for the given display name prefix."),
    Param("email", TEXT, "Lookup a user with this e-mail prefix."),
)
BY_DOMAIN = Param("by_domain", TEXT, "Filter for accounts of the given domain.")
IP = Param("ip", TEXT, "Lookup users who used this IP address, or an address of this network, such as `192.0.2.0/24`.")
STATES = tuple(Param(str(state), FLAG, f"Filter for {state} accounts.") for state in AccountState)
OLD_QUERY = (
    *PAGING,
    Param("local", FLAG, "Filter for local accounts."),
    Param("remote", FLAG, "Filter for remote accounts. Without it and without `by_domain`, local accounts are found."),
    *STATES,
    Param("staff", FLAG, "Filter for staff accounts."),
    *PREFIXES,
    BY_DOMAIN,
    IP,
)
QUERY = (
    *PAGING,
    Param("origin", one_of("local", "remote"), "Filter for local or remote accounts. By default local, or remote with `by_domain`."),
    Param("status", one_of(*AccountState), "Filter for accounts with this status."),
    Param("permissions", one_of("staff"), "Filter for staff accounts."),
    Param("role_ids", TEXTS, "Filter for users with these roles."),
    Param("invited_by", ID, "Filter for users who signed up with an invite of the account with this ID."),
    *PREFIXES,
    BY_DOMAIN,
    IP,
)
ACTION = (
    Param("type", one_of(*ACCOUNT_ACTIONS), "The type of action to be taken.", required=True),
    Param("report_id", ID, "The report that the action resolves. Without one, all open reports of the account are resolved."),
    Param("text", TEXT, "Additional clarification of why this action was taken, sent to the user."),
    Param("send_email_notification", FLAG, "Whether to notify the user, also by e-mail. Defaults to true."),
    Param("warning_preset_id", ID, "The ID of a preset warning; this site has none, so any ID gives 404."),
)
REPORTS_QUERY = (
    *PAGING,
    Param("resolved", FLAG, "Filter for resolved reports."),
    Param("account_id", ID, "Filter for reports filed by this account."),
    Param("target_account_id", ID, "Filter for reports targeting this account."),
)
CATEGORY = (
    Param("category", one_of("spam", "legal", "violation", "other"), "The category of the report."),
    Param("rule_ids", IDS, "For the category violation: IDs of the rules that were broken."),
)
MAX_PAGE_SIZE = 200


def _doc(summary: str) -> RouteDoc:
    return RouteDoc(summary, ADMIN_ACCOUNT, errors=(404, 409))


@frozen
class AccountAdminRoutes:
    """Accounts and moderation actions on them."""

    entities: Entities
    moderation: Moderation

    @route("GET", "/api/v1/admin/accounts", READ, RouteDoc("View accounts (v1)", array_of(ADMIN_ACCOUNT), query=OLD_QUERY, errors=(422,)))
    async def all(self, request: Request) -> Response:
        """Accounts, newest first; active ones unless another status is requested."""
        fields = request.fields
        state = next((one for one in reversed(AccountState) if fields.flag(one)), AccountState.ACTIVE)
        query = _account_query(request, state, staff=fields.flag("staff"))
        return await self._page(request, query, remote=fields.flag("remote"), link_params=OLD_QUERY)

    @route("GET", "/api/v2/admin/accounts", READ, RouteDoc("View accounts (v2)", array_of(ADMIN_ACCOUNT), query=QUERY, errors=(422,)))
    async def page(self, request: Request) -> Response:
        """Accounts, newest first."""
        fields, status = request.fields, request.fields.value("status")
        state = AccountState(status) if status in set(AccountState) else None
        query = _account_query(request, state, staff=fields.value("permissions") == "staff")
        roles, inviter = fields.list("role_ids"), fields.id("invited_by")
        if roles:
            query = evolve(query, roles=tuple(role for role, id in ROLE_IDS.items() if id in roles))
        if inviter is not None:
            query = evolve(query, invited_by=AccountId(inviter))
        return await self._page(request, query, remote=fields.value("origin") == "remote", link_params=QUERY)

    async def _page(self, request: Request, query: AccountQuery, *, remote: bool, link_params: tuple[Param, ...]) -> Response:
        page, domain = page_of(request, 100, MAX_PAGE_SIZE), request.fields.value("by_domain").strip().lower()
        found: Sequence[ModeratedAccount] = []
        if not (remote or domain):
            found = await self.moderation.search(request.member, page, query)
        elif not query.needs_login:
            wanted = RemoteAccountQuery("" if query.state is None else query.state, domain, query.username, query.display_name)
            found = await self.moderation.accounts_elsewhere(request.member, page, wanted)
        origins = await self.moderation.origins(request.member, found)
        entities = [admin_account_entity(self.entities, one, origins) for one in found]
        links = PageLinks(tuple(param.name for param in link_params if param not in PAGING))
        ids = [one.id if isinstance(one, Account) else one.account.id for one in found]
        return paged(request, entities, ids, page, links)

    @route("GET", "/api/v1/admin/accounts/<id:account_id>", READ, _doc("View a specific account"))
    async def show(self, request: Request, account_id: int) -> Response:
        """One account with its moderation details."""
        return await self._response(request, await self.moderation.account(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/approve", WRITE, _doc("Approve pending account"))
    async def approve(self, request: Request, account_id: int) -> Response:
        """Approve a sign-up; the user is notified by e-mail."""
        return await self._response(request, await self.moderation.approve(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/reject", WRITE, RouteDoc("Reject pending account", EMPTY, errors=(404, 409)))
    async def reject(self, request: Request, account_id: int) -> Response:
        """Reject a sign-up; the user is notified by e-mail and the account is deleted."""
        await self.moderation.reject(request.member, AccountId(account_id))
        return Response.json({})

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/enable", WRITE, _doc("Re-enable account"))
    async def enable(self, request: Request, account_id: int) -> Response:
        """Let the user of a disabled account log in again."""
        return await self._response(request, await self.moderation.enable(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/unsilence", WRITE, _doc("Unsilence an account"))
    async def unlimit(self, request: Request, account_id: int) -> Response:
        """Undo the limit on a silenced account."""
        return await self._response(request, await self.moderation.unlimit(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/unsensitive", WRITE, _doc("Unmark an account as sensitive"))
    async def unmark_sensitive(self, request: Request, account_id: int) -> Response:
        """Let the media of the account be as sensitive as their authors say."""
        return await self._response(request, await self.moderation.unmark_sensitive(request.member, AccountId(account_id)))

    @route("DELETE", "/api/v1/admin/accounts/<id:account_id>", WRITE, RouteDoc("Delete an account", ADMIN_ACCOUNT, errors=(403, 404)))
    async def delete(self, request: Request, account_id: int) -> Response:
        """Delete the data of a suspended account for good."""
        return await self._response(request, await self.moderation.delete(request.member, AccountId(account_id)))

    @route("POST", "/api/v1/admin/accounts/<id:account_id>/unsuspend", WRITE, _doc("Unsuspend an account"))
    async def restore(self, request: Request, account_id: int) -> Response:
        """Undo a suspension; the account and its posts are visible again."""
        return await self._response(request, await self.moderation.restore(request.member, AccountId(account_id)))

    @route(
        "POST",
        "/api/v1/admin/accounts/<id:account_id>/action",
        WRITE,
        RouteDoc("Perform an action against an account", EMPTY, body=ACTION, errors=(404, 422)),
    )
    async def act(self, request: Request, account_id: int) -> Response:
        """Take a moderation action.

        `disable`: the user cannot log in. `sensitive`: all media of the account are sensitive. `silence`: the account is only visible to
        followers and by search. `suspend`: the account is hidden. `none`: a warning only.
        """
        fields = request.fields
        kind, report = fields.value("type"), fields.id("report_id")
        if kind not in set(ACCOUNT_ACTIONS):
            raise Invalid({"type": "Type is not included in the list"}, codes={"type": "ERR_INCLUSION"})
        if fields.id("warning_preset_id") is not None:
            raise NotFound
        notify = fields.flag("send_email_notification", default=True)
        sanction = Sanction(ModerationAction(kind), fields.text("text"), notify, None if report is None else ReportId(report))
        await self.moderation.impose(request.member, AccountId(account_id), sanction)
        return Response.json({})

    async def _response(self, request: Request, member: ModeratedAccount) -> Response:
        return Response.json(admin_account_entity(self.entities, member, await self.moderation.origins(request.member, [member])))


def _account_query(request: Request, state: AccountState | None, *, staff: bool) -> AccountQuery:
    """Read the criteria that both versions have. Raises Invalid (field ip)."""
    fields, address = request.fields, request.fields.value("ip").strip()
    username, display_name, email = (fields.value(one.name).strip() for one in PREFIXES)
    return AccountQuery(state, staff, username, display_name, email, parse_network(address) if address else None)


def _report_doc(summary: str, *body: Param) -> RouteDoc:
    return RouteDoc(summary, ADMIN_REPORT, body=body, errors=(404,))


@frozen
class ReportAdminRoutes:
    """Reports and their resolution."""

    entities: Entities
    serializer: StatusSerializer
    reports: Reports
    moderation: Moderation
    rules: Callable[[], Sequence[Rule]] = tuple

    @route("GET", "/api/v1/admin/reports", READ_REPORTS, RouteDoc("View all reports", array_of(ADMIN_REPORT), query=REPORTS_QUERY))
    async def page(self, request: Request) -> Response:
        """Open reports, or resolved ones if `resolved` is set; newest first."""
        fields, page = request.fields, page_of(request, 100, MAX_PAGE_SIZE)
        by, about = (None if id is None else AccountId(id) for id in (fields.id("account_id"), fields.id("target_account_id")))
        found = await self.reports.search(request.member, page, ReportQuery(fields.flag("resolved"), by, about))
        entities = await self._entities(request, found)
        return paged(
            request, entities, [details.report.id for details in found], page, PageLinks(("resolved", "account_id", "target_account_id"))
        )

    @route("GET", "/api/v1/admin/reports/<id:report_id>", READ_REPORTS, _report_doc("View a single report"))
    async def show(self, request: Request, report_id: int) -> Response:
        """One report with its posts, also those that were deleted in the last thirty days."""
        return await self._response(request, await self.reports.one(request.member, ReportId(report_id)))

    @route("PUT", "/api/v1/admin/reports/<id:report_id>", WRITE_REPORTS, _report_doc("Update a report", *CATEGORY))
    @route("PATCH", "/api/v1/admin/reports/<id:report_id>", WRITE_REPORTS, _report_doc("Update a report", *CATEGORY))
    async def sort(self, request: Request, report_id: int) -> Response:
        """Change the category or the broken rules; attributes that are not sent keep their values."""
        fields = request.fields
        rules = broken_rules(fields, self.rules()) if fields.has("rule_ids") else None
        return await self._response(
            request, await self.reports.categorize(request.member, ReportId(report_id), fields.value("category"), rules)
        )

    @route("POST", "/api/v1/admin/reports/<id:report_id>/assign_to_self", WRITE_REPORTS, _report_doc("Assign report to self"))
    async def assign(self, request: Request, report_id: int) -> Response:
        """Assign the report to the moderator, replacing an earlier assignment."""
        return await self._response(request, await self.reports.assign(request.member, ReportId(report_id), request.member.id))

    @route("POST", "/api/v1/admin/reports/<id:report_id>/unassign", WRITE_REPORTS, _report_doc("Unassign report"))
    async def unassign(self, request: Request, report_id: int) -> Response:
        """Remove the assignment, so that another moderator can take the report."""
        return await self._response(request, await self.reports.assign(request.member, ReportId(report_id), None))

    @route("POST", "/api/v1/admin/reports/<id:report_id>/resolve", WRITE_REPORTS, _report_doc("Mark report as resolved"))
    async def resolve(self, request: Request, report_id: int) -> Response:
        """Resolve the report; idempotent."""
        return await self._response(request, await self.reports.resolve(request.member, ReportId(report_id)))

    @route("POST", "/api/v1/admin/reports/<id:report_id>/reopen", WRITE_REPORTS, _report_doc("Reopen a closed report"))
    async def reopen(self, request: Request, report_id: int) -> Response:
        """Mark a resolved report as open again."""
        return await self._response(request, await self.reports.reopen(request.member, ReportId(report_id)))

    async def _entities(self, request: Request, reports: Sequence[ReportDetails]) -> list[dict[str, object]]:
        """The reports as API entities; the posts of all of them are serialized together."""
        statuses = iter(await self.serializer.each(request.viewer, [one.post for details in reports for one in details.posts]))
        involved = {id: member for details in reports for id, member in details.members.items()}
        origins = await self.moderation.origins(request.member, involved.values())
        return [admin_report_entity(self.entities, details, list(islice(statuses, len(details.posts))), origins) for details in reports]

    async def _response(self, request: Request, details: ReportDetails) -> Response:
        return Response.json((await self._entities(request, [details]))[0])
