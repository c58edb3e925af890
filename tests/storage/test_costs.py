"""Costs of statements on a site where each table, one account, one conversation, one hashtag and one word are large.

Plans on a small site show nothing: an index is used there too, but read from end to end for the one member who has everything. So each
function of storage is called for that member on a large site, and the pages that PostgreSQL touches for it are counted.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg2
import pytest
from attrs import evolve

from benchmarks.queries import ExplainingCursor, Query
from microblog import storage
from microblog.model.ids import AccountId, PostId
from microblog.model.paging import Page
from microblog.storage import conversations, notification_groups, notifications, search
from microblog.storage.database import Connection, connect, fetch_value
from microblog.storage.notification_groups import GroupSelection
from tests.make import NOW
from tests.storage import test_plans as plans

MAX_PAGES = 4_000  # of 8 kB each: some milliseconds
MAX_SEARCH_PAGES = 10 * search.MAX_MATCHES  # where nothing of so many is like the rest of the wish
MEMBER, OTHER, ROOT = 1, 2, 2**32  # posts lie 65 s apart
PEOPLE, ROWS, TALKS = 3_000, 40_000, 2_000

NO_STATEMENTS = {"bulk_insert", "database", "table_checksums", "migrate", "paging", "timeouts", "schema_check", "statements", "visibility"}
MAY_COST_MORE = {
    "activity_recipients.follower_uris": "lists all followers on a host, whose server compares them with its own",
    "accounts.suggested": "goes past all whom the member follows, here everybody",
    "blocked_domains.delete_notifications": "deletes all that there is, once",
    "blocked_domains.related": "a command that is rare: looks at all follows of the member once",
    "remote_relations.local_followers": "lists all followers here, whose digest the followee's server compares with its own",
    "conversations.delete_with": "takes away what it finds, once",
    "conversations.delete_with_domain": "takes away what it finds, once",
    "emails.erase_recipient": "a job, once for each account",
    "notifications.clear": "deletes all that there is, once",
    "notifications.delete_of_post": "deletes all that there is, once",
    "account_deletion.delete_other_rows": "a job, once for each account",
    "reports.count_from_host": "looks at the reports of a day",
    "sessions.end_all": "ends all that there are, once",
    "sessions.end_oldest": "ends all but some, once: then there are no more than these",
    "timelines.home": "three looks for each of 3,000 people who are followed",
}
ONE_ROW = "writes or reads rows by their keys, as many as it is given"
ONCE_A_DAY = "no request causes it: a job, once a day"
NOT_CALLED = {
    "accounts.update_profile": ONE_ROW,
    "announcement_drafts.insert": ONE_ROW,
    "announcement_drafts.replace": ONE_ROW,
    "announcements.insert": ONE_ROW,
    "announcements.update": ONE_ROW,
    "audit.insert": ONE_ROW,
    "audit.search": "what a moderator asks for",
    "site_stats.active": "what an administrator asks for",
    "domain_accounts.set_state_of": "what an administrator asks for",
    "domain_rules.add": ONE_ROW,
    "domain_rules.replace": ONE_ROW,
    "email_domain_blocks.add": ONE_ROW,
    "email_domain_blocks.attempts": "what an administrator asks for",
    "email_domain_blocks.count_attempt": ONE_ROW,
    "filters.change_keyword": ONE_ROW,
    "filters.insert": ONE_ROW,
    "filters.update": ONE_ROW,
    "ip_blocks.add": ONE_ROW,
    "ip_blocks.replace": ONE_ROW,
    "jobs.retry": "what an administrator asks for",
    "lists.update": ONE_ROW,
    "email_digests.add_digests": ONCE_A_DAY,
    "email_digests.missed": ONCE_A_DAY,
    "media.change": ONE_ROW,
    "media.finish": ONE_ROW,
    "oauth.record_use": ONE_ROW,
    "reports.search": "what a moderator asks for",
    "media.set_profile_image": ONE_ROW,
    "media.set_preview": ONE_ROW,
    "oauth.apps": "what an administrator asks for",
    "oauth.insert_code": ONE_ROW,
    "polls.insert": ONE_ROW,
    "polls.reset": ONE_ROW,
    "posts.add_tags": ONE_ROW,
    "posts.insert": ONE_ROW,
    "posts.update_content": ONE_ROW,
    "posts.set_tags": ONE_ROW,
    "remote_posts.attach": "moves a thread of at most a thousand posts, once",
    "remote_posts.insert": ONE_ROW,
    "scheduled.insert": ONE_ROW,
    "statistics.write": ONCE_A_DAY,
    "timelines.of_tags": "test_plans.py calls it with tags that are there",
}
"""Functions that are given what cannot be made up from names and types, and why none of them can cost more."""

FILL = f"""
set session_replication_role = replica;
insert into accounts (id, username, created_at) select n, 'person' || n, now() from generate_series(1, {PEOPLE}) n;
insert into account_counts (account_id) select n from generate_series(1, {PEOPLE}) n on conflict do nothing;
insert into posts (id, account_id, text, html, visibility, spoiler, sensitive, thread_id, reply_to, reply_to_account, created_at)
    select n * {ROOT}::bigint, 1 + (n % 3) / 2 * (n % {PEOPLE}),
        'common word' || n || ' begin' || n || case when n < {ROWS} / 2 then ' once' else '' end,
        '', 'public', '', false,
        case when n % 2 = 0 then n * {ROOT}::bigint else {ROOT} end, case when n % 2 = 0 or n = 1 then null else {ROOT} end,
        case when n % 2 = 0 or n = 1 then null else 1 end, now()
    from generate_series(1, {ROWS}) n;
