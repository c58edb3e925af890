"""Composition root: builds the object graph from the settings.

Only this package imports `adapters`. `services` builds the domain's services, `server` the routes on them; this module builds the running
components and determines their starting order.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import SystemRandom
from typing import Any

from twisted.internet.task import deferLater

from microblog import __version__
from microblog.adapters import postgres, postgres_files, smtp
from microblog.adapters.access_log import AccessLog
from microblog.adapters.dns_lookup import DnsLookup
from microblog.adapters.file_mail_transport import FileMailTransport
from microblog.adapters.http_fetcher import TreqFetcher
from microblog.adapters.mail_hosts import MailHostLookup
from microblog.adapters.pg_notify import PgNotifyWakeup
from microblog.adapters.push_client import PushClient
from microblog.adapters.redis import Address, Redis, RedisCounter
from microblog.adapters.s3_bucket import BucketError
from microblog.adapters.smtp import SmtpTransport
from microblog.application.commits import catch_up_with, follow_up
from microblog.application.federation import Federation, federation_start
from microblog.application.media_storage import media_store
from microblog.application.monitoring import Observed, build_health, metrics_collector
from microblog.application.outgoing import OutgoingFederation
from microblog.application.server import Frontend, build_server, caps_of
from microblog.application.services import Domain, ExternalServices, mail_directory, now
from microblog.application.site import email_sender
from microblog.config import Settings, secret_key
from microblog.domain.announcement_desk import AnnouncementDesk
from microblog.domain.caching.invalidation import POLL_INTERVAL_S
from microblog.domain.guessable_passwords import site_words
from microblog.domain.notify import PostNotifier
from microblog.domain.passwords import Passwords
from microblog.domain.ports import MailTransport
from microblog.domain.profile_links import SECONDS, ProfileLinks
from microblog.domain.push.encryption import PushEncryptor
from microblog.domain.push.vapid import Signer
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.federation.start import PublicUrlChanged
from microblog.federation.waiting import Collected
from microblog.jobs import announcement_jobs, media_count_jobs, post_jobs, profile_jobs
from microblog.jobs.email_jobs import EmailJobs
from microblog.jobs.push_jobs import PushJobs
from microblog.jobs.retention_jobs import RetentionJobs
from microblog.jobs.statistics import ConnectionSampler
from microblog.lifecycle import Application, Component, DatabaseComponent, GarbageCollectionComponent, ThreadSwitchComponent
from microblog.live.broadcaster import MAX_CONNECTIONS, Broadcaster
from microblog.live.event_log import DatabaseEventLog
from microblog.live.wakeup import MemoryWakeup
from microblog.model.site_settings import SiteSettings
from microblog.reactor_lag import ReactorLag
from microblog.reactor_stalls import ReactorStalls
from microblog.render.api.entities import Entities
from microblog.render.api.push import push_payload
from microblog.render.email.emails import EmailRenderer
from microblog.secret_key import KEY_FILE
from microblog.storage.database import Database, Transactions
from microblog.storage.schema_check import SiteNotFound, UnusableDatabase
from microblog.web.http.access_lines import LINES
from microblog.web.http.proxy_check import ProxyCheck
from microblog.web.http.request import SiteOrigin
from microblog.web.http.server import HttpServer
from microblog.web.pages.health import HealthPages
from microblog.web.pages.metrics import MetricsPage
from microblog.web.pages.monitoring_access import MonitoringAccess
from microblog.workers import JobServices, Workers

DRAIN_S = 10.0
_SPARE_CONNECTIONS = 12  # in addition to the pool's: migrations, the administrator's commands, backups, PostgreSQL's own


INBOX_PAUSE_S = 0.05  # in which received activities are collected before their jobs are claimed
START_PROBLEMS: tuple[type[Exception], ...] = (UnusableDatabase, postgres.EmbeddedPostgresError, PublicUrlChanged, BucketError)
"""Errors at start-up whose text is shown to the administrator."""


async def assemble(settings: Settings, reactor: Any, database_url: str) -> Application:
    """Build the whole site on a database with the current schema, without starting anything."""
    threads, timeout = settings.database_pool_size, settings.database_timeout
    database = Database(database_url, reactor, threads=threads, timeout_s=timeout, pooled=settings.database_pooler)
    passwords = Passwords(reactor, site_words=site_words("", settings.domain))
    wakeup = build_wakeup(settings, reactor, database)
    counter = MemoryCounter(reactor.seconds)
    limits = RateLimiter(RedisCounter(wakeup, counter) if isinstance(wakeup, Redis) else counter, now, settings.rate_limits)
    http_fetcher = TreqFetcher(reactor, user_agent(settings)) if settings.link_previews else None
    profile_fetcher = TreqFetcher(reactor, user_agent(settings), SECONDS, obeys_robots=False) if settings.link_previews else None
    pause, mail_hosts = partial(deferLater, reactor), MailHostLookup(reactor, DnsLookup(reactor))
    external = ExternalServices(media_store(settings, reactor), pause, http_fetcher, SystemRandom().random, profile_fetcher, mail_hosts)
    domain = Domain.on(settings, database, passwords, limits, external)
    call_site(passwords, settings, domain.site_settings.settings)
    domain.site_settings.listeners.append(partial(call_site, passwords, settings))
    federation = Federation.on(settings, reactor, database, domain)
    workers = build_workers(settings, reactor, database, domain, external, federation=federation)
    if federation is not None and workers.federation is not None:
        federation.inbox.stored = Collected(reactor, INBOX_PAUSE_S, workers.federation.wake)
    feed = build_broadcaster(database, reactor, settings.streams_per_account)
    connection_sampler = ConnectionSampler(domain.statistics, lambda: len(feed.connections), workers.quick.name, reactor)
    domain.invalidation_log.max_age, database.committed = POLL_INTERVAL_S, domain.invalidation_log.wake_before(wakeup.send)
    feed.listeners += [partial(catch_up_with, domain.invalidation_log), domain.refused_networks.happened, domain.site_settings.happened]
    if federation is not None:
        feed.listeners += [federation.rules.happened, federation.keys.happened]
    outgoing = OutgoingFederation.of(federation, reactor, database, feed)
    for listener in (domain.invalidation_log.wake, feed.wake, *workers.wake_on_commit):
        wakeup.listen(listener)
    database.follow_up = follow_up(wakeup, feed, domain.invalidation_log, workers.quick)
    log = AccessLog.below(settings.data_dir)
    stalls, lag, redis = ReactorStalls(reactor), ReactorLag(reactor), wakeup if isinstance(wakeup, Redis) else None
    domain.admin_metrics.redis_memory = None if redis is None else redis.used_memory
    observed = Observed(database, domain, workers, feed, lag, redis=redis, federation=federation, outgoing=outgoing)
    proxy_check = ProxyCheck(SiteOrigin.parse(settings.public_url), reactor.seconds)
    health = build_health(settings, reactor, observed, proxy_check)
    metrics = metrics_collector(observed, health, lambda: server.request_metrics)
    access = MonitoringAccess(settings.metrics_allowed_networks)
    others = [HealthPages(health.report, access), MetricsPage(metrics.exposition, access)]
    frontend = Frontend.of_this_release()
    server = build_server(
        *(settings, reactor, domain, frontend), feed=feed, federation=federation, access_log=log.write, others=others, health=health.report
    )
    server.sampled = proxy_check.look
    start = federation_start(settings, database)
    components: list[Component] = [log, DatabaseComponent(database, reactor), start, passwords, wakeup, feed, domain.refused_networks]
    components += [domain.site_settings]
    components += [] if federation is None else [federation.rules]  # after the feed, which tells of changes
    components += [*workers.components, connection_sampler, lag, stalls, GarbageCollectionComponent(), ThreadSwitchComponent()]
    components += outgoing.components if outgoing else ()
    has_administrator = domain.moderation.account_admin.has_administrator
    apply = partial(apply_settings, server, limits, database, stalls)
    return Application(server, components, lambda: _drained(server, feed), log.reopen, apply, has_administrator, health.makes_progress)


def call_site(passwords: Passwords, settings: Settings, site: SiteSettings) -> None:
    """Refuse passwords that consist of the name of the site."""
    passwords.site_words = site_words(site.name, settings.domain)


def apply_settings(server: HttpServer, limits: RateLimiter, database: Database, stalls: ReactorStalls, settings: Settings) -> None:
    """Apply the settings that can change while the site runs."""
    server.access_line = LINES[settings.log_format]
    server.limit(caps_of(settings))
    limits.enabled = settings.rate_limits
    database.slow_calls.threshold_s = settings.log_slow_transactions / 1000
    stalls.apply(settings.log_stalls / 1000)


def build_wakeup(settings: Settings, reactor: Any, database: Database) -> Redis | PgNotifyWakeup | MemoryWakeup:
    """Return the wake-up that reaches all processes of the site."""
    if settings.redis_url is not None:
        return Redis(reactor, Address.parse(settings.redis_url), f"microblog:{settings.domain}")
    if settings.database_url is None or settings.database_pooler:  # LISTEN does not work behind a pooler: processes poll
        return MemoryWakeup()
    # a read, because a command would send another wake-up, endlessly
    return PgNotifyWakeup(settings.database_url, reactor, lambda sql: database.read(lambda cursor: cursor.execute(sql)))


def build_mail_transport(settings: Settings, reactor: Any) -> MailTransport:
    """Return the transport for e-mails."""
    if settings.smtp_url is None:
        return FileMailTransport(mail_directory(settings), reactor)
    return SmtpTransport(smtp.MailServer.parse(settings.smtp_url, smtp.Tls(settings.smtp_tls)), reactor, settings.message_host)


def build_email_renderer(settings: Settings, site: Callable[[], SiteSettings]) -> EmailRenderer:
    """Return the renderer of the site's e-mails. `site` returns the settings of administrators."""
    return EmailRenderer(lambda: email_sender(settings, site()))


