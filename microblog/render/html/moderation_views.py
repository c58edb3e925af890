"""What the pages about people and invitations show to moderators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from microblog.model.accounts import AccountWithLogin, Invite
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext

TABS = (("", "All"), ("applied", "Pending"), ("suspended", "Suspended"))
INVITE_DURATIONS = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (0, "Never"))
"""How long an invitation may last: days (0: for ever) and words."""


@frozen
class MembersPage:
    """Members, each with whether the viewer may do something to them. `which` is a tab, `query` what was searched for."""

    rows: tuple[tuple[AccountWithLogin, bool], ...]
    which: str = ""
    query: str = ""
    older: str | None = None


@frozen
class InvitesPage:
    """Invitations, and the form for one more as it was filled in."""

    invites: tuple[Invite, ...]
    now: datetime
    uses: str = "1"
    days: str = "7"
    errors: Mapping[str, str] = field(factory=dict)


def members_page(pages: Pages, shell: PageContext, page: MembersPage) -> bytes:
    """People."""
    return pages.page("members", shell, PageMetadata("Accounts"), page=page, tabs=TABS)


def invites_page(pages: Pages, shell: PageContext, page: InvitesPage) -> bytes:
    """Invitations."""
    return pages.page("invites", shell, PageMetadata("Invites"), page=page, lasts=INVITE_DURATIONS)