insert into post_counts (post_id) select id from posts;
insert into post_words select id, search_terms(spoiler, text) from posts;
insert into tags (id, key, name, uses) select n, 'tag' || n, 'tag' || n, 1 from generate_series(1, {ROWS}) n;
insert into post_tags (tag_id, post_id) select 1, id from posts;
insert into mentions (post_id, account_id) select id, 1 from posts;
insert into follows (id, follower_id, followee_id, created_at) select n, 1, n, now() from generate_series(2, {PEOPLE}) n;
insert into follows (id, follower_id, followee_id, created_at) select {PEOPLE} + n, n, 1, now() from generate_series(2, {PEOPLE}) n;
insert into favourites (id, account_id, post_id, created_at) select id, 1, id, now() from posts;
insert into favourites (id, account_id, post_id, created_at) select n, n, {ROOT}, now() from generate_series(2, {PEOPLE}) n;
insert into bookmarks (id, account_id, post_id, created_at) select id, 1, id, now() from posts;
insert into notifications (id, account_id, kind, from_account_id, post_id, created_at, group_key)
    select 2 * n, 1, 'favourite', 2 + n % ({PEOPLE} - 2), {ROOT} * (1 + n / ({PEOPLE} - 2))::bigint, now(),
        case when n % 2 = 0 then 'all' else '' end
    from generate_series(1, {ROWS}) n;
insert into notifications (id, account_id, kind, from_account_id, created_at)
    select 18 * n + 2 * m + 1, n, 'follow', m, now() from generate_series(2, {PEOPLE}) n, generate_series(1, 9) m;
insert into events (kind, at, account_id, post_id) select 'post.published', now(), 1, n * {ROOT}::bigint from generate_series(1, {ROWS}) n;
insert into invalidation_log (keys) select array['p' || n] from generate_series(1, {ROWS}) n;
insert into jobs (id, kind, due_at, created_at, state) select n, 'kind', now(), now(), case when n % 2 = 0 then 'dead' else 'waiting' end
    from generate_series(1, {ROWS}) n;
insert into emails (id, account_id, kind, recipient, created_at)
    select n, 1, 'mention', 'somebody@example.org', now() from generate_series(1, {ROWS}) n;
insert into media (id, account_id, kind, created_at) select n, 1, 'image', now() from generate_series(1, {ROWS}) n;
insert into posts (id, account_id, text, html, visibility, spoiler, sensitive, thread_id, created_at)
    select ({ROWS} + n) * {ROOT}::bigint, 1, '', '', 'direct', '', false, ({ROWS} + n) * {ROOT}::bigint, now()
    from generate_series(1, {TALKS}) n;
