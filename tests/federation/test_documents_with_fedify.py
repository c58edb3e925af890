"""Documents between our readers and writers and Fedify, which processes them as JSON-LD."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from attrs import evolve

from microblog.federation.documents.read_activity import read_activity
from microblog.federation.documents.read_actor import read_actor
from microblog.federation.documents.read_post import read_post
from microblog.federation.documents.write_activity import (
    ReceivedFollow,
    Vote,
    write_accept,
    write_actor_delete,
    write_actor_update,
    write_add,
    write_announce,
    write_block,
    write_create,
    write_delete,
    write_follow,
    write_like,
    write_move,
    write_reject,
    write_remove,
    write_undo,
    write_update,
    write_vote,
)
from microblog.federation.documents.write_parts import Json
from microblog.federation.documents.write_post import PostLinks, PostWriter
from microblog.federation.signature_choice import SignatureForm
from microblog.model.accounts import ProfileField
from microblog.model.federation import Activity, ActivityKind, Reference, RemoteActor, Tombstone
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import AccountId, MediaId, PollId, PostId, TagId
from microblog.model.media import ConvertedMedia, Dimensions, Focus, Media, MediaKind, MediaState
from microblog.model.polls import Poll
from microblog.model.posts import Mention, Post, Tag, Visibility
from tests.federation.actor_server import ActorServer
from tests.federation.documents import AL, AT
from tests.federation.peer import Peer

pytestmark = pytest.mark.acceptance

SITE = ProfileField("Site", "https://al.example", '<a href="https://al.example">al</a>')
PICTURE = ConvertedMedia("1.webp", size=Dimensions(800, 600), blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj")
POST = Post(
    PostId(1),
    AL,
    "hi",
    "<p>hi</p>",
    Visibility.PUBLIC,
    AT,
    language="en",
    spoiler="warning",
    sensitive=True,
    mentions=(Mention(AccountId(8), "bo", "b.example"),),
    tags=(Tag(TagId(1), "x", "x"),),
    media=(Media(MediaId(1), AL.id, MediaKind.IMAGE, MediaState.READY, PICTURE, "alt text", Focus(0.5, -0.5)),),
)
POLL = Poll(PollId(1), ("yes", "no"), (3, 1), 4, multiple=False, hide_totals=False, expires_at=AT + timedelta(days=1))


def writer(server: ActorServer) -> PostWriter:
    """Return the writer of the server's posts."""
    return PostWriter(server.ids, AT + timedelta(hours=1))


def links(peer: Peer) -> PostLinks:
    """Return the addresses of the accounts that posts mention."""
    return PostLinks(accounts={AccountId(8): f"{peer.origin}/users/bo"})


async def test_fedify_understands_our_actors(shared_peer: Peer, actor_server: ActorServer) -> None:
    await shared_peer.control("configure")
    actor_server.account = evolve(AL, header="/media/y.jpg", fields=(SITE,), locked=True)
    found = read_actor(await shared_peer.control("fetch", url=actor_server.actor))
    assert found == evolve(read_actor(actor_server.document("/users/al")), host=None)  # from `webfinger` (FEP-2c59)


@pytest.mark.parametrize(
    "post",
    [
        POST,
        evolve(POST, visibility=Visibility.DIRECT, language=None, spoiler="", sensitive=False),
        evolve(POST, visibility=Visibility.UNLISTED, edited_at=AT + timedelta(minutes=1)),
        evolve(POST, poll=POLL, media=()),
        evolve(POST, poll=evolve(POLL, multiple=True), media=()),
    ],
    ids=["public", "direct", "edited", "poll", "multiple choice"],
)
async def test_fedify_understands_our_posts(shared_peer: Peer, actor_server: ActorServer, post: Post) -> None:
    await shared_peer.control("configure")
    document = writer(actor_server).document(post, links(shared_peer))
    actor_server.documents["/users/al/statuses/1"] = document
    found = read_post(await shared_peer.control("fetch", url=document["id"]))
    expected = read_post(document)
    unknown = [evolve(each, blurhash=None, focus=None) for each in expected.attachments]  # to Fedify, as is the name of the thread
    assert found == evolve(expected, attachments=tuple(unknown), conversation=None)


