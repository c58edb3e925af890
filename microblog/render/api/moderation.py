"""API entities of accounts and reports for moderators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from microblog.model.account_origins import UNKNOWN_ORIGIN, AccountAddress, AccountOrigin
from microblog.model.accounts import Account, AccountWithLogin, Login
from microblog.model.ids import AccountId
from microblog.model.reports import ReportDetails
from microblog.render.api.accounts import ACCOUNT, ROLE
from microblog.render.api.definition import ABSENT, Definition, Entity, key, many, one, one_or_null, optional
from microblog.render.api.reports import REPORTED, RULE, broken_rules
from microblog.render.api.schemas import FLAG, ID, MOMENT, TEXT, array_of, nullable
from microblog.render.api.site import SiteUrls, moment
from microblog.render.api.statuses import STATUS, fragments


@frozen
class AdminView:
    """An account as moderators see it. `login` is None if the account was deleted, or is of another server."""

    account: Account
    login: Login | None = None
    origin: AccountOrigin = UNKNOWN_ORIGIN


ADMIN_IP = Definition[AccountAddress, SiteUrls](
    "AdminIp",
    {
        "ip": key(TEXT, lambda used, _: used.address),
        "used_at": key(MOMENT, lambda used, _: moment(used.used_at)),
    },
)
"""Admin::Ip, https://docs.joinmastodon.org/entities/Admin_Ip/."""
ADMIN_ACCOUNT = Definition[AdminView, SiteUrls](
    "AdminAccount",
    {
        "id": key(ID, lambda known, _: str(known.account.id)),
        "username": key(TEXT, lambda known, _: known.account.username),
        "domain": key(nullable(TEXT), lambda known, _: known.account.host),
        "created_at": key(MOMENT, lambda known, _: moment(known.account.created_at)),
        "email": key(nullable(TEXT), lambda known, _: known.login and known.login.email),
        "ip": key(nullable(TEXT), lambda known, _: known.origin.addresses[0].address if known.origin.addresses else None),
        "confirmed": key(FLAG, lambda known, _: known.login is not None and known.login.confirmed_at is not None),
        "suspended": key(FLAG, lambda known, _: known.account.suspended_at is not None),
        "silenced": key(FLAG, lambda known, _: known.account.limited_at is not None),
        "sensitized": key(FLAG, lambda known, _: known.account.sensitized_at is not None),
        "disabled": key(FLAG, lambda known, _: known.login is not None and known.login.disabled_at is not None),
        "approved": key(FLAG, lambda known, _: known.login is not None and known.login.approved_at is not None),
        "locale": key(nullable(TEXT), lambda known, _: known.login and known.login.preferences.locale),
        "invite_request": key(nullable(TEXT), lambda known, _: (known.login and known.login.reason) or None),
        "ips": many(ADMIN_IP, lambda known, _: known.origin.addresses),
        "account": one(ACCOUNT, lambda known, _: known.account),
        "role": one_or_null(ROLE, lambda known, _: None if known.login is None else known.login.role),
        "created_by_application_id": optional(ID, lambda known, _: ABSENT if known.origin.app is None else str(known.origin.app)),
        "invited_by_account_id": optional(ID, lambda known, _: ABSENT if known.origin.invited_by is None else str(known.origin.invited_by)),
    },
)
"""Admin::Account, https://docs.joinmastodon.org/entities/Admin_Account/."""


@frozen
class ReportWithStatuses:
    """A report with its posts as JSON, encoded for the moderator."""

    details: ReportDetails
    statuses: Sequence[bytes]
    origins: Mapping[AccountId, AccountOrigin]

    def known(self, account: Account) -> AdminView:
        """Return the moderators' view of an account involved in the report."""
        return self.member(account.id) or AdminView(account)

    def member(self, account: AccountId | None) -> AdminView | None:
        """Return the moderators' view of an account by id; None if there is no id, or the account was deleted."""
        member = None if account is None else self.details.members.get(account)
        return None if member is None else AdminView(member.account, member.login, self.origins.get(member.account.id, UNKNOWN_ORIGIN))


ADMIN_REPORT = Definition[ReportWithStatuses, SiteUrls](
    "AdminReport",
    {
        "updated_at": key(MOMENT, lambda now, _: moment(now.details.report.closed_at or now.details.report.created_at)),
        "account": one(ADMIN_ACCOUNT, lambda now, _: now.known(now.details.report.by)),
        "target_account": one(ADMIN_ACCOUNT, lambda now, _: now.known(now.details.report.target)),
        "assigned_account": one_or_null(ADMIN_ACCOUNT, lambda now, _: now.member(now.details.report.assigned_to)),
        "action_taken_by_account": one_or_null(ADMIN_ACCOUNT, lambda now, _: now.member(now.details.report.closed_by)),
        "statuses": key(array_of(STATUS), lambda now, _: fragments(now.statuses)),
        "rules": key(array_of(RULE), lambda now, _: RULE.each(broken_rules(now.details.report), None)),
    },
    base=(REPORTED, lambda now, _: now.details.report),
)


def admin_account_entity(site: SiteUrls, member: AccountWithLogin | Account, origins: Mapping[AccountId, AccountOrigin]) -> Entity:
    """Return the Admin::Account entity, also of an account of another server, which has no login here."""
    if isinstance(member, Account):
        return ADMIN_ACCOUNT(AdminView(member), site)
    return ADMIN_ACCOUNT(AdminView(member.account, member.login, origins.get(member.account.id, UNKNOWN_ORIGIN)), site)


def admin_report_entity(
    site: SiteUrls, case: ReportDetails, statuses: Sequence[bytes], origins: Mapping[AccountId, AccountOrigin]
) -> Entity:
    """Return the Admin::Report entity. `statuses` are the reported posts as JSON, `origins` those of the accounts involved."""
    return ADMIN_REPORT(ReportWithStatuses(case, statuses, origins), site)
