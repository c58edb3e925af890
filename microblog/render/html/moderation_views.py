"""View models of the moderators' pages about accounts and invites."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from microblog.model.accounts import Account, AccountWithLogin, Invite
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext

TABS = (("", "All"), ("applied", "Pending"), ("suspended", "Suspended"))
ELSEWHERE = ("elsewhere", "Other servers")
INVITE_DURATIONS = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (0, "Never"))
"""Lifetimes of an invite: number of days (0: unlimited) and label."""


@frozen
class MembersPage:
    """Accounts, each True if the viewer may moderate it, and accounts of other servers. `tab` is a key of TABS, `query` the search text."""

    rows: tuple[tuple[AccountWithLogin, bool], ...]
    tab: str = ""
    query: str = ""
    older: str | None = None
    others: tuple[Account, ...] = ()


@frozen
class InvitesPage:
    """Invites, and the form to create one, as submitted."""

    invites: tuple[Invite, ...]
    now: datetime
    uses: str = "1"
    days: str = "7"
    errors: Mapping[str, str] = field(factory=dict)


def members_page(pages: Pages, context: PageContext, page: MembersPage) -> bytes:
    """Render the list of accounts."""
    tabs = (*TABS, ELSEWHERE) if context.site.federates else TABS
    return pages.page("members", context, PageMetadata("Accounts"), page=page, tabs=tabs)


def invites_page(pages: Pages, context: PageContext, page: InvitesPage) -> bytes:
    """Render the list of invites."""
    return pages.page("invites", context, PageMetadata("Invites"), page=page, durations=INVITE_DURATIONS)
