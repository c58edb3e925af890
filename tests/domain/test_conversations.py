"""Direct conversations: participants, unread state, and deletion of posts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import permutations

import pytest

from microblog.domain import account_deletion
from microblog.domain.account_deletion import AccountDeletion
from microblog.domain.conversations import Conversations
from microblog.domain.interactions import Interactions
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.posts import Posts
from microblog.domain.relationships import Relationships
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import NotFound
from microblog.model.events import EventKind
from microblog.model.paging import Page
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage.database import Cursor, fetch_all, first_column
from tests import make
from tests.fakes import RolledBackDatabase

People = tuple[Viewer, Viewer, Viewer]

DIRECT = Visibility.DIRECT
FIRST = Page()


@pytest.fixture
def conversations(db: RolledBackDatabase) -> Conversations:
    return Conversations(db, lambda: make.NOW)


@pytest.fixture
def posts(db: RolledBackDatabase) -> Posts:
    return make.post_service(db)


@pytest.fixture
def people(cursor: Cursor) -> People:
    """Three accounts that follow each other, because direct posts of strangers are filtered."""
    ada, bob, cid = (make.viewer(cursor, name) for name in ("ada", "bob", "cid"))
    for one, other in permutations((ada, bob, cid), 2):
        make.follow(cursor, one, other)
    return ada, bob, cid


def names(accounts: Iterable[Account]) -> list[str]:
    return sorted(account.username for account in accounts)


async def listed(conversations: Conversations, viewer: Viewer, page: Page = FIRST) -> list[tuple[list[str], str, bool]]:
    """Return the viewer's conversations: the other participants, the text of the last post, unread."""
    return [(names(each.people), each.last.text, each.unread) for each in await conversations.page(viewer, page)]


def write(cursor: Cursor, author: Viewer, text: str, reply_to: Post | None = None) -> Post:
    return make.post(cursor, author, text, visibility=DIRECT, reply_to=reply_to)


def changes(cursor: Cursor, post: Post) -> list[int]:
    """Return the accounts whose conversations changed in events of the post."""
    cursor.execute(
        "select account_id from events where kind = %s and post_id = %s order by xid, id", [EventKind.CONVERSATION_CHANGED, post.id]
    )
    return first_column(cursor.fetchall())


async def test_a_direct_post_is_an_unread_conversation_of_the_mentioned(
    conversations: Conversations, cursor: Cursor, people: People
) -> None:
    ada, bob, cid = people
    post = write(cursor, ada, "@bob hi")
    make.post(cursor, ada, "@bob in public")
    assert await listed(conversations, ada) == [(["bob"], "@bob hi", False)]
    assert await listed(conversations, bob) == [(["ada"], "@bob hi", True)]
    assert await listed(conversations, cid) == []
    assert set(changes(cursor, post)) == {ada.id, bob.id}


async def test_a_reply_joins_the_conversation_and_marks_it_read_for_its_author(
    conversations: Conversations, cursor: Cursor, people: People
) -> None:
    ada, bob, _ = people
    first = write(cursor, ada, "@bob hi")
    write(cursor, bob, "@ada hello", first)
    assert await listed(conversations, bob) == [(["ada"], "@ada hello", False)]
    assert await listed(conversations, ada) == [(["bob"], "@ada hello", True)]


async def test_other_participants_or_another_thread_make_another_conversation(
    conversations: Conversations, cursor: Cursor, people: People
) -> None:
    ada, bob, cid = people
    first = write(cursor, ada, "@bob hi")
    write(cursor, bob, "@ada @cid meet", first)
    write(cursor, ada, "@bob anew")
    assert await listed(conversations, ada) == [
        (["bob"], "@bob anew", False),
        (["bob", "cid"], "@ada @cid meet", True),
        (["bob"], "@bob hi", False),
    ]
    assert await listed(conversations, cid) == [(["ada", "bob"], "@ada @cid meet", True)]


async def test_a_direct_post_without_mentions_is_a_conversation_with_nobody(
    conversations: Conversations, cursor: Cursor, people: People
) -> None:
    write(cursor, people[0], "milk, eggs")
    assert await listed(conversations, people[0]) == [([], "milk, eggs", False)]


async def test_conversations_are_paged_by_last_post(conversations: Conversations, cursor: Cursor, people: People) -> None:
    ada = people[0]
    made = [write(cursor, ada, f"@bob {number}") for number in range(3)]
    places = [each.sort_key for each in await conversations.page(ada, Page())]
    assert places == [post.id for post in reversed(made)]
    below = await conversations.page(ada, Page(1, max_id=made[2].id))
    above = await conversations.page(ada, Page(1, min_id=made[0].id))
    newest = await conversations.page(ada, Page(1, since_id=made[0].id))
    assert [[each.sort_key for each in page] for page in (below, above, newest)] == [[made[1].id], [made[1].id], [made[2].id]]


