"""Contents of the timelines."""

from __future__ import annotations

import pytest

from microblog.domain.timelines import Timelines
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def timelines(db: RolledBackDatabase) -> Timelines:
    return Timelines(db, lambda: make.NOW)


def texts(posts: list[Post]) -> list[str]:
    return [post.original.text for post in posts]


async def test_the_home_timeline_shows_own_posts_and_posts_of_followed_accounts(timelines: Timelines, cursor: Cursor) -> None:
    me, friend, stranger = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, me, friend)
    make.post(cursor, me, "mine", visibility=Visibility.DIRECT)
    make.post(cursor, friend, "theirs", visibility=Visibility.PRIVATE)
    make.post(cursor, friend, "secret", visibility=Visibility.DIRECT)
    make.post(cursor, stranger, "strange")
    assert texts(await timelines.home(me, Page())) == ["theirs", "mine"]


async def test_the_home_timeline_shows_replies_only_to_followed_accounts_or_the_viewer(timelines: Timelines, cursor: Cursor) -> None:
    me, friend, other, stranger = (make.viewer(cursor) for _ in range(4))
    make.follow(cursor, me, friend)
    make.follow(cursor, me, other)
    mine, others, strange = make.post(cursor, me, "mine"), make.post(cursor, other, "other"), make.post(cursor, stranger, "strange")
    for parent, text in ((mine, "to me"), (others, "to a friend"), (strange, "to a stranger")):
        make.post(cursor, friend, text, reply_to=parent)
    assert texts(await timelines.home(me, Page())) == ["to a friend", "to me", "other", "mine"]


async def test_a_muted_author_is_not_in_the_home_timeline_even_if_boosted(timelines: Timelines, cursor: Cursor) -> None:
    me, friend, muted = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, me, friend)
    make.follow(cursor, me, muted)
    make.boost(cursor, friend, make.post(cursor, muted, "loud"))
    assert texts(await timelines.home(me, Page())) == ["loud"]
    make.mute(cursor, me, muted)
    assert await timelines.home(me, Page()) == []
    assert texts(await timelines.public(None, Page())) == ["loud"]


async def test_boosts_of_a_followed_account_can_be_hidden(timelines: Timelines, cursor: Cursor) -> None:
    me, friend, author = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, me, friend, boosts=False)
    make.boost(cursor, friend, make.post(cursor, author, "boosted"))
    assert await timelines.home(me, Page()) == []


async def test_the_public_timeline_has_no_boosts_replies_to_others_or_unlisted_posts(timelines: Timelines, cursor: Cursor) -> None:
    me, other = make.viewer(cursor), make.viewer(cursor)
    mine = make.post(cursor, me, "mine")
    make.post(cursor, me, "thread", reply_to=mine)
    make.post(cursor, other, "reply", reply_to=mine)
    make.post(cursor, me, "quiet", visibility=Visibility.UNLISTED)
    make.boost(cursor, other, mine)
    assert texts(await timelines.public(None, Page())) == ["thread", "mine"]


async def test_a_suspended_author_is_in_no_timeline(timelines: Timelines, cursor: Cursor) -> None:
    me, bad = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, me, bad)
    make.boost(cursor, me, make.post(cursor, bad, "#bad"))
    make.suspend(cursor, bad)
    assert await timelines.home(me, Page()) == []
    assert await timelines.public(me, Page()) == await timelines.tag(me, "bad", Page()) == await timelines.account(me, bad.id, Page()) == []


async def test_a_hashtag_timeline_matches_any_spelling(timelines: Timelines, cursor: Cursor) -> None:
    me = make.viewer(cursor)
    make.post(cursor, me, "#Café")
    make.post(cursor, me, "quiet #cafe", visibility=Visibility.UNLISTED)
    assert texts(await timelines.tag(None, "CAFE", Page())) == ["#Café"]


async def test_a_profile_shows_posts_that_the_viewer_may_see(timelines: Timelines, cursor: Cursor) -> None:
    author, follower, named = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor, "named")
    make.follow(cursor, follower, author)
    make.post(cursor, author, "public")
    make.post(cursor, author, "private", visibility=Visibility.PRIVATE)
    make.post(cursor, author, "for @named", visibility=Visibility.DIRECT)
    assert texts(await timelines.account(None, author.id, Page())) == ["public"]
    assert texts(await timelines.account(follower, author.id, Page())) == ["private", "public"]
    assert texts(await timelines.account(named, author.id, Page())) == ["for @named", "public"]
    assert len(await timelines.account(author, author.id, Page())) == 3


@pytest.mark.parametrize("which", ["home", "public", "account", "tag"])
async def test_pages_are_seamless_in_both_directions(timelines: Timelines, cursor: Cursor, which: str) -> None:
    me = make.viewer(cursor)
    written = [make.post(cursor, me, f"#n {number}").id for number in range(10)][::-1]

    async def ids(page: Page) -> list[int]:
        lists = {
            "home": timelines.home(me, page),
            "public": timelines.public(me, page),
            "account": timelines.account(me, me.id, page),
            "tag": timelines.tag(me, "n", page),
        }
        wanted = lists.pop(which)
        for unused in lists.values():
            unused.close()
        return [post.id for post in await wanted]

    first = await ids(Page(4))
    second = await ids(Page(4, max_id=first[-1]))
    assert first + second + await ids(Page(4, max_id=second[-1])) == written
    assert await ids(Page(4, min_id=second[0])) == first
    assert await ids(Page(3, min_id=written[-1])) == written[-4:-1]
    assert await ids(Page(3, since_id=written[-1])) == written[:3]
    assert await ids(Page(9, max_id=written[0], min_id=written[4])) == written[1:4]
