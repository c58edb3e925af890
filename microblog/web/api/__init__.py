"""The client API of Mastodon (https://docs.joinmastodon.org/). `routes` builds all of its features."""

from __future__ import annotations

from typing import Protocol

from microblog.domain.accounts import Accounts
from microblog.domain.admin_metrics import AdminMetrics
from microblog.domain.announcements import Announcements
from microblog.domain.apps import Apps
from microblog.domain.attachments import Attachments
from microblog.domain.audit import AuditLog
from microblog.domain.blocked_domains import BlockedDomains
from microblog.domain.caching.sidebar_cache import SidebarCache
from microblog.domain.canonical_email_blocks import CanonicalEmailBlocks
from microblog.domain.conversations import Conversations
from microblog.domain.custom_emojis import CustomEmojis
from microblog.domain.email_confirmation import EmailConfirmation
from microblog.domain.email_domain_blocks import EmailDomainBlocks
from microblog.domain.filters import Filters
from microblog.domain.follows import Follows
from microblog.domain.interactions import Interactions
from microblog.domain.ip_blocks import IpBlocks
from microblog.domain.lists import Lists
from microblog.domain.moderation import Moderation
from microblog.domain.moves import Moves
from microblog.domain.notification_cache import NotificationCache
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.notifications import Notifications
from microblog.domain.oauth import OAuth
from microblog.domain.polls import Polls
from microblog.domain.posts import Posts
from microblog.domain.profile_images import ProfileImages
from microblog.domain.push.notifications import PushNotifications
from microblog.domain.read_markers import ReadMarkers
from microblog.domain.registration import Registrations
from microblog.domain.relationships import Relationships
from microblog.domain.remote_views import RemoteViews
from microblog.domain.reports import Reports
from microblog.domain.scheduled import Schedules
from microblog.domain.search import SearchService
from microblog.domain.site_stats import SiteStats
from microblog.domain.statistics import DailyStatistics
from microblog.domain.suggestions import Suggestions
from microblog.domain.tags import HashtagService
from microblog.domain.thread_cache import ThreadCache
from microblog.domain.timelines import Timelines
from microblog.domain.tokens import Tokens
from microblog.domain.trend_reviews import TrendReviews
from microblog.domain.trends import Trends
from microblog.federation.documents.ids import SiteIds
from microblog.federation.domain_moderation import DomainModeration
from microblog.federation.domain_rules import CurrentRules
from microblog.federation.emoji_copies import EmojiCopies
from microblog.federation.resolution import Resolution
from microblog.render.api.account_json import AccountJsonCache
from microblog.render.api.entities import Entities
from microblog.render.api.instance import InstanceEntities
from microblog.render.api.status_json import StatusJsonCache
from microblog.web.api.accounts import AccountRoutes, RelationshipRoutes
from microblog.web.api.admin_metrics import AdminMetricsRoutes
from microblog.web.api.api_version import api_version
from microblog.web.api.apps import AppRoutes
from microblog.web.api.audit import AuditLogRoutes
from microblog.web.api.blocked_domains import BlockedDomainRoutes
from microblog.web.api.canonical_email_blocks import CanonicalEmailBlockRoutes
from microblog.web.api.conversations import ConversationRoutes
from microblog.web.api.custom_emojis import CustomEmojiAdminRoutes, CustomEmojiRoutes
from microblog.web.api.discovery import DiscoveryRoutes, UriRedirects
from microblog.web.api.domain_rules import DomainAllowRoutes, DomainBlockRoutes, PublicBlockRoutes
from microblog.web.api.email_confirmation import EmailConfirmationRoutes
from microblog.web.api.email_domain_blocks import EmailDomainBlockRoutes
from microblog.web.api.filters import FilterPartRoutes, FilterRoutes
from microblog.web.api.filters_v1 import FilterV1Routes
from microblog.web.api.instance import InstanceRoutes
from microblog.web.api.ip_blocks import IpBlockRoutes
from microblog.web.api.lists import ListMemberRoutes, ListRoutes
from microblog.web.api.media import MediaRoutes
from microblog.web.api.moderation import AccountAdminRoutes, ReportAdminRoutes
from microblog.web.api.moves import MoveRoutes
from microblog.web.api.notification_groups import NotificationGroupRoutes
from microblog.web.api.notification_policy import NotificationPolicyRoutes, NotificationRequestRoutes
from microblog.web.api.notifications import MarkerRoutes, NotificationPages, NotificationRoutes
from microblog.web.api.oauth import OAuthRoutes
from microblog.web.api.own_account import OwnAccountRoutes
from microblog.web.api.polls import PollRoutes
from microblog.web.api.profile_images import ProfileImageRoutes
from microblog.web.api.push_subscription import PushSubscriptionRoutes
from microblog.web.api.relationships import RelatedAccountRoutes, RelationshipActionRoutes
from microblog.web.api.reports import AnnouncementRoutes, ReportRoutes
from microblog.web.api.scheduled import ScheduledRoutes
from microblog.web.api.search import SearchRoutes
from microblog.web.api.status_actions import MarkedStatusRoutes, StatusActionRoutes
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.api.statuses import StatusRoutes, ThreadRoutes
from microblog.web.api.suggestions import DirectoryRoutes, EndorsementRoutes
from microblog.web.api.tags import FollowedTagRoutes, TagRoutes
from microblog.web.api.timelines import TimelineRoutes
from microblog.web.api.trend_reviews import TrendReviewRoutes
from microblog.web.api.trends import TrendRoutes
from microblog.web.http.response_cache import ResponseCache


