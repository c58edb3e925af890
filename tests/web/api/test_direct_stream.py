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
from tests.fakes import result_of
from tests.web.live_site import LiveSite, open_live_site
from tests.web.socket_client import open_socket
from tests.web.visitor import Visitor, document


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as users:
        yield users


@define
class Users:
    """Two users; Ada writes to Bob."""

    ada: Visitor
    bob: Visitor
    token: str


@pytest.fixture
def users(live_site: LiveSite) -> Users:
    users = Users(live_site.registered_user("ada"), live_site.registered_user("bob"), live_site.token("bob"))
    result_of(
        live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id)
    )  # direct messages of strangers are filtered
    live_site.process_events()
    return users


def conversation(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message["payload"])
    return found


def summary(received: dict[str, Any]) -> tuple[list[str], bool, str]:
    return [one["acct"] for one in received["accounts"]], received["unread"], received["last_status"]["account"]["acct"]


def test_both_participants_get_their_own_view_of_the_conversation(live_site: LiveSite, users: Users) -> None:
    bobs_socket = open_socket(live_site, f"access_token={users.token}&stream=direct")
    adas_socket = open_socket(live_site, f"access_token={live_site.token('ada')}&stream=direct")
    eves_socket = open_socket(live_site, f"access_token={(live_site.registered_user('eve'), live_site.token('eve'))[1]}&stream=direct")
    events = live_site.listen("/api/v1/streaming/direct", Authorization=f"Bearer {users.token}")
    live_site.post(users.ada, "Psst @bob", visibility="direct")
    [to_bob], [to_ada] = bobs_socket.read(), adas_socket.read()
    assert (to_bob["stream"], to_bob["event"]) == (["direct"], "conversation")
    assert set(to_bob) == {"stream", "event", "payload", "id"}
    assert summary(conversation(to_bob)) == (["ada"], True, "ada")
    assert summary(conversation(to_ada)) == (["bob"], False, "ada")
    assert eves_socket.read() == []
    [event] = events.read()
    assert (event.name, event.json, event.id) == ("conversation", conversation(to_bob), to_bob["id"])
    [listed] = result_of(live_site.domain.conversations.page(live_site.viewer("bob"), Page()))
    assert str(listed.id) == conversation(to_bob)["id"]


def test_public_posts_and_notifications_are_not_on_the_direct_stream(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=direct")
    live_site.post(users.ada, "Hello @bob")
    assert socket.read() == []


def test_reading_editing_and_deleting_are_sent_to_every_device(live_site: LiveSite, users: Users) -> None:
    live_site.post(users.ada, "Psst @bob", visibility="direct")
    [id] = document(users.ada.get("/home")).xpath("//article/@data-id")
    live_site.post(users.ada, "One more @bob", visibility="direct", reply_to=id)
    live_site.process_events()
    socket = open_socket(live_site, f"access_token={users.token}&stream=direct")
    live_site.post(users.bob, "Yes, @ada?", visibility="direct", reply_to=id)
    [received] = socket.read()
    assert summary(conversation(received)) == (["ada"], False, "bob")
    viewer, conversation_id = live_site.viewer("bob"), ConversationId(int(conversation(received)["id"]))
    result_of(live_site.domain.conversations.mark(viewer, conversation_id, unread=True))
    live_site.process_events()
    [unread] = socket.read()
    assert conversation(unread)["unread"] is True
    reply_id = conversation(received)["last_status"]["id"]
    assert users.bob.submit(f"/posts/{reply_id}/edit", text="Yes, @ada!").status == 303
    live_site.process_events()
    [edited] = socket.read()
    assert "!" in conversation(edited)["last_status"]["content"]
    assert users.bob.submit(f"/posts/{reply_id}/delete").status == 303
    live_site.process_events()
    [deleted] = socket.read()
    assert "One more" in conversation(deleted)["last_status"]["content"]


def test_resuming_from_a_position_misses_nothing(live_site: LiveSite, users: Users) -> None:
    since = str(live_site.broadcaster.position)
    live_site.post(users.ada, "While away @bob", visibility="direct")
    socket = open_socket(live_site, f"access_token={users.token}&stream=direct&since={since}")
    events = live_site.listen("/api/v1/streaming/direct", Authorization=f"Bearer {users.token}", Last_Event_ID=since)
    live_site.post(users.ada, "Back again @bob", visibility="direct")
    assert [message["event"] for message in socket.read()] == ["resumed", "conversation", "conversation"]
    assert [event.name for event in events.read()] == ["resumed", "conversation", "conversation"]
    lost = open_socket(live_site, f"access_token={users.token}&stream=direct&since=elsewhere.5.5")
    assert [message["event"] for message in lost.read()][-1] == "gap"


def test_the_last_post_has_the_viewers_filter_results(live_site: LiveSite, users: Users) -> None:
    bob = live_site.viewer("bob")
    result_of(live_site.domain.filters.create(bob, FilterDraft("Tea", ["thread"], keywords=[KeywordDraft("tea")])))
    live_site.process_events()
    socket = open_socket(live_site, f"access_token={users.token}&stream=direct")
    live_site.post(users.ada, "A cup of tea, @bob?", visibility="direct")
    [received] = socket.read()
    [match] = conversation(received)["last_status"]["filtered"]
    assert match["keyword_matches"] == ["tea"]


def test_messages_of_a_muted_author_are_not_streamed(live_site: LiveSite, users: Users) -> None:
    result_of(live_site.domain.relationships.mute(live_site.viewer("bob"), live_site.viewer("ada").id))
    live_site.process_events()
    socket = open_socket(live_site, f"access_token={users.token}&stream=direct")
    live_site.post(users.ada, "Psst @bob", visibility="direct")
    assert socket.read() == []


def test_the_direct_stream_requires_read_statuses(live_site: LiveSite, users: Users) -> None:
    narrow = live_site.token("bob", "read:notifications")
    assert live_site.listen("/api/v1/streaming/direct", Authorization=f"Bearer {narrow}").response.status == 403
    socket = open_socket(live_site, f"access_token={narrow}&stream=direct")
    assert [message.get("status") for message in socket.read()] == [401]
