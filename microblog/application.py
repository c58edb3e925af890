"""The composition root: builds the object graph out of the settings.

Nobody else knows everything, and nobody else imports `outside`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from microblog import __version__
from microblog.config import Settings, secret_key
from microblog.crew import Crew, Duties
from microblog.domain import vapid
from microblog.domain.accounts import Accounts
from microblog.domain.apps import Apps
from microblog.domain.authentication import Authentication
from microblog.domain.census import Census
from microblog.domain.credentials import Credentials
from microblog.domain.filters import Filters
from microblog.domain.follows import Follows
from microblog.domain.health import Health
from microblog.domain.limits import CountedLogins, Limits, MemoryCounter, openings
from microblog.domain.links import Links
from microblog.domain.lists import Lists
from microblog.domain.mail import MailPlan, MailServices
from microblog.domain.markers import Markers
from microblog.domain.marks import Marks
from microblog.domain.notifications import Notifications
from microblog.domain.oauth import OAuth
from microblog.domain.passwords import Hashes, Passwords
from microblog.domain.ports import PostOffice
from microblog.domain.posting import PostingServices, World
from microblog.domain.posts import Posts
from microblog.domain.registration import Registrations
from microblog.domain.relations import Relations
from microblog.domain.seals import Seals
from microblog.domain.search import Search
from microblog.domain.sessions import Sessions
from microblog.domain.sieves import Sieves
from microblog.domain.social import SocialServices
from microblog.domain.statistics import Statistics
from microblog.domain.timelines import Timelines
from microblog.domain.tokens import Tokens
from microblog.gauges import Gauges
from microblog.jobs.mail import Mailing
from microblog.jobs.statistics import Crowd
from microblog.live.feed import MOST_CONNECTIONS, Feed
from microblog.live.log import DatabaseLog
from microblog.live.wake import MemoryWake
from microblog.outside import postgres, postgres_files, smtp
from microblog.outside.fetch import Fetch
from microblog.outside.files import KeptLetters
from microblog.outside.notify import Notify
from microblog.outside.redis import Address, Redis, RedisCounter
from microblog.outside.smtp import SmtpOffice
from microblog.outside.studio import Studio
from microblog.parts import AccessLog, Application, Part, Pool
from microblog.render.entities import Entities
from microblog.render.instance import InstanceEntities
from microblog.render.letters import Letters, Sender
from microblog.render.pages import Pages
from microblog.render.statuses import Statuses
from microblog.render.views import Site as View
from microblog.storage.database import Database, Transactions
from microblog.storage.prepare import UnusableDatabase
from microblog.web.about import AboutPages
from microblog.web.admin import JobPages, OutboxPages
from microblog.web.api import routes as api_routes
from microblog.web.api.reference import ReferenceRoutes
from microblog.web.api.streaming import StreamingRoutes
from microblog.web.api.tongue import Payloads
from microblog.web.articles import Articles
from microblog.web.assets import Assets, load
from microblog.web.call import Origin
from microblog.web.composers import Composers
from microblog.web.entry import EntryPages
from microblog.web.errors import Errors
from microblog.web.files import MediaFiles
from microblog.web.filters import FilterPages
from microblog.web.gate import Gate
from microblog.web.health import HealthPage
from microblog.web.lists import ListForms, ListPages
from microblog.web.mail import AddressPages, MailSettings, UnsubscribePages
from microblog.web.metrics import MetricsPage
from microblog.web.network import Proxies
from microblog.web.notifications import NotificationPages
from microblog.web.oauth import AppSettings, ConsentPages
from microblog.web.outlets import Places
from microblog.web.polls import PollButtons
from microblog.web.posts import MarkButtons, PostPages
from microblog.web.profiles import PeopleLists, ProfileButtons, ProfilePages
from microblog.web.recovery import RecoveryPages
from microblog.web.scheduled import ScheduledPages
from microblog.web.search import SearchPages
from microblog.web.server import Server
from microblog.web.settings import LoginPages, PeopleSettings, SettingsPages
from microblog.web.shells import Shells
from microblog.web.site import Site
from microblog.web.social import social_pages
from microblog.web.statistics import StatisticsPages
from microblog.web.streaming import Streams
from microblog.web.timelines import TimelinePages
from microblog.web.troubles import Troubles
from microblog.web.uploads import Uploads

STATIC = Path(__file__).parent / "web" / "static"
DRAIN_S = 10.0
_SPARE_CONNECTIONS = 12  # beside the pool's: migrations, the administrator's commands, backups, PostgreSQL's own


START_PROBLEMS: tuple[type[Exception], ...] = (UnusableDatabase, postgres.EmbeddedPostgresError)
"""What is raised at start with a text for whoever starts the site."""


async def assemble(settings: Settings, reactor: Any, database_url: str) -> Application:
    """The whole site on a database that has our schema. Nothing is started yet."""
    database = Database(database_url, reactor, threads=settings.database_pool)
    passwords = Passwords(reactor)
    wake = wake_of(settings, reactor, database)
    counter = MemoryCounter(reactor.seconds)
    limits = Limits(RedisCounter(wake, counter) if isinstance(wake, Redis) else counter, now, settings.rate_limits)
    web = Fetch(reactor, f"microblog/{__version__} (+{settings.public_url}/about)") if settings.link_previews else None
    world = World(Studio.below(settings.data_dir / "media", reactor), partial(deferLater, reactor), web, SystemRandom().random)
    domain = Domain.on(settings, database, passwords, limits, world)
    crew = crew_of(settings, reactor, database, domain)
    feed = feed_of(database, reactor, settings.streams_per_account)
    crowd = Crowd(domain.statistics, lambda: len(feed.readers), crew.quick.name, reactor)
    feed.listeners.append(domain.filters.sieves.hear)
    for listener in (feed.wake, *crew.hearing):
        wake.listen(listener)
    database.committed = wake.send
    log = AccessLog.below(settings.data_dir)
    gauges = Gauges(database, crew.workers, feed, domain.mail.jobs.by_kind, lambda: server.answered)
    health = Health(database, {**crew.workers, "events": feed}, reactor, now)
    others = [HealthPage(health), MetricsPage(gauges.families, settings.metrics)]
    server = server_of(settings, reactor, domain, Look.of_this_release(), feed=feed, access_log=log.write, others=others)
    parts: list[Part] = [log, Pool(database, reactor), passwords, wake, feed, *crew.parts, crowd]
    return Application(server, parts, lambda: _drained(server, feed))


def wake_of(settings: Settings, reactor: Any, database: Database) -> Redis | Notify | MemoryWake:
    """What carries the hint that something was committed to all processes of the site; one alone with its database needs no carrier."""
    if settings.redis_url is not None:
        return Redis(reactor, Address.parse(settings.redis_url), f"microblog:{settings.domain}")
    if settings.database_url is None:
        return MemoryWake()
    # a read: a command would wake again by itself, for ever
    return Notify(settings.database_url, reactor, lambda sql: database.read(lambda cursor: cursor.execute(sql)))


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@frozen
class Domain:
    """The services of the domain on one database."""

    accounts: Accounts
    apps: Apps
    census: Census
    credentials: Credentials
    filters: Filters
    follows: Follows
    limits: Limits
    lists: Lists
    mail: MailServices
    markers: Markers
    marks: Marks
    notifications: Notifications
    oauth: OAuth
    posting: PostingServices
    posts: Posts
    registrations: Registrations
    relations: Relations
    search: Search
    sessions: Sessions
    social: SocialServices
    statistics: Statistics
    timelines: Timelines
    tokens: Tokens

    @classmethod
    def on(cls, settings: Settings, database: Transactions, passwords: Hashes, limits: Limits, world: World) -> Domain:
        """All of them."""
        url = settings.public_url
        host = urlsplit(url).netloc
        throttle = CountedLogins(limits)
        confirmed_at_once = settings.smtp_url is None
        accounts = Accounts(database, host, url, now)
        sieves, search = Sieves(database, now), Search(database, accounts, now)
        posts = Posts(database, host, url, settings.max_characters, now, world.promises(url))
        return cls(
            accounts=accounts,
            apps=Apps(database, now),
            census=Census(database, now),
            credentials=Credentials(database, passwords, throttle, confirmed_at_once, now),
            filters=Filters(database, sieves, now),
            follows=Follows(database, now),
            limits=limits,
            lists=Lists(database, now),
            mail=MailServices.on(database, passwords, mail_plan(settings), now),
            markers=Markers(database, now),
            marks=Marks(database, now),
            notifications=Notifications(database, now),
            oauth=OAuth(database, now),
            posting=PostingServices.on(database, posts, world),
            posts=posts,
            registrations=Registrations(database, passwords, settings.registration, confirmed_at_once, now),
            relations=Relations(database, now),
            search=search,
            sessions=Sessions(database, passwords, throttle, now),
            social=SocialServices.on(database, search, host, url, now),
            statistics=Statistics(database, settings.time_zone, now),
            timelines=Timelines(database, now, sieves),
            tokens=Tokens(database, now),
        )


def mail_plan(settings: Settings) -> MailPlan:
    """How this site writes letters."""
    links = Links(settings.public_url, Seals(secret_key(settings.data_dir)))
    return MailPlan(links, settings.message_host, None if settings.smtp_url else str(mail_directory(settings)))


def mail_directory(settings: Settings) -> Path:
    """Where a site keeps its letters that sends none."""
    return settings.data_dir / "mail"


def post_office(settings: Settings, reactor: Any) -> PostOffice:
    """Where letters are handed in."""
    if settings.smtp_url is None:
        return KeptLetters(mail_directory(settings), reactor)
    return SmtpOffice(smtp.Server.parse(settings.smtp_url, smtp.Tls(settings.smtp_tls)), reactor, settings.message_host)


def letters_of(settings: Settings) -> Letters:
    """What writes this site's letters."""
    return Letters(Sender(settings.site_name, settings.public_url, settings.mail_from, settings.contact_email))


