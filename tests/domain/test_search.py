"""Search for posts by content."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.domain.accounts import Accounts
from microblog.domain.search import SearchService
from microblog.domain.search_query import Among, MediaFilter, ParsedQuery, Term, parse
from microblog.domain.text import search_words
from microblog.model.accounts import Viewer
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def search(db: RolledBackDatabase) -> SearchService:
    return SearchService(db, Accounts(db, "example.org", "https://example.org", lambda: make.NOW), lambda: make.NOW)


async def found(search: SearchService, viewer: Viewer | None, query: str) -> list[str]:
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
async def test_a_query_finds_matching_posts(search: SearchService, cursor: Cursor, query: str, places: list[int]) -> None:
    author = make.viewer(cursor)
    for text in TEXTS:
        make.post(cursor, author, text)
    assert await found(search, author, query) == [TEXTS[place] for place in places]


async def test_author_and_date_operators_narrow_the_results(search: SearchService, cursor: Cursor) -> None:
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


async def test_only_visible_posts_are_found(search: SearchService, cursor: Cursor) -> None:
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


async def test_posts_of_unindexed_accounts_are_found_only_by_their_author(search: SearchService, cursor: Cursor) -> None:
    author, reader = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, reader, author)
    post = make.post(cursor, author, "tea")
    cursor.execute("update accounts set indexable = false where id = %s", [author.id])
    assert await found(search, reader, "tea") == await found(search, None, "tea") == []
    assert await found(search, author, "tea") == ["tea"]
    cursor.execute("update posts set deleted_at = now() where id = %s", [post.id])
    assert await found(search, author, "tea") == []


async def test_from_finds_the_author_on_the_named_server(search: SearchService, cursor: Cursor) -> None:
    here, there = make.viewer(cursor, "bo"), make.remote_account(cursor, "bo", host="b.example")
    cursor.execute("update accounts set indexable = true where id = any(%s)", [[here.id, there.id]])
    make.post(cursor, here, "tea here")
    make.remote_post(cursor, there, "tea there")
    assert await found(search, None, "from:bo@b.example") == await found(search, here, "tea from:@Bo@B.Example") == ["tea there"]
    assert await found(search, None, "from:bo@example.org") == await found(search, None, "from:bo tea") == ["tea here"]
    assert await found(search, None, "tea -from:bo@b.example") == ["tea here"]
    assert await found(search, None, "tea -from:bo") == ["tea there"]
    assert await found(search, None, "from:bo@c.example") == await found(search, None, "tea from:@") == []


def test_operators_are_parsed_and_the_rest_are_words() -> None:
    assert parse(
        'a -b "c d" -"e f" from:@Ada@example.org has:poll -has:media is:reply nix:x before:soon #Té -#te in:library language:DE'
    ) == ParsedQuery(
        terms=(Term(("a",)), Term(("c", "d")), Term(("nix", "x")), Term(("before", "soon"))),
        without=(Term(("b",)),),
        phrases=("c d",),
        without_phrases=("e f",),
        tags=("te",),
        without_tags=("te",),
        author="ada@example.org",
        has=(MediaFilter.POLL, MediaFilter.REPLY),
        has_not=(MediaFilter.MEDIA,),
        languages=("de",),
        among=Among.LIBRARY,
    )


ASSIGNED = st.text(st.characters(exclude_categories=["Cn", "Cs", "Co"], exclude_characters="\x00"), max_size=300)


@given(ASSIGNED)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_queries_are_normalized_like_the_index(cursor: Cursor, text: str) -> None:
    cursor.execute("select search_fold(%(text)s), search_said('', %(text)s), tsvector_to_array(search_terms('', %(text)s))", {"text": text})
    folded, said, words = cursor.fetchone() or ()
    found = search_words.words_in(text)
    assert search_words.fold(text) == folded
    assert search_words.fold_phrase(f" {text}") == said
    for word in found:
        whole, starts = search_words.parts(word)
        assert set(whole) <= set(words)
        assert all(any(one.startswith(start) for one in words) for start in starts)


async def test_a_post_is_found_in_any_spelling(search: SearchService, cursor: Cursor) -> None:
    """A post matches in any spelling: accents, cases, widths, scripts and `_`."""
    author = make.viewer(cursor)
    pairs = [
        ("a naïve café", "NAIVE cafe"),
        ("naive bar", "naïve BÄR"),
        ("Łódź, Ærø and Straße", "lodz aero strasse"),
        ("ＦＵＬＬ width", "full"),
        ("ΟΔΥΣΣΕΎΣ", "οδυσσευς"),
        ("ёлка", "елка"),
        ("مُحَمَّد", "محمد"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("the old snake_case here", "snake_case"),
        ("some other_case there", "other"),
        ("an ada_lovelace of ours", "ada_love*"),
        ("look: https://example.net/A/b?c=1.", "https://example.net/a/B?c=1"),
    ]
    for text, query in pairs:
        make.post(cursor, author, text)
        assert await found(search, author, query) == [text], query
    cursor.execute("update posts set text = %s where text = 'ёлка'", ["x" * 3_000 + " long"])
    assert len(await found(search, author, "x" * 150)) == 1
    assert await found(search, author, "case_snake") == []
    assert await found(search, author, '"old snake_case"') == ["the old snake_case here"]


async def test_a_hashtag_matches_only_itself(search: SearchService, cursor: Cursor) -> None:
    author = make.viewer(cursor)
    for text in ("#tea", "tea", "#teapot", "#tea_time", "good #Téa now", "#茶 #茶道", "a#tea"):
        make.post(cursor, author, text)
    assert await found(search, author, "#tea") == ["good #Téa now", "#tea"]
    assert await found(search, author, "#TÉA good") == ["good #Téa now"]
    assert await found(search, author, "#tea -good") == ["#tea"]
    assert await found(search, author, "tea -#tea") == ["a#tea", "#tea_time", "tea"]
    assert await found(search, author, "#tea_time") == ["#tea_time"]
    assert await found(search, author, "#茶") == ["#茶 #茶道"]
    assert await found(search, author, "#nothing") == await found(search, author, "-#tea") == []


async def test_operators_filter_by_kind_of_post(search: SearchService, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor, "ada"), make.viewer(cursor, "bob")
    root = make.post(cursor, ada, "tea root")
    make.post(cursor, bob, "tea reply", reply_to=root)
    make.post(cursor, ada, "tea shy")
    make.post(cursor, ada, "tea quiet", visibility=Visibility.UNLISTED)
    cursor.execute("update posts set language = 'de' where text = 'tea quiet'; update posts set sensitive = true where text = 'tea shy'")
    make.boost(cursor, bob, root)
    assert await found(search, bob, "tea is:reply") == ["tea reply"]
    assert await found(search, bob, "tea is:sensitive") == ["tea shy"]
    assert await found(search, bob, "tea -is:sensitive -is:reply") == ["tea root"]
    assert await found(search, bob, "tea -from:ada") == await found(search, bob, "tea from:me") == ["tea reply"]
    assert await found(search, ada, "tea language:de") == ["tea quiet"]
    assert await found(search, ada, "tea -language:de in:public") == ["tea shy", "tea reply", "tea root"]
    assert await found(search, bob, "tea in:library") == ["tea reply", "tea root"]
    assert await found(search, bob, "tea during:2026-03-04") == ["tea shy", "tea reply", "tea root"]
    assert await found(search, bob, "tea during:2026-03-05") == []


async def test_edits_and_deletions_update_the_index(search: SearchService, cursor: Cursor) -> None:
    author = make.viewer(cursor)
    post = make.post(cursor, author, "before")
    cursor.execute("update posts set text = 'after' where id = %s", [post.id])
    assert (await found(search, author, "before"), await found(search, author, "after")) == ([], ["after"])
    cursor.execute("update posts set deleted_at = now() where id = %s", [post.id])
    cursor.execute("select count(*) from post_words")
    assert cursor.fetchone() == (0,)


@given(st.text(max_size=200))
def test_any_query_can_be_parsed(text: str) -> None:
    parse(text)


async def test_any_query_can_be_run(search: SearchService, cursor: Cursor) -> None:
    for text in ("a:*b", "a\\", "''", "a'b", "\x00", "(", "&", "a <-> b", "aaa*", "日*", "%", "has:nothing", "after:9999-99-99", "-" * 300):
        if "\x00" not in text:
            await found(search, None, text)


async def test_old_posts_are_found_after_newer_ones_at_any_age(search: SearchService, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    cursor.execute("update accounts set indexable = true")
    for years in (9, 0, 2, 1):
        make.post(cursor, ada, f"tea {years} https://example.org/it's\\so", now=make.NOW - timedelta(days=365 * years))
    wanted = ["tea*", "https://example.org/it's\\so", "tea example"]
    for query in wanted:
        every = await search.posts(None, query, Page())
        assert [post.text[4] for post in every] == ["0", "1", "2", "9"]
        first, *rest = await search.posts(None, query, Page(2))
        assert [first, *rest] == every[:2]
        assert await search.posts(None, query, Page(2, max_id=rest[-1].id)) == every[2:]
        assert await search.posts(None, query, Page(2, min_id=every[-1].id)) == every[1:3]
