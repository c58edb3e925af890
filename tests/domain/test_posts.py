"""Publishing, editing and deleting posts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.domain.posts import Posts
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import PostId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import PostDraft, Visibility
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def posts(db: RolledBackDatabase) -> Posts:
    return make.post_service(db)


async def notified(db: RolledBackDatabase, viewer: Viewer) -> list[tuple[NotificationKind, PostId | None]]:
    found = await Notifications(db, lambda: make.NOW).page(viewer, NotificationQuery(Page()))
    return [(one.kind, one.post.id if one.post else None) for one in found]


async def test_a_post_is_stored_with_its_html_mentions_and_tags(posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor, "ada"), make.viewer(cursor, "bob")
    post = await posts.publish(ada, PostDraft("Hi @BOB and @nobody #Café <b>"))
    assert [mention.account_id for mention in post.mentions] == [bob.id]
    assert [(tag.key, tag.name) for tag in post.tags] == [("cafe", "Café")]
    assert "&lt;b&gt;" in post.html
    assert "@nobody" in post.html
    assert post.thread_id == post.id
    assert make.reload(cursor, ada).posts_count == 1


async def test_the_same_idempotency_key_returns_the_first_post(posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    first = await posts.publish(ada, PostDraft("One", key="k"))
    assert await posts.publish(ada, PostDraft("Two", key="k")) == first
    assert (await posts.publish(bob, PostDraft("Two", key="k"))).id != first.id
    assert fetch_value(cursor, "select count(*) from posts") == 2


async def test_the_key_of_a_deleted_post_creates_a_new_one(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    for _ in range(2):
        first = await posts.publish(ada, PostDraft("redraft me", key="k"))
        await posts.delete(ada, first.id)
        second = await posts.publish(ada, PostDraft("redrafted", key="k"))
        assert (second.id != first.id, second.text) == (True, "redrafted")
        assert await posts.publish(ada, PostDraft("again", key="k")) == second
        await posts.delete(ada, second.id)


async def test_the_key_of_a_refused_post_can_be_used_again(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    with pytest.raises(Invalid):
        await posts.publish(ada, PostDraft("", key="k"))
    assert (await posts.publish(ada, PostDraft("Now with text", key="k"))).text == "Now with text"


@pytest.mark.parametrize("text", ["", " \n ", "\u200b", "\u2800"])
async def test_a_blank_post_is_refused(posts: Posts, cursor: Cursor, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        await posts.publish(make.viewer(cursor), PostDraft(text))
    assert refused.value.codes == {"text": "ERR_BLANK"}


async def test_the_limit_counts_warning_and_text(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    assert (await posts.publish(ada, PostDraft("x" * 490, spoiler="y" * 10))).sensitive
    with pytest.raises(Invalid, match="character limit of 500"):
        await posts.publish(ada, PostDraft("x" * 490, spoiler="y" * 11))


@pytest.mark.parametrize("text", ["x" * 1_000_000, "a\u0301" * 500_000, "nul \0", "\ud800"])
async def test_hostile_text_is_refused_and_stores_nothing(posts: Posts, cursor: Cursor, text: str) -> None:
    with pytest.raises(Invalid):
        await posts.publish(make.viewer(cursor), PostDraft(text))
    assert fetch_value(cursor, "select count(*) from posts") == 0


async def test_a_reply_joins_the_thread_and_notifies_the_author_of_its_parent(posts: Posts, db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    root = await posts.publish(ada, PostDraft("Question?"))
    answer = await posts.publish(bob, PostDraft("Answer", reply_to=root.id))
    assert (answer.thread_id, answer.reply_to_account) == (root.id, ada.id)
    assert await notified(db, ada) == [(NotificationKind.MENTION, answer.id)]
    assert (await posts.one(None, root.id)).replies_count == 1


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.DIRECT])
async def test_a_post_that_the_viewer_may_not_see_cannot_be_replied_to(posts: Posts, cursor: Cursor, visibility: Visibility) -> None:
    hidden = make.post(cursor, make.viewer(cursor), visibility=visibility)
    with pytest.raises(NotFound, match="does not appear to exist"):
        await posts.publish(make.viewer(cursor), PostDraft("Got you", reply_to=hidden.id))


async def test_a_reply_on_the_site_is_never_more_public_than_its_parent(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    private = make.post(cursor, ada, visibility=Visibility.PRIVATE)
    wide = PostDraft("Reply", Visibility.PUBLIC, reply_to=private.id)
    assert (await posts.publish(ada, wide)).visibility is Visibility.PUBLIC
    narrow = PostDraft("Reply", Visibility.PUBLIC, reply_to=private.id, never_wider=True)
    assert (await posts.publish(ada, narrow)).visibility is Visibility.PRIVATE


async def test_blocked_and_muted_authors_notify_nobody(posts: Posts, db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor, "ada"), make.viewer(cursor), make.viewer(cursor)
    make.block(cursor, ada, bob)
    make.mute(cursor, ada, cleo)
    await posts.publish(bob, PostDraft("@ada"))
    await posts.publish(cleo, PostDraft("@ada"))
    await posts.publish(ada, PostDraft("myself: @ada"))
    assert await notified(db, ada) == []


async def test_an_expired_mute_has_no_effect(posts: Posts, db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor, "ada"), make.viewer(cursor)
    make.mute(cursor, ada, bob, until=make.NOW - timedelta(seconds=1))
    post = await posts.publish(bob, PostDraft("@ada"))
    assert await notified(db, ada) == [(NotificationKind.MENTION, post.id)]


async def test_per_post_subscribers_are_notified_of_posts_but_not_of_replies(posts: Posts, db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, bob, ada, notify=True)
    post = await posts.publish(ada, PostDraft("News"))
    await posts.publish(ada, PostDraft("More", reply_to=post.id))
    assert await notified(db, bob) == [(NotificationKind.STATUS, post.id)]


async def test_an_edit_keeps_the_earlier_version(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = await posts.publish(ada, PostDraft("First #one"))
    edited = await posts.edit(ada, post.id, PostDraft("Second #two"))
    assert edited.edited_at is not None
    assert [tag.key for tag in edited.tags] == ["two"]
    assert edited.version != post.version
    _, said = await posts.history(None, post.id)
    assert [revision.text for revision in said] == ["First #one", "Second #two"]


async def test_an_edit_without_changes_is_not_recorded(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = await posts.publish(ada, PostDraft("Same"))
    assert await posts.edit(ada, post.id, PostDraft("Same")) == post
    assert len((await posts.history(None, post.id))[1]) == 1


async def test_an_edit_notifies_only_newly_mentioned_accounts(posts: Posts, db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor, "cleo")
    post = await posts.publish(ada, PostDraft("@bob"))
    await posts.edit(ada, post.id, PostDraft("@bob @cleo"))
    assert await notified(db, bob) == await notified(db, cleo) == [(NotificationKind.MENTION, post.id)]


async def test_an_edit_notifies_boosters(posts: Posts, db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    post = await posts.publish(ada, PostDraft("Draft"))
    make.boost(cursor, bob, post)
    await posts.edit(ada, post.id, PostDraft("Better"))
    assert await notified(db, bob) == [(NotificationKind.UPDATE, post.id)]


async def test_only_the_author_can_edit_or_delete_a_post(posts: Posts, cursor: Cursor) -> None:
    post = make.post(cursor, make.viewer(cursor))
    stranger = make.viewer(cursor)
    with pytest.raises(NotFound):
        await posts.edit(stranger, post.id, PostDraft("Mine now"))
    with pytest.raises(NotFound):
        await posts.delete(stranger, post.id)


async def test_deleting_a_post_deletes_its_boosts_and_notifications_and_corrects_counters(
    posts: Posts, db: RolledBackDatabase, cursor: Cursor
) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor)
    root = make.post(cursor, cleo)
    post = await posts.publish(ada, PostDraft("@bob", reply_to=root.id))
    boost = make.boost(cursor, cleo, post)
    await posts.delete(ada, post.id)
    for gone in (post.id, boost.id):
        with pytest.raises(NotFound):
            await posts.one(None, gone)
    assert await notified(db, bob) == await notified(db, cleo) == await notified(db, ada) == []
    assert (await posts.one(None, root.id)).replies_count == 0
    assert [make.reload(cursor, who).posts_count for who in (ada, cleo)] == [0, 1]


async def test_a_thread_shows_visible_posts_in_reading_order(posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    root = make.post(cursor, ada, "root")
    first = make.post(cursor, bob, "first", reply_to=root)
    second = make.post(cursor, ada, "second", reply_to=root)
    deep = make.post(cursor, ada, "deep", reply_to=first)
    hidden = make.post(cursor, bob, "hidden", reply_to=second, visibility=Visibility.DIRECT)
    thread = await posts.thread(None, root.id)
    assert [post.text for post in thread.descendants] == ["second", "first", "deep"], "What ada says to herself belongs to the root."
    assert [post.text for post in (await posts.thread(None, deep.id)).ancestors] == ["root", "first"]
    assert hidden.id in [post.id for post in (await posts.thread(bob, root.id)).descendants]


async def test_an_unknown_language_is_ignored(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    assert (await posts.publish(ada, PostDraft("Hallo", language="de-AT"))).language == "de"
    assert (await posts.publish(ada, PostDraft("Hm", language="<script>"))).language is None


async def test_the_event_of_a_post_names_its_recipients(posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    post = await posts.publish(ada, PostDraft("@bob #tag", Visibility.DIRECT))
    data = fetch_value(cursor, "select data from events where kind = 'post.published' and post_id = %(post)s", {"post": post.id})
    assert (data["visibility"], data["mentions"], data["tags"]) == ("direct", [bob.id], ["tag"])