def crew_of(settings: Settings, reactor: Any, database: Transactions, domain: Domain) -> Crew:
    """Who does the jobs."""
    office, letters, delay = post_office(settings, reactor), letters_of(settings), timedelta(seconds=settings.mail_delay)
    services, zone = domain.mail, settings.time_zone
    mailing = Mailing(services.dispatch, services.recoveries, letters, office, settings.mail_bounces, delay, zone)
    duties = Duties(domain.statistics, domain.posting, mailing, timedelta(days=settings.events_keep))
    return Crew.hired(duties, database, now, reactor)


@frozen
class Look:
    """The style sheet, the scripts and the templates: the same for every site of one release."""

    assets: Assets
    pages: Pages

    @classmethod
    def of_this_release(cls) -> Look:
        """Read from the package, once."""
        assets = Assets(load(STATIC))
        return cls(assets, Pages(assets.url))


def server_of(
    settings: Settings,
    reactor: Any,
    domain: Domain,
    look: Look,
    *,
    feed: Feed,
    access_log: Callable[[str], object] | None = None,
    others: Sequence[object] = (),
) -> Server:
    """What listens: all routes on these services, and those of `others`. Nothing in it is started."""
    pages = look.pages
    view = View(settings.site_name, settings.site_description, settings.public_url, settings.registration, settings.max_characters)
    told = evolve(view, contact=settings.contact_email, version=__version__)
    shells = Shells(told, domain.notifications, domain.accounts, lambda: str(feed.position), now)
    composers = Composers(Uploads(domain.posting.attachments))
    entities = Entities(settings.public_url, vapid.public_key(secret_key(settings.data_dir)))
    card, icon = look.assets.url("card.png"), look.assets.url("touch.png")
    api = api_routes(domain, InstanceEntities(told, entities, card, icon, domain.posting.attachments.takes_films))
    articles = Articles(pages.fragments, domain.posts, domain.filters.sieves)
    authentication = Authentication(domain.sessions, domain.tokens)
    rates = openings(settings.stream_openings_per_account, settings.stream_openings_per_network)
    places = Places(domain.limits, settings.streams_per_network, *rates)
    streams = Streams(feed, articles.live, pages.notification, domain.accounts, domain.posts, places)
    live = StreamingRoutes(feed, Payloads(Statuses(entities)), authentication, domain.lists, places)
    features = [look.assets, streams, live, *others, *site_pages(pages, shells, composers, domain, articles), *api]
    site = Site(
        [*features, ReferenceRoutes(pages, shells, tuple(features))],
        origin=Origin.parse(settings.public_url),
        gate=Gate(authentication, domain.limits),
        errors=Errors(Troubles(pages, shells, composers).page),
        in_thread=lambda parse: deferToThreadPool(reactor, reactor.getThreadPool(), parse),
    )
    return Server(site, reactor, proxies=Proxies(settings.trusted_proxies), access_log=access_log, wall=time.time)


