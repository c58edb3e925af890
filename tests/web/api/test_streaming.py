"""The streaming API as Mastodon's clients use it, from commit to frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from microblog.domain import post_moderation
from microblog.domain.filters import FilterDraft, KeywordDraft
from microblog.domain.lists import ListOptions
from microblog.domain.rate_limits import API_TOKEN, connection_limits
from microblog.live.subscriber import MAX_SUBSCRIPTIONS
from microblog.model.ids import PostId
from microblog.web.streaming.websocket import MAX_FRAMES
from tests import make
from tests.fakes import result_of
from tests.web.http_client import MemoryConnection, encode_request, parse_responses
from tests.web.live_site import LiveSite, open_live_site, parse_events
from tests.web.socket_client import BINARY, PING, PONG, TEXT, WebSocketClient, frame, open_socket
from tests.web.visitor import HOST, Visitor, document


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as created_list:
        yield created_list


@define
class Users:
    """Two users; Bob follows Ada and reads."""

    ada: Visitor
    bob: Visitor
    token: str


@pytest.fixture
def users(live_site: LiveSite) -> Users:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    result_of(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    live_site.process_events()
    return Users(ada, bob, live_site.token("bob"))


def event_names(socket: WebSocketClient) -> list[tuple[list[str], str]]:
    return [(message["stream"], message["event"]) for message in socket.read()]


def status(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message["payload"])
    return found


def post_id(live_site: LiveSite, username: str) -> str:
    return str(document(Visitor(live_site.server).get(f"/@{username}")).xpath("//article/@data-id")[0])


# The handshake


def test_a_token_may_be_in_the_query_header_or_subprotocol(live_site: LiveSite, users: Users) -> None:
    by_address = open_socket(live_site, f"access_token={users.token}")
    by_header = open_socket(live_site, Authorization=f"Bearer {users.token}")
    by_protocol = open_socket(live_site, Sec_WebSocket_Protocol=users.token)
    by_both = open_socket(live_site, f"access_token={users.token}", Sec_WebSocket_Protocol=users.token)
    assert [ws.response.status for ws in (by_address, by_header, by_protocol, by_both)] == [101] * 4
    echoed = [ws.response.header("Sec-WebSocket-Protocol") for ws in (by_address, by_header, by_protocol, by_both)]
    assert echoed == [None, None, users.token, users.token]
    assert by_address.response.header("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert by_address.response.header("Content-Type") is None


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
def test_a_socket_without_a_valid_token_is_401(live_site: LiveSite, query: str, headers: dict[str, str], error: str) -> None:
    refused = open_socket(live_site, query, **headers).response
    assert (refused.status, refused.body, refused.header("X-Error-Message")) == (401, b"", error)


def test_a_socket_with_an_app_token_is_401(live_site: LiveSite) -> None:
    token = result_of(live_site.domain.tokens.issue(None, "read", "Alone")).text
    assert open_socket(live_site, f"access_token={token}").response.status == 401


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
def test_an_invalid_handshake_is_rejected(live_site: LiveSite, users: Users, wrong: dict[str, str], expected: int) -> None:
    refused = open_socket(live_site, f"access_token={users.token}", **wrong).response
    assert refused.status == expected
    assert "error" in refused.json


def test_a_session_cookie_opens_sockets_for_pages_of_this_site_only(live_site: LiveSite, users: Users) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in users.bob.cookies.items())
    assert open_socket(live_site, Cookie=cookie, Origin=f"http://{HOST}").response.status == 101
    assert open_socket(live_site, Cookie=cookie, Origin="https://evil.example").response.status == 403
    assert open_socket(live_site, Cookie=cookie).response.status == 403
    assert open_socket(live_site, f"access_token={users.token}", Origin="https://app.example").response.status == 101


@pytest.fixture
def limited(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path, limited=True) as created_list:
        yield created_list


def test_connections_are_rate_limited_per_account_on_all_transports(limited: LiveSite) -> None:
    ada, bob, token = limited.registered_user("ada"), limited.registered_user("bob"), limited.token("ada")
    bearer = {"Authorization": f"Bearer {token}"}
    per_account, _ = connection_limits(300, 3_000)
    result_of(limited.domain.rate_limiter.count(per_account, str(limited.viewer("ada").id), per_account.limit - 3))
    assert open_socket(limited, f"access_token={token}").response.status == 101
    assert limited.listen("/api/v1/streaming/user", None, **bearer).response.status == 200
    assert limited.listen("/live/home", ada).response.header("X-RateLimit-Remaining") == "0"
    refused = [
        open_socket(limited, f"access_token={token}").response,
        limited.listen("/api/v1/streaming/user", None, **bearer).response,
        limited.listen("/live/home", ada).response,
    ]
    assert [(response.status, response.header("Retry-After") is not None) for response in refused] == [(429, True)] * 3
    assert limited.listen("/live/home", bob).response.status == 200
    assert limited.listen("/live/local").response.status == 200


def test_connections_are_rate_limited_per_network_before_authentication(limited: LiveSite) -> None:
    _, per_network = connection_limits(300, 3_000)
    result_of(limited.domain.rate_limiter.count(per_network, "203.0.113.7", per_network.limit - 2))
    assert open_socket(limited, "access_token=nonsense").response.status == 401
    assert limited.listen("/live/local").response.status == 200
    assert open_socket(limited, "access_token=nonsense").response.status == 429
    assert limited.listen("/live/local").response.status == 429
    assert open_socket(limited, "access_token=nonsense", host="203.0.113.8").response.status == 401


def test_connections_do_not_count_towards_the_api_rate_limit(limited: LiveSite) -> None:
    limited.registered_user("ada")
    token = limited.token("ada")
    for _ in range(5):
        assert open_socket(limited, f"access_token={token}").response.status == 101
        assert limited.listen("/api/v1/streaming/user", Authorization=f"Bearer {token}").response.status == 200
    data = MemoryConnection(limited.server).send(encode_request("GET", "/api/v1/timelines/home", {"Authorization": f"Bearer {token}"}))
    assert parse_responses(data)[0].header("X-RateLimit-Remaining") == str(API_TOKEN.limit - 1)


# Streams


def test_a_socket_without_a_stream_is_idle_and_multiplexes(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}")
    live_site.post(users.ada, "Nobody listens yet")
    assert socket.read() == []
    for message in ({"stream": "user"}, {"stream": ["public"]}, {"stream": "public:local"}, {"stream": "hashtag", "tag": "Tea"}):
        socket.send_json(type="subscribe", **message)
        socket.send_json(type="subscribe", **message)  # silent, and delivers nothing twice
    live_site.post(users.ada, "A cup of #tea")
    received = event_names(socket)
    assert sorted(received) == [(["hashtag", "Tea"], "update"), (["public"], "update"), (["public:local"], "update"), (["user"], "update")]
    socket.send_json(type="unsubscribe", stream="public")
    socket.send_json(type="unsubscribe", stream="hashtag", tag="tea")
    live_site.post(users.ada, "Another #tea")
    assert sorted(event_names(socket)) == [(["public:local"], "update"), (["user"], "update")]


def test_a_message_has_mastodons_keys_and_the_position(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    live_site.post(users.ada, "Hello <b>&")
    [message] = socket.read()
    assert set(message) == {"stream", "event", "payload", "id"}
    received = status(message)
    assert (received["account"]["acct"], received["content"], received["visibility"]) == ("ada", "<p>Hello &lt;b&gt;&amp;</p>", "public")
    assert message["id"] == str(live_site.broadcaster.position)


def test_edits_and_deletions_have_their_event_names(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    live_site.post(users.ada, "First")
    id = post_id(live_site, "ada")
    assert users.ada.submit(f"/posts/{id}/edit", text="Better").status == 303
    live_site.process_events()
    assert users.ada.submit(f"/posts/{id}/delete").status == 303
    live_site.process_events()
    update, edited, deleted = socket.read()
    assert (update["event"], edited["event"], deleted["event"]) == ("update", "status.update", "delete")
    assert "Better" in status(edited)["content"]
    assert deleted["payload"] == id


def test_a_post_that_moderators_bring_back_is_streamed_again(live_site: LiveSite, users: Users) -> None:
    live_site.post(users.ada, "First")
    id, author = post_id(live_site, "ada"), live_site.viewer("ada").id
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    result_of(live_site.database.run(post_moderation.delete, [PostId(int(id))], author, make.NOW))
    live_site.process_events()
    assert result_of(live_site.database.run(post_moderation.restore, [PostId(int(id))], make.NOW, make.NOW)) == [int(id)]
    live_site.process_events()
    deleted, update = socket.read()
    assert (deleted["event"], deleted["payload"], update["event"], status(update)["id"]) == ("delete", id, "update", id)


def test_a_notification_is_sent_on_both_streams_that_have_it(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    socket.send_json(type="subscribe", stream="user:notification")
    live_site.post(users.ada, "Hello @bob", visibility="unlisted")
    received = socket.read()
    assert sorted((message["stream"][0], message["event"]) for message in received) == [
        ("user", "notification"),
        ("user", "update"),
        ("user:notification", "notification"),
    ]
    [mention] = [status(message) for message in received if message["stream"] == ["user:notification"]]
    assert (mention["type"], mention["account"]["acct"], mention["status"]["visibility"]) == ("mention", "ada", "unlisted")


def test_a_list_stream_is_open_to_its_owner_only_and_follows_membership(live_site: LiveSite, users: Users) -> None:
    bob = live_site.viewer("bob")
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    created_list = result_of(live_site.domain.lists.create(bob, ListOptions("Friends")))
    socket.send_json(type="subscribe", stream="list", list=str(created_list.id))  # the broadcaster does not know the list yet
    live_site.reactor.advance(0)
    live_site.post(users.ada, "Not a member yet")
    result_of(live_site.domain.lists.add(bob, created_list.id, [live_site.viewer("ada").id]))
    live_site.process_events()
    live_site.post(users.ada, "A member")
    assert sorted(event_names(socket)) == [(["list", str(created_list.id)], "update"), (["user"], "update"), (["user"], "update")]
    result_of(live_site.domain.lists.change(bob, created_list.id, ListOptions(exclusive=True)))
    live_site.process_events()
    live_site.post(users.ada, "In the list only")
    assert event_names(socket) == [(["list", str(created_list.id)], "update")]
    other = open_socket(live_site, f"access_token={live_site.token('ada')}&stream=list&list={created_list.id}")
    assert other.read() == [{"error": "Not authorized to stream this list", "status": 401}]


def test_new_filters_apply_at_once_and_their_results_are_in_the_post(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    other = open_socket(live_site, f"access_token={live_site.token('ada')}&stream=user")
    draft = FilterDraft("Spoilers", ["home"], keywords=[KeywordDraft("finale")])
    result_of(live_site.domain.filters.create(live_site.viewer("bob"), draft))
    live_site.process_events()
    live_site.post(users.ada, "The finale was great")
    changed, update = socket.read()
    assert (changed["event"], "payload" in changed) == ("filters_changed", False)
    [match] = status(update)["filtered"]
    assert (match["filter"]["title"], match["keyword_matches"]) == ("Spoilers", ["finale"])
    assert status(other.read()[0])["filtered"] == []


def test_posts_hidden_by_a_home_filter_are_not_on_the_home_stream(live_site: LiveSite, users: Users) -> None:
    draft = FilterDraft("Sports", ["home"], "hide", keywords=[KeywordDraft("football")])
    result_of(live_site.domain.filters.create(live_site.viewer("bob"), draft))
    live_site.process_events()
    home, public = (open_socket(live_site, f"access_token={users.token}&stream={name}") for name in ("user", "public"))
    events = live_site.listen("/api/v1/streaming/user", None, Authorization=f"Bearer {users.token}")
    live_site.post(users.ada, "Football again, @bob")
    live_site.post(users.bob, "I play football myself")
    assert [message["event"] for message in home.read()] == ["notification", "update"]
    assert [event.name for event in events.read()] == ["notification", "update"]
    foreign, own = map(status, public.read())
    assert [match["filter"]["title"] for match in foreign["filtered"]] == ["Sports"]
    assert "filtered" not in own


def test_media_only_streams_omit_other_posts(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=public:media")
    live_site.post(users.ada, "No picture")
    assert event_names(socket) == []


def test_invalid_subscriptions_get_the_errors_of_mastodon(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=nonsense")
    unknown = {"error": "Unknown stream type", "status": 400}
    assert socket.read() == [unknown]
    for message, expected in (
        ({"stream": "nonsense"}, unknown),
        ({}, unknown),
        ({"stream": "hashtag"}, {"error": "Missing tag name parameter", "status": 400}),
        ({"stream": "hashtag", "tag": ""}, {"error": "Missing tag name parameter", "status": 400}),
        ({"stream": "list", "list": "1"}, {"error": "Not authorized to stream this list", "status": 401}),
        ({"stream": "list", "list": "x"}, {"error": "Not authorized to stream this list", "status": 401}),
    ):
        socket.send_json(type="subscribe", **message)
        live_site.reactor.advance(0)
        assert socket.read() == [expected]
    for text in (b"no json", b"[]", b"7", b'{"type":"nonsense","stream":"user"}', b"{}"):
        socket.send(frame(TEXT, text))
    assert socket.read() == []
    assert socket.close_code is None


def test_a_token_opens_only_what_its_scopes_cover(live_site: LiveSite, users: Users) -> None:
    refused = {"error": "Access token does not have the required scopes", "status": 401}
    narrow = open_socket(live_site, f"access_token={live_site.token('bob', 'read:statuses')}&stream=user:notification")
    assert narrow.read() == [refused]
    narrow.send_json(type="subscribe", stream="user")
    live_site.post(users.ada, "Hello @bob")
    assert event_names(narrow) == [(["user"], "update")]
    assert open_socket(live_site, f"access_token={live_site.token('bob', 'write')}&stream=user").read() == [refused]


def test_subscriptions_and_frames_are_limited(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}")
    for number in range(MAX_SUBSCRIPTIONS + 1):
        socket.send_json(type="subscribe", stream="hashtag", tag=f"t{number}")
    [refused] = socket.read()
    assert refused["status"] == 429
    for _ in range(MAX_FRAMES):
        socket.send(frame(PING))
    assert socket.close_code == 1008


# The connection


def test_pings_are_answered_and_unresponsive_clients_are_closed(live_site: LiveSite, users: Users) -> None:
    socket, unresponsive = open_socket(live_site, f"access_token={users.token}"), open_socket(live_site, f"access_token={users.token}")
    socket.send(frame(PING, b"there?"))
    socket.read()
    assert socket.pongs == [b"there?"]
    for _ in range(65):
        live_site.reactor.advance(1)
        socket.read()
        if socket.pings:
            socket.send(frame(PONG, socket.pings.pop()))
    assert unresponsive.connection.closed
    assert socket.close_code is None


def test_long_and_binary_messages_close_with_their_codes(live_site: LiveSite, users: Users) -> None:
    def code(*sent: bytes) -> int | None:
        socket = open_socket(live_site, f"access_token={users.token}")
        for data in sent:
            socket.send(data)
        return socket.close_code

    assert code(frame(TEXT, b"x" * 4096)) is None
    assert code(frame(TEXT, b"x" * 4097)) == 1009
    assert code(frame(TEXT, b"x" * 3000, fin=False), frame(0, b"x" * 3000)) == 1009
    assert code(frame(TEXT, b"x" * 5000, length=20_000_000)) == 1009  # before the rest has come
    assert code(frame(BINARY, b"x")) == 1003


def test_a_revoked_token_closes_its_sockets_and_no_others(live_site: LiveSite, users: Users) -> None:
    other = open_socket(live_site, f"access_token={live_site.token('bob')}&stream=user")
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    stream = live_site.listen("/api/v1/streaming/user", Authorization=f"Bearer {users.token}")
    [one, *_] = [token for token, _ in result_of(live_site.domain.tokens.of(live_site.viewer("bob").id))][::-1]
    result_of(live_site.domain.tokens.revoke(live_site.viewer("bob").id, one.id))
    live_site.process_events()
    live_site.post(users.ada, "After")
    assert socket.close_code == 1008
    assert stream.connection.closed
    assert stream.read() == []
    assert event_names(other) == [(["user"], "update")]


def test_revoking_all_tokens_closes_all_sockets_of_the_account(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    result_of(live_site.domain.tokens.revoke_all(live_site.viewer("bob").id))
    live_site.process_events()
    assert socket.close_code == 1008


def test_a_restart_closes_sockets_and_is_announced_to_resuming_clients_only(live_site: LiveSite, users: Users) -> None:
    plain = open_socket(live_site, f"access_token={users.token}&stream=user")
    resuming = open_socket(live_site, f"access_token={users.token}&stream=user&since={live_site.broadcaster.position}")
    live_site.broadcaster.stop()
    assert event_names(plain) == []
    received = resuming.read()[-1]
    assert (received["event"], 0 <= int(received["payload"]) <= 5000) == ("restart", True)
    assert (plain.close_code, resuming.close_code) == (1012, 1012)
    assert open_socket(live_site, f"access_token={users.token}").response.status == 503


def test_a_disconnected_client_leaves_no_state(live_site: LiveSite, users: Users) -> None:
    for stream in ("user", "public", "hashtag&tag=x"):
        open_socket(live_site, f"access_token={users.token}&stream={stream}").connection.hang_up()
    assert (len(live_site.broadcaster.connections), len(live_site.broadcaster.viewer_states), len(live_site.broadcaster.hub)) == (0, 0, 0)


# Resuming


def test_resuming_from_a_position_misses_nothing(live_site: LiveSite, users: Users) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=user")
    live_site.post(users.ada, "Before")
    [before] = socket.read()
    socket.connection.hang_up()
    live_site.post(users.ada, "While away")
    by_address = open_socket(live_site, f"access_token={users.token}&stream=user&since={before['id']}")
    by_message = open_socket(live_site, f"access_token={users.token}")
    by_message.send_json(type="subscribe", stream="user", since=before["id"])
    live_site.post(users.ada, "Back again")
    for again in (by_address, by_message):
        resumed, missed, live = again.read()
        assert (resumed["event"], resumed["stream"], resumed["id"]) == ("resumed", ["user"], before["id"])
        assert "While away" in status(missed)["content"]
        assert "Back again" in status(live)["content"]


@pytest.mark.parametrize("position", ["nonsense", "elsewhere.5.5"])
def test_an_unknown_position_is_a_gap(live_site: LiveSite, users: Users, position: str) -> None:
    socket = open_socket(live_site, f"access_token={users.token}&stream=user&since={position}")
    assert event_names(socket)[-1] == (["user"], "gap")
    live_site.post(users.ada, "On it goes")
    assert event_names(socket) == [(["user"], "update")]


# Server-sent events


def test_every_sse_path_of_mastodon_is_served(live_site: LiveSite, users: Users) -> None:
    created_list = result_of(live_site.domain.lists.create(live_site.viewer("bob"), ListOptions("Friends")))
    result_of(live_site.domain.lists.add(live_site.viewer("bob"), created_list.id, [live_site.viewer("ada").id]))
    live_site.process_events()
    paths = ("user", "public", "public/local", "hashtag?tag=Tea", "hashtag/local?tag=tea", f"list?list={created_list.id}")
    streams = [live_site.listen(f"/api/v1/streaming/{path}", Authorization=f"Bearer {users.token}") for path in paths]
    quiet_streams = [
        live_site.listen(f"/api/v1/streaming/{path}", Authorization=f"Bearer {users.token}")
        for path in ("public/remote", "direct", "user/notification", "public?only_media=true")
    ]
    assert {stream.response.status for stream in (*streams, *quiet_streams)} == {200}
    assert streams[0].response.header("Content-Type") == "text/event-stream"
    assert streams[0].unread == b":)\n"
    live_site.post(users.ada, "A cup of #tea")
    for stream in streams:
        [received] = stream.read()
        assert (received.name, received.id) == ("update", str(live_site.broadcaster.position))
        assert received.json["account"]["acct"] == "ada"  # type: ignore[index]  # JSON of an account
    assert [parse_events(stream.connection.read()) for stream in quiet_streams] == [[]] * 4


def test_a_quiet_api_stream_has_only_comments(live_site: LiveSite, users: Users) -> None:
    stream = live_site.listen("/api/v1/streaming/user", Authorization=f"Bearer {users.token}")
    live_site.reactor.advance(0)
    stream.connection.read()
    for _ in range(15):
        live_site.reactor.advance(1)
    assert stream.connection.read() == b":thump\n"


def test_sse_resumes_by_header_and_query(live_site: LiveSite, users: Users) -> None:
    since = str(live_site.broadcaster.position)
    live_site.post(users.ada, "While away")
    for query, header in ((f"?since={since}", {}), ("", {"Last_Event_ID": since})):
        stream = live_site.listen(f"/api/v1/streaming/user{query}", None, Authorization=f"Bearer {users.token}", **header)
        assert [event.name for event in stream.read()] == ["resumed", "update"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("user", 401), ("hashtag", 400), ("list?list=1", 401), ("list", 400), ("nonsense", 404), ("user/notification", 403)],
)
def test_invalid_streams_are_rejected_with_json(live_site: LiveSite, users: Users, path: str, expected: int) -> None:
    token = {"user": "", "user/notification": live_site.token("bob", "read:statuses")}.get(path, users.token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    refused = live_site.listen(f"/api/v1/streaming/{path}", None, **headers).response
    assert refused.status == expected
    assert "error" in refused.json


def test_the_streaming_health_route_is_served(live_site: LiveSite) -> None:
    connection = MemoryConnection(live_site.server)
    assert connection.send(encode_request("GET", "/api/v1/streaming/health")).endswith(b"OK")


def test_a_request_without_an_upgrade_is_426(live_site: LiveSite) -> None:
    refused = open_socket(live_site, Upgrade="", Connection="").response
    assert (refused.status, refused.header("Upgrade")) == (426, "websocket")
