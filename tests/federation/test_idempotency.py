"""Tests of the keys of received activities."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from microblog.federation.documents.read_activity import read_activity
from microblog.federation.idempotency import activity_key

BO, CY = "https://b.example/users/bo", "https://c.example/users/cy"
POST = f"{BO}/statuses/1"


def key(type: str, object: object = POST, signer: str = BO, actor: str = BO, **more: Any) -> bytes:
    document = {"type": type, "actor": actor, "object": object, **more}
    return activity_key(read_activity(document), signer, orjson.dumps(document))


def note(**more: object) -> dict[str, object]:
    return {"id": POST, "type": "Note", "attributedTo": BO, "content": "hi", **more}


def test_an_activity_that_comes_again_has_the_same_key() -> None:
    for type in ("Announce", "Follow", "Like", "Block", "Flag", "Undo"):
        assert key(type, id=f"{BO}#1") == key(type, id=f"{BO}#1", published="2026-11-29T15:00:00Z") != key(type, id=f"{BO}#2")


def test_a_post_is_created_and_deleted_once() -> None:
    assert key("Create", note(), id=f"{POST}/activity") == key("Create", note(content="other"), id=f"{BO}#other")
    assert key("Delete", POST, id=f"{POST}#delete") == key("Delete", {"id": POST, "type": "Tombstone"}, id=f"{BO}#other")
    assert key("Create", note()) != key("Delete", POST)


def test_a_post_is_edited_more_than_once() -> None:
    assert key("Update", note(), id=f"{POST}#updates/1") == key("Update", note(), id=f"{POST}#updates/1")
    assert key("Update", note(), id=f"{POST}#updates/1") != key("Update", note(), id=f"{POST}#updates/2")
    assert key("Update", note(updated="1")) != key("Update", note(updated="2"))


def test_ids_on_another_host_than_the_actors_are_ignored() -> None:
    foreign = f"{CY}#1"
    assert key("Like", id=foreign) != key("Like", id=foreign, content="other")
    assert key("Create", note(id=f"{CY}/1")) != key("Create", note(id=f"{CY}/1", content="other"))


def test_an_activity_without_an_id_is_recognised_by_its_bytes() -> None:
    assert key("Add", target=f"{BO}/featured") == key("Add", target=f"{BO}/featured") != key("Remove", target=f"{BO}/featured")


def test_nobody_can_take_the_place_of_somebody_elses_activity() -> None:
    eve = "https://b.example/users/eve"
    assert (
        len({key("Create", note()), key("Create", note(), signer=CY), key("Create", note(), signer=eve), key("Create", note(), eve, eve)})
        == 4
    )


@given(st.text(), st.text(), st.binary(), st.sampled_from(["Create", "Update", "Like", "Weird"]))
def test_every_activity_has_a_key_of_32_bytes(id: str, object: str, body: bytes, type: str) -> None:
    activity = read_activity({"type": type, "actor": BO, "id": id, "object": ["https://b.example/x", object]})
    assert len(activity_key(activity, BO, body)) == 32