def user_agent(settings: Settings) -> str:
    """Return the User-Agent for outgoing requests."""
    return f"microblog/{__version__} (+{settings.public_url}/about)"


def build_push_jobs(settings: Settings, reactor: Any, domain: Domain) -> PushJobs:
    """Return the sender of push notifications."""
    contact = f"mailto:{settings.contact_email}" if settings.contact_email else settings.public_url
    encryptor = PushEncryptor(Signer(secret_key(settings.data_dir), contact, now))
    client = PushClient(reactor, user_agent(settings))
    return PushJobs(
        domain.push_notifications, partial(push_payload, Entities(settings.public_url)), encryptor, client, SystemRandom().random
    )


def build_workers(
    settings: Settings,
    reactor: Any,
    database: Transactions,
    domain: Domain,
    external: ExternalServices,
    *,
    federation: Federation | None = None,
) -> Workers:
    """Return the job workers."""
    transport, renderer = build_mail_transport(settings, reactor), build_email_renderer(settings, lambda: domain.site_settings.settings)
    delay = timedelta(seconds=settings.mail_delay)
    zone = settings.time_zone
    email_jobs = EmailJobs(domain.email_composer, domain.password_reset, renderer, transport, settings.mail_bounce_address, delay, zone)
    push_jobs, retention = build_push_jobs(settings, reactor, domain), timedelta(days=settings.event_retention_days)
    previews, notifier = external.link_previews(database), PostNotifier(database, now)
    posts = post_jobs.tasks(domain.attachments, previews, domain.polls, domain.schedules, notifier)
    posts |= profile_jobs.tasks(ProfileLinks(database, settings.public_url, now, external.profile_fetcher))
    posts |= announcement_jobs.tasks(AnnouncementDesk(domain.announcements))
    posts |= media_count_jobs.tasks(database, external.media_store.files, now)
    tasks, media_tasks = ({}, {}) if federation is None else (federation.tasks, federation.media_tasks(previews))
    own_retention = retention_jobs(settings, database)
    services = JobServices(domain.statistics, posts, email_jobs, push_jobs, retention, tasks, own_retention, media_tasks)
    return Workers.build(services, database, now, reactor)


