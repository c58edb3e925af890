"""Boosts, favourites and votes from other servers, in whatever order they arrive, and what is believed of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from microblog.domain import post_moderation
from microblog.federation.incoming import parse_activity
from microblog.federation.relevance import Signer
from microblog.model.accounts import Viewer
from microblog.model.federation import ActorKind
from microblog.model.jobs import RetryLater
from microblog.model.polls import PollDraft
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.model.remote_requests import RemoteResponse
from microblog.storage import posts, relationships
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC, activity
from tests.federation.remote_side import BO, RemoteSide, known_actor, local, local_post, naming, note, service, store_actor
from tests.make import NOW

CY = "https://c.example/users/cy"
FOLLOWERS = f"{BO}/followers"


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    return service(cursor)


def announce(target: Any, number: int = 1, **changes: Any) -> dict[str, Any]:
    return activity("Announce", target, **{"id": f"{BO}/boosts/{number}", "to": [PUBLIC], "cc": [FOLLOWERS], **changes})


def like(post: Post, number: int = 1, **changes: Any) -> dict[str, Any]:
    return activity("Like", local_post(post), **{"id": f"{BO}#likes/{number}", **changes})


def undo(undone: Any, **changes: Any) -> dict[str, Any]:
    return activity("Undo", undone, **{"id": f"{BO}#undo", **changes})


# --- Favourites


async def test_a_favourite_is_counted_told_and_withdrawn(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = make.post(cursor, ada)
    for _ in range(2):
        await side.receive(like(post))
    assert side.told(ada) == [("favourite", post.id)]
    assert posts.by_ids(cursor, [post.id])[post.id].favourites_count == 1
    await side.receive(undo(like(post)))
    assert side.told(ada) == []
    assert posts.by_ids(cursor, [post.id])[post.id].favourites_count == 0


@pytest.mark.parametrize("changes", [{"type": "Like", "content": "🦊", "_misskey_reaction": "🦊"}, {"type": "EmojiReact", "content": "🦊"}])
async def test_reactions_are_favourites(side: RemoteSide, cursor: Cursor, changes: dict[str, Any]) -> None:
    post = make.post(cursor, make.viewer(cursor))
    await side.receive({**like(post), **changes})
    assert posts.by_ids(cursor, [post.id])[post.id].favourites_count == 1


@pytest.mark.parametrize("undone", ["id", "without id"])
async def test_a_favourite_is_undone_by_its_id_or_by_its_post(side: RemoteSide, cursor: Cursor, undone: str) -> None:
    post = make.post(cursor, make.viewer(cursor))
    given = like(post) if undone == "id" else like(post, id=None)
    await side.receive(given)
    await side.receive(undo(given["id"] if undone == "id" else given))
    assert posts.by_ids(cursor, [post.id])[post.id].favourites_count == 0


async def test_only_visible_posts_can_be_favourited_or_boosted(side: RemoteSide, cursor: Cursor) -> None:
    ada, bo = make.viewer(cursor), known_actor(cursor)
    private, blocked = make.post(cursor, ada, visibility=Visibility.PRIVATE), make.viewer(cursor)
    relationships.block(cursor, account=blocked.id, target=bo.id, now=NOW)
    hidden = make.post(cursor, blocked)
    for post in (private, hidden):
        await side.receive(like(post))
        await side.receive(announce(local_post(post)))
        found = posts.by_ids(cursor, [post.id])[post.id]
        assert (found.favourites_count, found.boosts_count) == (0, 0)


# --- Boosts


async def test_a_boost_of_a_post_of_this_site_is_counted_and_told(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = make.post(cursor, ada)
    for _ in range(2):
        await side.receive(announce(local_post(post), published=(NOW - timedelta(hours=1)).isoformat()))
    boost = side.post(f"{BO}/boosts/1")
    assert boost is not None
    assert boost.boost is not None
    assert (boost.boost.id, boost.boost.boosts_count, boost.visibility) == (post.id, 1, Visibility.PUBLIC)
    assert boost.created_at == NOW - timedelta(hours=1)
    assert side.told(ada) == [("reblog", post.id)]
    await side.receive(undo(f"{BO}/boosts/1"))
    assert side.told(ada) == []
    assert posts.by_ids(cursor, [post.id])[post.id].boosts_count == 0
    await side.receive(announce(local_post(post)))
    assert side.post(f"{BO}/boosts/1") is None


async def test_a_boost_that_is_undone_while_its_post_is_deleted_does_not_come_back_with_it(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = make.post(cursor, ada)
    for number, actor in enumerate((BO, CY)):
        store_actor(cursor, actor)
        await side.receive(announce(local_post(post), number, id=f"{actor}/boosts/1", actor=actor))
    deleted_at = NOW - timedelta(hours=1)
    post_moderation.delete(cursor, [post.id], ada.id, deleted_at)
    await side.receive(undo(f"{BO}/boosts/1"))
    assert post_moderation.restore(cursor, [post.id], deleted_at, NOW) == [post.id]
    assert (side.post(f"{BO}/boosts/1"), side.post(f"{CY}/boosts/1") is None) == (None, False)
    assert posts.by_ids(cursor, [post.id])[post.id].boosts_count == 1


async def test_an_unknown_boosted_post_is_fetched_with_its_author(side: RemoteSide, cursor: Cursor) -> None:
    store_actor(cursor, CY)
    document = note("1", CY)
    side.internet.documents[document["id"]] = document
    await side.receive(announce({**document, "content": "<p>forged</p>"}))
    boost = side.post(f"{BO}/boosts/1")
    assert boost is not None
    assert boost.boost is not None
    assert (boost.boost.html, boost.boost.author.uri) == ("<p>hi</p>", CY)


@pytest.mark.parametrize(
    "found",
    [
        None,
        note("1", CY, attributedTo="https://d.example/users/di"),
        note("2", CY),
        RemoteResponse(200, {"content-type": "text/plain"}, orjson.dumps(note("1", CY))),
        {"id": f"{CY}/statuses/1", "type": "Tombstone"},
    ],
)
async def test_what_its_server_does_not_confirm_is_not_boosted(side: RemoteSide, cursor: Cursor, found: Any) -> None:
    store_actor(cursor, CY)
    store_actor(cursor, "https://d.example/users/di")
    if found is not None:
        side.internet.documents[f"{CY}/statuses/1"] = found
    await side.receive(announce(f"{CY}/statuses/1"))
    assert side.rows("select from posts") == []


async def test_a_server_that_does_not_respond_is_asked_later(side: RemoteSide) -> None:
    side.internet.down.add("c.example")
    with pytest.raises(RetryLater):
        await side.receive(announce(f"{CY}/statuses/1"))


async def test_posts_of_suspended_accounts_do_not_come_back(side: RemoteSide, cursor: Cursor) -> None:
    make.suspend(cursor, store_actor(cursor, CY))
    side.internet.documents[f"{CY}/statuses/1"] = note("1", CY, updated=NOW.isoformat())
    await side.receive(announce(f"{CY}/statuses/1"))
    await side.receive(activity("Update", note("1", CY, updated=NOW.isoformat()), actor=CY))
    assert side.rows("select from posts") == []


async def test_a_boost_never_widens_who_sees_a_post(side: RemoteSide, cursor: Cursor) -> None:
    store_actor(cursor, CY)
    own = await side.created(note(to=[FOLLOWERS], cc=[]))
    others = await side.created(note("1", CY, to=[f"{CY}/followers"], cc=[f"{BO}"]))
    make.follow(cursor, known_actor(cursor), known_actor(cursor, CY))
    await side.receive(announce(own.uri))
    await side.receive(announce(others.uri, 2))
    boost = side.post(f"{BO}/boosts/1")
    assert boost is not None
    assert not side.sees(make.viewer(cursor), boost)
    assert side.post(f"{BO}/boosts/2") is None


async def test_a_group_announces_what_its_members_publish(side: RemoteSide, cursor: Cursor) -> None:
    group = "https://g.example/users/group"
    store_actor(cursor, group, ActorKind.GROUP)
    store_actor(cursor, CY)
    side.internet.documents[f"{CY}/statuses/1"] = note("1", CY)
    created = activity("Create", note("1", CY, content="<p>forged</p>"), actor=CY, id=f"{CY}#create")
    await side.receive(announce(created, actor=group, id=f"{group}/1"))
    await side.receive(announce(activity("Like", f"{CY}/statuses/1", actor=CY), actor=group, id=f"{group}/2"))
    boost = side.post(f"{group}/1")
    assert boost is not None
    assert boost.boost is not None
    assert boost.boost.html == "<p>hi</p>"
    assert side.post(f"{group}/2") is None


# --- What is believed


async def test_an_embedded_note_of_another_host_is_fetched_and_never_taken_for_the_senders(side: RemoteSide, cursor: Cursor) -> None:
    store_actor(cursor, CY)
    side.internet.documents[f"{CY}/statuses/1"] = note("1", CY)
    await side.receive(activity("Create", note("1", CY, attributedTo=BO)))
    assert side.internet.asked == [f"{CY}/statuses/1"]
    assert side.rows("select from posts") == []


async def test_our_own_ids_are_never_taken_from_outside(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = make.post(cursor, ada)
    forged = note(id="x", content="<p>forged</p>") | {"id": local_post(post), "attributedTo": local(ada)}
    for kind in ("Create", "Update"):
        await side.receive(activity(kind, forged))
    await side.receive(activity("Delete", local_post(post)))
    await side.receive(undo(local_post(post)))
    assert posts.by_ids(cursor, [post.id])[post.id] == post
    assert side.internet.requests == []


async def test_undo_only_by_the_owner(side: RemoteSide, cursor: Cursor) -> None:
    store_actor(cursor, "https://b.example/users/eve")
    post = make.post(cursor, make.viewer(cursor))
    await side.receive(announce(local_post(post)))
    await side.receive(like(post))
    for undone in (f"{BO}/boosts/1", f"{BO}#likes/1", like(post), announce(local_post(post))):
        await side.receive(undo(undone, actor="https://b.example/users/eve"))
    found = posts.by_ids(cursor, [post.id])[post.id]
    assert (found.favourites_count, found.boosts_count) == (1, 1)


# --- Votes


def vote(author: Viewer, question: Post, name: str, number: int) -> dict[str, Any]:
    """Return a vote of bo in a poll of this site."""
    chosen = {"id": f"{BO}#votes/{number}", "type": "Note", "name": name, "inReplyTo": local_post(question), "attributedTo": BO}
    return activity("Create", {**chosen, "to": [local(author)]}, id=f"{BO}#votes/{number}/activity")


async def test_a_vote_is_counted_and_is_no_post(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    draft = PostDraft("Well?", poll=PollDraft(("yes", "no"), 600))
    question = result_of(make.post_service(side.db).publish(ada, draft))

    for number, name in enumerate(("maybe", "No", "no ", "no", "no", "yes")):
        await side.receive(vote(ada, question, name, number))
    poll = posts.by_ids(cursor, [question.id])[question.id].poll
    assert poll is not None
    assert (poll.counts, poll.voters) == ((0, 1), 1)
    assert side.told(ada) == []
    assert side.rows("select from posts where uri is not null") == []


async def test_of_several_choices_each_counts_once_and_the_voter_too(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    draft = PostDraft("Well?", poll=PollDraft(("tea", "milk", "salt"), 600, multiple=True))
    question = result_of(make.post_service(side.db).publish(ada, draft))
    for number, name in enumerate(("tea", "salt", "tea", "salt")):
        await side.receive(vote(ada, question, name, number))
    poll = posts.by_ids(cursor, [question.id])[question.id].poll
    assert poll is not None
    assert (poll.counts, poll.voters) == ((1, 0, 1), 1)


@pytest.mark.parametrize("reason", ["ended", "hidden", "blocked"])
async def test_a_vote_that_is_not_valid_counts_nothing_and_is_no_post(side: RemoteSide, cursor: Cursor, reason: str) -> None:
    ada = make.viewer(cursor)
    visibility = Visibility.PRIVATE if reason == "hidden" else Visibility.PUBLIC
    draft = PostDraft("Well?", visibility, poll=PollDraft(("yes", "no"), 600))
    question = result_of(make.post_service(side.db).publish(ada, draft))
    if reason == "ended":
        side.time = NOW + timedelta(seconds=601)
    if reason == "blocked":
        relationships.block(cursor, account=ada.id, target=known_actor(cursor).id, now=NOW)
    await side.receive(vote(ada, question, "yes", 1))
    poll = posts.by_ids(cursor, [question.id])[question.id].poll
    assert poll is not None
    assert (poll.counts, poll.voters) == ((0, 0), 0)
    assert side.told(ada) == []
    assert side.rows("select from posts where uri is not null") == []


# --- Relevance


async def test_only_what_concerns_this_site_is_taken(side: RemoteSide, cursor: Cursor) -> None:
    ada, cy = make.viewer(cursor), store_actor(cursor, CY)
    post, known = make.post(cursor, ada), await side.created(note("5", CY))

    def is_taken(document: dict[str, Any]) -> bool:
        signer = known_actor(cursor, document["actor"])
        found = parse_activity(orjson.dumps(document))
        return side.effects.relevance.concerns_this_site(cursor, found, Signer(signer.id, str(signer.uri)))

    unknown = "https://d.example/1"
    assert not is_taken(activity("Create", note()))
    assert not is_taken(activity("Create", note(inReplyTo=known.uri)))
    assert not is_taken(activity("Update", note()))
    assert not is_taken(announce(unknown))
    assert not is_taken(activity("Like", unknown))
    assert not is_taken(activity("Move", CY))
    assert is_taken(activity("Create", note(cc=[local(ada)])))
    assert is_taken(activity("Create", note(tag=naming(ada))))
    assert is_taken(activity("Create", note(inReplyTo=local_post(post))))
    assert is_taken(activity("Create", note(), to=[local(ada)]))
    assert is_taken(activity("Update", note("5", CY), actor=CY))
    assert is_taken(activity("Delete", known.uri, actor=CY))
    assert not is_taken(activity("Delete", known.uri))
    assert not is_taken(activity("Delete", note()["id"]))
    assert is_taken(announce(local_post(post)))
    assert is_taken(announce(known.uri))
    assert is_taken(like(post))
    make.follow(cursor, ada, cy)
    assert is_taken(activity("Create", note(inReplyTo=known.uri)))
    make.follow(cursor, ada, known_actor(cursor))
    assert is_taken(activity("Create", note()))
    assert is_taken(announce(unknown))
    assert not is_taken(activity("Like", unknown))
    assert is_taken(activity("Delete", note()["id"]))
