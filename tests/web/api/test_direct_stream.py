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
from tests.web.live_site import LiveSite, open_live_site
from tests.web.socket_client import open_socket
from tests.web.visitor import Visitor, document


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as made:
        yield made


@define
class Two:
    """Ada writes to Bob, who reads."""

    ada: Visitor
    bob: Visitor
    token: str


@pytest.fixture
def two(live_site: LiveSite) -> Two:
    made = Two(live_site.registered_user("ada"), live_site.registered_user("bob"), live_site.token("bob"))
    done(
        live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id)
    )  # what strangers write in private is kept back
    live_site.process_events()
    return made


def conversation(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message["payload"])
    return found


def summary(told: dict[str, Any]) -> tuple[list[str], bool, str]:
    return [one["acct"] for one in told["accounts"]], told["unread"], told["last_status"]["account"]["acct"]


def test_both_participants_get_their_own_view_of_the_conversation(live_site: LiveSite, two: Two) -> None:
    bobs = open_socket(live_site, f"access_token={two.token}&stream=direct")
    adas = open_socket(live_site, f"access_token={live_site.token('ada')}&stream=direct")
    eves = open_socket(live_site, f"access_token={(live_site.registered_user('eve'), live_site.token('eve'))[1]}&stream=direct")
    events = live_site.listen("/api/v1/streaming/direct", Authorization=f"Bearer {two.token}")
    live_site.post(two.ada, "Psst @bob", visibility="direct")
    [to_bob], [to_ada] = bobs.read(), adas.read()
    assert (to_bob["stream"], to_bob["event"]) == (["direct"], "conversation")
    assert set(to_bob) == {"stream", "event", "payload", "id"}
    assert summary(conversation(to_bob)) == (["ada"], True, "ada")
    assert summary(conversation(to_ada)) == (["bob"], False, "ada")
    assert eves.read() == []
    [event] = events.read()
    assert (event.name, event.json, event.id) == ("conversation", conversation(to_bob), to_bob["id"])
    [listed] = done(live_site.domain.conversations.page(live_site.viewer("bob"), Page()))
    assert str(listed.id) == conversation(to_bob)["id"]


def test_public_posts_and_notifications_are_not_on_the_direct_stream(live_site: LiveSite, two: Two) -> None:
    socket = open_socket(live_site, f"access_token={two.token}&stream=direct")
    live_site.post(two.ada, "Hello @bob")
    assert socket.read() == []


def test_reading_editing_and_deleting_are_sent_to_every_device(live_site: LiveSite, two: Two) -> None:
    live_site.post(two.ada, "Psst @bob", visibility="direct")
    [id] = document(two.ada.get("/home")).xpath("//article/@data-id")
    live_site.post(two.ada, "One more @bob", visibility="direct", reply_to=id)
    live_site.process_events()
    socket = open_socket(live_site, f"access_token={two.token}&stream=direct")
    live_site.post(two.bob, "Yes, @ada?", visibility="direct", reply_to=id)
    [answered] = socket.read()
    assert summary(conversation(answered)) == (["ada"], False, "bob")
    whose, conversation_id = live_site.viewer("bob"), ConversationId(int(conversation(answered)["id"]))
    done(live_site.domain.conversations.mark(whose, conversation_id, unread=True))
    live_site.process_events()
    [unread] = socket.read()
    assert conversation(unread)["unread"] is True
    answer = conversation(answered)["last_status"]["id"]
    assert two.bob.submit(f"/posts/{answer}/edit", text="Yes, @ada!").status == 303
    live_site.process_events()
    [edited] = socket.read()
    assert "!" in conversation(edited)["last_status"]["content"]
    assert two.bob.submit(f"/posts/{answer}/delete").status == 303
    live_site.process_events()
    [deleted] = socket.read()
    assert "One more" in conversation(deleted)["last_status"]["content"]


def test_resuming_from_a_position_misses_nothing(live_site: LiveSite, two: Two) -> None:
    since = str(live_site.broadcaster.position)
    live_site.post(two.ada, "While away @bob", visibility="direct")
    socket = open_socket(live_site, f"access_token={two.token}&stream=direct&since={since}")
    events = live_site.listen("/api/v1/streaming/direct", Authorization=f"Bearer {two.token}", Last_Event_ID=since)
    live_site.post(two.ada, "Back again @bob", visibility="direct")
    assert [message["event"] for message in socket.read()] == ["resumed", "conversation", "conversation"]
    assert [event.name for event in events.read()] == ["resumed", "conversation", "conversation"]
    lost = open_socket(live_site, f"access_token={two.token}&stream=direct&since=elsewhere.5.5")
    assert [message["event"] for message in lost.read()][-1] == "gap"


def test_the_last_post_has_the_viewers_filter_results(live_site: LiveSite, two: Two) -> None:
    bob = live_site.viewer("bob")
    done(live_site.domain.filters.create(bob, FilterDraft("Tea", ["thread"], keywords=[KeywordDraft("tea")])))
    live_site.process_events()
    socket = open_socket(live_site, f"access_token={two.token}&stream=direct")
    live_site.post(two.ada, "A cup of tea, @bob?", visibility="direct")
    [told] = socket.read()
    [match] = conversation(told)["last_status"]["filtered"]
    assert match["keyword_matches"] == ["tea"]


def test_messages_of_a_muted_author_are_not_streamed(live_site: LiveSite, two: Two) -> None:
    done(live_site.domain.relations.mute(live_site.viewer("bob"), live_site.viewer("ada").id))
    live_site.process_events()
    socket = open_socket(live_site, f"access_token={two.token}&stream=direct")
    live_site.post(two.ada, "Psst @bob", visibility="direct")
    assert socket.read() == []


def test_the_direct_stream_requires_read_statuses(live_site: LiveSite, two: Two) -> None:
    narrow = live_site.token("bob", "read:notifications")
    assert live_site.listen("/api/v1/streaming/direct", Authorization=f"Bearer {narrow}").response.status == 403
    socket = open_socket(live_site, f"access_token={narrow}&stream=direct")
    assert [message.get("status") for message in socket.read()] == [401]
