"""The services of the domain, built on one database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from microblog.config import Settings, secret_key
from microblog.domain.accounts import Accounts
from microblog.domain.apps import Apps
from microblog.domain.census import Census
from microblog.domain.changes import Changes
from microblog.domain.credentials import Credentials
from microblog.domain.filters import Filters
from microblog.domain.follows import Follows
from microblog.domain.limits import CountedLogins, Limits
from microblog.domain.links import Links
from microblog.domain.lists import Lists
from microblog.domain.mail import MailPlan, MailServices
from microblog.domain.markers import Markers
from microblog.domain.marks import Marks
from microblog.domain.members import Members
from microblog.domain.moderation import Moderation
from microblog.domain.notifications import Notifications
from microblog.domain.oauth import OAuth
from microblog.domain.passwords import Hashes
from microblog.domain.posting import PostingServices, World
from microblog.domain.posts import Posts
from microblog.domain.pushes import Pushes
from microblog.domain.registration import Registrations
from microblog.domain.relations import Relations
from microblog.domain.sanctions import Sanctions
from microblog.domain.seals import Seals
from microblog.domain.search import Search
from microblog.domain.sessions import Sessions
from microblog.domain.sieves import Sieves
from microblog.domain.social import SocialServices
from microblog.domain.statistics import Statistics
from microblog.domain.timelines import Timelines
from microblog.domain.tokens import Tokens
from microblog.jobs.clock import SystemClock
from microblog.storage.database import Transactions

now = SystemClock(lambda: datetime.now(UTC))


@frozen
class Domain:
    """The services of the domain on one database."""

    accounts: Accounts
    apps: Apps
    census: Census
    changes: Changes
    credentials: Credentials
    filters: Filters
    follows: Follows
    limits: Limits
    lists: Lists
    mail: MailServices
    markers: Markers
    marks: Marks
    moderation: Moderation
    notifications: Notifications
    oauth: OAuth
    posting: PostingServices
    posts: Posts
    pushes: Pushes
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
        changes = Changes(database)
        sieves, search = Sieves(database, now, changes), Search(database, accounts, now)
        posts = Posts(database, host, url, settings.max_characters, now, world.promises(url))
        members = Members(database, passwords, now)
        registrations = Registrations(database, passwords, settings.registration, confirmed_at_once, now)
        return cls(
            accounts=accounts,
            apps=Apps(database, now),
            census=Census(database, now),
            changes=changes,
            credentials=Credentials(database, passwords, throttle, confirmed_at_once, now),
            filters=Filters(database, sieves, now),
            follows=Follows(database, now),
            limits=limits,
            lists=Lists(database, now),
            mail=MailServices.on(database, passwords, mail_plan(settings), now),
            markers=Markers(database, now),
            marks=Marks(database, now),
            moderation=Moderation(members, registrations, Sanctions(database, members, now)),
            notifications=Notifications(database, now),
            oauth=OAuth(database, now),
            posting=PostingServices.on(database, posts, world),
            posts=posts,
            pushes=Pushes(database, now),
            registrations=registrations,
            relations=Relations(database, now),
            search=search,
            sessions=Sessions(database, passwords, throttle, now, host),
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
