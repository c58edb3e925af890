"""The API for programs, as Mastodon's clients know it. `routes` puts its features together."""

from __future__ import annotations

from typing import Protocol

from microblog.domain.accounts import Accounts
from microblog.domain.announcements import Announcements
from microblog.domain.apps import Apps
from microblog.domain.attachments import Attachments
from microblog.domain.conversations import Conversations
from microblog.domain.email_confirmation import Confirmations
from microblog.domain.filters import Filters
from microblog.domain.follows import Follows
from microblog.domain.interactions import Marks
from microblog.domain.lists import Lists
from microblog.domain.moderation import Moderation
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.notifications import Notifications
from microblog.domain.oauth import OAuth
from microblog.domain.polls import Polls
from microblog.domain.posts import Posts
from microblog.domain.profile_images import Pictures
from microblog.domain.push.notifications import Pushes
from microblog.domain.read_markers import Markers
from microblog.domain.registration import Registrations
from microblog.domain.relationships import Relations
from microblog.domain.reports import Reports
from microblog.domain.scheduled import Schedules
from microblog.domain.search import Search
from microblog.domain.site_stats import Census
from microblog.domain.statistics import Statistics
from microblog.domain.suggestions import People
from microblog.domain.tags import Tags
from microblog.domain.timelines import Timelines
from microblog.domain.tokens import Tokens
from microblog.domain.trends import Trends
from microblog.render.api.instance import InstanceEntities
from microblog.render.api.status_json import Statuses
from microblog.web.api.accounts import AccountRoutes, RelationshipRoutes
from microblog.web.api.api_version import served
from microblog.web.api.apps import AppRoutes
from microblog.web.api.conversations import ConversationRoutes
from microblog.web.api.discovery import DiscoveryRoutes
from microblog.web.api.email_confirmation import EmailRoutes
from microblog.web.api.filters import FilterPartRoutes, FilterRoutes
from microblog.web.api.filters_v1 import OldFilterRoutes
from microblog.web.api.instance import InstanceRoutes
from microblog.web.api.lists import ListMemberRoutes, ListRoutes
from microblog.web.api.media import MediaRoutes
from microblog.web.api.moderation import CaseRoutes, MemberRoutes
from microblog.web.api.notification_groups import NotificationGroupRoutes
from microblog.web.api.notification_policy import NotificationPolicyRoutes, NotificationRequestRoutes
from microblog.web.api.notifications import MarkerRoutes, NotificationRoutes
from microblog.web.api.own_account import CredentialRoutes
from microblog.web.api.polls import PollRoutes
from microblog.web.api.profile_images import PictureRoutes
from microblog.web.api.push_subscription import PushRoutes
from microblog.web.api.relationships import RelatedRoutes, RelationRoutes
from microblog.web.api.reports import AnnouncementRoutes, ReportRoutes
from microblog.web.api.scheduled import ScheduledRoutes
from microblog.web.api.search import SearchRoutes
from microblog.web.api.status_actions import MarkedRoutes, MarkRoutes
from microblog.web.api.status_serializer import Shown
from microblog.web.api.statuses import StatusRoutes
from microblog.web.api.suggestions import DirectoryRoutes, DomainRoutes, EndorsementRoutes
from microblog.web.api.tags import KeptTagRoutes, TagRoutes
from microblog.web.api.timelines import TimelineRoutes
from microblog.web.api.trends import TrendRoutes
from microblog.web.http.response_cache import Answers
from microblog.web.pages.oauth import OAuthRoutes


class Services(Protocol):
    """What of the domain the API uses, by the names that the composition root gives it."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def announcements(self) -> Announcements: ...
    @property
    def apps(self) -> Apps: ...
    @property
    def attachments(self) -> Attachments: ...
    @property
    def census(self) -> Census: ...
    @property
    def confirmations(self) -> Confirmations: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def filters(self) -> Filters: ...
    @property
    def follows(self) -> Follows: ...
    @property
    def lists(self) -> Lists: ...
    @property
    def markers(self) -> Markers: ...
    @property
    def marks(self) -> Marks: ...
    @property
    def moderation(self) -> Moderation: ...
    @property
    def notification_groups(self) -> NotificationGroups: ...
    @property
    def notification_policies(self) -> NotificationPolicies: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def oauth(self) -> OAuth: ...
    @property
    def people(self) -> People: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def polls(self) -> Polls: ...
    @property
    def posts(self) -> Posts: ...
    @property
    def pushes(self) -> Pushes: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def relations(self) -> Relations: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def search(self) -> Search: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def tags(self) -> Tags: ...
    @property
    def timelines(self) -> Timelines: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def trends(self) -> Trends: ...


def routes(services: Services, site: InstanceEntities, answers: Answers, statuses: Statuses) -> list[object]:
    """Every feature of the API."""
    entities, rules = site.entities, site.site.texts.rules
    shown = Shown(statuses, services.posts, services.filters.sieves)
    features: list[object] = [
        AppRoutes(entities, services.apps),
        OAuthRoutes(entities, services.oauth),
        DiscoveryRoutes(site, services.search),
        CredentialRoutes(entities, services.accounts, services.follows, services.registrations, services.tokens, services.pictures),
        EmailRoutes(services.confirmations),
        StatusRoutes(entities, shown, services.posts, services.marks, services.schedules, services.attachments),
        MarkRoutes(shown, services.marks),
        MarkedRoutes(shown, services.timelines),
        TimelineRoutes(shown, services.timelines, answers),
        AccountRoutes(entities, shown, services.accounts, services.timelines, services.follows, answers),
        RelationshipRoutes(services.relations),
        RelationRoutes(services.follows, services.relations),
        RelatedRoutes(entities, services.follows, services.relations),
        ListRoutes(services.lists),
        PictureRoutes(entities, services.pictures, services.follows),
        MediaRoutes(entities, services.attachments),
        PollRoutes(services.polls, services.posts),
        ScheduledRoutes(entities, services.schedules),
        FilterRoutes(services.filters),
        FilterPartRoutes(services.filters),
        OldFilterRoutes(services.filters),
        ListMemberRoutes(entities, shown, services.lists),
        TagRoutes(entities, services.tags),
        KeptTagRoutes(entities, services.tags, services.accounts),
        TrendRoutes(entities, shown, services.trends, services.tags),
        EndorsementRoutes(entities, services.people),
        DirectoryRoutes(entities, services.people),
        DomainRoutes(services.people),
        ReportRoutes(entities, services.reports, rules),
        AnnouncementRoutes(entities, services.announcements),
        NotificationGroupRoutes(entities, shown, services.notification_groups),
        ConversationRoutes(entities, shown, services.conversations),
        NotificationPolicyRoutes(services.notification_policies),
        NotificationRequestRoutes(entities, shown, services.notification_policies),
        MemberRoutes(entities, services.moderation),
        CaseRoutes(entities, shown, services.reports, rules),
        NotificationRoutes(entities, shown, services.notifications),
        MarkerRoutes(services.markers),
        PushRoutes(entities, services.pushes),
        SearchRoutes(entities, shown, services.search, services.tags),
    ]
    return [*features, InstanceRoutes(site, services.census, services.statistics, served(features))]