def feed_of(database: Transactions, reactor: Any, most_of_account: int = MOST_CONNECTIONS) -> Feed:
    """The live feed, not yet started."""
    log = DatabaseLog(database, now, secrets.token_hex(6))
    return Feed(log, reactor, now, SystemRandom().random, most_of_account=most_of_account)


def site_pages(pages: Pages, shells: Shells, composers: Composers, domain: Domain, articles: Articles) -> list[object]:
    """Everything that answers with a page, or to a form of one."""
    people = PeopleLists(domain.relations, domain.follows)
    return [
        TimelinePages(pages, shells, articles, domain.timelines, composers, domain.social.tags, domain.social.announcements),
        PostPages(pages, shells, articles, domain.posts, domain.posting.schedules, composers),
        PollButtons(domain.posting.polls, articles),
        ScheduledPages(pages, shells, domain.posting.schedules, composers),
        composers.uploads,
        MarkButtons(domain.marks, articles),
        ProfilePages(pages, shells, articles, domain.accounts, domain.timelines, people),
        ProfileButtons(pages, shells, domain.accounts, domain.follows, domain.relations),
        EntryPages(pages, shells, domain.registrations, domain.sessions, domain.credentials),
        NotificationPages(pages, shells, domain.notifications, domain.filters.sieves),
        SearchPages(pages, shells, domain.search, people, articles),
        ListPages(pages, shells, domain.lists, articles, domain.social.tags),
        *social_pages(pages, shells, domain.social, domain.accounts),
        ListForms(pages, shells, domain.lists, domain.accounts),
        FilterPages(pages, shells, domain.filters),
        MediaFiles(domain.posting.attachments),
        AboutPages(pages, shells, domain.census),
        StatisticsPages(pages, shells, domain.statistics, articles, domain.posts),
        SettingsPages(pages, shells, domain.accounts, domain.posting.pictures),
        LoginPages(pages, shells, domain.credentials, domain.sessions, domain.mail.outbox),
        AddressPages(pages, shells, domain.mail.confirmations, domain.credentials),
        MailSettings(pages, shells, domain.accounts, domain.credentials, domain.mail.outbox),
        UnsubscribePages(pages, shells, domain.mail.subscriptions),
        RecoveryPages(pages, shells, domain.mail.recoveries, domain.mail.outbox.kept_in is not None),
        OutboxPages(pages, shells, domain.mail.outbox),
        JobPages(pages, shells, domain.mail.jobs),
        PeopleSettings(pages, shells, domain.relations, domain.follows, people),
        ConsentPages(pages, shells, domain.oauth, domain.sessions),
        AppSettings(pages, shells, domain.tokens),
    ]


async def _drained(server: Server, feed: Feed) -> None:
    feed.stop()  # tells the streams, which no drain waits for
    await server.drain(DRAIN_S)


def embedded_database(settings: Settings, reactor: Any) -> postgres.EmbeddedPostgres | None:
    """The server to start before everything else, or None where the settings name one that runs."""
    if settings.database_url is not None:
        return None
    return postgres.EmbeddedPostgres(settings.data_dir, reactor, connections=2 * settings.database_pool + _SPARE_CONNECTIONS)


def running_database(settings: Settings) -> str | None:
    """The URL of the site's database, for the administrator's commands; None while an embedded server does not run."""
    return settings.database_url or postgres.running(settings.data_dir)


def is_new(settings: Settings) -> bool:
    """True while the site has no database yet because its embedded server was never started."""
    return settings.database_url is None and not postgres_files.Home(settings.data_dir).is_made