class ApiServices(Protocol):
    """The domain services that the API uses, by the names that the composition root gives them."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def admin_metrics(self) -> AdminMetrics: ...
    @property
    def announcements(self) -> Announcements: ...
    @property
    def apps(self) -> Apps: ...
    @property
    def attachments(self) -> Attachments: ...
    @property
    def audit_log(self) -> AuditLog: ...
    @property
    def site_stats(self) -> SiteStats: ...
    @property
    def email_confirmation(self) -> EmailConfirmation: ...
    @property
    def email_domain_blocks(self) -> EmailDomainBlocks: ...
    @property
    def canonical_email_blocks(self) -> CanonicalEmailBlocks: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def custom_emojis(self) -> CustomEmojis: ...
    @property
    def filters(self) -> Filters: ...
    @property
    def follows(self) -> Follows: ...
    @property
    def ip_blocks(self) -> IpBlocks: ...
    @property
    def lists(self) -> Lists: ...
    @property
    def moves(self) -> Moves: ...
    @property
    def read_markers(self) -> ReadMarkers: ...
    @property
    def interactions(self) -> Interactions: ...
    @property
    def moderation(self) -> Moderation: ...
    @property
    def notification_groups(self) -> NotificationGroups: ...
    @property
    def notification_policies(self) -> NotificationPolicies: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def notification_cache(self) -> NotificationCache: ...
    @property
    def oauth(self) -> OAuth: ...
    @property
    def blocked_domains(self) -> BlockedDomains: ...
    @property
    def suggestions(self) -> Suggestions: ...
    @property
    def profile_images(self) -> ProfileImages: ...
    @property
    def polls(self) -> Polls: ...
    @property
    def posts(self) -> Posts: ...
    @property
    def push_notifications(self) -> PushNotifications: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def relationships(self) -> Relationships: ...
    @property
    def remote_views(self) -> RemoteViews: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def search(self) -> SearchService: ...
    @property
    def sidebar(self) -> SidebarCache: ...
    @property
    def statistics(self) -> DailyStatistics: ...
    @property
    def tags(self) -> HashtagService: ...
    @property
    def threads(self) -> ThreadCache: ...
    @property
    def timelines(self) -> Timelines: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def trends(self) -> Trends: ...
    @property
    def trend_reviews(self) -> TrendReviews: ...


class ApiFederation(Protocol):
    """The services of federation that the API uses."""

    @property
    def ids(self) -> SiteIds: ...
    @property
    def resolution(self) -> Resolution: ...
    @property
    def rules(self) -> CurrentRules: ...
    @property
    def domains(self) -> DomainModeration: ...
    @property
    def emoji_copies(self) -> EmojiCopies: ...


def routes(
    services: ApiServices,
    site: InstanceEntities,
    cache: ResponseCache,
    statuses: StatusJsonCache,
    federation: ApiFederation | None = None,
) -> list[object]:
    """Every feature of the API."""
    ids, resolution = (None, None) if federation is None else (federation.ids, federation.resolution)
    entities = site.entities
    serializer = StatusSerializer(statuses, services.timelines.flags_cache, services.filters.filter_cache)
    pages = NotificationPages(services.notification_cache, services.timelines, cache, services.sidebar.expiry)
    accounts_json = AccountJsonCache(entities)
    cache.invalidation_log.caches.append(accounts_json)
    features: list[object] = [
        AppRoutes(entities, services.apps),
        OAuthRoutes(entities, services.oauth),
        DiscoveryRoutes(site, services.search, ids, resolution),
        *([UriRedirects()] if ids is None else []),
        OwnAccountRoutes(
            entities, services.accounts, services.follows, services.registrations, services.tokens, services.profile_images, cache
        ),
        *_own_account_routes(services, entities),
        *_post_routes(services, entities, serializer, cache),
        AccountRoutes(
            entities, serializer, services.accounts, services.timelines, services.follows, cache, resolution, services.remote_views
        ),
        RelationshipRoutes(services.relationships),
        RelationshipActionRoutes(services.follows, services.relationships),
        RelatedAccountRoutes(entities, services.follows, services.relationships),
        ListRoutes(services.lists),
        ProfileImageRoutes(entities, services.profile_images, services.follows),
        FilterRoutes(services.filters),
        FilterPartRoutes(services.filters),
        FilterV1Routes(services.filters),
        ListMemberRoutes(entities, serializer, services.lists, cache),
        TagRoutes(entities, services.tags),
        FollowedTagRoutes(entities, services.tags, services.accounts),
        TrendRoutes(entities, serializer, services.trends, services.tags),
        EndorsementRoutes(entities, services.suggestions),
        DirectoryRoutes(entities, services.suggestions),
        BlockedDomainRoutes(services.blocked_domains),
        ReportRoutes(entities, services.reports, lambda: site.site.texts.rules),
        AnnouncementRoutes(entities, services.announcements),
        NotificationGroupRoutes(entities, serializer, pages, services.notification_groups, accounts_json),
        ConversationRoutes(entities, serializer, services.conversations, services.timelines, cache),
        NotificationPolicyRoutes(services.notification_policies),
        NotificationRequestRoutes(entities, serializer, services.notification_policies),
        *_admin_routes(services, site, serializer),
        NotificationRoutes(entities, serializer, services.notifications, pages, accounts_json),
        MarkerRoutes(services.read_markers, cache),
        PushSubscriptionRoutes(entities, services.push_notifications),
        SearchRoutes(entities, serializer, services.search, services.tags, cache, resolution),
    ]
    features += [*_rule_routes(site, federation), *_sign_up_block_routes(services), *_emoji_routes(services, entities, federation)]
    rules_of_domains = None if federation is None else federation.rules
    return [*features, InstanceRoutes(site, services.site_stats, services.statistics, api_version(features), rules_of_domains)]


def _sign_up_block_routes(services: ApiServices) -> list[object]:
    """The features of blocks of sign-ups."""
    return [
        EmailDomainBlockRoutes(services.email_domain_blocks),
        CanonicalEmailBlockRoutes(services.canonical_email_blocks),
        IpBlockRoutes(services.ip_blocks),
    ]


def _own_account_routes(services: ApiServices, entities: Entities) -> list[object]:
    """The features of one's own account besides its profile."""
    return [MoveRoutes(entities, services.moves, services.follows), EmailConfirmationRoutes(services.email_confirmation)]


