"""The routes around tags, people and what is said between them."""

from __future__ import annotations

from microblog.domain.accounts import Accounts
from microblog.domain.social import SocialServices
from microblog.render.entities import Entities
from microblog.web.api.conversations import ConversationRoutes
from microblog.web.api.notification_groups import NotificationGroupRoutes
from microblog.web.api.notification_policy import NotificationPolicyRoutes, NotificationRequestRoutes
from microblog.web.api.people import DirectoryRoutes, DomainRoutes, EndorsementRoutes
from microblog.web.api.reports import AnnouncementRoutes, ReportRoutes
from microblog.web.api.shown import Shown
from microblog.web.api.tags import KeptTagRoutes, TagRoutes
from microblog.web.api.trends import TrendRoutes


def social_routes(entities: Entities, shown: Shown, social: SocialServices, accounts: Accounts, rules: tuple[str, ...]) -> list[object]:
    """All of them. `rules` are the site's."""
    return [
        TagRoutes(entities, social.tags),
        KeptTagRoutes(entities, social.tags, accounts),
        TrendRoutes(entities, shown, social.trends, social.tags),
        EndorsementRoutes(entities, social.people),
        DirectoryRoutes(entities, social.people),
        DomainRoutes(social.people),
        ReportRoutes(entities, social.reports, rules),
        AnnouncementRoutes(entities, social.announcements),
        NotificationGroupRoutes(entities, shown, social.groups),
        ConversationRoutes(entities, shown, social.conversations),
        NotificationPolicyRoutes(social.policies),
        NotificationRequestRoutes(entities, shown, social.policies),
    ]
