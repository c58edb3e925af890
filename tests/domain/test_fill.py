"""The demo site's rows equal those that the site's own commands would have written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from microblog.domain.demo.compose import compose
from microblog.domain.demo.fill import DemoSite
from microblog.domain.demo.plan import Demo
from microblog.model.errors import Conflict, Invalid
from microblog.model.ids import AccountId, PostId
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Visibility
from microblog.storage import accounts, conversations, notifications, posts
from microblog.storage.database import Connection, Cursor, connect, fetch_all, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, quick_passwords, result_of
from tests.make import NOW


@pytest.fixture(scope="module")
def plan() -> Demo:
    return compose(7, NOW, 1500)


@pytest.fixture(scope="module")
def filled_connection(new_database: Callable[[], str], plan: Demo) -> Iterator[Connection]:
    """A connection to a site that was filled with the plan, and not committed."""
    with closing(connect(new_database())) as connection, connection.cursor() as cursor:
        fill(RolledBackDatabase(cursor), plan)
        yield connection


@pytest.fixture
def filled(filled_connection: Connection) -> Iterator[Cursor]:
    """A cursor on the filled site. The test's changes are rolled back."""
    with filled_connection.cursor() as cursor:
        cursor.execute("savepoint filled")
        yield cursor
        cursor.execute("rollback to savepoint filled")


def fill(db: RolledBackDatabase, plan: Demo, password: str | None = None) -> None:
    result_of(DemoSite(db, quick_passwords(), "example.org", "https://example.org", lambda: NOW).fill(plan, password))


def test_everything_in_the_plan_is_stored(filled: Cursor, plan: Demo) -> None:
    for table, expected in [
        ("accounts", len(plan.people)),
        ("posts", len(plan.posts)),
        ("follows", sum(follow.accepted for follow in plan.follows)),
        ("follow_requests", sum(not follow.accepted for follow in plan.follows)),
        ("favourites", len(plan.favourites)),
        ("bookmarks", len(plan.bookmarks)),
        ("revisions", sum(len(post.edits) for post in plan.posts)),
        ("users", len(plan.people)),
    ]:
        assert fetch_value(filled, f"select count(*) from {table}") == expected, table
    newest = fetch_value(filled, "select max(id) from posts")
    found = posts.by_ids(filled, [newest])[newest]
    assert (found.author.username, found.created_at) == (plan.posts[-1].author, plan.posts[-1].at)


def test_posts_are_stored_as_the_site_stores_them(filled: Cursor, plan: Demo) -> None:
    ids = fetch_all(
        filled, int, "select id from posts where boost_of is null and edited_at is null order by length(text) desc, id limit 100"
    )
    stored = posts.by_ids(filled, ids)
    for post in stored.values():
        anew = make.post(filled, post.author, post.text)
        assert (post.html, post.mentions, post.tags) == (anew.html, anew.mentions, anew.tags)


def test_counters_equal_a_recount(filled: Cursor, plan: Demo) -> None:
    for person in plan.people[:10]:
        account = accounts.by_username(filled, username=person.username)
        assert account is not None
        assert account.posts_count == sum(
            post.author == person.username and post.visibility is not Visibility.DIRECT for post in plan.posts
        )
        assert account.followers_count == sum(follow.followed == person.username and follow.accepted for follow in plan.follows)
        assert account.following_count == sum(follow.follower == person.username and follow.accepted for follow in plan.follows)
    open_posts = [post for post in plan.posts if post.visibility.is_open]
    replies, boosts = Counter(post.reply_to for post in open_posts), Counter(post.boost_of for post in open_posts)
    likes = Counter(like.post for like in plan.favourites)
    ids = fetch_all(filled, PostId, "select id from posts order by id")
    stored = posts.by_ids(filled, ids)
    for index, id in enumerate(ids):
        counted = (stored[id].replies_count, stored[id].boosts_count, stored[id].favourites_count)
        assert counted == (replies[index], boosts[index], likes[index])


def test_a_reply_belongs_to_its_thread(filled: Cursor, plan: Demo) -> None:
    wrong = """select count(*) from posts r join posts p on p.id = r.reply_to
               where r.thread_id <> p.thread_id or r.reply_to_account <> p.account_id"""
    assert fetch_value(filled, wrong) == 0
    assert fetch_value(filled, "select count(*) from posts where reply_to is not null") == sum(
        post.reply_to is not None for post in plan.posts
    )


def test_accounts_have_notifications_and_have_read_most_of_them(filled: Cursor, plan: Demo) -> None:
    kinds = set(fetch_all(filled, NotificationKind, "select distinct kind from notifications"))
    assert {NotificationKind.MENTION, NotificationKind.FAVOURITE, NotificationKind.BOOST, NotificationKind.FOLLOW} <= kinds
    assert fetch_value(filled, "select count(*) from notifications where account_id = from_account_id") == 0
    assert fetch_value(filled, "select count(*) from notifications where kind = 'favourite'") == len(plan.favourites)
    [someone] = fetch_all(filled, int, "select account_id from notifications group by account_id order by count(*) desc limit 1")
    assert notifications.unread(filled, account=AccountId(someone), limit=100) < 60


def test_accounts_have_the_conversations_of_their_direct_posts(filled: Cursor, plan: Demo) -> None:
    direct = [post for post in plan.posts if post.visibility is Visibility.DIRECT]
    assert direct
    found = set(fetch_all(filled, int, "select id from conversations"))
    assert {row.id for row in conversations.by_ids(filled, ids=found)} == found
    members = """select count(*) from (
        select p.thread_id, p.account_id from posts p where p.visibility = 'direct'
        union select p.thread_id, m.account_id from posts p join mentions m on m.post_id = p.id where p.visibility = 'direct') members"""
    assert len(found) >= fetch_value(filled, members) > 0
    assert fetch_value(filled, "select count(*) from conversations where unread") < len(found)


def test_the_same_plan_gives_the_same_rows(db: RolledBackDatabase, cursor: Cursor, filled: Cursor, plan: Demo) -> None:
    fill(db, plan)
    for table in ("posts", "notifications", "mentions", "post_tags", "tags", "follows", "favourites"):
        digest = f"select md5(string_agg(t::text, ',' order by t::text)) from {table} t"
        assert fetch_value(cursor, digest) == fetch_value(filled, digest), table


def test_a_site_with_an_account_is_not_filled(db: RolledBackDatabase, cursor: Cursor, plan: Demo) -> None:
    make.account(cursor, "admin")
    with pytest.raises(Conflict):
        fill(db, plan)
    assert fetch_value(cursor, "select count(*) from accounts") == 1


def test_demo_accounts_can_log_in_only_if_a_password_was_given(db: RolledBackDatabase, cursor: Cursor, plan: Demo) -> None:
    with pytest.raises(Invalid):
        fill(db, plan, "short")
    fill(db, compose(7, NOW, 20), "correct horse")
    hashes = fetch_all(cursor, str, "select distinct password_hash from users")
    assert len(hashes) == 1
    assert result_of(quick_passwords().verify(hashes[0], "correct horse")).correct
