"""Lists: members, list timelines and their effect on the home timeline."""

from __future__ import annotations

import pytest

from microblog.domain.follows import Follows
from microblog.domain.lists import MAX_LISTS, ListOptions, Lists
from microblog.domain.timelines import Timelines
from microblog.model.accounts import RelatedAccount
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, ListId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def lists(db: RolledBackDatabase) -> Lists:
    return Lists(db, lambda: make.NOW)


@pytest.fixture
def timelines(db: RolledBackDatabase) -> Timelines:
    return Timelines(db, lambda: make.NOW)


def texts(posts: list[Post]) -> list[str]:
    return [post.original.text for post in posts]


def people(members: list[RelatedAccount]) -> list[AccountId]:
    return [one.account.id for one in members]


async def test_a_list_is_created_changed_and_deleted(lists: Lists, cursor: Cursor) -> None:
    me, other = make.viewer(cursor), make.viewer(cursor)
    made = await lists.create(me, ListOptions("  Friends\n of mine "))
    assert (made.title, made.replies, made.exclusive) == ("Friends of mine", "list", False)
    changed = await lists.change(me, made.id, ListOptions(replies="none", exclusive=True))
    assert (changed.title, changed.replies, changed.exclusive) == ("Friends of mine", "none", True)
    assert await lists.of(me) == [changed]
    assert await lists.of(other) == []
    for theirs in (lists.change(other, made.id, ListOptions("Mine")), lists.delete(other, made.id), lists.timeline(other, made.id, Page())):
        with pytest.raises(NotFound):
            await theirs
    await lists.delete(me, made.id)
    assert await lists.of(me) == []


@pytest.mark.parametrize(
    ("wanted", "field"), [(ListOptions(" "), "title"), (ListOptions("x" * 257), "title"), (ListOptions("a", "some"), "replies_policy")]
)
async def test_a_list_has_a_title_and_a_known_policy(lists: Lists, cursor: Cursor, wanted: ListOptions, field: str) -> None:
    with pytest.raises(Invalid) as problem:
        await lists.create(make.viewer(cursor), wanted)
    assert list(problem.value.fields) == [field]


async def test_lists_with_a_deleted_or_missing_account_are_not_found(lists: Lists, cursor: Cursor) -> None:
    me, other, gone = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    assert await lists.with_member(me, other.id) == []
    cursor.execute("update accounts set deleted_at = now() where id = %s", [gone.id])
    for nobody in [gone.id, AccountId(1)]:
        with pytest.raises(NotFound):
            await lists.with_member(me, nobody)


async def test_the_number_of_lists_is_limited(lists: Lists, cursor: Cursor) -> None:
    me = make.viewer(cursor)
    for number in range(MAX_LISTS):
        await lists.create(me, ListOptions(str(number)))
    with pytest.raises(Invalid):
        await lists.create(me, ListOptions("One more"))


async def test_only_followed_accounts_can_be_in_a_list(lists: Lists, cursor: Cursor) -> None:
    me, friend, stranger = (make.viewer(cursor) for _ in range(3))
    make.follow(cursor, me, friend)
    made = await lists.create(me, ListOptions("Friends"))
    await lists.add(me, made.id, [friend.id])
    assert people(await lists.members(me, made.id, Page())) == [friend.id]
    assert [one.id for one in await lists.with_member(me, friend.id)] == [made.id]
    with pytest.raises(Invalid, match="Validation failed: Account must be a followed account"):
        await lists.add(me, made.id, [stranger.id])
    with pytest.raises(Invalid, match="already been taken"):
        await lists.add(me, made.id, [friend.id])
    with pytest.raises(NotFound):
        await lists.add(me, made.id, [AccountId(1)])
    with pytest.raises(NotFound):
        await lists.add(me, ListId(1), [friend.id])


async def test_an_unfollowed_account_leaves_the_list(lists: Lists, cursor: Cursor, db: RolledBackDatabase) -> None:
    me, friend, other = (make.viewer(cursor) for _ in range(3))
    made = await lists.create(me, ListOptions("Friends"))
    for one in (friend, other):
        make.follow(cursor, me, one)
    await lists.add(me, made.id, [friend.id, other.id])
    await Follows(db, lambda: make.NOW).unfollow(me, friend.id)
    assert people(await lists.members(me, made.id, Page())) == [other.id]
    await lists.remove(me, made.id, [other.id])
    assert await lists.members(me, made.id, Page()) == []


async def test_a_list_shows_only_posts_of_its_members(lists: Lists, cursor: Cursor) -> None:
    me, friend, other = (make.viewer(cursor) for _ in range(3))
    for one in (friend, other):
        make.follow(cursor, me, one)
    made = await lists.create(me, ListOptions("Friends"))
    await lists.add(me, made.id, [friend.id])
    make.post(cursor, me, "mine")
    make.post(cursor, friend, "hers")
    make.boost(cursor, friend, make.post(cursor, other, "his"))
    assert texts(await lists.timeline(me, made.id, Page())) == ["his", "hers"]
    make.mute(cursor, me, friend)
    assert await lists.timeline(me, made.id, Page()) == []


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ("none", {"to me", "to self"}),
        ("list", {"to me", "to self", "to member"}),
        ("followed", {"to me", "to self", "to member", "to friend"}),
    ],
)
async def test_a_list_shows_replies_by_its_policy(lists: Lists, cursor: Cursor, policy: str, shown: set[str]) -> None:
    me, author, member, friend, stranger = (make.viewer(cursor) for _ in range(5))
    for one in (author, member, friend):
        make.follow(cursor, me, one)
    made = await lists.create(me, ListOptions("Friends", policy))
    await lists.add(me, made.id, [author.id, member.id])
    for name, whom in (("me", me), ("self", author), ("member", member), ("friend", friend), ("stranger", stranger)):
        make.post(cursor, author, f"to {name}", reply_to=make.post(cursor, whom, "first"))
    assert set(texts(await lists.timeline(me, made.id, Page()))) - {"first"} == shown


async def test_members_of_an_exclusive_list_are_not_in_the_home_timeline(lists: Lists, timelines: Timelines, cursor: Cursor) -> None:
    me, friend, apart = (make.viewer(cursor) for _ in range(3))
    for one in (friend, apart):
        make.follow(cursor, me, one)
    post = make.post(cursor, apart, "apart")
    make.post(cursor, friend, "to apart", reply_to=post)
    made = await lists.create(me, ListOptions("Others", exclusive=True))
    await lists.add(me, made.id, [apart.id])
    assert texts(await timelines.home(me, Page())) == ["to apart"]
    assert texts(await lists.timeline(me, made.id, Page())) == ["apart"]
    await lists.change(me, made.id, ListOptions(exclusive=False))
    assert texts(await timelines.home(me, Page())) == ["to apart", "apart"]
