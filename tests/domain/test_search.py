"""Finding posts by what they say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.accounts import Accounts
from microblog.domain.search import Search
from microblog.domain.search_query import Has, Query, parse
from microblog.model.accounts import Viewer
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def search(db: RolledBackDatabase) -> Search:
    return Search(db, Accounts(db, "example.org", "https://example.org", lambda: make.NOW), lambda: make.NOW)


async def found(search: Search, viewer: Viewer | None, query: str) -> list[str]:
    return [post.text for post in await search.posts(viewer, query, Page())]


TEXTS = (
    "The quick brown fox",
    "A quick “brown” bear, quickly",
    "Tea  time with #foxes",
    "今日は日本語で書く",
    "猫が好き",
    "本日は晴天なり",
    "สวัสดีครับ ทุกคน",
    "See https://example.com/fox-den?x=1",
    "100% wool_sock",
    "it's",
)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("fox", [0]),
        ("FOX", [0]),
        ("fox*", [2, 0]),
        ("example.com", [7]),
        ("quick brown", [1, 0]),
        ("“brown”", [1, 0]),
        ('"quick brown"', [0]),
        ("quick -fox", [1]),
        ('quick -"quick brown"', [1]),
        ('"tea time"', [2]),
        ("#foxes", [2]),
        ("日本", [3]),
        ("日本語で", [3]),
        ("本日", [5]),
        ("日", [5, 3]),
        ("猫", [4]),
        ("好き", [4]),
        ("き", [4]),
        ("語書", []),
        ("は晴天な", [5]),
        ("สวัสดี", [6]),
        ("ทุกคน", [6]),
        ("has:link see", [7]),
        ("see -has:link", []),
        ('"100% wool"', [8]),
        ('"100x wool"', []),
        ("wool_sock", [8]),
        ("it's", [9]),
        ("-fox", []),
        ("has:link", []),
        ('"', []),
        ("!", []),
        ("'", []),
        ("fox & | ! ( <->", [0]),
        ("\\", []),
    ],
)
async def test_a_query_finds_what_it_says(search: Search, cursor: Cursor, query: str, places: list[int]) -> None:
    author = make.viewer(cursor)
    for text in TEXTS:
        make.post(cursor, author, text)
    assert await found(search, author, query) == [TEXTS[place] for place in places]


async def test_authors_and_days_narrow_it_down(search: Search, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor, "ada"), make.viewer(cursor, "bob")
    for days in range(3):
        make.post(cursor, ada, f"tea {days}", now=make.NOW + timedelta(days=days))
    make.post(cursor, bob, "tea", now=make.NOW + timedelta(days=9))
    assert await found(search, bob, "from:Ada") == ["tea 2", "tea 1", "tea 0"]
    assert await found(search, bob, "tea from:@ada") == ["tea 2", "tea 1", "tea 0"]
    assert await found(search, bob, "from:me") == ["tea"]
    assert await found(search, None, "from:me") == []
    assert await found(search, bob, "from:nobody tea") == []
    assert await found(search, bob, "from:ada -2") == ["tea 1", "tea 0"]
    assert await found(search, bob, "tea before:2026-03-05") == ["tea 0"]
    assert await found(search, bob, "tea after:2026-03-04 before:2026-03-06") == ["tea 1"]
    assert [post.text for post in await search.posts(bob, "tea", Page(), account=ada.id)] == ["tea 2", "tea 1", "tea 0"]
    assert [post.text for post in await search.posts(bob, "tea", Page(1), offset=1)] == ["tea 2"]


async def test_only_what_one_may_see_is_found(search: Search, cursor: Cursor) -> None:
    author, follower, stranger, shunning = (make.viewer(cursor) for _ in range(4))
    make.follow(cursor, follower, author)
    for visibility in Visibility:
        make.post(cursor, author, f"tea {visibility}", visibility=visibility)
    make.boost(cursor, stranger, make.post(cursor, author, "coffee"))
    make.mute(cursor, shunning, author)
    assert await found(search, author, "tea") == ["tea direct", "tea private", "tea unlisted", "tea public"]
    assert await found(search, follower, "tea") == ["tea private", "tea unlisted", "tea public"]
    assert await found(search, stranger, "tea") == await found(search, None, "tea") == ["tea public"]
    assert await found(search, shunning, "tea") == []
    assert await found(search, None, "coffee") == ["coffee"]
    make.block(cursor, author, stranger)
    assert await found(search, stranger, "tea") == []


async def test_who_does_not_want_to_be_found_is_found_by_nobody_else(search: Search, cursor: Cursor) -> None:
    author, reader = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, reader, author)
    post = make.post(cursor, author, "tea")
    cursor.execute("update accounts set indexable = false where id = %s", [author.id])
    assert await found(search, reader, "tea") == await found(search, None, "tea") == []
    assert await found(search, author, "tea") == ["tea"]
    cursor.execute("update posts set deleted_at = now() where id = %s", [post.id])
    assert await found(search, author, "tea") == []


def test_operators_are_read_and_the_rest_are_words() -> None:
    assert parse('a -b "c d" -"e f" from:@Ada@example.org has:poll -has:media nix:x before:soon') == Query(
        words=("a", "c d", "nix x", "before soon"),
        texts=("c d",),
        without_words=("b",),
        without_texts=("e f",),
        author="ada",
        has=(Has.POLL,),
        has_not=(Has.MEDIA,),
    )


@given(st.text(max_size=200))
def test_anything_can_be_typed(text: str) -> None:
    parse(text)


async def test_whatever_is_typed_finds_or_does_not(search: Search, cursor: Cursor) -> None:
    for text in ("a:*b", "a\\", "''", "a'b", "\x00", "(", "&", "a <-> b", "aaa*", "日*", "%", "has:nothing", "after:9999-99-99", "-" * 300):
        if "\x00" not in text:
            await found(search, None, text)
