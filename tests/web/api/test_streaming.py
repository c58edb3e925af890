"""The streaming API as Mastodon's clients use it, from commit to frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from microblog.domain.filters import FilterDraft, KeywordDraft
from microblog.domain.lists import ListOptions
from microblog.domain.rate_limits import API_TOKEN, connection_limits
from microblog.live.subscriber import MAX_SUBSCRIPTIONS
from microblog.web.streaming.websocket import MAX_FRAMES
from tests.fakes import done
from tests.web.memory import Line, replies, request
from tests.web.sample_data import Village, said, village_at
from tests.web.socket_client import BINARY, PING, PONG, TEXT, Ws, frame, open_socket
from tests.web.visitor import HOST, Visitor, document


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        yield made


@define
class Two:
    """Ada writes; Bob follows her and reads."""

    ada: Visitor
    bob: Visitor
    token: str


@pytest.fixture
def two(village: Village) -> Two:
    ada, bob = village.resident("ada"), village.resident("bob")
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))
    village.happens()
    return Two(ada, bob, village.token("bob"))


def heard(socket: Ws) -> list[tuple[list[str], str]]:
    return [(message["stream"], message["event"]) for message in socket.read()]


def status(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message["payload"])
    return found


def post_id(village: Village, username: str) -> str:
    return str(document(Visitor(village.server).get(f"/@{username}")).xpath("//article/@data-id")[0])


# The handshake


def test_a_token_is_taken_from_the_address_the_header_and_the_subprotocol_which_is_echoed(village: Village, two: Two) -> None:
    by_address = open_socket(village, f"access_token={two.token}")
    by_header = open_socket(village, Authorization=f"Bearer {two.token}")
    by_protocol = open_socket(village, Sec_WebSocket_Protocol=two.token)
    by_both = open_socket(village, f"access_token={two.token}", Sec_WebSocket_Protocol=two.token)
    assert [ws.opened.status for ws in (by_address, by_header, by_protocol, by_both)] == [101] * 4
    echoed = [ws.opened.header("Sec-WebSocket-Protocol") for ws in (by_address, by_header, by_protocol, by_both)]
    assert echoed == [None, None, two.token, two.token]
    assert by_address.opened.header("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert by_address.opened.header("Content-Type") is None


@pytest.mark.parametrize(
    ("query", "headers", "error"),
    [
        ("", {}, "Missing access token"),
        ("access_token=nonsense", {}, "Invalid access token"),
        ("", {"Authorization": "Bearer nonsense"}, "Invalid access token"),
        ("", {"Sec_WebSocket_Protocol": "nonsense"}, "Invalid access token"),
        ("stream=public", {}, "Missing access token"),
    ],
)
def test_without_a_good_token_there_is_no_socket(village: Village, query: str, headers: dict[str, str], error: str) -> None:
    refused = open_socket(village, query, **headers).opened
    assert (refused.status, refused.body, refused.header("X-Error-Message")) == (401, b"", error)


def test_an_application_alone_has_nothing_to_listen_to(village: Village) -> None:
    token = done(village.domain.tokens.issue(None, "read", "Alone")).text
    assert open_socket(village, f"access_token={token}").opened.status == 401


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"Upgrade": ""}, 426),
        ({"Connection": "close"}, 426),
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": ""}, 400),
    ],
)
def test_what_is_no_handshake_is_refused(village: Village, two: Two, wrong: dict[str, str], expected: int) -> None:
    refused = open_socket(village, f"access_token={two.token}", **wrong).opened
    assert refused.status == expected
    assert "error" in refused.json


def test_a_browser_session_is_enough_for_pages_of_this_site_only(village: Village, two: Two) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in two.bob.cookies.items())
    assert open_socket(village, Cookie=cookie, Origin=f"http://{HOST}").opened.status == 101
    assert open_socket(village, Cookie=cookie, Origin="https://evil.example").opened.status == 403
    assert open_socket(village, Cookie=cookie).opened.status == 403
    assert open_socket(village, f"access_token={two.token}", Origin="https://app.example").opened.status == 101


@pytest.fixture
def limited(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path, limited=True) as made:
        yield made


def test_an_account_that_opens_connections_too_often_has_to_wait_whichever_way_it_comes(limited: Village) -> None:
    ada, bob, token = limited.resident("ada"), limited.resident("bob"), limited.token("ada")
    bearer = {"Authorization": f"Bearer {token}"}
    per_account, _ = connection_limits(300, 3_000)
    done(limited.domain.limits.count(per_account, str(limited.viewer("ada").id), per_account.limit - 3))
    assert open_socket(limited, f"access_token={token}").opened.status == 101
    assert limited.listen("/api/v1/streaming/user", None, **bearer).opened.status == 200
    assert limited.listen("/live/home", ada).opened.header("X-RateLimit-Remaining") == "0"
    refused = [
        open_socket(limited, f"access_token={token}").opened,
        limited.listen("/api/v1/streaming/user", None, **bearer).opened,
        limited.listen("/live/home", ada).opened,
    ]
    assert [(reply.status, reply.header("Retry-After") is not None) for reply in refused] == [(429, True)] * 3
    assert limited.listen("/live/home", bob).opened.status == 200
    assert limited.listen("/live/local").opened.status == 200


def test_a_network_that_opens_connections_too_often_is_not_even_asked_who_it_is(limited: Village) -> None:
    _, per_network = connection_limits(300, 3_000)
    done(limited.domain.limits.count(per_network, "203.0.113.7", per_network.limit - 2))
    assert open_socket(limited, "access_token=nonsense").opened.status == 401
    assert limited.listen("/live/local").opened.status == 200
    assert open_socket(limited, "access_token=nonsense").opened.status == 429
    assert limited.listen("/live/local").opened.status == 429
    assert open_socket(limited, "access_token=nonsense", host="203.0.113.8").opened.status == 401


def test_connections_do_not_use_up_what_requests_may(limited: Village) -> None:
    limited.resident("ada")
    token = limited.token("ada")
    for _ in range(5):
        assert open_socket(limited, f"access_token={token}").opened.status == 101
        assert limited.listen("/api/v1/streaming/user", Authorization=f"Bearer {token}").opened.status == 200
    answered = Line(limited.server).send(request("GET", "/api/v1/timelines/home", {"Authorization": f"Bearer {token}"}))
    assert replies(answered)[0].header("X-RateLimit-Remaining") == str(API_TOKEN.limit - 1)


# Streams


def test_a_socket_opens_idle_and_multiplexes(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}")
    village.post(two.ada, "Nobody listens yet")
    assert socket.read() == []
    for message in ({"stream": "user"}, {"stream": ["public"]}, {"stream": "public:local"}, {"stream": "hashtag", "tag": "Tea"}):
        socket.say(type="subscribe", **message)
        socket.say(type="subscribe", **message)  # silent, and delivers nothing twice
    village.post(two.ada, "A cup of #tea")
    told = heard(socket)
    assert sorted(told) == [(["hashtag", "Tea"], "update"), (["public"], "update"), (["public:local"], "update"), (["user"], "update")]
    socket.say(type="unsubscribe", stream="public")
    socket.say(type="unsubscribe", stream="hashtag", tag="tea")
    village.post(two.ada, "Another #tea")
    assert sorted(heard(socket)) == [(["public:local"], "update"), (["user"], "update")]


def test_a_frame_has_mastodons_keys_and_the_position(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    village.post(two.ada, "Hello <b>&")
    [message] = socket.read()
    assert set(message) == {"stream", "event", "payload", "id"}
    told = status(message)
    assert (told["account"]["acct"], told["content"], told["visibility"]) == ("ada", "<p>Hello &lt;b&gt;&amp;</p>", "public")
    assert message["id"] == str(village.feed.position)


def test_edits_and_deletions_are_told_by_their_names(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    village.post(two.ada, "First")
    id = post_id(village, "ada")
    assert two.ada.submit(f"/posts/{id}/edit", text="Better").status == 303
    village.happens()
    assert two.ada.submit(f"/posts/{id}/delete").status == 303
    village.happens()
    update, edited, deleted = socket.read()
    assert (update["event"], edited["event"], deleted["event"]) == ("update", "status.update", "delete")
    assert "Better" in status(edited)["content"]
    assert deleted["payload"] == id


def test_a_notification_comes_on_both_streams_that_have_it(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    socket.say(type="subscribe", stream="user:notification")
    village.post(two.ada, "Hello @bob", visibility="unlisted")
    told = socket.read()
    assert sorted((message["stream"][0], message["event"]) for message in told) == [
        ("user", "notification"),
        ("user", "update"),
        ("user:notification", "notification"),
    ]
    [mention] = [status(message) for message in told if message["stream"] == ["user:notification"]]
    assert (mention["type"], mention["account"]["acct"], mention["status"]["visibility"]) == ("mention", "ada", "unlisted")


def test_a_list_is_heard_by_its_owner_alone_and_follows_its_members(village: Village, two: Two) -> None:
    bob = village.viewer("bob")
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    made = done(village.domain.lists.create(bob, ListOptions("Friends")))
    socket.say(type="subscribe", stream="list", list=str(made.id))  # the feed has not heard of it yet
    village.reactor.advance(0)
    village.post(two.ada, "Not a member yet")
    done(village.domain.lists.add(bob, made.id, [village.viewer("ada").id]))
    village.happens()
    village.post(two.ada, "A member")
    assert sorted(heard(socket)) == [(["list", str(made.id)], "update"), (["user"], "update"), (["user"], "update")]
    done(village.domain.lists.change(bob, made.id, ListOptions(exclusive=True)))
    village.happens()
    village.post(two.ada, "In the list only")
    assert heard(socket) == [(["list", str(made.id)], "update")]
    other = open_socket(village, f"access_token={village.token('ada')}&stream=list&list={made.id}")
    assert other.read() == [{"error": "Not authorized to stream this list", "status": 401}]


def test_filters_of_the_viewer_are_told_with_the_post_and_count_at_once(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    other = open_socket(village, f"access_token={village.token('ada')}&stream=user")
    draft = FilterDraft("Spoilers", ["home"], keywords=[KeywordDraft("finale")])
    done(village.domain.filters.create(village.viewer("bob"), draft))
    village.happens()
    village.post(two.ada, "The finale was great")
    changed, update = socket.read()
    assert (changed["event"], "payload" in changed) == ("filters_changed", False)
    [match] = status(update)["filtered"]
    assert (match["filter"]["title"], match["keyword_matches"]) == ("Spoilers", ["finale"])
    assert status(other.read()[0])["filtered"] == []


def test_what_a_filter_hides_at_home_is_not_told_at_home(village: Village, two: Two) -> None:
    draft = FilterDraft("Sports", ["home"], "hide", keywords=[KeywordDraft("football")])
    done(village.domain.filters.create(village.viewer("bob"), draft))
    village.happens()
    home, public = (open_socket(village, f"access_token={two.token}&stream={name}") for name in ("user", "public"))
    events = village.listen("/api/v1/streaming/user", None, Authorization=f"Bearer {two.token}")
    village.post(two.ada, "Football again, @bob")
    village.post(two.bob, "I play football myself")
    assert [message["event"] for message in home.read()] == ["notification", "update"]
    assert [event.name for event in events.read()] == ["notification", "update"]
    foreign, own = map(status, public.read())
    assert [match["filter"]["title"] for match in foreign["filtered"]] == ["Sports"]
    assert "filtered" not in own


def test_streams_with_media_only_leave_out_the_rest(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=public:media")
    village.post(two.ada, "No picture")
    assert heard(socket) == []


def test_what_cannot_be_subscribed_to_is_answered_as_mastodon_does(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=nonsense")
    unknown = {"error": "Unknown stream type", "status": 400}
    assert socket.read() == [unknown]
    for message, answer in (
        ({"stream": "nonsense"}, unknown),
        ({}, unknown),
        ({"stream": "hashtag"}, {"error": "Missing tag name parameter", "status": 400}),
        ({"stream": "hashtag", "tag": ""}, {"error": "Missing tag name parameter", "status": 400}),
        ({"stream": "list", "list": "1"}, {"error": "Not authorized to stream this list", "status": 401}),
        ({"stream": "list", "list": "x"}, {"error": "Not authorized to stream this list", "status": 401}),
    ):
        socket.say(type="subscribe", **message)
        village.reactor.advance(0)
        assert socket.read() == [answer]
    for text in (b"no json", b"[]", b"7", b'{"type":"nonsense","stream":"user"}', b"{}"):
        socket.send(frame(TEXT, text))
    assert socket.read() == []
    assert socket.code is None


def test_a_token_opens_only_what_its_scopes_cover(village: Village, two: Two) -> None:
    refused = {"error": "Access token does not have the required scopes", "status": 401}
    narrow = open_socket(village, f"access_token={village.token('bob', 'read:statuses')}&stream=user:notification")
    assert narrow.read() == [refused]
    narrow.say(type="subscribe", stream="user")
    village.post(two.ada, "Hello @bob")
    assert heard(narrow) == [(["user"], "update")]
    assert open_socket(village, f"access_token={village.token('bob', 'write')}&stream=user").read() == [refused]


def test_subscriptions_and_frames_are_bounded(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}")
    for number in range(MAX_SUBSCRIPTIONS + 1):
        socket.say(type="subscribe", stream="hashtag", tag=f"t{number}")
    [refused] = socket.read()
    assert refused["status"] == 429
    for _ in range(MAX_FRAMES):
        socket.send(frame(PING))
    assert socket.code == 1008


# The connection


def test_pings_are_answered_and_whoever_answers_none_is_let_go(village: Village, two: Two) -> None:
    socket, silent = open_socket(village, f"access_token={two.token}"), open_socket(village, f"access_token={two.token}")
    socket.send(frame(PING, b"there?"))
    socket.read()
    assert socket.pongs == [b"there?"]
    for _ in range(65):
        village.reactor.advance(1)
        socket.read()
        if socket.pings:
            socket.send(frame(PONG, socket.pings.pop()))
    assert silent.line.closed
    assert socket.code is None


def test_long_binary_and_wrong_messages_close_with_their_codes(village: Village, two: Two) -> None:
    def code(*sent: bytes) -> int | None:
        socket = open_socket(village, f"access_token={two.token}")
        for data in sent:
            socket.send(data)
        return socket.code

    assert code(frame(TEXT, b"x" * 4096)) is None
    assert code(frame(TEXT, b"x" * 4097)) == 1009
    assert code(frame(TEXT, b"x" * 3000, fin=False), frame(0, b"x" * 3000)) == 1009
    assert code(frame(TEXT, b"x" * 5000, length=20_000_000)) == 1009  # before the rest has come
    assert code(frame(BINARY, b"x")) == 1003


def test_a_revoked_token_closes_its_sockets_and_no_others(village: Village, two: Two) -> None:
    other = open_socket(village, f"access_token={village.token('bob')}&stream=user")
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    stream = village.listen("/api/v1/streaming/user", Authorization=f"Bearer {two.token}")
    [one, *_] = [token for token, _ in done(village.domain.tokens.of(village.viewer("bob").id))][::-1]
    done(village.domain.tokens.revoke(village.viewer("bob").id, one.id))
    village.happens()
    village.post(two.ada, "After")
    assert socket.code == 1008
    assert stream.line.closed
    assert stream.read() == []
    assert heard(other) == [(["user"], "update")]


def test_revoking_all_tokens_closes_all_sockets_of_the_account(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    done(village.domain.tokens.revoke_all(village.viewer("bob").id))
    village.happens()
    assert socket.code == 1008


def test_at_a_restart_sockets_close_by_name_and_only_who_knows_positions_is_told_when_to_come_back(village: Village, two: Two) -> None:
    plain = open_socket(village, f"access_token={two.token}&stream=user")
    resuming = open_socket(village, f"access_token={two.token}&stream=user&since={village.feed.position}")
    village.feed.stop()
    assert heard(plain) == []
    told = resuming.read()[-1]
    assert (told["event"], 0 <= int(told["payload"]) <= 5000) == ("restart", True)
    assert (plain.code, resuming.code) == (1012, 1012)
    assert open_socket(village, f"access_token={two.token}").opened.status == 503


def test_whoever_hangs_up_leaves_nothing_behind(village: Village, two: Two) -> None:
    for stream in ("user", "public", "hashtag&tag=x"):
        open_socket(village, f"access_token={two.token}&stream={stream}").line.hang_up()
    assert (len(village.feed.connections), len(village.feed.viewer_states), len(village.feed.hub)) == (0, 0, 0)


# Coming back


def test_whoever_comes_back_with_a_position_misses_nothing(village: Village, two: Two) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=user")
    village.post(two.ada, "Before")
    [before] = socket.read()
    socket.line.hang_up()
    village.post(two.ada, "While away")
    by_address = open_socket(village, f"access_token={two.token}&stream=user&since={before['id']}")
    by_message = open_socket(village, f"access_token={two.token}")
    by_message.say(type="subscribe", stream="user", since=before["id"])
    village.post(two.ada, "Back again")
    for again in (by_address, by_message):
        resumed, missed, live = again.read()
        assert (resumed["event"], resumed["stream"], resumed["id"]) == ("resumed", ["user"], before["id"])
        assert "While away" in status(missed)["content"]
        assert "Back again" in status(live)["content"]


@pytest.mark.parametrize("position", ["nonsense", "elsewhere.5.5"])
def test_a_position_that_means_nothing_here_is_told(village: Village, two: Two, position: str) -> None:
    socket = open_socket(village, f"access_token={two.token}&stream=user&since={position}")
    assert heard(socket)[-1] == (["user"], "gap")
    village.post(two.ada, "On it goes")
    assert heard(socket) == [(["user"], "update")]


# Server-sent events


def test_every_path_of_server_sent_events_tells_what_mastodon_tells(village: Village, two: Two) -> None:
    made = done(village.domain.lists.create(village.viewer("bob"), ListOptions("Friends")))
    done(village.domain.lists.add(village.viewer("bob"), made.id, [village.viewer("ada").id]))
    village.happens()
    paths = ("user", "public", "public/local", "hashtag?tag=Tea", "hashtag/local?tag=tea", f"list?list={made.id}")
    streams = [village.listen(f"/api/v1/streaming/{path}", Authorization=f"Bearer {two.token}") for path in paths]
    quiet = [
        village.listen(f"/api/v1/streaming/{path}", Authorization=f"Bearer {two.token}")
        for path in ("public/remote", "direct", "user/notification", "public?only_media=true")
    ]
    assert {stream.opened.status for stream in (*streams, *quiet)} == {200}
    assert streams[0].opened.header("Content-Type") == "text/event-stream"
    assert streams[0].unread == b":)\n"
    village.post(two.ada, "A cup of #tea")
    for stream in streams:
        [told] = stream.read()
        assert (told.name, told.id) == ("update", str(village.feed.position))
        assert told.json["account"]["acct"] == "ada"  # type: ignore[index]  # JSON of an account
    assert [said(stream.line.read()) for stream in quiet] == [[]] * 4


def test_a_quiet_stream_of_mastodons_clients_has_comments_only(village: Village, two: Two) -> None:
    stream = village.listen("/api/v1/streaming/user", Authorization=f"Bearer {two.token}")
    village.reactor.advance(0)
    stream.line.read()
    for _ in range(15):
        village.reactor.advance(1)
    assert stream.line.read() == b":thump\n"


def test_server_sent_events_resume_by_header_and_address(village: Village, two: Two) -> None:
    since = str(village.feed.position)
    village.post(two.ada, "While away")
    for query, header in ((f"?since={since}", {}), ("", {"Last_Event_ID": since})):
        stream = village.listen(f"/api/v1/streaming/user{query}", None, Authorization=f"Bearer {two.token}", **header)
        assert [event.name for event in stream.read()] == ["resumed", "update"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("user", 401), ("hashtag", 400), ("list?list=1", 401), ("list", 400), ("nonsense", 404), ("user/notification", 403)],
)
def test_what_cannot_be_streamed_is_refused_as_json(village: Village, two: Two, path: str, expected: int) -> None:
    token = {"user": "", "user/notification": village.token("bob", "read:statuses")}.get(path, two.token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    refused = village.listen(f"/api/v1/streaming/{path}", None, **headers).opened
    assert refused.status == expected
    assert "error" in refused.json


def test_health_of_the_feed_is_told(village: Village) -> None:
    line = Line(village.server)
    assert line.send(request("GET", "/api/v1/streaming/health")).endswith(b"OK")


def test_the_address_without_a_socket_says_what_it_is_for(village: Village) -> None:
    refused = open_socket(village, Upgrade="", Connection="").opened
    assert (refused.status, refused.header("Upgrade")) == (426, "websocket")
