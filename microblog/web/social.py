"""The pages around tags, people and what is said between them."""

from __future__ import annotations

from microblog.domain.accounts import Accounts
from microblog.domain.sieves import Sieves
from microblog.domain.social import SocialServices
from microblog.render.pages import Pages
from microblog.web.completion import CompletionRoutes
from microblog.web.conversations import ConversationPages
from microblog.web.reports import AnnouncementButtons, ReportPages
from microblog.web.shells import Shells
from microblog.web.tags import TagButtons


def social_pages(pages: Pages, shells: Shells, social: SocialServices, accounts: Accounts, sieves: Sieves) -> list[object]:
    """All of them."""
    return [
        CompletionRoutes(pages, social.completion),
        ConversationPages(pages, shells, social.conversations, sieves),
        TagButtons(social.tags),
        ReportPages(pages, shells, social.reports, accounts),
        AnnouncementButtons(social.announcements),
    ]