async def test_deleting_the_last_post_makes_the_one_before_the_last(
    conversations: Conversations, posts: Posts, cursor: Cursor, people: People
) -> None:
    ada, bob, _ = people
    first = write(cursor, ada, "@bob one")
    last = write(cursor, bob, "@ada two", first)
    write(cursor, ada, "@bob @cid among others", first)
    await posts.delete(bob, last.id)
    assert (["bob"], "@bob one", True) in await listed(conversations, ada)
    await posts.delete(ada, first.id)
    assert [others for others, *_ in await listed(conversations, bob)] == [["ada", "cid"]]


async def test_deleting_an_earlier_post_does_not_change_the_conversation(
    conversations: Conversations, posts: Posts, cursor: Cursor, people: People
) -> None:
    ada, bob, _ = people
    first = write(cursor, ada, "@bob one")
    write(cursor, bob, "@ada two", first)
    await posts.delete(ada, first.id)
    assert await listed(conversations, ada) == [(["bob"], "@ada two", True)]


async def test_an_edit_with_other_mentions_moves_the_post_to_another_conversation(
    conversations: Conversations, posts: Posts, cursor: Cursor, people: People
) -> None:
    ada, bob, cid = people
    first = write(cursor, ada, "@bob one")
    second = write(cursor, ada, "@bob two", first)
    await posts.edit(ada, second.id, PostDraft("@bob @cid two"))
    assert await listed(conversations, bob) == [(["ada", "cid"], "@bob @cid two", True), (["ada"], "@bob one", True)]
    assert await listed(conversations, cid) == [(["ada", "bob"], "@bob @cid two", True)]
    assert [unread for *_, unread in await listed(conversations, ada)] == [False, False]
    await posts.edit(ada, second.id, PostDraft("@bob two"))
    assert await listed(conversations, cid) == []
    assert await listed(conversations, bob) == [(["ada"], "@bob two", True)]


async def test_an_edit_does_not_mark_a_read_conversation_unread(
    conversations: Conversations, posts: Posts, cursor: Cursor, people: People
) -> None:
    ada, bob, _ = people
    post = write(cursor, ada, "@bob one")
    [found] = await conversations.page(bob, Page())
    await conversations.mark(bob, found.id, unread=False)
    before = len(changes(cursor, post))
    await posts.edit(ada, post.id, PostDraft("@bob one, changed"))
    assert await listed(conversations, bob) == [(["ada"], "@bob one, changed", False)]
    assert len(changes(cursor, post)) == before + 2
    await posts.edit(ada, post.id, PostDraft("@bob @cid one"))
    assert await listed(conversations, bob) == [(["ada", "cid"], "@bob @cid one", False)]


@pytest.mark.parametrize("how", ["blocks", "is blocked", "mutes", "muted the thread", "suspended", "follows no more", "refuses strangers"])
async def test_accounts_that_get_no_notification_get_no_conversation(
    conversations: Conversations, db: RolledBackDatabase, cursor: Cursor, people: People, how: str
) -> None:
    ada, bob, cid = people
    opening = make.post(cursor, cid, "Hello all")
    match how:
        case "blocks":
            make.block(cursor, bob, ada)
        case "is blocked":
            make.block(cursor, ada, bob)
        case "mutes":
            make.mute(cursor, bob, ada)
        case "muted the thread":
            await Interactions(db, lambda: make.NOW).mute_thread(bob, opening.id)
        case "suspended":
            make.suspend(cursor, bob)
        case "follows no more":
            cursor.execute("delete from follows where follower_id = %s", [bob.id])
        case "refuses strangers":
            cursor.execute("delete from follows where followee_id = %s", [bob.id])
            await NotificationPolicies(db, lambda: make.NOW).change(bob, {"not_followers": "drop"})
    write(cursor, ada, "@bob @cid hi", opening)
    assert fetch_all(cursor, int, "select account_id from conversations order by account_id") == sorted([ada.id, cid.id])


async def test_filtered_direct_posts_become_conversations_when_the_sender_is_accepted(
    conversations: Conversations, db: RolledBackDatabase, posts: Posts, cursor: Cursor, people: People
) -> None:
    ada, bob, cid = people
    cursor.execute("delete from follows where follower_id = %s", [bob.id])
    first = write(cursor, ada, "@bob one")
    write(cursor, ada, "@bob two", first)
    last = write(cursor, ada, "@bob @cid three", first)
    await posts.edit(ada, last.id, PostDraft("@bob @cid three."))
    write(cursor, cid, "@bob hello")
    assert await listed(conversations, bob) == []
    policies = NotificationPolicies(db, lambda: make.NOW)
    [asking] = [request for request in await policies.requests(bob, Page()) if request.account.id == ada.id]
    await policies.accept(bob, [asking.id])
    assert await listed(conversations, bob) == [(["ada", "cid"], "@bob @cid three.", True), (["ada"], "@bob two", True)]
    assert bob.id in changes(cursor, last)


