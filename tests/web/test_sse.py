"""The live feed of our own pages, from the commit in PostgreSQL to the bytes on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.live.connections import HEARTBEAT_S
from microblog.model.posts import Visibility
from tests import make
from tests.fakes import done
from tests.web.memory import Line, request
from tests.web.sample_data import Village, village_at
from tests.web.visitor import HOST, document

MAX_PER_NETWORK = 300  # unless settings say otherwise


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        yield made


def test_a_new_post_is_told_to_everybody_who_has_its_timeline_open(village: Village) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))
    village.happens()
    streams = [
        village.listen("/live/home", bob),
        village.listen("/live/home", ada),
        village.listen("/live/local"),
        village.listen("/live/tags/World"),
        village.listen("/live/@Ada", bob),
    ]
    village.post(ada, "Hello, #world")
    heard = [stream.read() for stream in streams]
    assert [[event.name for event in events] for events in heard] == [["update"]] * 5
    [told] = heard[0]
    assert "Hello, " in str(told.json["html"])
    assert told.id == str(village.feed.position)
    with_forms, without = str(heard[0][0].json["html"]), str(heard[2][0].json["html"])
    assert "formaction" in with_forms
    assert "formaction" not in without


def test_what_may_not_be_seen_is_told_to_nobody_else(village: Village) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    mine = village.listen("/live/home", ada)
    others = [
        village.listen("/live/home", bob),
        village.listen("/live/local"),
        village.listen("/live/@ada", bob),
        village.listen("/live/tags/x"),
    ]
    village.post(ada, "Psst #x", visibility=Visibility.PRIVATE)
    assert [event.name for event in mine.read()] == ["update"]
    assert [stream.read() for stream in others] == [[]] * 4


def test_edits_deletions_and_replies_are_told_to_whoever_has_the_post_open(village: Village) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    village.post(ada, "First")
    [id] = document(bob.get("/@ada")).xpath("//article/@data-id")
    page = village.listen(f"/live/posts/{id}", bob)
    village.post(bob, "Second", reply_to=id)
    assert ada.submit(f"/posts/{id}/edit", text="Better").status == 303
    village.happens()
    assert ada.submit(f"/posts/{id}/delete").status == 303
    village.happens()
    reply, edited, deleted = page.read()
    assert (reply.name, reply.json["reply_to"]) == ("update", id)
    assert (edited.name, edited.json["id"]) == ("edit", id)
    assert "Better" in str(edited.json["html"])
    assert (deleted.name, deleted.data) == ("delete", id)


def test_a_mention_rings_on_any_page_that_its_receiver_has_open(village: Village) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    pages = [village.listen(path, bob) for path in ("/live/home", "/live/local", "/live/notifications")]
    other = village.listen("/live/notifications", ada)
    village.post(ada, "Hello @bob", visibility="unlisted")
    for page in pages:
        [told] = page.read()
        assert told.name == "notification"
        assert told.json["unread"] == 1
        assert "data-note" in str(told.json["html"])
    assert other.read() == []


def test_whoever_comes_back_with_a_position_misses_nothing(village: Village) -> None:
    ada = village.resident("ada")
    page = document(ada.get("/home"))
    position = page.xpath("string(//body/@data-position)")
    village.post(ada, "While it was loading")
    stream = village.listen(f"/live/home?since={position}", ada)
    resumed, update = stream.read()
    assert (resumed.name, resumed.id, update.name) == ("resumed", position, "update")
    stream.line.hang_up()
    village.post(ada, "While the laptop slept")
    again = village.listen(f"/live/home?since={position}", ada, Last_Event_ID=update.id)
    resumed, missed = again.read()
    assert resumed.id == update.id
    assert "While the laptop slept" in str(missed.json["html"])


@pytest.mark.parametrize("position", ["nonsense", "elsewhere.5.5", "%E2%80%A6", "1.2"])
def test_a_position_that_means_nothing_here_is_a_gap(village: Village, position: str) -> None:
    ada = village.resident("ada")
    names = [event.name for event in village.listen(f"/live/local?since={position}").read()]
    assert names[-1] == "gap"
    stream = village.listen(f"/live/local?since={position}")
    stream.read()
    village.post(ada, "Hello")
    assert [event.name for event in stream.read()] == ["update"]


def test_proxies_are_told_to_let_it_through(village: Village) -> None:
    stream = village.listen("/live/local")
    assert stream.opened.status == 200
    assert stream.opened.header("Content-Type") == "text/event-stream"
    assert stream.opened.header("Cache-Control") == "no-store, no-transform"
    assert stream.opened.header("X-Accel-Buffering") == "no"
    assert b"retry: " in stream.opened.body


def test_something_comes_at_least_every_fifteen_seconds_and_says_where_we_are(village: Village) -> None:
    ada = village.resident("ada")
    stream = village.listen("/live/tags/quiet")
    village.post(ada, "Nothing about it")
    stream.line.read()
    for _ in range(HEARTBEAT_S):
        village.reactor.advance(1)
    assert f"id: {village.feed.position}".encode() in stream.line.read()


@pytest.mark.parametrize("path", ["/live/home", "/live/notifications"])
def test_strangers_have_no_home_to_listen_to(village: Village, path: str) -> None:
    assert village.listen(path).opened.status in (302, 303, 401)


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_pages_of_other_sites_may_not_listen(village: Village, headers: dict[str, str]) -> None:
    assert village.listen("/live/local", None, **headers).opened.status == 403
    assert village.listen("/live/local", Origin=f"http://{HOST}", Sec_Fetch_Site="same-origin").opened.status == 200


def test_a_post_that_one_may_not_see_and_nobodys_profile_cannot_be_listened_to(village: Village) -> None:
    ada = village.resident("ada")
    village.post(ada, "Psst", visibility="private")
    [id] = document(ada.get("/home")).xpath("//article/@data-id")
    assert village.listen(f"/live/posts/{id}").opened.status == 404
    assert village.listen("/live/posts/1").opened.status == 404
    assert village.listen("/live/@nobody").opened.status == 404
    assert village.listen(f"/live/posts/{id}", ada).opened.status == 200


def test_logging_out_closes_the_stream_and_says_why(village: Village) -> None:
    ada = village.resident("ada")
    stream, anybody = village.listen("/live/home", ada), village.listen("/live/local")
    assert ada.submit("/logout", page="/home").status == 303
    village.happens()
    assert [event.name for event in stream.read()] == ["bye"]
    assert stream.line.closed
    assert not anybody.line.closed


def test_suspension_closes_the_streams_of_the_account(village: Village) -> None:
    ada = village.resident("ada")
    stream = village.listen("/live/home", ada)

    def suspend() -> None:
        with village.database.connection as connection, connection.cursor() as cursor:
            make.suspend(cursor, make.named(cursor, "ada"))

    suspend()  # behind our back, without an event
    for _ in range(61):
        village.reactor.advance(1)
    assert stream.line.closed


def test_at_a_restart_clients_are_told_when_to_come_back(village: Village) -> None:
    stream = village.listen("/live/local")
    village.feed.stop()
    [told] = stream.read()
    assert told.name == "restart"
    assert 0 <= int(told.data) <= 5_000
    assert stream.line.closed
    assert village.listen("/live/local").opened.status == 503


def test_whoever_hangs_up_leaves_nothing_behind(village: Village) -> None:
    ada = village.resident("ada")
    for path in ("/live/home", "/live/local"):
        village.listen(path, ada).line.hang_up()
    assert (len(village.feed.connections), len(village.feed.viewer_states), len(village.feed.hub)) == (0, 0, 0)


def test_streams_of_one_network_are_bounded_and_a_head_counts_for_nothing(village: Village) -> None:
    for _ in range(3):
        assert Line(village.server).send(request("HEAD", "/live/local"))
    lines = [village.listen("/live/local") for _ in range(MAX_PER_NETWORK)]
    assert lines[-1].opened.status == 200
    assert village.listen("/live/local").opened.status == 429
    lines[0].line.hang_up()
    assert village.listen("/live/local").opened.status == 200


def test_what_a_client_says_after_its_request_is_not_listened_to(village: Village) -> None:
    ada = village.resident("ada")
    stream = village.listen("/live/local")
    assert stream.line.send(b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n" * 100) == b""
    village.post(ada, "Still here")
    assert [event.name for event in stream.read()] == ["update"]


def test_messages_are_told_to_the_open_list_and_counted_on_every_page(village: Village) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))
    village.happens()
    page, elsewhere = village.listen("/live/conversations", bob), village.listen("/live/local", bob)
    village.post(ada, "Psst @bob", visibility="direct")
    village.happens()
    heard = {event.name: event.json for event in page.read()}
    assert set(heard) == {"conversation", "notification"}
    assert heard["conversation"]["unread"] is True
    assert "Psst" in str(heard["conversation"]["html"])
    assert heard["notification"]["messages"] == 1
    assert [(event.name, event.json["messages"]) for event in elsewhere.read()] == [("notification", 1)]
    assert village.listen("/live/conversations").opened.status in (302, 303, 401)


def test_what_is_read_anywhere_lowers_the_numbers_on_every_page_and_programs_hear_nothing_of_it(village: Village) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))
    village.post(ada, "Hello @bob")
    village.post(ada, "Psst @bob", visibility="direct")
    village.happens()
    pages = [village.listen(path, bob) for path in ("/live/home", "/live/local", "/live/conversations")]
    others = village.listen("/live/home", ada)
    token = village.token("bob")
    streams = [village.listen(f"/api/v1/streaming/{name}", Authorization=f"Bearer {token}") for name in ("user", "user/notification")]
    assert bob.get("/notifications").status == 200
    village.happens()
    for page in pages:
        [told] = page.read()
        assert (told.name, told.json) == ("badges", {"unread": 0, "messages": 1, "removed": None})
    [button] = document(bob.get("/conversations")).xpath("//button[contains(@formaction, '/read')]/@formaction")
    bob.submit(button, page="/conversations")
    village.happens()
    assert [[told.json["messages"] for told in page.read() if told.name == "badges"] for page in pages] == [[0]] * 3
    bob.submit("/notifications/clear", page="/notifications")
    village.happens()
    assert [[told.name for told in page.read()] for page in pages] == [["badges"]] * 3
    assert [stream.read() for stream in (others, *streams)] == [[]] * 3


def test_a_conversation_that_is_removed_goes_from_every_open_list(village: Village) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))
    village.post(ada, "Psst @bob", visibility="direct")
    village.happens()
    page, stream = village.listen("/live/conversations", bob), village.listen("/live/home", bob)
    program = village.listen("/api/v1/streaming/direct", Authorization=f"Bearer {village.token('bob')}")
    [id] = document(bob.get("/conversations")).xpath("//li/@data-talk")
    bob.submit(f"/conversations/{id}/remove", page="/conversations")
    village.happens()
    for open_page in (page, stream):
        [told] = open_page.read()
        assert (told.name, told.json) == ("badges", {"unread": 1, "messages": 0, "removed": id})
    done(village.domain.relations.block(village.viewer("ada"), village.viewer("bob").id))
    village.happens()
    assert program.read() == []
