"""The services of the domain, built on one database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from microblog.config import Settings, secret_key
from microblog.domain.account_actions import Sanctions
from microblog.domain.account_admin import Members
from microblog.domain.account_security import Credentials
from microblog.domain.accounts import Accounts
from microblog.domain.announcements import Announcements
from microblog.domain.apps import Apps
from microblog.domain.attachments import Attachments
from microblog.domain.autocomplete import Completion
from microblog.domain.caching.filter_cache import Sieves
from microblog.domain.caching.invalidation import Changes
from microblog.domain.conversations import Conversations
from microblog.domain.email_composer import Dispatch
from microblog.domain.email_confirmation import Confirmations
from microblog.domain.email_links import Links
from microblog.domain.email_queue import Outbox
from microblog.domain.email_unsubscribe import Subscriptions
from microblog.domain.filters import Filters
from microblog.domain.follows import Follows
from microblog.domain.interactions import Marks
from microblog.domain.jobs import Jobs
from microblog.domain.link_previews import Cards, Promises
from microblog.domain.lists import Lists
from microblog.domain.moderation import Moderation
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.notifications import Notifications
from microblog.domain.oauth import OAuth
from microblog.domain.password_reset import Recoveries
from microblog.domain.passwords import Hashes
from microblog.domain.polls import Polls
from microblog.domain.ports import Studio, Web
from microblog.domain.posts import Posts
from microblog.domain.profile_images import Pictures
from microblog.domain.push.notifications import Pushes
from microblog.domain.rate_limits import CountedLogins, Limits
from microblog.domain.read_markers import Markers
from microblog.domain.registration import Registrations
from microblog.domain.relationships import Relations
from microblog.domain.reports import Reports
from microblog.domain.scheduled import Schedules
from microblog.domain.search import Search
from microblog.domain.sessions import Sessions
from microblog.domain.signed_tokens import Seals
from microblog.domain.site_stats import Census
from microblog.domain.statistics import Statistics
from microblog.domain.suggestions import People
from microblog.domain.tags import Tags
from microblog.domain.timelines import Timelines
from microblog.domain.tokens import Tokens
from microblog.domain.trends import Trends
from microblog.jobs.clock_check import SystemClock
from microblog.storage.database import Transactions

now = SystemClock(lambda: datetime.now(UTC))


@frozen
class ExternalServices:
    """What services need from outside the database: a studio for media, and something that waits for so many seconds.

    `web` fetches link previews; without it there are none. `chance` gives uniform numbers in [0, 1).
    """

    studio: Studio
    pause: Callable[[float], Awaitable[object]]
    web: Web | None = None
    chance: Callable[[], float] = lambda: 0.0

    def promises(self, url: str) -> Promises | None:
        """What posts of the site at `url` promise."""
        return None if self.web is None else Promises(url, self.chance)

    def cards(self, database: Transactions) -> Cards | None:
        """What fetches link previews."""
        return None if self.web is None else Cards(database, self.web, self.studio, now)


@frozen
class Domain:
    """The services of the domain on one database."""

    accounts: Accounts
    announcements: Announcements
    apps: Apps
    attachments: Attachments
    census: Census
    changes: Changes
    completion: Completion
    confirmations: Confirmations
    conversations: Conversations
    credentials: Credentials
    dispatch: Dispatch
    filters: Filters
    follows: Follows
    jobs: Jobs
    limits: Limits
    lists: Lists
    markers: Markers
    marks: Marks
    moderation: Moderation
    notification_groups: NotificationGroups
    notification_policies: NotificationPolicies
    notifications: Notifications
    oauth: OAuth
    outbox: Outbox
    people: People
    pictures: Pictures
    polls: Polls
    posts: Posts
    pushes: Pushes
    recoveries: Recoveries
    registrations: Registrations
    relations: Relations
    reports: Reports
    schedules: Schedules
    search: Search
    sessions: Sessions
    statistics: Statistics
    subscriptions: Subscriptions
    tags: Tags
    timelines: Timelines
    tokens: Tokens
    trends: Trends

    @classmethod
    def on(cls, settings: Settings, database: Transactions, passwords: Hashes, limits: Limits, external: ExternalServices) -> Domain:
        """All of them."""
        url, throttle = settings.public_url, CountedLogins(limits)
        host, links = urlsplit(url).netloc, Links(url, Seals(secret_key(settings.data_dir)))
        accounts, changes = Accounts(database, host, url, now), Changes(database)
        sieves, search = Sieves(database, now, changes), Search(database, accounts, now)
        posts = Posts(database, host, url, settings.max_characters, now, external.promises(url))
        registrations = Registrations(database, passwords, settings.registration, settings.smtp_url is None, now)
        return cls(
            accounts=accounts,
            announcements=Announcements(database, host, url, now),
            apps=Apps(database, now),
            attachments=Attachments(database, external.studio, now, external.pause),
            census=Census(database, now),
            changes=changes,
            completion=Completion(database),
            confirmations=Confirmations(database, links, now),
            conversations=Conversations(database, now),
            credentials=Credentials(database, passwords, throttle, settings.smtp_url is None, now),
            dispatch=Dispatch(database, links, settings.message_host, now),
            filters=Filters(database, sieves, now),
            follows=Follows(database, now),
            jobs=Jobs(database, now),
            limits=limits,
            lists=Lists(database, now),
            markers=Markers(database, now),
            marks=Marks(database, now),
            moderation=moderation_of(database, passwords, registrations),
            notification_groups=NotificationGroups(database, now),
            notification_policies=NotificationPolicies(database, now),
            notifications=Notifications(database, now),
            oauth=OAuth(database, now),
            outbox=Outbox(database, None if settings.smtp_url else str(mail_directory(settings)), now),
            people=People(database, now),
            pictures=Pictures(database, external.studio, now),
            polls=Polls(database, now),
            posts=posts,
            pushes=Pushes(database, now),
            recoveries=Recoveries(database, passwords, links, now, host),
            registrations=registrations,
            relations=Relations(database, now),
            reports=Reports(database, now),
            schedules=Schedules(database, posts, now),
            search=search,
            sessions=Sessions(database, passwords, throttle, now, host),
            statistics=Statistics(database, settings.time_zone, now),
            subscriptions=Subscriptions(database, links),
            tags=Tags(database, search, now),
            timelines=Timelines(database, now, sieves),
            tokens=Tokens(database, now),
            trends=Trends(database, search, now),
        )


def moderation_of(database: Transactions, passwords: Hashes, registrations: Registrations) -> Moderation:
    """What moderators do with people."""
    members = Members(database, passwords, now)
    return Moderation(members, registrations, Sanctions(database, members, now))


def mail_directory(settings: Settings) -> Path:
    """Where a site keeps its letters that sends none."""
    return settings.data_dir / "mail"
