"""Replies of other servers to people here go on to the followers of these people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from microblog.federation.outgoing import Outgoing
from microblog.federation.outgoing_forwards import MAX_PER_HOUR, OutgoingForwards
from microblog.federation.recipients import InboxRules
from microblog.model.accounts import Viewer
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, execute
from tests import make
from tests.federation.documents import PUBLIC, activity
from tests.federation.remote_side import BO, RemoteSide, known_actor, local, local_post, note, service, store_actor
from tests.make import NOW

CY = "https://c.example/users/cy"
SIGNATURE = {"type": "RsaSignature2017", "creator": f"{BO}#main-key", "created": NOW.isoformat(), "signatureValue": "x"}


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    side = service(cursor)
    outgoing = Outgoing(side.effects.relevance.ids, lambda: InboxRules(side.effects.relevance.ids.host), lambda: side.time)
    side.effects = evolve(side.effects, forwards=OutgoingForwards(outgoing))
    return side


@pytest.fixture
def ada(cursor: Cursor, side: RemoteSide) -> Viewer:
    """A person here with a follower on the server of whoever answers, and one on another server."""
    ada = make.viewer(cursor)
    for uri in (BO, CY):
        make.follow(cursor, Viewer(known_actor(cursor, uri) if uri == BO else store_actor(cursor, uri)), ada.account)
    execute(cursor, "update follows set activity_uri = 'https://x.example/' || id")
    return ada


def sent(side: RemoteSide) -> list[tuple[Any, ...]]:
    """Return what was passed on: kind, account, body and inbox."""
    return side.rows("""select o.kind, o.account_id, o.body::jsonb, d.inbox
        from outgoing_activities o join deliveries d on d.activity_id = o.id order by d.id""")


def signed(kind: str, object: Any) -> dict[str, Any]:
    return activity(kind, object, actor=BO, id=f"{BO}#{kind}", signature=SIGNATURE)


async def test_a_reply_its_edit_and_its_deletion_are_passed_on_as_they_arrived(side: RemoteSide, cursor: Cursor, ada: Viewer) -> None:
    reply = note(inReplyTo=local_post(make.post(cursor, ada)))
    edited = {**reply, "content": "<p>new</p>", "updated": (NOW + timedelta(minutes=1)).isoformat()}
    happened = [signed("Create", reply), signed("Update", edited), signed("Delete", {"id": reply["id"], "type": "Tombstone"})]
    for each in happened:
        await side.receive(each)
    assert sent(side) == [("forward", ada.id, each, "https://c.example/inbox") for each in happened]


@pytest.mark.parametrize("changes", [{"to": [f"{BO}/followers"], "cc": []}, {"to": [], "cc": []}], ids=["private", "direct"])
async def test_a_reply_that_not_everybody_may_see_is_kept(side: RemoteSide, cursor: Cursor, ada: Viewer, changes: dict[str, Any]) -> None:
    answered = local_post(make.post(cursor, ada))
    await side.receive(signed("Create", note(inReplyTo=answered, tag=[{"type": "Mention", "href": local(ada)}], **changes)), ada)
    assert sent(side) == []


async def test_an_unlisted_reply_to_a_followers_only_post_is_passed_on(side: RemoteSide, cursor: Cursor, ada: Viewer) -> None:
    answered = local_post(make.post(cursor, ada, visibility=Visibility.PRIVATE))
    await side.receive(signed("Create", note(inReplyTo=answered, to=[f"{BO}/followers"], cc=[PUBLIC])))
    assert len(sent(side)) == 1


async def test_what_its_receivers_could_not_verify_is_kept(side: RemoteSide, cursor: Cursor, ada: Viewer) -> None:
    reply = note(inReplyTo=local_post(make.post(cursor, ada)))
    await side.receive({**signed("Create", reply), "signature": None})
    assert sent(side) == []


async def test_replies_to_others_and_posts_are_kept(side: RemoteSide, cursor: Cursor, ada: Viewer) -> None:
    await side.receive(signed("Create", note("1")))
    await side.receive(signed("Create", note("2", inReplyTo=f"{BO}/statuses/1")))
    assert sent(side) == []


async def test_nobody_passes_on_what_somebody_else_says_of_a_reply(side: RemoteSide, cursor: Cursor, ada: Viewer) -> None:
    reply = note(inReplyTo=local_post(make.post(cursor, ada)))
    await side.receive(activity("Create", reply, actor=BO))
    await side.receive({**signed("Delete", reply["id"]), "actor": CY, "id": f"{CY}#delete"})
    assert sent(side) == []


@pytest.mark.parametrize("state", ["limited_at", "suspended_at"])
async def test_replies_of_limited_and_suspended_accounts_are_kept(side: RemoteSide, cursor: Cursor, ada: Viewer, state: str) -> None:
    execute(cursor, f"update accounts set {state} = now() where uri = %(uri)s", {"uri": BO})
    await side.receive(signed("Create", note(inReplyTo=local_post(make.post(cursor, ada)))))
    assert sent(side) == []


async def test_only_so_many_are_passed_on_in_an_hour(side: RemoteSide, cursor: Cursor, ada: Viewer) -> None:
    """Else one server could make this one send thousands of requests for each of its own."""
    answered = local_post(make.post(cursor, ada))
    for number in range(MAX_PER_HOUR + 3):
        await side.receive({**signed("Create", note(str(number), inReplyTo=answered)), "id": f"{BO}#{number}"})
    assert len(sent(side)) == MAX_PER_HOUR
    side.time += timedelta(hours=1, minutes=1)
    await side.receive({**signed("Create", note("later", inReplyTo=answered)), "id": f"{BO}#later"})
    assert len(sent(side)) == MAX_PER_HOUR + 1