insert into mentions (post_id, account_id) select ({ROWS} + n) * {ROOT}::bigint, 2 + n % 100 from generate_series(1, {TALKS}) n;
insert into conversations (id, account_id, thread_id, participants, unread, last_post_id)
    select n, 1, ({ROWS} + n) * {ROOT}::bigint, array[2 + n % 100]::bigint[], true, ({ROWS} + n) * {ROOT}::bigint
    from generate_series(1, {TALKS}) n;
insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at)
    select n, int8send(n::bigint), 1, now(), now(), now() from generate_series(1, {ROWS}) n;
"""


@pytest.fixture(scope="module")
def large(new_database: Callable[[], str]) -> Iterator[Connection]:
    connection = connect(new_database())
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        connection.commit()
        connection.autocommit = True
        cursor.execute("set session_replication_role = origin")
        cursor.execute("set statement_timeout = '2min'")  # explained, a deletion of all that a member has takes long
        cursor.execute("vacuum analyze")
        connection.autocommit = False
    yield connection
    connection.close()


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Return all functions of storage that send statements."""
    for found in pkgutil.iter_modules(storage.__path__):
        if found.ispkg or found.name in NO_STATEMENTS:
            continue
        module = importlib.import_module(f"{storage.__name__}.{found.name}")
        for called, function in inspect.getmembers(module, inspect.isfunction):
            is_ours = function.__module__ == module.__name__ and not called.startswith("_")
            if is_ours and "cursor" in inspect.signature(function).parameters:
                yield f"{found.name}.{called}", function


def queries() -> Iterator[Query]:
    """Return one call of each function for the account with much data."""
    for place, function in functions():
        if place not in NOT_CALLED:
            arguments = {name: LARGE.get(name, value) for name, value in plans.arguments(function).items()}
            yield Query(place, function, arguments | plans.BY_PLACE.get(place, {}) | BY_PLACE.get(place, {}))


BY_PLACE: dict[str, dict[str, Any]] = {
    "accounts.delete": {"id": PEOPLE},  # for sign-ups that were rejected, who have little
    "emails.count_since": {"since": NOW},
    "domain_accounts.set_state_of": {"account": plans.BY_TYPE["Account"]},
}
LARGE: dict[str, Any] = {
    "account": MEMBER,
    "viewer": MEMBER,
    "follower": MEMBER,
    "id": MEMBER,
    "one": MEMBER,
    "original": ROOT,
    "post": ROOT,
    "posts": [ROOT],
    "thread": ROOT,
    "ids": [MEMBER, OTHER],
    "accounts": [MEMBER, OTHER],
    "other": OTHER,
    "followee": OTHER,
    "usernames": ["person1"],
    "prefix": "person",
    "tags": [1, 2],
    "now": NOW,
    "wish": search.PostQuery("'common'"),
}
QUERIES = {query.name: query for query in queries()}


def test_every_function_is_measured_or_excluded_with_a_reason() -> None:
    unknown = [query.name for query in QUERIES.values() if plans.UNKNOWN in query.arguments.values()]
    assert unknown == [], "Give their arguments by type in test_plans.py, or list them in NOT_CALLED."
    assert NOT_CALLED.keys() <= dict(functions()).keys()
    assert MAY_COST_MORE.keys() <= QUERIES.keys()


@pytest.mark.parametrize("place", QUERIES)
def test_no_statement_of_a_request_costs_more_for_large_accounts(large: Connection, place: str) -> None:
    with large.cursor(cursor_factory=CountingConnection) as cursor:
        cursor.plans = []
        try:
            with suppress(psycopg2.IntegrityError):  # what is made up may fit no other row
                QUERIES[place].run(cursor)
        finally:
            large.rollback()
        pages = sum(_pages(plan["Plan"]) for plan in cursor.plans)
    if pages > MAX_PAGES:
        _vacuum(large)  # what was rolled back is in the way of others
    assert pages <= MAX_PAGES or place in MAY_COST_MORE