def retention_jobs(settings: Settings, database: Transactions) -> RetentionJobs:
    """Return the jobs that delete what is older than the settings say; 0 days: never."""
    days = settings.remote_post_retention_days, settings.remote_account_retention_days, settings.audit_log_retention_days
    return RetentionJobs(database, now, *(timedelta(days=each) if each else None for each in days))


def build_broadcaster(database: Transactions, reactor: Any, max_per_account: int = MAX_CONNECTIONS) -> Broadcaster:
    """Return the broadcaster, not yet started."""
    log = DatabaseEventLog(database, now, secrets.token_hex(6))
    return Broadcaster(
        log, reactor, now, SystemRandom().random, max_connections_per_account=max_per_account, read_position=log.read_position
    )


async def _drained(server: HttpServer, feed: Broadcaster) -> None:
    feed.stop()  # ends the streams, for which `drain` does not wait
    await server.drain(DRAIN_S)


def embedded_database(settings: Settings, reactor: Any) -> postgres.EmbeddedPostgres | None:
    """Return the embedded server to start first, or None if the settings name a database."""
    if settings.database_url is not None:
        return None
    return postgres.EmbeddedPostgres(settings.data_dir, reactor, connections=2 * settings.database_pool_size + _SPARE_CONNECTIONS)


def running_database(settings: Settings) -> str | None:
    """Return the URL of the site's database, or None while the embedded server does not run."""
    return settings.database_url or postgres.running(settings.data_dir)


def require_place(settings: Settings, *, files: bool = False) -> None:
    """Raise SiteNotFound if the data directory is not that of a site. Creates nothing.

    `files`: also require the site's files, for commands that read or write them.
    """
    if settings.database_url is None and not postgres_files.Home(settings.data_dir).exists:
        raise SiteNotFound(f"{settings.data_dir} does not contain a database")
    if files and not (settings.data_dir / KEY_FILE).exists():
        raise SiteNotFound(f"{settings.data_dir} does not contain the files of a site")
