"""View models of the moderators' pages about one account and about one report."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.account_history import AccountHistory, AccountPast, ModerationNote
from microblog.model.account_origins import AddressSource
from microblog.model.accounts import Account, Login, Role
from microblog.model.audit import AuditAction
from microblog.model.emails import EmailKind, EmailState
from microblog.model.moderation import ACCOUNT_ACTIONS, ModerationAction
from microblog.model.reports import ReportDetails
from microblog.render.audit import LABELS
from microblog.render.html.email_views import KIND_LABELS, STATE_LABELS
from microblog.render.html.strike_views import ACTION_TEXTS

CHOICES = {
    ModerationAction.NONE: "Warn: send a message only",
    ModerationAction.MARK_STATUSES_AS_SENSITIVE: "Mark the media of the reported posts as sensitive",
    ModerationAction.DELETE_STATUSES: "Delete the reported posts",
    ModerationAction.SENSITIVE: "Mark all media of the account as sensitive",
    ModerationAction.SILENCE: "Limit: only followers see their posts",
    ModerationAction.DISABLE: "Disable: they cannot log in, their posts stay",
    ModerationAction.SUSPEND: "Suspend: hide the account and all its posts",
}

REPORT_TABS = {"": "Open", "mine": "Mine", "unassigned": "Unassigned", "resolved": "Resolved"}
ROLE_LABELS = {Role.USER: "User", Role.MODERATOR: "Moderator", Role.ADMIN: "Administrator"}
ADDRESS_SOURCES = {AddressSource.SESSION: "browser", AddressSource.APP: "app", AddressSource.SIGN_UP: "sign-up"}


@frozen
class ActForm:
    """The form for acting on an account: the actions with labels, and what was entered. `here`: it is of this site."""

    choices: Mapping[ModerationAction, str]
    here: bool
    chosen: str = ""
    text: str = ""
    notify: bool = True


def act_form(*, here: bool, has_posts: bool) -> ActForm:
    """Return the form for an account of this site (`here`) or another one, of which posts were reported or not."""
    left_out = set() if here else {ModerationAction.NONE, ModerationAction.DISABLE}
    actions = set(CHOICES if has_posts else ACCOUNT_ACTIONS) - left_out
    return ActForm({action: label for action, label in CHOICES.items() if action in actions}, here)


@frozen
class SupportForm:
    """The section "Help and profile". `email`: as it was typed. `roles`: what the viewer may choose, with labels; none for moderators."""

    sends_email: bool
    email: str = ""
    roles: Mapping[Role, str] = field(factory=dict)


@frozen
class AccountPage:
    """An account with its history. `login`: None for accounts of other servers. `undo`: what ends the acts in force, with labels.

    `support`: None if the viewer cannot act on the account, and for those of other servers.
    """

    account: Account
    login: Login | None
    state: str
    history: AccountHistory
    can_moderate: bool
    act: ActForm
    undo: Mapping[str, str]
    note: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    support: SupportForm | None = None
    actions: Mapping[ModerationAction, str] = ACTION_TEXTS
    acts: Mapping[AuditAction, str] = LABELS
    email_kinds: Mapping[EmailKind, str] = KIND_LABELS
    email_states: Mapping[EmailState, str] = STATE_LABELS
    address_sources: Mapping[AddressSource, str] = ADDRESS_SOURCES


@frozen
class ReportsPage:
    """Reports. `tab` is a key of REPORT_TABS."""

    reports: tuple[ReportDetails, ...]
    tab: str = ""
    older: str | None = None
    tabs: Mapping[str, str] = REPORT_TABS


@frozen
class ReportPage:
    """A report with the past of both sides."""

    details: ReportDetails
    notes: tuple[ModerationNote, ...]
    reporter: AccountPast
    target: AccountPast
    by_reporter: int
    about_target: int
    strikes: int
    can_moderate: bool
    act: ActForm
    assigned: str = ""
    closed_by: str = ""
    note: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    actions: Mapping[ModerationAction, str] = ACTION_TEXTS


def acts_in_force(account: Account, login: Login | None) -> dict[str, str]:
    """Return the restrictions of an account: the action that ends each, and the label of its button."""
    found = {
        "unsuspend": ("Unsuspend", account.suspended_at),
        "unsilence": ("Undo limit", account.limited_at),
        "unsensitive": ("Undo sensitive", account.sensitized_at),
        "enable": ("Enable login", login and login.disabled_at),
    }
    return {name: label for name, (label, since) in found.items() if since is not None}
