"""Counts of hashtags by day: what the job counted, and what was used since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from microblog.model.ids import id_at
from microblog.model.posts import Visibility
from microblog.storage import posts, tags
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
FIRST = id_at(NOW.replace(hour=0) - timedelta(days=6)) - 1


def usage(cursor: Cursor) -> dict[int, tuple[int, int]]:
    """Return authors and posts of #tea, by the number of days before today."""
    tag = fetch_value(cursor, "select id from tags where key = 'tea'")
    today = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days
    return {today - day: (people, posts) for _, day, people, posts in tags.usage(cursor, tags=[tag], since=FIRST)}


def counted(cursor: Cursor) -> int:
    return len(fetch_all(cursor, lambda *row: row, "select * from tag_days"))


def test_days_before_and_after_the_last_count_add_up(cursor: Cursor) -> None:
    ada, bob = make.account(cursor), make.account(cursor)
    for author, ago in ((ada, timedelta(days=9)), (ada, timedelta(days=2)), (bob, timedelta(days=2)), (ada, timedelta(hours=1))):
        make.post(cursor, author, "#tea", now=NOW - ago)
    make.post(cursor, ada, "#tea", visibility=Visibility.UNLISTED, now=NOW)
    expected = {2: (2, 2), 0: (1, 1)}
    assert usage(cursor) == expected
    assert tags.recount(cursor, after=0, first=FIRST) == 1
    assert counted(cursor) == 2
    assert usage(cursor) == expected
    make.post(cursor, bob, "#tea", now=NOW + timedelta(seconds=1))
    assert usage(cursor) == {2: (2, 2), 0: (2, 2)}


def test_a_day_is_counted_again_while_the_hashtag_is_used(cursor: Cursor) -> None:
    ada = make.account(cursor)
    first = make.post(cursor, ada, "#tea", now=NOW - timedelta(days=1))
    second = make.post(cursor, ada, "#tea", now=NOW)
    tags.recount(cursor, after=0, first=FIRST)
    make.post(cursor, ada, "#tea", now=NOW + timedelta(seconds=1))
    posts.delete(cursor, post=second.id, now=NOW)
    tags.recount(cursor, after=second.id, first=FIRST)
    assert usage(cursor) == {1: (1, 1), 0: (1, 1)}
    assert tags.recount(cursor, after=first.id, first=FIRST) == 0  # nothing has changed


def test_old_days_are_deleted(cursor: Cursor) -> None:
    make.post(cursor, make.account(cursor), "#tea", now=NOW - timedelta(days=7))
    tags.recount(cursor, after=0)
    assert counted(cursor) == 1
    tags.recount(cursor, after=0, first=FIRST)
    assert counted(cursor) == 0
