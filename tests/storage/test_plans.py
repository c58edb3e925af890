"""Query plans: on a sufficiently large site, no statement scans a big table.

Every function of storage is called and each of its statements explained: the hot ones in all the ways that benchmarks/queries.py times on a
million posts, all others once, with arguments made up from their parameters' names. So a new query is looked at without being listed here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from types import ModuleType
from typing import Any

import psycopg2
import pytest

from benchmarks.dataset import Site, fill, name, token
from benchmarks.queries import ExplainingCursor, Query, frequent_queries, pages
from microblog import storage
from microblog.domain.tokens import token_hash
from microblog.model.accounts import Account, Preferences, Role
from microblog.model.actor_keys import StoredKeyPair
from microblog.model.audit import AuditAction, AuditEntry, AuditQuery
from microblog.model.deliveries import HostFilter, HostState, Inbox, OutgoingActivity, OutgoingKind
from microblog.model.domain_rules import DomainRule, DomainSeverity, HiddenBy, RuleToStore
from microblog.model.emails import EmailKind, EmailState
from microblog.model.emojis import Emoji, EmojiDraft, EmojiFiles, EmojiPage, EmojiQuery
from microblog.model.events import EventKind, Position
from microblog.model.federation import ActorEndpoints, ActorKind
from microblog.model.federation_posts import RemoteAttachment, RemoteCounts, RemoteEmoji, RemoteImage
from microblog.model.ids import ConversationId, JobId, RuleId
from microblog.model.incoming_activities import ActivityToStore
from microblog.model.ip_blocks import IpBlockValues, IpSeverity
from microblog.model.jobs import Job, JobState
from microblog.model.lists import ListReplies
from microblog.model.media import Dimensions, MediaKind
from microblog.model.media_usage import FileTotals
from microblog.model.moderation import AccountQuery, ModerationAction, RemoteAccountQuery, Sanction
from microblog.model.notification_policy import Policy
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.model.push import PushChoice, PushTarget
from microblog.model.remote_actors import ActorCounts, ActorToStore, StoredKey
from microblog.model.remote_files import RemoteFileKind, SharedFile
from microblog.model.remote_posts import Addressees, AttachmentToStore, KnownPost, PostPoll
from microblog.model.reports import ReportCategory
from microblog.model.rules import Rule
from microblog.model.severances import SeveranceKind
from microblog.model.site_images import ImageFile, SiteImage, SiteImageKind
from microblog.model.statistics import TimeSpan
from microblog.model.timeline_rules import AccountPosts, TagFilter
from microblog.model.trends import TagChanges
from microblog.storage import conversations, search
from microblog.storage.database import Connection, Cursor, connect, execute, fetch_all
from microblog.storage.domain_accounts import AccountHosts
from microblog.storage.follows import FollowOptions
from microblog.storage.invalidation_log import InvalidationPosition
from microblog.storage.notification_groups import GroupSelection
from microblog.storage.received_actions import Action, ActionKind

SITE = Site(posts=30_000, people=2_000, end=datetime(2026, 3, 4, tzinfo=UTC))
BIG_ROWS = 3_000  # a table that small is read fastest from end to end

HOT = {query.name: query for query in frequent_queries(SITE)}

# Modules whose statements are not about posts and people, or are no statements.
OTHER_MODULES = {
    "announcement_drafts": "tables of its own",
    "announcements": "tables of its own",
    "bulk_insert": "fills an empty site",
    "cards": "tables of its own",
    "site_settings": "tables of its own",
    "site_stats": "counts everything, for administrators",
    "domain_rules": "tables of its own",
    "database": "carries out what others say",
    "known_browsers": "tables of its own",
    "table_checksums": "reads everything, for a backup",
    "filters": "tables of its own",
    "jobs": "tables of its own",
    "emails": "tables of its own",
    "lists": "tables of its own",
    "email_digests": "tables of its own",
    "media": "tables of its own",
    "migrate": "makes the tables",
    "oauth": "tables of its own",
    "paging": "no statements",
    "timeouts": "no statements",
    "polls": "tables of its own",
    "schema_check": "no statements",
    "reports": "tables of its own",
    "rules": "tables of its own",
    "scheduled": "tables of its own",
    "statements": "carries out what others say",
    "statistics": "reads whole days, once a day",
    "visibility": "no statements",
}
OTHER_FUNCTIONS = {
    "day_counts.count_posts": "reads a whole day",
    "day_counts.count_cohorts": "reads the visits of a whole month",
    "day_counts.store_posts": "reads a whole day, once a day",
    "day_counts.store_cohorts": "reads the visits of a whole month, once a day",
    "accounts.search": "reads every account, and says so",
    "users.page_of": "the administrator's list, with conditions that few logins fit",
    "users.search": "the same for programs of moderators",
    "suspensions.search": "accounts of other servers for moderators",
}

ACCOUNT, OTHER, POST = SITE.account_id(SITE.typical[0]), SITE.account_id(7), SITE.post_id(SITE.posts - 50)
JOB = Job(JobId(1), "kind", {}, 1, JobState.RUNNING, SITE.end, SITE.end)
SOMEBODY = Account(ACCOUNT, name(SITE.typical[0]), "", "", "", SITE.end)
BY_NAME: dict[str, Any] = {
    "account": ACCOUNT,
    "accounts": [ACCOUNT, OTHER],
    "address": "192.0.2.1",
    "among": [OTHER],
    "after": SITE.post_id(SITE.posts - 1_000),
    "at": SITE.end,
    "back": 100,
    "before": SITE.end,
    "by": 1,
    "code": "code",
    "confirmed_at": None,
    "created_by": None,
    "email": "somebody@example.org",
    "entries": [(POST, None)],
    "epoch": "epoch",
    "expires_at": SITE.end,
    "followee": OTHER,
    "follower": ACCOUNT,
    "fresh_epoch": "epoch",
    "withheld": [OTHER],
    "hides": True,
    "id": ACCOUNT,
    "ids": [ACCOUNT, OTHER],
    "keep": 10,
    "key": "key",
    "keys": ["tag1", "tag2"],
    "last_read_id": POST,
    "limit": 20,
    "moderator": OTHER,
    "most_unread": 100,
    "name": "preference",
    "note": "note",
    "notifications": True,
    "now": SITE.end,
    "offset": 0,
    "one": ACCOUNT,
    "options": FollowOptions(),
    "original": POST,
    "other": OTHER,
    "others": [OTHER],
    "page": Page(),
    "password_hash": "-",
    "payload": {},
    "post": POST,
    "posts": [POST],
    "preferences": Preferences(),
    "prefix": "person12",
    "verified_hash": None,
    "role": Role.USER,
    "sanction": Sanction(ModerationAction.NONE),
    "sender": OTHER,
    "senders": [OTHER],
    "sessions": [SITE.other_id(1)],
    "since": SITE.post_id(SITE.posts - 1_000),
    "tags": [1, 2],
    "target": OTHER,
    "thread": POST,
    "timeline": "home",
    "timelines": ["home"],
    "token_hash": token_hash(token(SITE.typical[0])),
    "unread": [OTHER],
    "until": None,
    "up_to": POST,
    "user_agent": "",
    "username": "somebody",
    "usernames": [name(7)],
    "value": "value",
    "viewer": ACCOUNT,
    "xid": 0,
}
BY_TYPE: dict[str, Any] = {
    "FileTotals": FileTotals(1, 1),
    "Account": SOMEBODY,
    "Post": Post(POST, SOMEBODY, "text", "html", Visibility.PUBLIC, SITE.end),
    "NotificationKind": NotificationKind.MENTION,
    "EventKind": EventKind.POST_PUBLISHED,
    "Collection[TokenId]": [1],
    "Collection[tuple[str, str]]": [("tag1", "tag1"), ("new", "new")],
    "GroupSelection": GroupSelection(),
    "Policy": Policy(),
    "PushChoice": PushChoice(),
    "PushTarget": PushTarget("https://push.example.net/", b"point", b"secret"),
    "ReportCategory": ReportCategory.SPAM,
    "Job": JOB,
    "JobState": JobState.DEAD,
    "EmailKind": EmailKind.MENTION,
    "ModerationAction": ModerationAction.SUSPEND,
    "EmailState": EmailState.SENT,
    "MediaKind": MediaKind.IMAGE,
    "ListReplies": ListReplies.LIST,
    "Sequence[Job]": [JOB],
    "Sequence[Rule]": [Rule(RuleId(1), "text")],
    "AccountQuery": AccountQuery(),
    "TimeSpan": TimeSpan(SITE.end - timedelta(days=1), SITE.end),
    "date": SITE.end.date(),
    "TagChanges": TagChanges(usable=False),
    "Sequence[CardId]": [1],
    "Sequence[date]": [SITE.end.date()],
    "timedelta": timedelta(minutes=1),
    "Sequence[StoredConversation]": [conversations.StoredConversation(ConversationId(1), ACCOUNT, (OTHER,), True, POST, POST)],
    "InvalidationPosition": InvalidationPosition("1:1:", SITE.end),
    "Position": Position("", 1, 0),
    "AccountPosts": AccountPosts(ACCOUNT),
    "Action": Action(ActionKind.FAVOURITE, POST),
    "ActivityToStore": ActivityToStore("key", ACCOUNT, "far.example", "{}"),
    "ActorCounts": ActorCounts(1, 2, 3),
    "ActorToStore": ActorToStore(
        SOMEBODY, ActorKind.PERSON, ActorEndpoints("https://far.example/inbox"), (StoredKey("https://far.example/1", "key"),)
    ),
    "Addressees": Addressees((ACCOUNT,), (OTHER,)),
    "Collection[Emoji]": [Emoji("cat", 1)],
    "EmojiDraft": EmojiDraft("dog"),
    "SiteImageKind": SiteImageKind.LOGO,
    "SiteImage": SiteImage((ImageFile("logo.png", Dimensions(400, 100)),)),
    "EmojiFiles": EmojiFiles("dog.gif", "dog-small.png"),
    "EmojiPage": EmojiPage(20),
    "EmojiQuery": EmojiQuery(),
    "Collection[RemoteEmoji]": [RemoteEmoji("cat", RemoteImage("https://far.example/cat.png"))],
    "Collection[Inbox]": [Inbox("far.example", "https://far.example/inbox")],
    "Collection[AttachmentToStore]": [AttachmentToStore(RemoteAttachment("Image", "https://far.example/1"), MediaKind.IMAGE)],
    "HostState": HostState(dead_since=SITE.end),
    "KnownPost": KnownPost(POST, OTHER, None, POST),
    "OutgoingActivity": OutgoingActivity(OutgoingKind.CREATE, ACCOUNT, "{}"),
    "RemoteFileKind": RemoteFileKind.MEDIA,
    "SharedFile": SharedFile(RemoteFileKind.MEDIA, 1, "https://far.example/1", "far.example"),
    "PostPoll": PostPoll(("yes", "no"), (1, 2), 3, False, SITE.end),
    "StoredKeyPair": StoredKeyPair("public", b"private"),
    "RuleToStore": RuleToStore(DomainRule("far.example", DomainSeverity.SUSPEND)),
    "Mapping[str, datetime | None]": {"https://ada.example": SITE.end},
    "RemoteCounts": RemoteCounts(1, 2, 3),
    "Mapping[AccountHosts, HiddenBy]": {AccountHosts("far.example", "far.example"): HiddenBy(suspended=True)},
    "Sequence[tuple[AccountId, AccountId]]": [(ACCOUNT, OTHER)],
    "SeveranceKind": SeveranceKind.DOMAIN_BLOCK,
    "IpBlockValues": IpBlockValues(ip_network("192.0.2.0/24"), IpSeverity.NO_ACCESS),
    "AuditEntry": AuditEntry(AuditAction.ACCOUNT_WARN, ACCOUNT),
    "AuditQuery": AuditQuery(),
    "HostFilter": HostFilter.ALL,
    "TagFilter": TagFilter(["tag1"], ["tag2"], ["tag3"]),
    "PostQuery": search.PostQuery("'word' & 'begin':*", ["'other'"], ["text"], ["more"]),
}
PLAIN: dict[str, Any] = {
    "bool": True,
    "bytes": b"bytes",
    "datetime": SITE.end,
    "int": 1,
    "str": "text",
    "Collection[int]": [1],
    "Collection[str]": ["text"],
    "Iterable[int]": [1],
    "Sequence[int]": [1],
    "Sequence[str]": ["text"],
}
BY_PLACE: dict[str, dict[str, Any]] = {
    "activity_recipients.mentioned_since": {"since": SITE.end - timedelta(days=2)},
    "conversations.set_unread": {"unread": True},
    "delivery_stats.hosts": {"after": ""},
    "federation_days.count_received": {"until": SITE.end},
    "email_domain_blocks.attempts": {"blocks": [1], "since": SITE.end.date()},
    "email_domain_blocks.count_attempt": {"blocks": [1], "day": SITE.end.date()},
    "events.delete_old": {"since": SITE.end - timedelta(days=800)},
    "idempotency_keys.delete_old": {"since": SITE.end - timedelta(days=800)},
    "invalidation_log.delete_old": {"since": SITE.end - timedelta(days=800)},
    "jobs.delete_old": {"since": SITE.end - timedelta(days=800)},
    "ip_blocks.by_network": {"network": "192.0.2.0/24"},
    "ip_blocks.severities": {"address": "192.0.2.1"},
    "incoming_activities.waiting": {"since": SITE.end - timedelta(days=1)},
    "profile_links.store": {"links": {"https://example.org/": SITE.end}},
    "received_actions.latest": {"since": SITE.end - timedelta(hours=1)},
    "remote_images.note": {"kind": RemoteFileKind.AVATAR},
    "remote_images.remove": {"kind": RemoteFileKind.AVATAR},
    "remote_images.show": {"kind": RemoteFileKind.HEADER},
    "retention.delete_accounts": {"after": ""},
    "retention.delete_posts": {"after": ""},
    "reports.count_from_host": {"since": SITE.end - timedelta(days=1)},
    "sessions.open_session": {"token_hash": b"new"},
    "suspensions.expired": {"kept_for": timedelta(days=30)},
    "suspensions.kept_until": {"kept_for": timedelta(days=30)},
    "suspensions.search": {"query": RemoteAccountQuery()},
}


UNKNOWN = object()


def modules() -> Iterator[ModuleType]:
    """Return the modules with statements about posts and accounts."""
    for found in pkgutil.iter_modules(storage.__path__):
        if not found.ispkg and found.name not in OTHER_MODULES:
            yield importlib.import_module(f"{storage.__name__}.{found.name}")


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Return their public functions that send statements."""
    for module in modules():
        for called, function in inspect.getmembers(module, inspect.isfunction):
            place = f"{module.__name__.rpartition('.')[2]}.{called}"
            is_ours = function.__module__ == module.__name__ and not called.startswith("_")
            if is_ours and "cursor" in inspect.signature(function).parameters and place not in OTHER_FUNCTIONS:
                yield place, function


def arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a value for each required parameter."""
    required = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty and one.name != "cursor"]
    return {one.name: _something(one.name, str(one.annotation)) for one in required}


def _something(called: str, kind: str) -> Any:
    if kind in BY_TYPE:
        return BY_TYPE[kind]
    if called in BY_NAME or kind.endswith("| None"):
        return BY_NAME.get(called)
    return 1 if kind.endswith("Id") else PLAIN.get(kind, UNKNOWN)


CALLED = {place: Query(place, function, arguments(function) | BY_PLACE.get(place, {})) for place, function in functions()}
QUERIES = HOT | {place: query for place, query in CALLED.items() if query.function not in {one.function for one in HOT.values()}}


@pytest.fixture(scope="module")
def site(new_database: Callable[[], str]) -> Iterator[Connection]:
    """A connection to a large site; each test rolls back."""
    connection = connect(new_database())
    fill(connection, SITE)
    yield connection
    connection.close()


def explained(site: Connection, query: Query) -> Iterator[list[dict[str, Any]]]:
    """Yield all steps of all statements that the query sends, twice.

    First those of the plans made for the values at hand, then those of the plans that a prepared statement comes to use for any.
    """
    for mode in ("force_custom_plan", "force_generic_plan"):
        with site.cursor(cursor_factory=ExplainingCursor) as cursor:
            cursor.plans = []
            execute(site.cursor(), "select set_config('plan_cache_mode', %(mode)s, true)", {"mode": mode})
            try:
                with suppress(psycopg2.IntegrityError):  # what is made up may fit no other row: the plan is known by then
                    query.run(cursor)
            finally:
                site.rollback()
            assert cursor.plans
            yield [step for plan in cursor.plans for step in nodes(plan["Plan"])]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the steps of a plan, including its subqueries."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.fixture(scope="module")
def big(site: Connection) -> set[str]:
    """Return the tables that grow with the site."""
    sql = "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples > %(rows)s"
    with site.cursor() as cursor:
        return set(fetch_all(cursor, str, sql, {"rows": BIG_ROWS}))


def test_the_sample_site_is_large_enough(big: set[str]) -> None:
    assert big >= {"posts", "post_counts", "follows", "favourites", "notifications", "mentions", "post_tags", "blocks", "mutes"}


@pytest.mark.parametrize("query", QUERIES)
def test_no_big_table_is_read_from_end_to_end(site: Connection, big: set[str], query: str) -> None:
    for steps in explained(site, QUERIES[query]):
        assert {step["Relation Name"] for step in steps if step["Node Type"] == "Seq Scan"} & big == set()


def test_every_function_of_storage_is_called() -> None:
    unknown = [f"{place}: {name}" for place, query in CALLED.items() for name, value in query.arguments.items() if value is UNKNOWN]
    assert unknown == [], "BY_NAME, BY_TYPE or BY_PLACE has to say what these may be"


def test_a_scan_of_all_posts_is_detected(site: Connection) -> None:
    def longest(cursor: Cursor) -> None:
        cursor.execute("select id from posts p order by length(p.text) desc limit 1")

    for steps in explained(site, Query("longest", longest, {})):
        assert [step["Relation Name"] for step in steps if step["Node Type"] == "Seq Scan"] == ["posts"]


@pytest.mark.parametrize("where", pages(SITE))
@pytest.mark.parametrize("who", ["member", "anonymous"])
def test_the_public_timeline_is_read_from_its_own_index(site: Connection, who: str, where: str) -> None:
    for steps in explained(site, HOT[f"public, {who}, {where}"]):
        assert "posts_public" in {step.get("Index Name") for step in steps}
        assert "Sort" not in {step["Node Type"] for step in steps}


@pytest.mark.parametrize("where", pages(SITE))
@pytest.mark.parametrize("kind", ["typical", *SITE.special])
def test_the_home_timeline_reads_no_other_rows_than_boosts(site: Connection, kind: str, where: str) -> None:
    for steps in explained(site, HOT[f"home, {kind} reader, {where}"]):
        listed = [step["Node Type"] for step in steps if step.get("Index Name") == "posts_by_author"]
        assert listed == ["Index Only Scan", "Index Only Scan"]


def test_foreign_keys_to_posts_and_accounts_have_indexes(site: Connection) -> None:
    """Otherwise deleting one post scans a whole table for each foreign key."""
    with site.cursor() as cursor:
        without = fetch_all(
            cursor,
            lambda table, column: f"{table}.{column}",
            """select c.conrelid::regclass::text, a.attname from pg_constraint c
               join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
               where c.contype = 'f' and c.confrelid in ('posts'::regclass, 'accounts'::regclass)
               and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])
               order by 1, 2""",
        )
    assert without == []
