"""What a statement costs where everything is large: each table, one member, one conversation, one tag, one word.

Plans on a small site do not tell: an index is used there too, and read from end to end for the one member who has everything. So each
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

from benchmarks.queries import Explained, Query
from microblog import storage
from microblog.model.paging import Page
from microblog.storage import search
from microblog.storage.database import Connection, connect
from tests.make import NOW
from tests.storage import test_plans as plans

MOST_PAGES = 4_000  # of 8 kB each: some milliseconds
MOST_PAGES_OF_SEARCH = 4 * search.NEWEST  # where nothing of so many that have a common word is like the rest of the wish
MEMBER, OTHER, ROOT = 1, 2, 65_536
PEOPLE, ROWS = 3_000, 40_000

NO_STATEMENTS = {"bulk", "database", "digests", "migrate", "paging", "patience", "prepare", "statements", "visibility"}
MAY_COST_MORE = {
    "accounts.suggested": "goes past all whom the member follows, here everybody",
    "conversations.forget_with": "takes away what it finds, once",
    "conversations.withdraw": "looks for the last post that is left of a conversation, here among 20,000",
    "notifications.clear": "deletes all that there is, once",
    "notifications.take_back_all_of_post": "deletes all that there is, once",
    "removal.everything_else": "a job, once for each account",
    "sessions.end_all": "ends all that there are, once",
    "sessions.end_oldest": "ends all but some, once: then there are no more than these",
    "timelines.home": "three looks for each of 3,000 people who are followed",
    "timelines.home_by_author": "the same",
}
# What is made up by names fits none of these; test_plans.py calls those that read posts with what fits.
ARGUMENTS_OF_THEIR_OWN = {
    "accounts.update_profile",
    "census.active",
    "jobs.retry",
    "mailings.add_digests",
    "mailings.missed",
    "media.set_picture",
    "oauth.apps",
    "oauth.insert_code",
    "posts.add_tags",
    "posts.insert",
    "posts.rewrite",
    "posts.set_tags",
    "timelines.of_tags",
}

FILL = f"""
set session_replication_role = replica;
insert into accounts (id, username, created_at) select n, 'person' || n, now() from generate_series(1, {PEOPLE}) n;
insert into account_counts (account_id) select n from generate_series(1, {PEOPLE}) n on conflict do nothing;
insert into posts (id, account_id, text, html, visibility, spoiler, sensitive, thread_id, reply_to, reply_to_account, created_at)
    select n * {ROOT}::bigint, 1 + (n % 3) / 2 * (n % {PEOPLE}), 'common word' || n || ' begin' || n, '', 'public', '', false,
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
    select n, 1, 'favourite', 2 + n % ({PEOPLE} - 2), {ROOT} * (1 + n / ({PEOPLE} - 2))::bigint, now(),
        case when n % 2 = 0 then 'all' else '' end
    from generate_series(1, {ROWS}) n;
insert into events (kind, at, account_id, post_id) select 'post.published', now(), 1, n * {ROOT}::bigint from generate_series(1, {ROWS}) n;
insert into changes (keys) select array['p' || n] from generate_series(1, {ROWS}) n;
insert into jobs (id, kind, due_at, created_at, state) select n, 'kind', now(), now(), case when n % 2 = 0 then 'dead' else 'waiting' end
    from generate_series(1, {ROWS}) n;
insert into letters (id, kind, recipient, created_at) select n, 'mention', 'somebody@example.org', now() from generate_series(1, {ROWS}) n;
insert into media (id, account_id, kind, created_at) select n, 1, 'image', now() from generate_series(1, {ROWS}) n;
insert into conversations (id, account_id, thread_id, participants, unread, last_post_id)
    select n, 1, n * {ROOT}::bigint, array[2 + n % 100]::bigint[], true, n * {ROOT}::bigint from generate_series(1, {ROWS}) n;
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
        cursor.execute("vacuum analyze")
        connection.autocommit = False
    yield connection
    connection.close()


def functions() -> Iterator[Query]:
    """Everything in storage that sends statements and that a request can cause, with the member who has everything."""
    for found in pkgutil.iter_modules(storage.__path__):
        if found.ispkg or found.name in NO_STATEMENTS:
            continue
        module = importlib.import_module(f"{storage.__name__}.{found.name}")
        for called, function in inspect.getmembers(module, inspect.isfunction):
            place = f"{found.name}.{called}"
            is_ours = function.__module__ == module.__name__ and not called.startswith("_")
            if is_ours and "cursor" in inspect.signature(function).parameters and place not in ARGUMENTS_OF_THEIR_OWN:
                given = plans.arguments(function)
                if plans.UNKNOWN in given.values():
                    continue
                arguments = {name: LARGE.get(name, value) for name, value in given.items()}
                yield Query(place, function, arguments | plans.BY_PLACE.get(place, {}))


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
    "wish": search.Wish("'common'", True),
}
QUERIES = {query.name: query for query in functions()}


@pytest.mark.parametrize("place", QUERIES)
def test_no_statement_of_a_request_costs_more_for_who_has_much(large: Connection, place: str) -> None:
    with large.cursor(cursor_factory=Measured) as cursor:
        cursor.plans = []
        try:
            with suppress(psycopg2.IntegrityError):  # what is made up may fit no other row
                QUERIES[place].run(cursor)
        finally:
            large.rollback()
        pages = sum(_pages(plan["Plan"]) for plan in cursor.plans)
    assert pages <= MOST_PAGES or place in MAY_COST_MORE


@pytest.mark.parametrize(
    "query", ["'common'", "'begin':*", "'common' & 'word7'", "'word7'", "'nothing'", "'common' & !('word7')", "'begin7':*"]
)
@pytest.mark.parametrize("rest", [{}, {"phrases": ["no such phrase"]}, {"has": ["audio"]}, {"tags": ["tag1"]}, {"account": OTHER}])
def test_no_search_costs_more_for_a_word_that_is_everywhere(large: Connection, query: str, rest: dict[str, Any]) -> None:
    with large.cursor(cursor_factory=Measured) as cursor:
        cursor.plans = []
        search.posts(cursor, search.Wish(query, indexed=True, **rest), viewer=None, page=Page(20), offset=0, now=NOW)
        pages = sum(_pages(plan["Plan"]) for plan in cursor.plans)
    large.rollback()
    assert pages <= MOST_PAGES_OF_SEARCH


class Measured(Explained):
    """Counts pages."""

    how = "analyze, buffers, format json"


def _pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