def activities(server: ActorServer, peer: Peer) -> list[Json]:
    """Return one of each of our activities."""
    ids, bo, write, addresses = server.ids, f"{peer.origin}/users/bo", writer(server), links(peer)
    note, actor = f"{bo}/notes/1", server.document("/users/al") or {}
    follow = ReceivedFollow(f"{bo}#follows/1", bo, 1)
    return [
        write_create(POST, addresses, write),
        write_create(evolve(POST, id=PostId(3), poll=POLL), addresses, write),
        write_update(POST, addresses, write, AT),
        write_actor_update("al", actor, AT, ids),
        write_delete("al", 1, ids),
        write_actor_delete("al", ids),
        write_follow("al", 1, bo, ids),
        write_undo(write_follow("al", 2, f"{peer.origin}/users/dy", ids)),
        write_accept("al", follow, ids),
        write_reject("al", follow, ids),
        write_like("al", 1, note, bo, ids),
        write_undo(write_like("al", 1, note, bo, ids)),
        write_announce(evolve(POST, id=PostId(2)), note, bo, ids),
        write_block("al", 1, bo, ids),
        write_move("al", 1, f"{bo}2", ids),
        write_add("al", f"{server.actor}/statuses/1", ids),
        write_remove("al", f"{server.actor}/statuses/1", ids),
        write_vote("al", 1, Vote(note, bo, "yes"), ids),
    ]


async def test_fedify_understands_our_activities(shared_peer: Peer, actor_server: ActorServer) -> None:
    await shared_peer.control("configure")
    sent = activities(actor_server, shared_peer)
    for each in sent:
        answer = await actor_server.send("POST", f"{shared_peer.origin}/inbox", SignatureForm.CAVAGE, orjson.dumps(each))
        assert answer == 202, each
    understood = await shared_peer.activities()
    assert [each["type"] for each in understood] == [each["type"] for each in sent]
    for found, each in zip(understood, sent, strict=True):
        assert essence(read_activity(found)) == essence(read_activity(each)), each


def essence(activity: Activity) -> Any:
    """Return what an activity says, without properties that Fedify does not know."""
    return activity.kind, activity.id, activity.actor, activity.object_id, activity.target, activity.audience, type(activity.object)


async def test_we_understand_the_activities_of_fedify(shared_peer: Peer, actor_server: ActorServer) -> None:
    await shared_peer.control("configure")
    al, bo, to = actor_server.actor, f"{shared_peer.origin}/users/bo", [actor_server.actor]
    follow = {"type": "Follow", "actor": bo, "object": al}
    follow["id"] = await shared_peer.control("send", activity=follow, to=to)
    await shared_peer.control("send", activity={"type": "Undo", "object": follow}, to=to)
    post = await shared_peer.control("post", content="<p>hi</p>", to=to, replyTo=f"{al}/statuses/1")
    await shared_peer.control("edit", id=post, content="<p>ho</p>", to=to)
    like = await shared_peer.control("send", activity={"type": "Like", "object": f"{al}/statuses/1"}, to=to)
    await shared_peer.control("delete", id=post, to=to)
    bodies = [orjson.loads(each.request.body) for each in actor_server.received if each.request.method == "POST"]
    followed, undone, created, edited, liked, deleted = map(read_activity, bodies)
    assert (followed.kind, followed.id, followed.actor, followed.object) == (ActivityKind.FOLLOW, follow["id"], bo, Reference(al))
    assert isinstance(undone.object, Activity)
    assert (undone.kind, undone.object.kind, undone.object.id) == (ActivityKind.UNDO, ActivityKind.FOLLOW, follow["id"])
    for activity, kind, content in ((created, ActivityKind.CREATE, "<p>hi</p>"), (edited, ActivityKind.UPDATE, "<p>ho</p>")):
        assert isinstance(activity.object, RemotePost)
        read = activity.object
        assert (activity.kind, read.id, read.author, read.content) == (kind, post, bo, content)
        assert (read.reply_to, read.audience.visibility("")) == (f"{al}/statuses/1", Visibility.PUBLIC)
    assert (liked.kind, liked.id, liked.object_id) == (ActivityKind.LIKE, like, f"{al}/statuses/1")
    assert (deleted.kind, deleted.object) == (ActivityKind.DELETE, Tombstone(post))


async def test_we_understand_the_actors_of_fedify(shared_peer: Peer, actor_server: ActorServer) -> None:
    await shared_peer.control("configure")
    url = f"{shared_peer.origin}/users/bo"
    answer = await actor_server.client.send("GET", url, {"Accept": "application/activity+json"})
    actor: RemoteActor = read_actor(orjson.loads(answer.body))
    assert (actor.id, actor.username, actor.name, actor.endpoints.inbox) == (url, "bo", "bo", f"{url}/inbox")
    assert (actor.endpoints.shared_inbox, actor.endpoints.followers) == (f"{shared_peer.origin}/inbox", f"{url}/followers")
    assert {key.id for key in actor.keys} == {f"{url}#main-key", f"{url}#multikey-1", f"{url}#multikey-2"}
