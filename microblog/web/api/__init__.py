"""The API for programs, as Mastodon's clients know it. `routes` puts its features together."""

from __future__ import annotations

from typing import Protocol

from microblog.domain.accounts import Accounts
from microblog.domain.apps import Apps
from microblog.domain.census import Census
from microblog.domain.filters import Filters
from microblog.domain.follows import Follows
from microblog.domain.lists import Lists
from microblog.domain.mail import MailServices
from microblog.domain.markers import Markers
from microblog.domain.marks import Marks
from microblog.domain.moderation import Moderation
from microblog.domain.notifications import Notifications
from microblog.domain.oauth import OAuth
from microblog.domain.posting import PostingServices
from microblog.domain.posts import Posts
from microblog.domain.pushes import Pushes
from microblog.domain.registration import Registrations
from microblog.domain.relations import Relations
from microblog.domain.search import Search
from microblog.domain.social import SocialServices
from microblog.domain.statistics import Statistics
from microblog.domain.timelines import Timelines
from microblog.domain.tokens import Tokens
from microblog.render.instance import InstanceEntities
from microblog.render.statuses import Statuses
from microblog.web.api.accounts import AccountRoutes, RelationshipRoutes
from microblog.web.api.apps import AppRoutes
from microblog.web.api.credentials import CredentialRoutes
from microblog.web.api.discovery import DiscoveryRoutes
from microblog.web.api.emails import EmailRoutes
from microblog.web.api.filters import FilterPartRoutes, FilterRoutes
from microblog.web.api.filters_v1 import OldFilterRoutes
from microblog.web.api.instance import InstanceRoutes
from microblog.web.api.levels import served
from microblog.web.api.lists import ListMemberRoutes, ListRoutes
from microblog.web.api.marks import MarkedRoutes, MarkRoutes
from microblog.web.api.media import MediaRoutes
from microblog.web.api.moderation import CaseRoutes, MemberRoutes
from microblog.web.api.notifications import MarkerRoutes, NotificationRoutes
from microblog.web.api.pictures import PictureRoutes
from microblog.web.api.polls import PollRoutes
from microblog.web.api.pushes import PushRoutes
from microblog.web.api.relations import RelatedRoutes, RelationRoutes
from microblog.web.api.scheduled import ScheduledRoutes
from microblog.web.api.search import SearchRoutes
from microblog.web.api.shown import Shown
from microblog.web.api.social import social_routes
from microblog.web.api.statuses import StatusRoutes
from microblog.web.api.timelines import TimelineRoutes
from microblog.web.kept import Answers
from microblog.web.oauth import OAuthRoutes


class Services(Protocol):
    """What of the domain the API uses, by the names that the composition root gives it."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def apps(self) -> Apps: ...
    @property
    def census(self) -> Census: ...
    @property
    def filters(self) -> Filters: ...
    @property
    def follows(self) -> Follows: ...
    @property
    def lists(self) -> Lists: ...
    @property
    def mail(self) -> MailServices: ...
    @property
    def markers(self) -> Markers: ...
    @property
    def marks(self) -> Marks: ...
    @property
    def moderation(self) -> Moderation: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def oauth(self) -> OAuth: ...
    @property
    def posting(self) -> PostingServices: ...
    @property
    def posts(self) -> Posts: ...
    @property
    def pushes(self) -> Pushes: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def relations(self) -> Relations: ...
    @property
    def search(self) -> Search: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def social(self) -> SocialServices: ...
    @property
    def timelines(self) -> Timelines: ...
    @property
    def tokens(self) -> Tokens: ...


def routes(services: Services, site: InstanceEntities, answers: Answers, statuses: Statuses) -> list[object]:
    """Every feature of the API."""
    entities, rules = site.entities, site.site.texts.rules
    shown = Shown(statuses, services.posts, services.filters.sieves)
    features: list[object] = [
        AppRoutes(entities, services.apps),
        OAuthRoutes(entities, services.oauth),
        DiscoveryRoutes(site, services.search),
        CredentialRoutes(entities, services.accounts, services.follows, services.registrations, services.tokens, services.posting.pictures),
        EmailRoutes(services.mail.confirmations),
        StatusRoutes(entities, shown, services.posts, services.marks, services.posting),
        MarkRoutes(shown, services.marks),
        MarkedRoutes(shown, services.timelines),
        TimelineRoutes(shown, services.timelines, answers),
        AccountRoutes(entities, shown, services.accounts, services.timelines, services.follows, answers),
        RelationshipRoutes(services.relations),
        RelationRoutes(services.follows, services.relations),
        RelatedRoutes(entities, services.follows, services.relations),
        ListRoutes(services.lists),
        PictureRoutes(entities, services.posting.pictures, services.follows),
        MediaRoutes(entities, services.posting.attachments),
        PollRoutes(services.posting.polls, services.posts),
        ScheduledRoutes(entities, services.posting.schedules),
        FilterRoutes(services.filters),
        FilterPartRoutes(services.filters),
        OldFilterRoutes(services.filters),
        ListMemberRoutes(entities, shown, services.lists),
        *social_routes(entities, shown, services.social, services.accounts, rules),
        MemberRoutes(entities, services.moderation),
        CaseRoutes(entities, shown, services.social.reports, rules),
        NotificationRoutes(entities, shown, services.notifications),
        MarkerRoutes(services.markers),
        PushRoutes(entities, services.pushes),
        SearchRoutes(entities, shown, services.search, services.social.tags),
    ]
    return [*features, InstanceRoutes(site, services.census, services.statistics, served(features))]
