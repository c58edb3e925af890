"""Posts of other servers as rows of this one: what is shown, who sees it and who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from microblog.domain import post_moderation
from microblog.domain.conversations import Conversations
from microblog.domain.link_previews import PreviewScheduler
from microblog.domain.posts import Posts
from microblog.domain.timelines import Timelines
from microblog.federation.post_extras import PostExtras
from microblog.federation.remote_posts import PARENT_JOB
from microblog.model.ids import id_at
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.federation.documents import PUBLIC, activity
from tests.federation.internet import SITE
from tests.federation.remote_side import BO, RemoteSide, known_actor, local, local_post, naming, note, service, store_actor
from tests.make import NOW

FOLLOWERS = f"{BO}/followers"


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    return service(cursor)


async def home(side: RemoteSide, viewer: Any) -> list[int]:
    return [post.id for post in await Timelines(side.db, lambda: side.time).home(viewer, Page())]


async def test_a_note_becomes_a_post(side: RemoteSide, cursor: Cursor) -> None:
    published = NOW - timedelta(minutes=3)
    post = await side.created(
        note(
            content='<p>Hi <script>x</script><a href="javascript:x">you</a> #Tag</p>', summary="Careful &amp; <b>slow</b>", sensitive=True,
            contentMap={"de-AT": '<p>Hi <script>x</script><a href="javascript:x">you</a> #Tag</p>'}, published=published.isoformat(),
            tag=[{"type": "Hashtag", "name": "#Tag"}, {"type": "Hashtag", "name": "no tag"}, {"type": "Hashtag", "name": "123"}],
            likes={"type": "Collection", "totalItems": 4}, shares={"type": "Collection", "totalItems": 2},
        )
    )  # fmt: skip
    assert (post.author, post.uri, post.url) == (known_actor(cursor), f"{BO}/statuses/1", f"{BO}/pages/1")
    assert (post.text, post.html) == ("Hi you #Tag", "<p>Hi you #Tag</p>")
    assert (post.spoiler, post.sensitive, post.language) == ("Careful & slow", True, "de")
    assert (post.created_at, post.edited_at, post.thread_id) == (published, None, post.id)
    assert id_at(published) <= post.id < id_at(published + timedelta(seconds=1))
    assert [tag.name for tag in post.tags] == ["Tag"]
    assert (post.favourites_count, post.boosts_count) == (4, 2)
    assert side.rows("select arrived_at from posts") == [(NOW,)]
    assert make.reload(cursor, known_actor(cursor)).posts_count == 1


@pytest.mark.parametrize("published", ["2999-01-01T00:00:00Z", "nonsense", None])
async def test_nothing_was_published_later_than_now(side: RemoteSide, published: str | None) -> None:
    post = await side.created(note(published=published))
    assert post.created_at == NOW
    assert post.id < id_at(NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("document", "html"),
    [
        (note(name="A <i>title</i>"), "<p><strong>A title</strong></p><p>hi</p>"),
        (
            note(type="Article", name="Title", summary="<p>About &lt;it&gt;</p>", content="<p>long</p>"),
            "<p><strong>Title</strong></p><p>About &lt;it&gt;</p>"
            f'<p><a href="{BO}/pages/1" rel="nofollow noopener" target="_blank">{BO}/pages/1</a></p>',
        ),
    ],
)
async def test_titles_are_shown_and_other_types_link_to_their_page(side: RemoteSide, document: dict[str, Any], html: str) -> None:
    post = await side.created(document)
    assert post.html == html
    assert (post.spoiler, post.sensitive) == ("", False)


# --- Visibility


@pytest.mark.parametrize(
    ("to", "cc", "visibility"),
    [
        ([PUBLIC], [], Visibility.PUBLIC),
        (["as:Public"], [], Visibility.PUBLIC),
        ([FOLLOWERS], ["Public"], Visibility.UNLISTED),
        ([], [FOLLOWERS], Visibility.PRIVATE),
        (["https://c.example/users/cy"], [], Visibility.DIRECT),
        (["https://c.example/users/cy/followers"], [], Visibility.DIRECT),
    ],
)
async def test_visibility_follows_the_addressees(
    side: RemoteSide, cursor: Cursor, to: list[str], cc: list[str], visibility: Visibility
) -> None:
    follower, stranger = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, follower, known_actor(cursor))
    post = await side.created(note(to=to, cc=cc))
    assert post.visibility is visibility
    assert side.sees(stranger, post) is side.sees(None, post) is visibility.is_open
    assert side.sees(follower, post) is (visibility is not Visibility.DIRECT)


async def test_only_who_is_tagged_and_addressed_is_told(side: RemoteSide, cursor: Cursor) -> None:
    named, addressed, tagged = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    post = await side.created(note(to=[local(named)], cc=[local(addressed), FOLLOWERS], tag=naming(named, tagged)))
    assert [mention.account_id for mention in post.mentions] == [named.id]
    assert side.told(named) == [("mention", post.id)]
    assert side.told(addressed) == side.told(tagged) == []
    assert side.sees(named, post)
    assert side.sees(addressed, post)
    assert not side.sees(tagged, post)


async def test_addressees_who_are_not_tagged_are_no_participants_of_a_conversation(side: RemoteSide, cursor: Cursor) -> None:
    named, addressed = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, named, known_actor(cursor))
    post = await side.created(note(to=[local(named), local(addressed)], cc=[], tag=naming(named)))
    talks = Conversations(side.db, lambda: NOW)
    [talk] = await talks.page(named, Page())
    assert (talk.last.id, [each.id for each in talk.people], talk.unread) == (post.id, [known_actor(cursor).id], True)
    assert await talks.page(addressed, Page()) == []
    assert side.sees(addressed, post)


async def test_a_post_without_addressees_is_for_the_owner_of_the_inbox(side: RemoteSide, cursor: Cursor) -> None:
    owner, stranger = make.viewer(cursor), make.viewer(cursor)
    post = await side.created(note(to=[], cc=[]), owner)
    assert post.visibility is Visibility.DIRECT
    assert side.sees(owner, post)
    assert not side.sees(stranger, post)
    assert side.told(owner) == []


async def test_the_addressees_of_the_activity_count_if_the_post_has_none(side: RemoteSide, cursor: Cursor) -> None:
    post = await side.create(note(to=[], cc=[]), to=[PUBLIC])
    other = await side.create(note("2", to=[FOLLOWERS], cc=[]), to=[PUBLIC])
    assert post is not None
    assert other is not None
    assert (post.visibility, other.visibility) == (Visibility.PUBLIC, Visibility.PRIVATE)


async def test_an_update_cannot_widen_who_sees_a_post(side: RemoteSide) -> None:
    await side.created(note(to=[FOLLOWERS], cc=[]))
    side.time = NOW + timedelta(minutes=1)
    await side.receive(activity("Update", note(content="<p>new</p>", updated=side.time.isoformat())))
    post = side.post(f"{BO}/statuses/1")
    assert post is not None
    assert (post.html, post.visibility) == ("<p>new</p>", Visibility.PRIVATE)


async def test_remote_accounts_are_mentioned_if_they_are_known(side: RemoteSide, cursor: Cursor) -> None:
    cy = store_actor(cursor, "https://c.example/users/cy")
    tags = [{"type": "Mention", "href": uri, "name": "@x"} for uri in (cy.uri, "https://c.example/users/unknown")]
    post = await side.created(note(cc=[cy.uri, "https://c.example/users/unknown"], tag=tags))
    assert [mention.acct for mention in post.mentions] == ["cy@c.example"]


# --- Timelines


async def test_posts_of_followees_are_at_home_in_streams_and_not_among_local_ones(side: RemoteSide, cursor: Cursor) -> None:
    follower = make.viewer(cursor)
    make.follow(cursor, follower, known_actor(cursor))
    post = await side.created(note())
    assert await home(side, follower) == [post.id]
    assert side.events() == ["post.published"]
    timelines = Timelines(side.db, lambda: NOW)
    assert [each.id for each in await timelines.public(follower, Page())] == [post.id]
    assert await timelines.public(follower, Page(), here=True) == []


async def test_old_posts_are_stored_without_reaching_streams(side: RemoteSide) -> None:
    post = await side.created(note(published=(NOW - timedelta(hours=6)).isoformat()))
    assert post.created_at == NOW - timedelta(hours=6)
    assert side.events() == []


async def test_a_post_is_stored_once(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    document = note(cc=[local(ada)], tag=naming(ada))
    first, second = await side.created(document), await side.created(document)
    assert first.id == second.id
    assert side.events() == ["post.published"]
    assert len(side.told(ada)) == 1


async def test_nobody_else_can_take_the_place_of_a_post(side: RemoteSide, cursor: Cursor) -> None:
    post = await side.created(note())
    store_actor(cursor, "https://b.example/users/eve")
    await side.receive(
        activity("Update", note(content="<p>Eve</p>", attributedTo="https://b.example/users/eve"), actor="https://b.example/users/eve")
    )
    await side.receive(activity("Delete", post.uri, actor="https://b.example/users/eve"))
    assert side.post(str(post.uri)) == post


async def test_a_suspended_author_publishes_nothing(side: RemoteSide, cursor: Cursor) -> None:
    make.suspend(cursor, known_actor(cursor))
    assert await side.create(note()) is None


# --- Threads


async def test_a_reply_to_a_post_of_this_site_is_in_its_thread_and_its_author_is_told(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    parent = make.post(cursor, ada)
    reply = await side.created(note(inReplyTo=local_post(parent)))
    assert (reply.reply_to, reply.reply_to_account, reply.thread_id) == (parent.id, ada.id, parent.id)
    assert side.told(ada) == [("mention", reply.id)]
    thread = await make.post_service(side.db).thread(ada, parent.id)
    assert [each.id for each in thread.descendants] == [reply.id]
    assert thread.post.replies_count == 1


async def test_a_reply_to_a_post_that_its_author_may_not_see_is_not_attached(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    parent = make.post(cursor, ada, visibility=Visibility.PRIVATE)
    reply = await side.created(note(inReplyTo=local_post(parent)))
    assert (reply.reply_to, reply.reply_to_uri) == (None, local_post(parent))
    assert side.told(ada) == []
    assert side.rows("select kind from jobs") == []


async def test_replies_wait_for_their_parent(side: RemoteSide, cursor: Cursor) -> None:
    follower = make.viewer(cursor)
    make.follow(cursor, follower, known_actor(cursor))
    store_actor(cursor, "https://c.example/users/cy")
    parent, below = note("7", "https://c.example/users/cy"), note("2", inReplyTo=f"{BO}/statuses/1")
    orphan = await side.created(note(inReplyTo=parent["id"]))
    last = await side.created(below)
    assert (orphan.reply_to, orphan.thread_id, last.thread_id) == (None, orphan.id, orphan.id)
    assert await home(side, follower) == [last.id]  # a reply to somebody who is not followed
    assert side.rows("select payload->>'uri' from jobs where kind = 'federation.parent'") == [(parent["id"],)]
    cursor.execute("insert into thread_mutes (account_id, thread_id, created_at) values (%s, %s, now())", [follower.id, orphan.id])
    top = await side.created(parent)
    orphan, attached = side.post(str(orphan.uri)) or orphan, side.post(str(last.uri))
    assert attached is not None
    assert (orphan.reply_to, orphan.reply_to_account, orphan.reply_to_uri) == (top.id, top.author.id, None)
    assert orphan.thread_id == attached.thread_id == top.id
    assert side.rows("select thread_id from thread_mutes") == [(top.id,)]
    thread = await make.post_service(side.db).thread(follower, top.id)
    assert [each.id for each in thread.descendants] == [orphan.id, attached.id]
    assert thread.post.replies_count == 1


async def test_replies_to_unknown_posts_are_no_posts_of_their_own(side: RemoteSide, cursor: Cursor) -> None:
    follower, bo = make.viewer(cursor), known_actor(cursor)
    make.follow(cursor, follower, bo)
    await side.created(note(inReplyTo="https://c.example/1"))
    assert await home(side, follower) == []
    assert await Timelines(side.db, lambda: NOW).public(None, Page()) == []
    assert side.rows("select data->'parent_unknown' from events where kind = 'post.published'") == [(True,)]


async def test_a_thread_that_would_be_a_circle_is_none(side: RemoteSide) -> None:
    first = await side.created(note("1", inReplyTo=f"{BO}/statuses/2"))
    second = await side.created(note("2", inReplyTo=f"{BO}/statuses/1"))
    assert second.reply_to == first.id
    assert (side.post(str(first.uri)) or first).reply_to is None
    alone = await side.created(note("3", inReplyTo=f"{BO}/statuses/3"))
    assert (alone.reply_to, alone.reply_to_uri) == (None, None)


async def test_the_parents_of_a_reply_are_fetched_one_after_the_other(side: RemoteSide, cursor: Cursor) -> None:
    cy = "https://c.example/users/cy"
    store_actor(cursor, cy)
    for number in range(1, 30):
        document = note(str(number), cy, inReplyTo=f"{cy}/statuses/{number + 1}")
        side.internet.documents[document["id"]] = document
    await side.created(note(inReplyTo=f"{cy}/statuses/1"))
    for _ in range(40):
        jobs = side.rows(f"delete from jobs where kind = '{PARENT_JOB}' returning payload")
        for (payload,) in jobs:
            await side.effects.posts.fetch_parent(payload["uri"], payload["ancestors"], lambda _: None)
    assert len(side.internet.requests) == 20
    thread = await make.post_service(side.db).thread(None, (side.post(f"{BO}/statuses/1") or pytest.fail("lost")).id)
    assert len(thread.ancestors) == 20


# --- Versions


async def test_edits_have_a_history_and_older_versions_change_nothing(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    await side.created(note())
    edits = [NOW + timedelta(minutes=minute) for minute in (1, 2)]
    side.time = NOW + timedelta(hours=1)
    second = note(content="<p>second</p>", updated=edits[1].isoformat(), cc=[local(ada)], tag=naming(ada))
    for document in (second, note(content="<p>first</p>", updated=edits[0].isoformat()), second, note()):
        await side.receive(activity("Update", document))
    post = side.post(f"{BO}/statuses/1")
    assert post is not None
    assert (post.html, post.edited_at) == ("<p>second</p>", edits[1])
    assert side.told(ada) == [("mention", post.id)]
    assert side.events() == ["post.published", "post.edited"]
    _, history = await Posts(side.db, "site.test", "https://site.test", 500, lambda: NOW).history(None, post.id)
    assert [revision.html for revision in history] == ["<p>hi</p>", "<p>second</p>"]


async def test_an_update_of_an_unknown_post_makes_it_known_for_a_day(side: RemoteSide) -> None:
    for hours in (23, 25):
        published = NOW - timedelta(hours=hours)
        await side.receive(activity("Update", note(str(hours), published=published.isoformat(), updated=NOW.isoformat())))
    assert side.post(f"{BO}/statuses/23") is not None
    assert side.post(f"{BO}/statuses/25") is None


async def test_polls_have_the_numbers_of_their_server(side: RemoteSide) -> None:
    def question(yes: int, **changes: Any) -> dict[str, Any]:
        options = [
            {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": n}} for name, n in (("yes", yes), ("no", 1))
        ]
        return note(**{"type": "Question", "anyOf": options, "endTime": (NOW + timedelta(days=1)).isoformat(), "votersCount": 3, **changes})

    post = await side.created(question(2))
    assert post.poll is not None
    assert (post.poll.options, post.poll.counts, post.poll.voters, post.poll.multiple) == (("yes", "no"), (2, 1), 3, True)
    assert side.rows("select count(*) from jobs where kind = 'poll.close'") == [(1,)]
    await side.receive(activity("Update", question(8)))
    post = side.post(str(post.uri)) or post
    assert post.poll is not None
    assert (post.poll.counts, post.edited_at, post.poll.ended(NOW)) == ((8, 1), None, False)
    await side.receive(activity("Update", question(9, closed=True, endTime=None)))
    post = side.post(str(post.uri)) or post
    assert post.poll is not None
    assert (post.poll.counts, post.poll.ended(NOW)) == ((9, 1), True)


async def test_a_deleted_post_is_gone_and_does_not_come_back(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    document = note(cc=[local(ada)], tag=naming(ada))
    await side.created(document)
    await side.receive(activity("Delete", {"id": document["id"], "type": "Tombstone"}))
    assert await side.create(document) is None
    assert side.told(ada) == []
    assert side.events() == ["post.published", "post.deleted"]
    await side.receive(activity("Delete", f"{BO}/statuses/2"))
    assert await side.create(note("2")) is None


async def test_what_its_author_deleted_does_not_come_back_when_moderators_undo_their_deletion(side: RemoteSide, cursor: Cursor) -> None:
    gone, there = await side.created(note(cc=[PUBLIC])), await side.created(note("2", cc=[PUBLIC]))
    before = NOW - timedelta(hours=1)
    post_moderation.delete(cursor, [gone.id, there.id], gone.author.id, before)
    await side.receive(activity("Delete", str(gone.uri)))
    assert post_moderation.restore(cursor, [gone.id, there.id], before, NOW) == [there.id]
    assert side.post(str(gone.uri)) is None


# --- Previews


PAGE = "https://news.example/a?b=1&c"
LINKS = (
    f'<p><a href="{BO}" class="u-url mention">@bo</a> <a href="https://b.example/tags/x" class="mention hashtag">#x</a> '
    '<a href="https://news.example/a?b=1&amp;c">news</a> <a href="https://other.example/">other</a></p>'
)


def preview_jobs(side: RemoteSide) -> list[tuple[str, float]]:
    """The pages of which previews are wanted, with the minutes until then."""
    jobs = side.rows(
        """select c.url, extract(epoch from j.due_at - %(now)s) / 60 from jobs j
           join cards c on c.id = (j.payload->>'card')::bigint where j.kind = 'federation.link_preview'""",
        now=side.time,
    )
    return [(url, float(minutes)) for url, minutes in jobs]


@pytest.fixture
def previewing(cursor: Cursor) -> RemoteSide:
    """A site that shows previews."""
    scheduler = PreviewScheduler(SITE.url, lambda: 0.5).for_remote_posts()
    return service(cursor, PostExtras(previews=scheduler))


@pytest.mark.parametrize(
    ("document", "pages"),
    [
        (note(content=LINKS), [PAGE]),
        (note(content="<p>hi</p>", attachment=[{"type": "Link", "href": "https://linked.example/"}]), ["https://linked.example/"]),
        (note(content=LINKS, attachment=[{"type": "Link", "href": "https://linked.example/"}]), ["https://linked.example/"]),
        (note(content=LINKS, to=[FOLLOWERS], cc=[]), []),
        (note(content=LINKS, attachment=[{"type": "Image", "url": "https://b.example/a.png"}]), []),
        (note(content="<p>hi</p>"), []),
        (note(content=f'<p><a href="{SITE.url}/@ada/1">here</a></p>'), []),
    ],
)
async def test_public_posts_get_a_preview_of_their_page_after_some_minutes(
    previewing: RemoteSide, document: dict[str, Any], pages: list[str]
) -> None:
    await previewing.created(document)
    assert [url for url, _ in preview_jobs(previewing)] == pages
    assert all(1 <= minutes <= 10 for _, minutes in preview_jobs(previewing))


async def test_an_edit_without_the_link_takes_the_preview_away(previewing: RemoteSide) -> None:
    post = await previewing.created(note(content=LINKS, published=(NOW - timedelta(hours=1)).isoformat()))
    previewing.rows("update cards set title = 'News', fetched_at = now() returning id")
    [card] = previewing.rows("select card_id from post_cards")
    edited = note(content="<p>none</p>", published=(NOW - timedelta(hours=1)).isoformat(), updated=NOW.isoformat())
    await previewing.receive(activity("Update", edited))
    assert card
    assert previewing.rows("select post_id from post_cards where post_id = %(post)s", post=post.id) == []
