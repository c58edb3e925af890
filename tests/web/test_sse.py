"""Server-sent events for the site's pages, from the commit in PostgreSQL to the bytes on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.live.connections import HEARTBEAT_S
from microblog.model.posts import Visibility
from tests import make
from tests.fakes import result_of
from tests.web.http_client import MemoryConnection, encode_request
from tests.web.live_site import LiveSite, open_live_site
from tests.web.visitor import HOST, document

MAX_PER_NETWORK = 300  # unless settings say otherwise


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as site:
        yield site


def test_a_new_post_is_sent_to_every_open_timeline_that_has_it(live_site: LiveSite) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    result_of(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    live_site.process_events()
    streams = [
        live_site.listen("/live/home", bob),
        live_site.listen("/live/home", ada),
        live_site.listen("/live/local"),
        live_site.listen("/live/tags/World"),
        live_site.listen("/live/@Ada", bob),
    ]
    live_site.post(ada, "Hello, #world")
    all_received = [stream.read() for stream in streams]
    assert [[event.name for event in events] for events in all_received] == [["update"]] * 5
    [received] = all_received[0]
    assert "Hello, " in str(received.json["html"])
    assert received.id == str(live_site.broadcaster.position)
    with_forms, without = str(all_received[0][0].json["html"]), str(all_received[2][0].json["html"])
    assert "formaction" in with_forms
    assert "formaction" not in without


def test_a_followers_only_post_is_sent_to_nobody_else(live_site: LiveSite) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    mine = live_site.listen("/live/home", ada)
    others = [
        live_site.listen("/live/home", bob),
        live_site.listen("/live/local"),
        live_site.listen("/live/@ada", bob),
        live_site.listen("/live/tags/x"),
    ]
    live_site.post(ada, "Psst #x", visibility=Visibility.PRIVATE)
    assert [event.name for event in mine.read()] == ["update"]
    assert [stream.read() for stream in others] == [[]] * 4


def test_edits_deletions_and_replies_are_sent_to_the_open_page_of_a_post(live_site: LiveSite) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    live_site.post(ada, "First")
    [id] = document(bob.get("/@ada")).xpath("//article/@data-id")
    page = live_site.listen(f"/live/posts/{id}", bob)
    live_site.post(bob, "Second", reply_to=id)
    assert ada.submit(f"/posts/{id}/edit", text="Better").status == 303
    live_site.process_events()
    assert ada.submit(f"/posts/{id}/delete").status == 303
    live_site.process_events()
    reply, edited, deleted = page.read()
    assert (reply.name, reply.json["reply_to"]) == ("update", id)
    assert (edited.name, edited.json["id"]) == ("edit", id)
    assert "Better" in str(edited.json["html"])
    assert (deleted.name, deleted.data) == ("delete", id)


def test_a_mention_is_sent_to_every_open_page_of_its_recipient(live_site: LiveSite) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    pages = [live_site.listen(path, bob) for path in ("/live/home", "/live/local", "/live/notifications")]
    other = live_site.listen("/live/notifications", ada)
    live_site.post(ada, "Hello @bob", visibility="unlisted")
    for page in pages:
        [received] = page.read()
        assert received.name == "notification"
        assert received.json["unread"] == 1
        assert "data-note" in str(received.json["html"])
    assert other.read() == []


def test_resuming_from_a_position_misses_nothing(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    page = document(ada.get("/home"))
    position = page.xpath("string(//body/@data-position)")
    live_site.post(ada, "While it was loading")
    stream = live_site.listen(f"/live/home?since={position}", ada)
    resumed, update = stream.read()
    assert (resumed.name, resumed.id, update.name) == ("resumed", position, "update")
    stream.connection.hang_up()
    live_site.post(ada, "While the laptop slept")
    again = live_site.listen(f"/live/home?since={position}", ada, Last_Event_ID=update.id)
    resumed, missed = again.read()
    assert resumed.id == update.id
    assert "While the laptop slept" in str(missed.json["html"])


@pytest.mark.parametrize("position", ["nonsense", "elsewhere.5.5", "%E2%80%A6", "1.2"])
def test_an_unknown_position_is_a_gap(live_site: LiveSite, position: str) -> None:
    ada = live_site.registered_user("ada")
    names = [event.name for event in live_site.listen(f"/live/local?since={position}").read()]
    assert names[-1] == "gap"
    stream = live_site.listen(f"/live/local?since={position}")
    stream.read()
    live_site.post(ada, "Hello")
    assert [event.name for event in stream.read()] == ["update"]


def test_the_headers_keep_proxies_from_buffering(live_site: LiveSite) -> None:
    stream = live_site.listen("/live/local")
    assert stream.response.status == 200
    assert stream.response.header("Content-Type") == "text/event-stream"
    assert stream.response.header("Cache-Control") == "no-store, no-transform"
    assert stream.response.header("X-Accel-Buffering") == "no"
    assert b"retry: " in stream.response.body


def test_a_heartbeat_with_the_position_is_sent_every_fifteen_seconds(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    stream = live_site.listen("/live/tags/quiet")
    live_site.post(ada, "Nothing about it")
    stream.connection.read()
    for _ in range(HEARTBEAT_S):
        live_site.reactor.advance(1)
    assert f"id: {live_site.broadcaster.position}".encode() in stream.connection.read()


@pytest.mark.parametrize("path", ["/live/home", "/live/notifications"])
def test_personal_streams_require_a_login(live_site: LiveSite, path: str) -> None:
    assert live_site.listen(path).response.status in (302, 303, 401)


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_other_sites_cannot_open_streams(live_site: LiveSite, headers: dict[str, str]) -> None:
    assert live_site.listen("/live/local", None, **headers).response.status == 403
    assert live_site.listen("/live/local", Origin=f"http://{HOST}", Sec_Fetch_Site="same-origin").response.status == 200


def test_streams_of_hidden_posts_and_unknown_profiles_are_404(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    live_site.post(ada, "Psst", visibility="private")
    [id] = document(ada.get("/home")).xpath("//article/@data-id")
    assert live_site.listen(f"/live/posts/{id}").response.status == 404
    assert live_site.listen("/live/posts/1").response.status == 404
    assert live_site.listen("/live/@nobody").response.status == 404
    assert live_site.listen(f"/live/posts/{id}", ada).response.status == 200


def test_logging_out_closes_the_stream_and_says_why(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    stream, public_stream = live_site.listen("/live/home", ada), live_site.listen("/live/local")
    assert ada.submit("/logout", page="/home").status == 303
    live_site.process_events()
    assert [event.name for event in stream.read()] == ["bye"]
    assert stream.connection.closed
    assert not public_stream.connection.closed


def test_suspension_closes_the_streams_of_the_account(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    stream = live_site.listen("/live/home", ada)

    def suspend() -> None:
        with live_site.database.connection as connection, connection.cursor() as cursor:
            make.suspend(cursor, make.account_named(cursor, "ada"))

    suspend()  # directly in the table, without an event
    for _ in range(61):
        live_site.reactor.advance(1)
    assert stream.connection.closed


def test_a_restart_is_announced_with_a_delay(live_site: LiveSite) -> None:
    stream = live_site.listen("/live/local")
    live_site.broadcaster.stop()
    [received] = stream.read()
    assert received.name == "restart"
    assert 0 <= int(received.data) <= 5_000
    assert stream.connection.closed
    assert live_site.listen("/live/local").response.status == 503


def test_a_disconnected_client_leaves_no_state(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    for path in ("/live/home", "/live/local"):
        live_site.listen(path, ada).connection.hang_up()
    assert (len(live_site.broadcaster.connections), len(live_site.broadcaster.viewer_states), len(live_site.broadcaster.hub)) == (0, 0, 0)


def test_streams_per_network_are_limited_and_head_requests_do_not_count(live_site: LiveSite) -> None:
    for _ in range(3):
        assert MemoryConnection(live_site.server).send(encode_request("HEAD", "/live/local"))
    connections = [live_site.listen("/live/local") for _ in range(MAX_PER_NETWORK)]
    assert connections[-1].response.status == 200
    assert live_site.listen("/live/local").response.status == 429
    connections[0].connection.hang_up()
    assert live_site.listen("/live/local").response.status == 200


def test_bytes_after_the_stream_request_are_ignored(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    stream = live_site.listen("/live/local")
    assert stream.connection.send(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n" * 100) == b""
    live_site.post(ada, "Still here")
    assert [event.name for event in stream.read()] == ["update"]


def test_direct_messages_update_the_conversation_list_and_every_counter(live_site: LiveSite) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    result_of(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    live_site.process_events()
    page, elsewhere = live_site.listen("/live/conversations", bob), live_site.listen("/live/local", bob)
    live_site.post(ada, "Psst @bob", visibility="direct")
    live_site.process_events()
    all_received = {event.name: event.json for event in page.read()}
    assert set(all_received) == {"conversation", "notification"}
    assert all_received["conversation"]["unread"] is True
    assert "Psst" in str(all_received["conversation"]["html"])
    assert all_received["notification"]["messages"] == 1
    assert [(event.name, event.json["messages"]) for event in elsewhere.read()] == [("notification", 1)]
    assert live_site.listen("/live/conversations").response.status in (302, 303, 401)


def test_reading_updates_counters_on_every_page_but_not_on_api_streams(live_site: LiveSite) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    result_of(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    live_site.post(ada, "Hello @bob")
    live_site.post(ada, "Psst @bob", visibility="direct")
    live_site.process_events()
    pages = [live_site.listen(path, bob) for path in ("/live/home", "/live/local", "/live/conversations")]
    others = live_site.listen("/live/home", ada)
    token = live_site.token("bob")
    streams = [live_site.listen(f"/api/v1/streaming/{name}", Authorization=f"Bearer {token}") for name in ("user", "user/notification")]
    assert bob.get("/notifications").status == 200
    live_site.process_events()
    for page in pages:
        [received] = page.read()
        assert (received.name, received.json) == ("badges", {"unread": 0, "messages": 1, "removed": None})
    [button] = document(bob.get("/conversations")).xpath("//button[contains(@formaction, '/read')]/@formaction")
    bob.submit(button, page="/conversations")
    live_site.process_events()
    assert [[received.json["messages"] for received in page.read() if received.name == "badges"] for page in pages] == [[0]] * 3
    bob.submit("/notifications/clear", page="/notifications")
    live_site.process_events()
    assert [[received.name for received in page.read()] for page in pages] == [["badges"]] * 3
    assert [stream.read() for stream in (others, *streams)] == [[]] * 3


def test_a_removed_conversation_disappears_from_every_open_list(live_site: LiveSite) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    result_of(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    live_site.post(ada, "Psst @bob", visibility="direct")
    live_site.process_events()
    page, stream = live_site.listen("/live/conversations", bob), live_site.listen("/live/home", bob)
    direct_stream = live_site.listen("/api/v1/streaming/direct", Authorization=f"Bearer {live_site.token('bob')}")
    [id] = document(bob.get("/conversations")).xpath("//li/@data-conversation")
    bob.submit(f"/conversations/{id}/remove", page="/conversations")
    live_site.process_events()
    for open_page in (page, stream):
        [received] = open_page.read()
        assert (received.name, received.json) == ("badges", {"unread": 1, "messages": 0, "removed": id})
    result_of(live_site.domain.relationships.block(live_site.viewer("ada"), live_site.viewer("bob").id))
    live_site.process_events()
    assert direct_stream.read() == []
