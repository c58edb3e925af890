"""The `direct` stream on both transports, from commit to frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from microblog.domain.filters import FilterDraft, KeywordDraft
from microblog.model.ids import ConversationId
from microblog.model.paging import Page
from tests.fakes import done
from tests.web.sample_data import Village, village_at
from tests.web.socket_client import open_socket
from tests.web.visitor import Visitor, document


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        yield made


@define
class Two:
    """Ada writes to Bob, who reads."""

    ada: Visitor
    bob: Visitor
    token: str


@pytest.fixture
def two(village: Village) -> Two:
    made = Two(village.resident("ada"), village.resident("bob"), village.token("bob"))
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))  # what strangers write in private is kept back
    village.happens()
    return made


def conversation(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message["payload"])
    return found


def summary(told: dict[str, Any]) -> tuple[list[str], bool, str]:
    return [one["acct"] for one in told["accounts"]], told["unread"], told["last_status"]["account"]["acct"]


def test_both_sides_are_told_each_as_they_see_it(village: Village, two: Two) -> None:
    bobs = open_socket(village, f"access_token={two.token}&stream=direct")
    adas = open_socket(village, f"access_token={village.token('ada')}&stream=direct")
    eves = open_socket(village, f"access_token={(village.resident('eve'), village.token('eve'))[1]}&stream=direct")
    events = village.listen("/api/v1/streaming/direct", Authorization=f"Bearer {two.token}")
    village.post(two.ada, "Psst @bob", visibility="direct")
    [to_bob], [to_ada] = bobs.read(), adas.read()
    assert (to_bob["stream"], to_bob["event"]) == (["direct"], "conversation")
    assert set(to_bob) == {"stream", "event", "payload", "id"}
    assert summary(conversation(to_bob)) == (["ada"], True, "ada")
    assert summary(conversation(to_ada)) == (["bob"], False, "ada")
    assert eves.read() == []
    [event] = events.read()
    assert (event.name, event.json, event.id) == ("conversation", conversation(to_bob), to_bob["id"])
    [listed] = done(village.domain.conversations.page(village.viewer("bob"), Page()))
    assert str(listed.id) == conversation(to_bob)["id"]


def test_public_posts_and_notifications_do_not_come_there(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=direct")
    village.post(two.ada, "Hello @bob")
    assert socket.read() == []


def test_reading_editing_and_deleting_are_told_to_every_device(village: Village, two: Two) -> None:
    village.post(two.ada, "Psst @bob", visibility="direct")
    [id] = document(two.ada.get("/home")).xpath("//article/@data-id")
    village.post(two.ada, "One more @bob", visibility="direct", reply_to=id)
    village.happens()
    socket = open_socket(village, f"access_token={two.token}&stream=direct")
    village.post(two.bob, "Yes, @ada?", visibility="direct", reply_to=id)
    [answered] = socket.read()
    assert summary(conversation(answered)) == (["ada"], False, "bob")
    whose, conversation_id = village.viewer("bob"), ConversationId(int(conversation(answered)["id"]))
    done(village.domain.conversations.mark(whose, conversation_id, unread=True))
    village.happens()
    [unread] = socket.read()
    assert conversation(unread)["unread"] is True
    answer = conversation(answered)["last_status"]["id"]
    assert two.bob.submit(f"/posts/{answer}/edit", text="Yes, @ada!").status == 303
    village.happens()
    [edited] = socket.read()
    assert "!" in conversation(edited)["last_status"]["content"]
    assert two.bob.submit(f"/posts/{answer}/delete").status == 303
    village.happens()
    [deleted] = socket.read()
    assert "One more" in conversation(deleted)["last_status"]["content"]


def test_whoever_comes_back_with_a_position_misses_nothing(village: Village, two: Two) -> None:
    since = str(village.feed.position)
    village.post(two.ada, "While away @bob", visibility="direct")
    socket = open_socket(village, f"access_token={two.token}&stream=direct&since={since}")
    events = village.listen("/api/v1/streaming/direct", Authorization=f"Bearer {two.token}", Last_Event_ID=since)
    village.post(two.ada, "Back again @bob", visibility="direct")
    assert [message["event"] for message in socket.read()] == ["resumed", "conversation", "conversation"]
    assert [event.name for event in events.read()] == ["resumed", "conversation", "conversation"]
    lost = open_socket(village, f"access_token={two.token}&stream=direct&since=elsewhere.5.5")
    assert [message["event"] for message in lost.read()][-1] == "gap"


def test_filters_of_the_viewer_are_told_with_the_last_post(village: Village, two: Two) -> None:
    bob = village.viewer("bob")
    done(village.domain.filters.create(bob, FilterDraft("Tea", ["thread"], keywords=[KeywordDraft("tea")])))
    village.happens()
    socket = open_socket(village, f"access_token={two.token}&stream=direct")
    village.post(two.ada, "A cup of tea, @bob?", visibility="direct")
    [told] = socket.read()
    [match] = conversation(told)["last_status"]["filtered"]
    assert match["keyword_matches"] == ["tea"]


def test_a_muted_author_is_not_told_of(village: Village, two: Two) -> None:
    done(village.domain.relations.mute(village.viewer("bob"), village.viewer("ada").id))
    village.happens()
    socket = open_socket(village, f"access_token={two.token}&stream=direct")
    village.post(two.ada, "Psst @bob", visibility="direct")
    assert socket.read() == []


def test_the_scope_is_that_of_posts(village: Village, two: Two) -> None:
    narrow = village.token("bob", "read:notifications")
    assert village.listen("/api/v1/streaming/direct", Authorization=f"Bearer {narrow}").opened.status == 403
    socket = open_socket(village, f"access_token={narrow}&stream=direct")
    assert [message.get("status") for message in socket.read()] == [401]