def _admin_routes(services: ApiServices, site: InstanceEntities, serializer: StatusSerializer) -> list[object]:
    """The features of moderators and administrators, without blocks and those about other servers."""
    entities = site.entities
    return [
        AccountAdminRoutes(entities, services.moderation),
        ReportAdminRoutes(entities, serializer, services.reports, services.moderation, lambda: site.site.texts.rules),
        AdminMetricsRoutes(services.admin_metrics),
        AuditLogRoutes(services.audit_log),
        TrendReviewRoutes(entities, serializer, services.trends, services.trend_reviews, services.posts),
    ]


def _rule_routes(site: InstanceEntities, federation: ApiFederation | None) -> list[object]:
    """The features of rules for other servers; none without federation."""
    if federation is None:
        return []
    domains = federation.domains
    return [PublicBlockRoutes(domains, site.site.shown_blocks), DomainBlockRoutes(domains), DomainAllowRoutes(domains)]


def _emoji_routes(services: ApiServices, entities: Entities, federation: ApiFederation | None) -> list[object]:
    """The features of custom emoji."""
    emojis = services.custom_emojis
    return [CustomEmojiRoutes(entities, emojis), CustomEmojiAdminRoutes(entities, emojis, federation.emoji_copies if federation else None)]


def _post_routes(services: ApiServices, entities: Entities, serializer: StatusSerializer, cache: ResponseCache) -> list[object]:
    """The features of posts and timelines."""
    timelines, interactions = services.timelines, services.interactions
    return [
        StatusRoutes(
            *(entities, serializer, services.posts, interactions, services.schedules, services.attachments, timelines, cache),
            services.remote_views,
        ),
        ThreadRoutes(serializer, services.threads, timelines, cache, services.remote_views),
        MediaRoutes(entities, services.attachments),
        ScheduledRoutes(entities, services.schedules),
        PollRoutes(services.polls, services.posts, timelines.flags_cache, services.remote_views, entities),
        StatusActionRoutes(serializer, interactions),
        MarkedStatusRoutes(serializer, timelines),
        TimelineRoutes(serializer, timelines, cache),
    ]
