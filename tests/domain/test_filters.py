"""Filters: ownership, validation, and their effect on the home timeline."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.filters import MAX_KEYWORDS, MAX_TOTAL_KEYWORDS, FilterDraft, Filters, KeywordDraft
from microblog.domain.timelines import Timelines
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.filters import Filter
from microblog.model.ids import FilterId, KeywordId
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, WallClock


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def filters(db: RolledBackDatabase, clock: WallClock) -> Filters:
    return Filters(db, FilterCache(db, clock), clock)


@pytest.fixture
def timelines(db: RolledBackDatabase, clock: WallClock, filters: Filters) -> Timelines:
    return Timelines(db, clock, filters.filter_cache)


def draft(*words: str, action: str = "warn", contexts: tuple[str, ...] = ("home",)) -> FilterDraft:
    return FilterDraft("Sports", contexts, action, keywords=[KeywordDraft(word) for word in words])


def words(made: Filter) -> list[tuple[str, bool]]:
    return [(keyword.keyword, keyword.whole_word) for keyword in made.keywords]


def texts(posts: list[Post]) -> list[str]:
    return [post.original.text for post in posts]


async def test_a_filter_is_created_changed_and_deleted(filters: Filters, cursor: Cursor) -> None:
    me = make.viewer(cursor)
    made = await filters.create(me, draft("football", "tennis"))
    assert (made.title, made.contexts, made.action, words(made)) == ("Sports", ("home",), "warn", [("football", True), ("tennis", True)])
    first, second = made.keywords
    change = FilterDraft(action="hide", keywords=[KeywordDraft("golf", False, first.id), KeywordDraft(id=second.id, removed=True)])
    changed = await filters.change(me, made.id, change)
    assert (changed.title, changed.action, words(changed)) == ("Sports", "hide", [("golf", False)])
    assert await filters.of(me) == [changed]
    await filters.delete(me, made.id)
    assert await filters.of(me) == []


async def test_filters_of_other_accounts_are_not_found(filters: Filters, cursor: Cursor) -> None:
    me, other = make.viewer(cursor), make.viewer(cursor)
    made = await filters.create(me, draft("football"))
    mine = await filters.create(other, draft("golf"))
    chosen = await filters.add_post(me, made.id, make.post(cursor, other).id)
    word = made.keywords[0].id
    for theirs in (
        filters.one(other, made.id),
        filters.change(other, made.id, draft("golf")),
        filters.change(other, mine.id, FilterDraft(keywords=[KeywordDraft("golf", id=word)])),
        filters.delete(other, made.id),
        filters.add_keyword(other, made.id, KeywordDraft("golf")),
        filters.change_keyword(other, word, KeywordDraft("golf")),
        filters.remove_keyword(other, word),
        filters.with_post(other, chosen.id),
        filters.remove_post(other, chosen.id),
        filters.remove_keyword(me, KeywordId(1)),
        filters.delete(me, FilterId(1)),
    ):
        with pytest.raises(NotFound):
            await theirs
    assert words((await filters.of(me))[0]) == [("football", True)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (FilterDraft("", ["home"]), "title"),
        (FilterDraft("x" * 300, ["home"]), "title"),
        (FilterDraft("Sports"), "context"),
        (FilterDraft("Sports", ["home", "moon"]), "context"),
        (FilterDraft("Sports", ["home"], "explode"), "filter_action"),
        (FilterDraft("Sports", ["home"], expiry=True, expires_in=-5), "expires_in"),
        (FilterDraft("Sports", ["home"], keywords=[KeywordDraft(" ")]), "keyword"),
    ],
)
async def test_an_invalid_filter_is_refused_with_a_reason(filters: Filters, cursor: Cursor, wrong: FilterDraft, field: str) -> None:
    me = make.viewer(cursor)
    with pytest.raises(Invalid) as problem:
        await filters.create(me, wrong)
    assert list(problem.value.fields) == [field]
    assert await filters.of(me) == []


async def test_the_number_of_keywords_of_an_account_is_limited(filters: Filters, cursor: Cursor) -> None:
    me, other = make.viewer(cursor), make.viewer(cursor)
    names = [[f"word{number}x{turn}" for number in range(MAX_KEYWORDS)] for turn in range(MAX_TOTAL_KEYWORDS // MAX_KEYWORDS)]
    full = [await filters.create(me, draft(*some)) for some in names]
    with pytest.raises(Invalid):
        await filters.create(me, draft("more"))
    with pytest.raises(Invalid):
        await filters.add_keyword(me, full[0].id, KeywordDraft("more"))
    with pytest.raises(Invalid):
        await filters.change(me, full[0].id, draft("more"))
    gone, changed = full[0].keywords[:2]
    exchange = FilterDraft(keywords=[KeywordDraft("new"), KeywordDraft(id=gone.id, removed=True), KeywordDraft("other", id=changed.id)])
    assert len((await filters.change(me, full[0].id, exchange)).keywords) == MAX_KEYWORDS
    await filters.remove_keyword(me, changed.id)
    await filters.add_keyword(me, full[0].id, KeywordDraft("last"))
    await filters.create(other, draft("more"))


async def test_only_visible_posts_can_be_filtered(filters: Filters, cursor: Cursor) -> None:
    me, other = make.viewer(cursor), make.viewer(cursor)
    made = await filters.create(me, draft())
    with pytest.raises(NotFound):
        await filters.add_post(me, made.id, make.post(cursor, other, visibility=Visibility.DIRECT).id)
    seen = make.post(cursor, other)
    chosen = await filters.add_post(me, made.id, make.boost(cursor, other, seen).id)
    assert chosen.post == seen.id
    with pytest.raises(Invalid, match="already been taken"):
        await filters.add_post(me, made.id, seen.id)


async def hidden(filters: Filters, me: Viewer) -> None:
    await filters.create(me, draft("football", action="hide"))


async def test_filtered_posts_are_not_in_the_home_timeline_and_pages_stay_full(
    filters: Filters, timelines: Timelines, cursor: Cursor
) -> None:
    me, friend = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, me, friend)
    for number in range(60):
        make.post(cursor, friend, f"football {number}" if number % 10 else f"news {number}")
    make.post(cursor, me, "my football")
    await hidden(filters, me)
    first = await timelines.home(me, Page(3))
    assert texts(first) == ["my football", "news 50", "news 40"]
    second = await timelines.home(me, Page(3, max_id=first[-1].id))
    assert texts(second) == ["news 30", "news 20", "news 10"]
    assert texts(await timelines.home(me, Page(3, max_id=second[-1].id))) == ["news 0"]
    assert texts(await timelines.home(me, Page(2, min_id=second[-1].id))) == ["news 30", "news 20"]
    assert texts(await timelines.home(me, Page(9, since_id=second[0].id))) == ["my football", "news 50", "news 40"]


async def test_a_change_takes_effect_at_once_in_all_processes(
    db: RolledBackDatabase, clock: WallClock, filters: Filters, timelines: Timelines, cursor: Cursor
) -> None:
    me, friend = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, me, friend)
    make.post(cursor, friend, "football")
    elsewhere = Timelines(db, clock)
    for site in (timelines, elsewhere):
        assert len(await site.home(me, Page())) == 1
    await hidden(filters, me)
    for site in (timelines, elsewhere):
        assert await site.home(me, Page()) == []
    [made] = await filters.of(me)
    await filters.delete(me, made.id)
    for site in (timelines, elsewhere):
        assert len(await site.home(me, Page())) == 1


async def test_an_expired_filter_hides_nothing(filters: Filters, timelines: Timelines, cursor: Cursor, clock: WallClock) -> None:
    me, friend = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, me, friend)
    make.post(cursor, friend, "football")
    made = await filters.create(me, FilterDraft("S", ["home"], "hide", True, 600, [KeywordDraft("football")]))
    assert made.expires_at == make.NOW + timedelta(minutes=10)
    assert await timelines.home(me, Page()) == []
    clock.advance(minutes=10)
    assert len(await timelines.home(me, Page())) == 1