async def test_the_recipient_of_a_direct_post_may_reply(conversations: Conversations, cursor: Cursor, people: People) -> None:
    ada, bob, _ = people
    cursor.execute("delete from follows")
    first = write(cursor, ada, "@bob hi")
    assert await listed(conversations, bob) == []
    write(cursor, bob, "@ada who are you?", first)
    assert await listed(conversations, ada) == [(["bob"], "@ada who are you?", True)]
    write(cursor, ada, "@bob it is me", first)
    assert [text for _, text, _ in await listed(conversations, bob)][:1] == ["@bob it is me"]


async def test_an_ended_mute_hides_nothing(conversations: Conversations, cursor: Cursor, people: People) -> None:
    ada, bob, _ = people
    make.mute(cursor, bob, ada, until=make.NOW - timedelta(seconds=1))
    write(cursor, ada, "@bob hi")
    assert len(await listed(conversations, bob)) == 1


@pytest.mark.parametrize("command", ["block", "mute"])
async def test_a_block_or_mute_deletes_conversations_with_that_account(
    conversations: Conversations, db: RolledBackDatabase, cursor: Cursor, people: People, command: str
) -> None:
    ada, bob, cid = people
    write(cursor, ada, "@bob @cid hi")
    write(cursor, cid, "@bob hello")
    relations = Relationships(db, lambda: make.NOW)
    await getattr(relations, command)(bob, ada.id)
    assert await listed(conversations, bob) == [(["cid"], "@bob hello", True)]
    assert len(await listed(conversations, cid)) == 2


async def test_a_mute_without_notifications_keeps_conversations(
    conversations: Conversations, db: RolledBackDatabase, cursor: Cursor, people: People
) -> None:
    ada, bob, _ = people
    write(cursor, ada, "@bob hi")
    await Relationships(db, lambda: make.NOW).mute(bob, ada.id, notifications=False)
    write(cursor, ada, "@bob hi again")
    assert len(await listed(conversations, bob)) == 2


async def test_conversations_show_only_posts_that_are_still_visible(conversations: Conversations, cursor: Cursor, people: People) -> None:
    """It ends with the last visible post, is left out without one, and returns when the block or suspension ends."""
    ada, bob, _ = people
    first = write(cursor, ada, "@bob one")
    write(cursor, bob, "@ada two", first)
    write(cursor, bob, "@ada alone")
    make.block(cursor, bob, ada)
    assert await listed(conversations, ada) == [(["bob"], "@bob one", False)]
    cursor.execute("delete from blocks")
    make.suspend(cursor, bob)
    assert await listed(conversations, ada) == [([], "@bob one", False)]
    cursor.execute("update accounts set suspended_at = null")
    assert len(await listed(conversations, ada)) == 2


async def test_posts_to_a_deleted_account_stay(
    conversations: Conversations, db: RolledBackDatabase, cursor: Cursor, people: People
) -> None:
    ada, bob, _ = people
    first = write(cursor, ada, "@bob one")
    write(cursor, bob, "@ada two", first)
    account_deletion.begin_deletion(cursor, bob.id, make.NOW)
    await AccountDeletion(db, lambda: make.NOW).purge(bob.id)
    assert await listed(conversations, ada) == [([], "@bob one", True)]
    assert fetch_all(cursor, int, "select account_id from conversations") == [ada.id]


async def test_only_own_conversations_can_be_read_or_deleted(conversations: Conversations, cursor: Cursor, people: People) -> None:
    ada, bob, cid = people
    post = write(cursor, ada, "@bob hi")
    [found] = await conversations.page(bob, Page())
    for wrong in (conversations.mark(cid, found.id, unread=False), conversations.forget(cid, found.id)):
        with pytest.raises(NotFound):
            await wrong
    assert not (await conversations.mark(bob, found.id, unread=False)).unread
    told = len(changes(cursor, post))
    assert not (await conversations.mark(bob, found.id, unread=False)).unread
    assert len(changes(cursor, post)) == told
    assert (await conversations.mark(bob, found.id, unread=True)).unread
    await conversations.forget(bob, found.id)
    assert await listed(conversations, bob) == []
    assert len(await listed(conversations, ada)) == 1


async def test_a_deleted_conversation_returns_with_a_new_post(conversations: Conversations, cursor: Cursor, people: People) -> None:
    ada, bob, _ = people
    first = write(cursor, ada, "@bob hi")
    [found] = await conversations.page(bob, Page())
    await conversations.forget(bob, found.id)
    write(cursor, ada, "@bob are you there?", first)
    assert await listed(conversations, bob) == [(["ada"], "@bob are you there?", True)]


async def test_viewing_a_post_marks_only_its_conversation_as_read(conversations: Conversations, cursor: Cursor, people: People) -> None:
    ada, bob, _ = people
    first = write(cursor, ada, "@bob one")
    write(cursor, ada, "@bob @cid two", first)
    assert await conversations.mark_opened(bob, first)
    assert not await conversations.mark_opened(bob, first)
    assert [unread for *_, unread in await listed(conversations, bob)] == [True, False]