@pytest.mark.parametrize("page", [Page(), Page(min_id=1)], ids=["down", "up"])
@pytest.mark.parametrize("chosen", [{"kinds": ["poll"]}, {"kinds": ["poll", "follow"]}, {"without": ["favourite"]}, {"sender": 2}])
def test_a_page_of_notifications_of_a_rare_kind_or_sender_reads_no_others(large: Connection, chosen: dict[str, Any], page: Page) -> None:
    with large.cursor(cursor_factory=CountingConnection) as cursor:
        cursor.plans = []
        alone = notifications.page_of(cursor, account=AccountId(MEMBER), page=page, **chosen)
        notification_groups.page_of(cursor, account=AccountId(MEMBER), page=page, choice=GroupSelection(**chosen))
        pages = sum(_pages(plan["Plan"]) for plan in cursor.plans)
    large.rollback()
    assert len(alone) == (min(page.limit, ROWS // (PEOPLE - 2)) if "sender" in chosen else 0)
    assert pages <= MAX_PAGES // 2


def test_deleting_a_direct_post_does_not_read_its_long_thread(large: Connection) -> None:
    with large.cursor() as cursor:
        cursor.execute(LAST_MESSAGE)
    with large.cursor(cursor_factory=CountingConnection) as cursor:
        cursor.plans = []
        conversations.replace_last_post(cursor, post=PostId(LAST), now=NOW)
        assert fetch_value(cursor, f"select count(*) from conversations where id = {LAST}") == 0
        pages = sum(_pages(plan["Plan"]) for plan in cursor.plans)
    large.rollback()
    assert pages <= 100


LAST = 2 * ROWS * ROOT
LAST_MESSAGE = f"""
with said as (
    insert into posts (id, account_id, text, html, visibility, spoiler, sensitive, thread_id, created_at, deleted_at)
    values ({LAST}, {MEMBER}, '', '', 'direct', '', false, {ROOT}, now(), now()))
insert into conversations (id, account_id, thread_id, participants, unread, last_post_id)
values ({LAST}, {OTHER}, {ROOT}, array[{MEMBER}]::bigint[], true, {LAST})"""


WISHES = {
    "everywhere": search.PostQuery("'common'"),
    "beginning": search.PostQuery("'begin':*"),
    "with a rare one": search.PostQuery("'common' & 'word7'"),
    "rare": search.PostQuery("'word7'"),
    "nowhere": search.PostQuery("'nothing'"),
    "everywhere but one": search.PostQuery("'common'", without=["'word7'"]),
    "everywhere but everywhere": search.PostQuery("'common'", without=["'common'"]),
    "rare beginning": search.PostQuery("'begin7':*"),
    "once everywhere": search.PostQuery("'once'"),
}
RESTS: list[dict[str, Any]] = [{}, {"phrases": ["no such phrase"]}, {"has": ["audio"]}, {"tags": ["tag1"]}, {"account": OTHER}]


@pytest.mark.parametrize("page", [Page(), Page(min_id=1)], ids=["down", "up"])
@pytest.mark.parametrize("rest", RESTS, ids=str)
@pytest.mark.parametrize("wish", WISHES)
def test_no_search_costs_more_for_a_very_frequent_word(large: Connection, wish: str, rest: dict[str, Any], page: Page) -> None:
    with large.cursor(cursor_factory=CountingConnection) as cursor:
        cursor.plans = []
        search.posts(cursor, evolve(WISHES[wish], **rest), viewer=None, page=page, offset=0, now=NOW)
        pages = sum(_pages(plan["Plan"]) for plan in cursor.plans)
    large.rollback()
    assert pages <= MAX_SEARCH_PAGES * (1 + 1.5 * ("tags" in rest))  # posts with the tag, then posts with the words


class CountingConnection(ExplainingCursor):
    """Counts pages."""

    explain_options = "analyze, buffers, format json"


def _vacuum(connection: Connection) -> None:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("vacuum")
    connection.autocommit = False


def _pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
