"""Construction of the HTTP server: all routes on the domain's services."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from microblog.adapters.emoji_archive import EmojiArchive
from microblog.application.federation import Federation, in_thread
from microblog.application.services import Domain, now
from microblog.application.site import current_site_view
from microblog.config import Settings, secret_key
from microblog.domain.account_support import AccountSupport
from microblog.domain.announcement_desk import AnnouncementDesk
from microblog.domain.auth_cache import AuthCache, CommandAuthentication
from microblog.domain.authentication import Authentication
from microblog.domain.custom_emojis import MAX_BYTES
from microblog.domain.emoji_import import EmojiImport
from microblog.domain.moderation_desk import ModerationDesk
from microblog.domain.ports import InThread
from microblog.domain.push import vapid
from microblog.domain.rate_limits import connection_limits
from microblog.domain.rules import RuleAdmin
from microblog.domain.served_files import ServedFiles
from microblog.domain.severances import Severances
from microblog.domain.site_images import SiteImages
from microblog.domain.site_settings import SiteAdmin
from microblog.live.broadcaster import Broadcaster
from microblog.model.caches import turn_off_others
from microblog.model.health import HealthReport
from microblog.render.api.entities import Entities
from microblog.render.api.instance import InstanceEntities
from microblog.render.api.status_json import StatusJsonCache
from microblog.render.html.conversation_views import conversation_row
from microblog.render.html.pages import Pages
from microblog.web.api import routes as api_routes
from microblog.web.api.api_docs import OpenApiRoutes
from microblog.web.api.stream_encoding import PayloadEncoder
from microblog.web.api.streaming import StreamingRoutes
from microblog.web.http.authorization import Authorizer
from microblog.web.http.client_address import Proxies
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.network_limits import Caps
from microblog.web.http.request import SiteOrigin
from microblog.web.http.response_cache import ResponseCache
from microblog.web.http.server import HttpServer
from microblog.web.pages.about import AboutPages
from microblog.web.pages.account_support import AccountSupportPages
from microblog.web.pages.admin import JobPages, OutboxPages
from microblog.web.pages.announcements import AnnouncementPages
from microblog.web.pages.api_docs import ApiDocsPage
from microblog.web.pages.assets import Assets, load
from microblog.web.pages.audit import AuditPages
from microblog.web.pages.auth_pages import AuthPages
from microblog.web.pages.autocomplete import AutocompleteRoutes
from microblog.web.pages.blocked_domains import BlockedDomainPages
from microblog.web.pages.canonical_email_blocks import CanonicalEmailBlockPages
from microblog.web.pages.conversations import ConversationPages
from microblog.web.pages.custom_emojis import CustomEmojiPages, EmojiPickerPages
from microblog.web.pages.dashboard import DashboardPages
from microblog.web.pages.email_domain_blocks import EmailDomainBlockPages
from microblog.web.pages.email_settings import AddressPages, EmailSettingsPages, UnsubscribePages
from microblog.web.pages.emoji_import import EmojiImportPages
from microblog.web.pages.error_pages import ErrorPages
from microblog.web.pages.feeds import FeedRoutes, SiteFiles
from microblog.web.pages.filters import FilterPages
from microblog.web.pages.ip_blocks import IpBlockPages
from microblog.web.pages.lists import ListForms, ListPages
from microblog.web.pages.media_files import MediaFiles
from microblog.web.pages.moderation import InvitePages, PeoplePages
from microblog.web.pages.moderation_desk import AccountDeskPages, ReportDeskPages
from microblog.web.pages.moves import MovePages
from microblog.web.pages.notifications import NotificationPages, PolicyPages
from microblog.web.pages.oauth import AppSettings, ConsentPages
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.password_reset import PasswordResetPages
from microblog.web.pages.polls import PollButtons
from microblog.web.pages.post_form import PostForms
from microblog.web.pages.post_renderer import PostRenderer
from microblog.web.pages.posts import InteractionButtons, PostPages
from microblog.web.pages.profiles import PeopleLists, ProfileButtons, ProfilePages
from microblog.web.pages.remote_follow import RemoteFollowPages
from microblog.web.pages.reports import AnnouncementButtons, ReportPages
from microblog.web.pages.rules import RulePages
from microblog.web.pages.scheduled import ScheduledPages
from microblog.web.pages.search import SearchPages
from microblog.web.pages.servers import ServerPages
from microblog.web.pages.settings import LoginPages, PeopleSettings, SettingsPages
from microblog.web.pages.severances import SeverancePages
from microblog.web.pages.site_settings import SiteSettingsPages
from microblog.web.pages.site_style import SiteStyle
from microblog.web.pages.statistics import StatisticsPages
from microblog.web.pages.strikes import AppealPages, StrikePages
from microblog.web.pages.tags import TagButtons
from microblog.web.pages.timelines import TimelinePages
from microblog.web.pages.trend_reviews import TrendReviewPages
from microblog.web.pages.uploads import Uploads
from microblog.web.pages.username_blocks import UsernameBlockPages
from microblog.web.streaming.sse import Streams
from microblog.web.streaming.stream_connection import ConnectionLimiter

STATIC = Path(__file__).parent.parent / "web" / "static"


@frozen
class Frontend:
    """Assets and templates, the same for every site of one version."""

    assets: Assets
    pages: Pages

    @classmethod
    def of_this_release(cls) -> Frontend:
        """Load them from the package."""
        assets = Assets(load(STATIC))
        return cls(assets, Pages(assets.url))


def build_server(
    settings: Settings,
    reactor: Any,
    domain: Domain,
    frontend: Frontend,
    *,
    feed: Broadcaster,
    federation: Federation | None = None,
    access_log: Callable[[str], object] | None = None,
    others: Sequence[object] = (),
    health: Callable[[], Awaitable[HealthReport]] | None = None,
) -> HttpServer:
    """Return the HTTP server with all routes and those of `others`. Starts nothing. `health` is for the page of administrators."""
    pages, position, site_version = frontend.pages, lambda: str(feed.position), lambda: domain.site_settings.version
    site_view = current_site_view(settings, domain.site_settings)
    contexts = PageContexts(site_view, domain.sidebar, domain.trends, position, now, domain.custom_emojis)
    post_forms = PostForms(Uploads(domain.attachments))
    entities = Entities(settings.public_url, vapid.public_key(secret_key(settings.data_dir)))
    card, icon = frontend.assets.url("card.png"), frontend.assets.url("touch.png")
    response_cache = ResponseCache(domain.invalidation_log, now, position, post_forms.key, settings.page_cache_mb, site_version)
    statuses = StatusJsonCache(entities, domain.posts.now)
    instance = InstanceEntities(site_view, entities, card, icon, domain.attachments.accepts_video)
    resolution = federation.resolution if federation else None
    api = api_routes(domain, instance, response_cache, statuses, federation)
    renderer = PostRenderer(pages.post_html, domain.timelines.flags_cache, domain.filters.filter_cache, response_cache)
    domain.invalidation_log.caches += [renderer, statuses, pages.shells, pages.rows]
    auth_cache = AuthCache(Authentication(domain.sessions, domain.tokens), domain.invalidation_log, now)
    rates = connection_limits(settings.new_streams_per_account, settings.new_streams_per_network)
    limiter = ConnectionLimiter(domain.rate_limiter, settings.streams_per_network, *rates)
    rendering = renderer.streamed, pages.notification, conversation_row(pages)
    streams = Streams(feed, *rendering, domain.accounts, domain.posts, limiter, site_view())
    live = StreamingRoutes(feed, PayloadEncoder(statuses), auth_cache, domain.lists, limiter)
    features = [
        frontend.assets,
        *(SiteStyle(site_view), SiteFiles(site_view, frontend.assets), FeedRoutes(domain.accounts, domain.timelines, site_view)),
        streams,
        live,
        *others,
        *(federation.routes if federation else []),
        *site_pages(pages, contexts, post_forms, domain, renderer),
        DashboardPages(pages, contexts, domain.admin_metrics, moderation_desk(domain), domain.jobs, health),
        StatisticsPages(*(pages, contexts, domain.statistics, renderer, domain.posts), federation.statistics if federation else None),
        SearchPages(*(pages, contexts, domain.search, PeopleLists(domain.profile_cache), renderer), resolution),
        *([RemoteFollowPages(pages, contexts, domain.accounts, resolution)] if resolution else []),
        *moderation_pages(pages, contexts, domain, federation, in_thread(reactor)),
        *api,
    ]
    openapi = OpenApiRoutes(site_view, tuple(features))
    site = Dispatcher(
        [*features, openapi, ApiDocsPage(pages, contexts, lambda: openapi.document)],
        origin=SiteOrigin.parse(settings.public_url),
        authorizer=_authorizer(domain, auth_cache),
        errors=Errors(ErrorPages(pages, contexts, post_forms).page),
        in_thread=in_thread(reactor),
        federates=federation is not None,
        hsts_subdomains=settings.hsts_subdomains,
        media_origins=domain.attachments.media_store.files.link_origins,
    )
    turn_off_others(domain.invalidation_log.caches, settings.caches)
    server = HttpServer(site, reactor, proxies=trusted(settings), caps=caps_of(settings), access_log=access_log, wall=time.time)
    server.refuses = domain.refused_networks.refuse
    return server


def _authorizer(domain: Domain, auth_cache: AuthCache) -> Authorizer:
    log = domain.invalidation_log
    return Authorizer(CommandAuthentication(auth_cache), domain.rate_limiter, auth_cache, lambda: log.last_position)


def trusted(settings: Settings) -> Proxies:
    """Return the trusted proxies."""
    networks = tuple(proxy for proxy in settings.trusted_proxies if not isinstance(proxy, str))
    return Proxies(networks, unix=len(networks) < len(settings.trusted_proxies))


def caps_of(settings: Settings) -> Caps:
    """Return the limits per network; none if rate limits are off."""
    return Caps(settings.connections_per_network, settings.requests_per_network) if settings.rate_limits else Caps()


def site_pages(pages: Pages, contexts: PageContexts, post_forms: PostForms, domain: Domain, renderer: PostRenderer) -> list[object]:
    """Return the routes of the HTML site."""
    people, policies = PeopleLists(domain.profile_cache), domain.notification_policies
    return [
        TimelinePages(pages, contexts, renderer, domain.timelines, post_forms),
        PostPages(
            *(pages, contexts, renderer, domain.posts, domain.threads, domain.timelines),
            domain.schedules,
            post_forms,
            domain.conversations,
            domain.remote_views,
        ),
        PollButtons(domain.polls, renderer),
        ScheduledPages(pages, contexts, domain.schedules, post_forms),
        post_forms.uploads,
        InteractionButtons(domain.interactions, renderer),
        ProfilePages(pages, contexts, renderer, domain.accounts, domain.timelines, domain.profile_cache, people, domain.remote_views),
        ProfileButtons(pages, contexts, domain.accounts, domain.follows, domain.relationships),
        AuthPages(pages, contexts, domain.registrations, domain.sessions, domain.strikes),
        NotificationPages(
            *(pages, contexts, domain.notifications, domain.notification_groups, domain.notification_cache, domain.collection_cache),
            domain.filters.filter_cache,
        ),
        ListPages(pages, contexts, domain.lists, renderer, domain.collection_cache),
        AutocompleteRoutes(pages, domain.autocomplete, domain.custom_emojis),
        ConversationPages(pages, contexts, domain.conversations, domain.filters.filter_cache),
        TagButtons(domain.tags),
        ReportPages(pages, contexts, domain.reports, domain.accounts),
        AnnouncementButtons(domain.announcements),
        PolicyPages(pages, contexts, policies, people),
        ListForms(pages, contexts, domain.lists, domain.accounts),
        FilterPages(pages, contexts, domain.filters),
        BlockedDomainPages(pages, contexts, domain.blocked_domains),
        MediaFiles(ServedFiles(domain.attachments.database, domain.attachments.media_store.files, domain.invalidation_log, now)),
        AboutPages(pages, contexts, domain.site_stats, domain.attachments.accepts_video),
        SettingsPages(pages, contexts, domain.accounts, domain.profile_images),
        LoginPages(pages, contexts, domain.account_security, domain.sessions, domain.outbox),
        MovePages(pages, contexts, domain.moves),
        AddressPages(pages, contexts, domain.email_confirmation, domain.account_security, domain.outbox),
        EmailSettingsPages(pages, contexts, domain.accounts, domain.account_security, domain.outbox),
        UnsubscribePages(pages, contexts, domain.email_unsubscribe),
        PasswordResetPages(pages, contexts, domain.password_reset, domain.outbox.directory is not None),
        SeverancePages(pages, contexts, Severances(domain.timelines.database)),
        PeopleSettings(pages, contexts, domain.relationships, domain.follows, people),
        ConsentPages(pages, contexts, domain.oauth, domain.sessions),
        AppSettings(pages, contexts, domain.tokens),
    ]


def moderation_pages(
    pages: Pages, contexts: PageContexts, domain: Domain, federation: Federation | None, in_thread: InThread
) -> list[object]:
    """Return the routes of the pages for moderators and administrators, and of their decisions for those concerned."""
    desk, sends_email = moderation_desk(domain), domain.outbox.directory is None
    account_pages = AccountDeskPages(pages, contexts, desk, sends_email)
    return [
        PeoplePages(pages, contexts, domain.moderation),
        InvitePages(pages, contexts, domain.moderation),
        OutboxPages(pages, contexts, domain.outbox),
        JobPages(pages, contexts, domain.jobs),
        account_pages,
        AccountSupportPages(account_pages, AccountSupport(domain.moderation, domain.account_security.mail_hosts, sends_email)),
        ReportDeskPages(pages, contexts, desk, domain.attachments.media_store.files),
        StrikePages(pages, contexts, domain.strikes),
        AppealPages(pages, contexts, domain.strikes),
        TrendReviewPages(pages, contexts, domain.trends, domain.trend_reviews),
        EmailDomainBlockPages(pages, contexts, domain.email_domain_blocks),
        CanonicalEmailBlockPages(pages, contexts, domain.canonical_email_blocks),
        IpBlockPages(pages, contexts, domain.ip_blocks),
        UsernameBlockPages(pages, contexts, domain.username_blocks),
        AuditPages(pages, contexts, domain.audit_log),
        AnnouncementPages(pages, contexts, AnnouncementDesk(domain.announcements)),
        RulePages(pages, contexts, RuleAdmin(domain.timelines.database, domain.site_settings, now)),
        SiteSettingsPages(pages, contexts, _site_admin(domain)),
        EmojiPickerPages(pages, contexts, domain.custom_emojis),
        EmojiImportPages(pages, contexts, EmojiImport(domain.custom_emojis, in_thread), partial(EmojiArchive, max_bytes=MAX_BYTES)),
        CustomEmojiPages(pages, contexts, domain.custom_emojis, federation.emoji_copies if federation else None),
        *([ServerPages(pages, contexts, federation.servers, federation.domains)] if federation else []),
    ]


def _site_admin(domain: Domain) -> SiteAdmin:
    database = domain.timelines.database
    return SiteAdmin(database, domain.site_settings, SiteImages(database, domain.attachments.media_store, now), now)


def moderation_desk(domain: Domain) -> ModerationDesk:
    """Return the service of what moderators know."""
    return ModerationDesk(domain.timelines.database, domain.moderation, domain.reports)
