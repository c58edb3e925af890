"""Followed and featured hashtags."""

from __future__ import annotations

import pytest

from microblog.domain.accounts import Accounts
from microblog.domain.lists import ListOptions, Lists
from microblog.domain.search import SearchService
from microblog.domain.tags import HashtagService
from microblog.domain.timelines import Timelines
from microblog.model.errors import Invalid, NotFound
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.model.profile_features import MAX_FEATURED_TAGS
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def tags(db: RolledBackDatabase) -> HashtagService:
    return HashtagService(
        db, SearchService(db, Accounts(db, "example.org", "https://example.org", lambda: make.NOW), lambda: make.NOW), lambda: make.NOW
    )


@pytest.fixture
def timelines(db: RolledBackDatabase) -> Timelines:
    return Timelines(db, lambda: make.NOW)


def texts(posts: list[Post]) -> list[str]:
    return [post.original.text for post in posts]


async def test_the_home_timeline_shows_posts_with_followed_hashtags(tags: HashtagService, timelines: Timelines, cursor: Cursor) -> None:
    me, friend, stranger = (make.viewer(cursor) for _ in range(3))
    make.follow(cursor, me, friend)
    await tags.follow(me, "Tea")
    both = make.post(cursor, friend, "both #tea")
    make.post(cursor, stranger, "strange #tea #TEA")
    make.post(cursor, stranger, "quiet #tea", visibility=Visibility.UNLISTED)
    make.post(cursor, stranger, "reply #tea", reply_to=both)
    make.post(cursor, stranger, "other #coffee")
    make.boost(cursor, stranger, make.post(cursor, make.viewer(cursor), "boosted #tea"))
    expected = ["boosted #tea", "reply #tea", "strange #tea #TEA", "both #tea"]
    assert texts(await timelines.home(me, Page())) == expected
    first = await timelines.home(me, Page(2))
    assert texts(first) == expected[:2]
    assert texts(await timelines.home(me, Page(2, max_id=first[-1].id))) == expected[2:]
    assert texts(await timelines.home(me, Page(2, min_id=both.id - 1))) == expected[2:]
    await tags.unfollow(me, "#TEA".removeprefix("#"))
    assert texts(await timelines.home(me, Page())) == ["both #tea"]


async def test_a_followed_hashtag_does_not_show_muted_authors_or_members_of_exclusive_lists(
    tags: HashtagService, timelines: Timelines, cursor: Cursor, db: RolledBackDatabase
) -> None:
    me, muted, apart = (make.viewer(cursor) for _ in range(3))
    await tags.follow(me, "tea")
    make.mute(cursor, me, muted)
    make.follow(cursor, me, apart)
    lists = Lists(db, lambda: make.NOW)
    made = await lists.create(me, ListOptions("Apart", exclusive=True))
    await lists.add(me, made.id, [apart.id])
    for author in (muted, apart):
        make.post(cursor, author, "#tea")
    assert await timelines.home(me, Page()) == []


async def test_followed_hashtags_are_listed_and_their_changes_recorded(tags: HashtagService, cursor: Cursor) -> None:
    me, other = make.viewer(cursor), make.viewer(cursor)
    await tags.follow(me, "Tea")
    await tags.follow(me, "tea")
    await tags.follow(me, "coffee")
    assert [kept.tag.name for kept in await tags.followed(me, Page())] == ["coffee", "Tea"]
    use = await tags.one(me, "TEA")
    assert (use.tag.name, len(use.days)) == ("Tea", 7)
    assert (await tags.flags(me, [use.tag]))["tea"].following
    assert not (await tags.flags(other, [use.tag]))["tea"].following
    assert (await tags.one(other, "neverused")).tag.key == "neverused"
    for nonsense in ("", "#", "two words", "12", "a/b", "x" * 200):
        with pytest.raises(NotFound):
            await tags.one(me, nonsense)


async def test_a_profile_shows_featured_hashtags_with_their_use_counts(tags: HashtagService, cursor: Cursor) -> None:
    me = make.viewer(cursor)
    for text, visibility in (("#tea", "public"), ("#tea", "unlisted"), ("#tea", "private"), ("#coffee", "public")):
        make.post(cursor, me, text, visibility=Visibility(visibility))
    made = await tags.feature(me, "tea")
    assert (made.posts, str(made.last_on)) == (2, "2026-03-04")
    assert (await tags.feature(me, "Tea")).id == made.id
    assert [tag.key for tag in await tags.suggested(me)] == ["coffee"]
    assert [one.tag.key for one in await tags.featured(me.id)] == ["tea"]
    await tags.unfeature(me, "TEA")
    again = await tags.feature(me, "tea")
    await tags.remove(me, again.id)
    with pytest.raises(NotFound):
        await tags.remove(me, again.id)
    for number in range(MAX_FEATURED_TAGS):
        await tags.feature(me, f"tag{number}")
    with pytest.raises(Invalid, match="maximum number of hashtags"):
        await tags.feature(me, "tea")
