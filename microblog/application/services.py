"""The services of the domain, built on one database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from platform import python_version
from urllib.parse import urlsplit

from attrs import field, frozen

import twisted
from microblog import __version__
from microblog.application.site import current_site_settings
from microblog.config import Settings, secret_key
from microblog.domain.account_actions import AccountActions
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.account_security import AccountSecurity
from microblog.domain.accounts import Accounts
from microblog.domain.admin_metrics import AdminMetrics
from microblog.domain.announcements import Announcements
from microblog.domain.apps import Apps
from microblog.domain.attachments import Attachments
from microblog.domain.audit import AuditLog
from microblog.domain.autocomplete import Autocomplete
from microblog.domain.blocked_domains import BlockedDomains
from microblog.domain.caching.account_cache import AccountCache
from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.caching.sidebar_cache import SidebarCache
from microblog.domain.canonical_email_blocks import CanonicalEmailBlocks
from microblog.domain.collection_cache import CollectionCache
from microblog.domain.conversations import Conversations
from microblog.domain.custom_emojis import CustomEmojis
from microblog.domain.email_composer import EmailComposer
from microblog.domain.email_confirmation import EmailConfirmation
from microblog.domain.email_domain_blocks import EmailDomainBlocks
from microblog.domain.email_links import EmailLinks
from microblog.domain.email_queue import EmailOutbox
from microblog.domain.email_unsubscribe import EmailUnsubscribe
from microblog.domain.filters import Filters
from microblog.domain.follows import Follows
from microblog.domain.interactions import Interactions
from microblog.domain.ip_blocks import IpBlocks
from microblog.domain.jobs import Jobs
from microblog.domain.link_previews import LinkPreviews, PreviewScheduler
from microblog.domain.lists import Lists
from microblog.domain.moderation import Moderation
from microblog.domain.moves import Moves
from microblog.domain.notification_cache import NotificationCache
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.notifications import Notifications
from microblog.domain.oauth import OAuth
from microblog.domain.password_reset import PasswordReset
from microblog.domain.passwords import Hashes
from microblog.domain.polls import Polls
from microblog.domain.ports import HttpFetcher, MailHosts, MediaStore
from microblog.domain.posts import Posts
from microblog.domain.profile_cache import ProfileCache
from microblog.domain.profile_images import ProfileImages
from microblog.domain.push.notifications import PushNotifications
from microblog.domain.rate_limits import CountedLogins, RateLimiter
from microblog.domain.read_markers import ReadMarkers
from microblog.domain.refused_networks import CurrentRefusedNetworks
from microblog.domain.registration import Registrations
from microblog.domain.relationships import Relationships
from microblog.domain.remote_views import RemoteViews
from microblog.domain.reports import Reports
from microblog.domain.scheduled import Schedules
from microblog.domain.search import SearchService
from microblog.domain.sessions import Sessions
from microblog.domain.signed_tokens import TokenSigner
from microblog.domain.site_settings import CurrentSiteSettings
from microblog.domain.site_stats import SiteStats
from microblog.domain.statistics import DailyStatistics
from microblog.domain.strikes import Strikes
from microblog.domain.suggestions import Suggestions
from microblog.domain.tags import HashtagService
from microblog.domain.thread_cache import ThreadCache
from microblog.domain.timelines import Timelines
from microblog.domain.tokens import Tokens
from microblog.domain.trend_reviews import TrendReviews
from microblog.domain.trends import Trends
from microblog.domain.username_blocks import UsernameBlocks
from microblog.jobs.clock_check import SystemClock
from microblog.model.federation_mode import FederationMode
from microblog.storage.database import Transactions

VERSIONS = {"microblog": __version__, "Python": python_version(), "Twisted": twisted.__version__}
now = SystemClock(lambda: datetime.now(UTC))


@frozen
class ExternalServices:
    """Services outside the database: the media store, a timer, and an HTTP fetcher.

    Without `http_fetcher` there are no link previews; `profile_fetcher` fetches what profiles link to. Without `mail_hosts`, blocks of
    e-mail domains hold for the domains alone. `chance` returns uniform random
    numbers in [0, 1).
    """

    media_store: MediaStore
    pause: Callable[[float], Awaitable[object]]
    http_fetcher: HttpFetcher | None = None
    chance: Callable[[], float] = lambda: 0.0
    profile_fetcher: HttpFetcher | None = None
    mail_hosts: MailHosts | None = None

    def preview_scheduler(self, url: str) -> PreviewScheduler | None:
        """Return the scheduler of link previews for posts of the site at `url`; None without `http_fetcher`."""
        return None if self.http_fetcher is None else PreviewScheduler(url, self.chance)

    def link_previews(self, database: Transactions) -> LinkPreviews | None:
        """Return the fetcher of link previews; None without `http_fetcher`."""
        return None if self.http_fetcher is None else LinkPreviews(database, self.http_fetcher, self.media_store, now)


@frozen(repr=False)
class Domain:
    """The services of the domain on one database."""

    accounts: Accounts
    announcements: Announcements
    attachments: Attachments
    site_settings: CurrentSiteSettings
    site_stats: SiteStats
    invalidation_log: InvalidationLog
    autocomplete: Autocomplete
    email_confirmation: EmailConfirmation
    conversations: Conversations
    account_security: AccountSecurity
    email_composer: EmailComposer
    filters: Filters
    follows: Follows
    jobs: Jobs
    rate_limiter: RateLimiter
    lists: Lists
    read_markers: ReadMarkers
    interactions: Interactions
    moderation: Moderation
    notification_groups: NotificationGroups
    notification_policies: NotificationPolicies
    notifications: Notifications
    oauth: OAuth
    outbox: EmailOutbox
    suggestions: Suggestions
    profile_images: ProfileImages
    polls: Polls
    posts: Posts
    push_notifications: PushNotifications
    password_reset: PasswordReset
    registrations: Registrations
    relationships: Relationships
    reports: Reports
    schedules: Schedules
    search: SearchService
    sessions: Sessions
    statistics: DailyStatistics
    email_unsubscribe: EmailUnsubscribe
    tags: HashtagService
    timelines: Timelines
    tokens: Tokens
    trends: Trends
    apps: Apps = field(init=False)
    blocked_domains: BlockedDomains = field(init=False)
    remote_views: RemoteViews = field(init=False, factory=RemoteViews)
    sidebar: SidebarCache = field(init=False)
    threads: ThreadCache = field(init=False)
    account_cache: AccountCache = field(init=False)
    notification_cache: NotificationCache = field(init=False)
    profile_cache: ProfileCache = field(init=False)
    collection_cache: CollectionCache = field(init=False)
    moves: Moves = field(init=False)
    strikes: Strikes = field(init=False)
    audit_log: AuditLog = field(init=False)
    email_domain_blocks: EmailDomainBlocks = field(init=False)
    canonical_email_blocks: CanonicalEmailBlocks = field(init=False)
    ip_blocks: IpBlocks = field(init=False)
    username_blocks: UsernameBlocks = field(init=False)
    admin_metrics: AdminMetrics = field(init=False)
    trend_reviews: TrendReviews = field(init=False)
    refused_networks: CurrentRefusedNetworks = field(init=False)
    custom_emojis: CustomEmojis = field(init=False)

    @apps.default
    def _apps(self) -> Apps:
        return Apps(self.timelines.database, now)

    @blocked_domains.default
    def _blocked_domains(self) -> BlockedDomains:
        return BlockedDomains(self.timelines.database, now)

    @sidebar.default
    def _sidebar(self) -> SidebarCache:
        return SidebarCache(self.invalidation_log, now, self.notifications.badges, self.accounts.suggestions, self.announcements.unread)

    @threads.default
    def _threads(self) -> ThreadCache:
        return ThreadCache(self.posts, self.timelines.post_cache)

    @account_cache.default
    def _account_cache(self) -> AccountCache:
        return AccountCache(self.timelines.database, self.invalidation_log, now)

    @notification_cache.default
    def _notification_cache(self) -> NotificationCache:
        return NotificationCache(self.timelines.post_cache, self.account_cache)

    @profile_cache.default
    def _profile_cache(self) -> ProfileCache:
        return ProfileCache(self.accounts, self.relationships, self.follows, self.timelines, self.account_cache)

    @collection_cache.default
    def _collection_cache(self) -> CollectionCache:
        return CollectionCache(self.timelines.database, self.invalidation_log, now, self.lists, self.tags)

    @moves.default
    def _moves(self) -> Moves:
        return Moves(self.timelines.database, self.account_security, self.accounts.host, self.accounts.base_url, now)

    @strikes.default
    def _strikes(self) -> Strikes:
        return Strikes(self.moderation.sanctions, self.email_composer.links)

    @audit_log.default
    def _audit_log(self) -> AuditLog:
        return AuditLog(self.timelines.database)

    @email_domain_blocks.default
    def _email_domain_blocks(self) -> EmailDomainBlocks:
        return EmailDomainBlocks(self.timelines.database, now, self.registrations.mail_hosts)

    @canonical_email_blocks.default
    def _canonical_email_blocks(self) -> CanonicalEmailBlocks:
        return CanonicalEmailBlocks(self.timelines.database, now)

    @ip_blocks.default
    def _ip_blocks(self) -> IpBlocks:
        return IpBlocks(self.timelines.database, now)

    @username_blocks.default
    def _username_blocks(self) -> UsernameBlocks:
        return UsernameBlocks(self.timelines.database, now)

    @admin_metrics.default
    def _admin_metrics(self) -> AdminMetrics:
        return AdminMetrics(self.statistics, self.accounts.host, VERSIONS)

    @trend_reviews.default
    def _trend_reviews(self) -> TrendReviews:
        return TrendReviews(self.timelines.database, self.search, now)

    @refused_networks.default
    def _refused_networks(self) -> CurrentRefusedNetworks:
        return CurrentRefusedNetworks(self.timelines.database, self.attachments.pause, now)

    @custom_emojis.default
    def _custom_emojis(self) -> CustomEmojis:
        return CustomEmojis(self.timelines.database, self.attachments.media_store, self.invalidation_log, now)

    @classmethod
    def on(cls, settings: Settings, database: Transactions, passwords: Hashes, limits: RateLimiter, external: ExternalServices) -> Domain:
        """Build all services."""
        url, throttle, site = settings.public_url, CountedLogins(limits), current_site_settings(settings, database, external.pause)
        host, links = urlsplit(url).netloc, EmailLinks(url, TokenSigner(secret_key(settings.data_dir)))
        accounts, invalidation_log = Accounts(database, host, url, now), InvalidationLog(database)
        timelines, search = Timelines(database, now, FilterCache(database, now, invalidation_log)), SearchService(database, accounts, now)
        posts = Posts(database, host, url, settings.max_characters, now, external.preview_scheduler(url), timelines.flags_cache)
        registrations = Registrations(database, passwords, lambda: site.settings, settings.smtp_url is None, now, external.mail_hosts)
        return cls(
            accounts=accounts,
            announcements=Announcements(database, host, url, now),
            attachments=Attachments(database, external.media_store, now, external.pause),
            site_settings=site,
            site_stats=SiteStats(database, now),
            invalidation_log=invalidation_log,
            autocomplete=Autocomplete(database),
            email_confirmation=EmailConfirmation(database, links, now, external.mail_hosts),
            conversations=Conversations(database, now),
            account_security=AccountSecurity(database, passwords, throttle, settings.smtp_url is None, now, external.mail_hosts),
            email_composer=EmailComposer(database, links, settings.message_host, now),
            filters=Filters(database, timelines.filter_cache, now),
            follows=Follows(database, now),
            jobs=Jobs(database, now),
            rate_limiter=limits,
            lists=Lists(database, now, timelines),
            read_markers=ReadMarkers(database, now),
            interactions=Interactions(database, now, timelines.flags_cache),
            moderation=moderation_of(database, passwords, registrations),
            notification_groups=NotificationGroups(database, now),
            notification_policies=NotificationPolicies(database, now),
            notifications=Notifications(database, now),
            oauth=OAuth(database, now),
            outbox=EmailOutbox(database, None if settings.smtp_url else str(mail_directory(settings)), now),
            suggestions=Suggestions(database, now, lambda: site.settings.profile_directory),
            profile_images=ProfileImages(database, external.media_store, now),
            polls=Polls(database, now, settings.federation is not FederationMode.OFF),
            posts=posts,
            push_notifications=PushNotifications(database, now),
            password_reset=PasswordReset(database, passwords, links, now, host),
            registrations=registrations,
            relationships=Relationships(database, now),
            reports=Reports(database, now),
            schedules=Schedules(database, posts, now),
            search=search,
            sessions=Sessions(database, passwords, throttle, now, host, timedelta(days=settings.session_max_days)),
            statistics=DailyStatistics(database, settings.time_zone, now),
            email_unsubscribe=EmailUnsubscribe(database, links),
            tags=HashtagService(database, search, now),
            timelines=timelines,
            tokens=Tokens(database, now),
            trends=Trends(database, search, invalidation_log, now, lambda: site.settings.trends),
        )


def moderation_of(database: Transactions, passwords: Hashes, registrations: Registrations) -> Moderation:
    """Return the moderation services."""
    members = AccountAdmin(database, passwords, now)
    return Moderation(members, registrations, AccountActions(database, members, now))


def mail_directory(settings: Settings) -> Path:
    """Return the directory for e-mails of a site that sends none."""
    return settings.data_dir / "mail"
