"""Signatures between our modules and Fedify, over real sockets, in both directions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from attrs import evolve

from microblog.federation.followers_sync import HEADER, FollowersDigest, followers_digest
from microblog.federation.keys import SigningKey, generate_private_pem, load_private_key
from microblog.federation.signature_choice import SignatureForm
from microblog.federation.signed_requests import InvalidSignature, SignatureFamily
from tests.federation.actor_server import ActorServer
from tests.federation.peer import Peer
from tests.federation.signing import with_headers

pytestmark = pytest.mark.acceptance

CAVAGE, RFC_9421 = SignatureFamily.CAVAGE, SignatureFamily.RFC_9421
FORMS = [SignatureForm.CAVAGE, SignatureForm.RFC_9421]


async def statuses(peer: Peer, method: str = "POST") -> list[tuple[str, int]]:
    """Return the signatures of the requests that the peer received, with the status of each."""
    return [(each["signature"], each["status"]) for each in await peer.requests() if each["method"] == method]


@pytest.mark.parametrize("form", FORMS)
async def test_fedify_accepts_our_activities(shared_peer: Peer, actor_server: ActorServer, form: SignatureForm) -> None:
    await shared_peer.control("configure")
    for inbox in ("/users/bo/inbox", "/inbox"):
        body = actor_server.activity(type="Like", object=f"{shared_peer.origin}/users/bo/notes/1")
        assert await actor_server.send("POST", shared_peer.origin + inbox, form, body) == 202
    assert await statuses(shared_peer) == [(form.value, 202)] * 2
    assert [(each["type"], each["actor"]) for each in await shared_peer.activities()] == [("Like", actor_server.actor)] * 2


@pytest.mark.parametrize("form", FORMS)
async def test_fedify_refuses_what_was_changed_or_not_signed(shared_peer: Peer, actor_server: ActorServer, form: SignatureForm) -> None:
    await shared_peer.control("configure")
    inbox, body = (
        f"{shared_peer.origin}/users/bo/inbox",
        actor_server.activity(type="Like", object=f"{shared_peer.origin}/users/bo/notes/1"),
    )
    assert await actor_server.send("POST", inbox, form, body, sent=body.replace(b"Like", b"Flag")) == 401
    assert await actor_server.send("POST", inbox, None, body) == 401
    other = SigningKey(actor_server.key.id, load_private_key(generate_private_pem()))
    assert await actor_server.send("POST", inbox, form, body, key=other) == 401
    assert await shared_peer.activities() == []
    assert await actor_server.send("POST", inbox, form, body) == 202


@pytest.mark.parametrize("form", FORMS)
async def test_fedify_accepts_our_signed_gets(shared_peer: Peer, actor_server: ActorServer, form: SignatureForm) -> None:
    await shared_peer.control("configure", secure=True)
    url = f"{shared_peer.origin}/users/bo"
    assert await actor_server.send("GET", url, form) == 200
    assert await actor_server.send("GET", url, None) == 401
    assert await statuses(shared_peer, "GET") == [(form.value, 200), ("", 401)]


async def test_fedify_accepts_our_signed_gets_with_a_query(shared_peer: Peer, actor_server: ActorServer) -> None:
    await shared_peer.control("configure", secure=True)
    url = f"{shared_peer.origin}/users/bo?page=true"
    assert await actor_server.knock("GET", url) == [(SignatureForm.CAVAGE, 401), (SignatureForm.CAVAGE_WITHOUT_QUERY, 200)]
    assert await actor_server.send("GET", url, SignatureForm.RFC_9421) == 200


@pytest.mark.parametrize("family", SignatureFamily)
async def test_we_accept_activities_of_fedify(shared_peer: Peer, actor_server: ActorServer, family: SignatureFamily) -> None:
    await shared_peer.control("configure", firstKnock=family)
    await shared_peer.control("post", content="<p>hi</p>", to=[actor_server.actor])
    [received] = [each for each in actor_server.received if each.request.method == "POST"]
    assert (received.family, received.status) == (family, 202)
    assert received.signature is not None
    assert received.signature.actor == f"{shared_peer.origin}/users/bo"
    assert received.signature.covered >= ({"host", "date", "digest"} if family == CAVAGE else {"content-digest"})
    assert received.request.path == "/inbox"


async def test_we_accept_every_command_of_fedify(shared_peer: Peer, actor_server: ActorServer) -> None:
    await shared_peer.control("configure", firstKnock=CAVAGE)
    al, to = actor_server.actor, [actor_server.actor]
    follow = {"type": "Follow", "actor": f"{shared_peer.origin}/users/bo", "object": al}
    follow["id"] = await shared_peer.control("send", activity=follow, to=to)
    await shared_peer.control("send", activity={"type": "Undo", "object": follow}, to=to)
    post = await shared_peer.control("post", content="<p>hi</p>", to=to, direct=True)
    await shared_peer.control("edit", id=post, content="<p>ho</p>", to=to)
    await shared_peer.control("delete", id=post, to=to)
    for type in ("Like", "Announce", "Block", "Flag"):
        await shared_peer.control("send", activity={"type": type, "object": f"{al}/statuses/1"}, to=to)
    posts = [each for each in actor_server.received if each.request.method == "POST"]
    assert {each.status for each in posts} == {202}
    types = [orjson.loads(each.request.body)["type"] for each in posts]
    assert types == ["Follow", "Undo", "Create", "Update", "Delete", "Like", "Announce", "Block", "Flag"]


@pytest.mark.parametrize("family", SignatureFamily)
async def test_we_refuse_an_activity_of_fedify_that_was_changed(
    shared_peer: Peer, actor_server: ActorServer, family: SignatureFamily
) -> None:
    await shared_peer.control("configure", firstKnock=family)
    await shared_peer.control("post", content="<p>hi</p>", to=[actor_server.actor])
    request = actor_server.received[-1].request
    assert (await actor_server.verify(request)).family == family
    other = f"{actor_server.origin}/users/al/inbox"
    for changed in (
        evolve(request, body=request.body.replace(b"hi", b"ho")),
        evolve(request, url=other),
        evolve(request, method="PUT"),
        with_headers(request, digest=None, content_digest=None),
    ):
        with pytest.raises(InvalidSignature):
            await actor_server.verify(changed)
    with pytest.raises(InvalidSignature):
        await actor_server.verify(request, datetime.now(UTC) + timedelta(hours=1, minutes=6))


@pytest.mark.parametrize("family", SignatureFamily)
async def test_we_accept_signed_gets_of_fedify(shared_peer: Peer, actor_server: ActorServer, family: SignatureFamily) -> None:
    await shared_peer.control("configure", firstKnock=family)
    for query in ("", "?page=true"):
        found = await shared_peer.control("fetch", url=actor_server.actor + query)
        assert found["id"] == actor_server.actor
    assert {each.request.query for each in actor_server.received} == {"", "?page=true"}
    assert {(each.request.method, each.family, each.status) for each in actor_server.received} == {("GET", family, 200)}


async def test_second_knock_after_401(shared_peer: Peer, actor_server: ActorServer) -> None:
    """Fedify stands for a server that knows RFC 9421 only."""
    await shared_peer.control("configure", refuse="cavage")
    inbox, body = f"{shared_peer.origin}/inbox", actor_server.activity(type="Like", object=f"{shared_peer.origin}/users/bo/notes/1")
    assert await actor_server.knock("POST", inbox, body) == [(SignatureForm.CAVAGE, 401), (SignatureForm.RFC_9421, 202)]
    again = actor_server.activity(type="Like", object=f"{shared_peer.origin}/users/bo/notes/2")
    assert await actor_server.knock("POST", inbox, again) == [(SignatureForm.RFC_9421, 202)]
    assert len(await shared_peer.activities()) == 2


@pytest.mark.parametrize("family", SignatureFamily)
async def test_fedify_knocks_twice_at_a_server_that_knows_one_family(
    shared_peer: Peer, actor_server: ActorServer, family: SignatureFamily
) -> None:
    await shared_peer.control("configure", firstKnock=family)
    actor_server.refuse = family
    await shared_peer.control("post", content="<p>hi</p>", to=[actor_server.actor])
    posts = [each for each in actor_server.received if each.request.method == "POST"]
    assert [(each.family == family, each.status) for each in posts] == [(True, 401), (False, 202)]


async def test_fedify_accepts_a_follow_and_signs_the_digest_of_its_followers(shared_peer: Peer, actor_server: ActorServer) -> None:
    await shared_peer.control("configure", firstKnock=CAVAGE)
    cy = f"{shared_peer.origin}/users/cy"
    follow = actor_server.activity(type="Follow", object=cy)
    assert await actor_server.send("POST", f"{cy}/inbox", SignatureForm.CAVAGE, follow) == 202
    assert b'"Accept"' in actor_server.received[-1].request.body
    await shared_peer.control("post", content="<p>hi</p>", **{"as": "cy"})
    received = actor_server.received[-1]
    assert received.signature is not None
    assert HEADER.lower() in received.signature.covered
    claim = FollowersDigest.parse(received.request.header(HEADER) or "")
    assert claim is not None
    assert (claim.collection, claim.digest) == (f"{cy}/followers", followers_digest([actor_server.actor]))
