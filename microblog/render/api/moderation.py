"""API entities of accounts and reports for moderators."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.model.accounts import Account, AccountWithLogin, Login
from microblog.model.ids import AccountId
from microblog.model.reports import ReportDetails
from microblog.render.api.accounts import ACCOUNT, ROLE
from microblog.render.api.definition import Definition, Entity, always, key, one, one_or_null
from microblog.render.api.reports import REPORTED, RULE, broken_rules
from microblog.render.api.schemas import ANY, FLAG, ID, MOMENT, NULL, TEXT, array_of, nullable
from microblog.render.api.site import SiteUrls, moment
from microblog.render.api.statuses import STATUS, fragments


@frozen
class AdminView:
    """An account as moderators see it. `login` is None if the account was deleted, or is of another server."""

    account: Account
    login: Login | None = None


ADMIN_ACCOUNT = Definition[AdminView, SiteUrls](
    "AdminAccount",
    {
        "id": key(ID, lambda known, _: str(known.account.id)),
        "username": key(TEXT, lambda known, _: known.account.username),
        "domain": key(nullable(TEXT), lambda known, _: known.account.host),
        "created_at": key(MOMENT, lambda known, _: moment(known.account.created_at)),
        "email": key(nullable(TEXT), lambda known, _: known.login and known.login.email),
        "ip": always(NULL, None),
        "confirmed": key(FLAG, lambda known, _: known.login is not None and known.login.confirmed_at is not None),
        "suspended": key(FLAG, lambda known, _: known.account.suspended_at is not None),
        "silenced": key(FLAG, lambda known, _: known.account.limited_at is not None),
        "sensitized": key(FLAG, lambda known, _: known.account.sensitized_at is not None),
        "disabled": key(FLAG, lambda known, _: known.login is not None and known.login.disabled_at is not None),
        "approved": key(FLAG, lambda known, _: known.login is not None and known.login.approved_at is not None),
        "locale": key(nullable(TEXT), lambda known, _: known.login and known.login.preferences.locale),
        "invite_request": key(nullable(TEXT), lambda known, _: (known.login and known.login.reason) or None),
        "ips": always(array_of(ANY), []),
        "account": one(ACCOUNT, lambda known, _: known.account),
        "role": one_or_null(ROLE, lambda known, _: None if known.login is None else known.login.role),
    },
)
"""Admin::Account, https://docs.joinmastodon.org/entities/Admin_Account/. IP addresses are not included."""


@frozen
class ReportWithStatuses:
    """A report with its posts as JSON, encoded for the moderator."""

    details: ReportDetails
    statuses: Sequence[bytes]

    def known(self, account: Account) -> AdminView:
        """Return the moderators' view of an account involved in the report."""
        return self.member(account.id) or AdminView(account)

    def member(self, account: AccountId | None) -> AdminView | None:
        """Return the moderators' view of an account by id; None if there is no id, or the account was deleted."""
        member = None if account is None else self.details.members.get(account)
        return None if member is None else AdminView(member.account, member.login)


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


def admin_account_entity(site: SiteUrls, member: AccountWithLogin | Account) -> Entity:
    """Return the Admin::Account entity, also of an account of another server, which has no login here."""
    view = AdminView(member) if isinstance(member, Account) else AdminView(member.account, member.login)
    return ADMIN_ACCOUNT(view, site)


def admin_report_entity(site: SiteUrls, case: ReportDetails, statuses: Sequence[bytes]) -> Entity:
    """Return the Admin::Report entity. `statuses` are the reported posts as JSON."""
    return ADMIN_REPORT(ReportWithStatuses(case, statuses), site)
