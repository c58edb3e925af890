"""Posts on a viewer's own streams have the same viewer flags as when they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from microblog.domain.lists import ListOptions
from microblog.domain.polls import Polls
from microblog.model.accounts import Viewer
from microblog.model.ids import PostId
from microblog.model.polls import PollDraft
from microblog.model.posts import Post, PostDraft, Visibility
from tests import make
from tests.fakes import result_of
from tests.web.http_client import MemoryConnection, encode_request, parse_responses
from tests.web.live_site import EventStream, LiveSite, open_live_site
from tests.web.socket_client import WebSocketClient, open_socket

PERSONAL = {"favourited", "reblogged", "bookmarked", "muted"}


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as site:
        yield site


@define
class Users:
    """Bob follows Ada and Cleo."""

    live_site: LiveSite
    ada: Viewer
    bob: Viewer
    cleo: Viewer
    token: str

    def publish(self, who: Viewer, text: str, **draft: Any) -> Post:
        post = result_of(self.live_site.domain.posts.publish(who, PostDraft(text, **draft)))
        self.live_site.process_events()
        return post

    def read(self, id: str, token: str = "") -> dict[str, Any]:
        """The post as the REST API gives it."""
        data = MemoryConnection(self.live_site.server).send(
            encode_request("GET", f"/api/v1/statuses/{id}", {"Authorization": f"Bearer {token or self.token}"})
        )
        (response,) = parse_responses(data)
        assert response.status == 200
        found: dict[str, Any] = json.loads(response.body)
        return found

    def act_on(self, post: PostId) -> None:
        """Let Bob favourite, boost, bookmark and mute the post."""
        interactions = self.live_site.domain.interactions
        for action in (interactions.favourite, interactions.boost, interactions.bookmark, interactions.mute_thread):
            result_of(action(self.bob, post))


@pytest.fixture
def users(live_site: LiveSite) -> Users:
    for name in ("ada", "bob", "cleo"):
        live_site.registered_user(name)
    ada, bob, cleo = map(live_site.viewer, ("ada", "bob", "cleo"))
    for one, other in ((bob, ada), (bob, cleo), (ada, bob)):
        result_of(live_site.domain.follows.follow(one, other.id))
    live_site.process_events()
    return Users(live_site, ada, bob, cleo, live_site.token("bob"))


INSIDE = {"notification": "status", "conversation": "last_status"}


def statuses(socket: WebSocketClient) -> list[tuple[str, dict[str, Any]]]:
    """Return each received post with its event."""
    received = [(message["event"], message["payload"]) for message in socket.read() if message["event"] != "resumed"]
    return [(event, post_in(event, json.loads(payload))) for event, payload in received]


def post_in(event: str, payload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = payload[INSIDE[event]] if event in INSIDE else payload
    return found


@pytest.mark.parametrize("stream", ["user", "list", "user:notification", "direct"])
def test_streamed_posts_equal_those_of_the_rest_api(users: Users, stream: str) -> None:
    live_site, ada, bob, cleo = users.live_site, users.ada, users.bob, users.cleo
    old, poll_post, own = (
        users.publish(ada, "Old"),
        users.publish(ada, "Which?", poll=PollDraft(("a", "b"), 3600)),
        users.publish(bob, "Mine"),
    )
    users.act_on(old.id)
    result_of(live_site.domain.interactions.pin(bob, own.id))
    result_of(live_site.domain.interactions.bookmark(bob, own.id))
    assert poll_post.poll is not None
    result_of(Polls(live_site.database, lambda: make.NOW).vote(bob, poll_post.poll.id, [1]))
    list_id = result_of(live_site.domain.lists.create(bob, ListOptions("All"))).id
    result_of(live_site.domain.lists.add(bob, list_id, [ada.id, cleo.id]))
    users.publish(ada, "psst @bob", visibility=Visibility.DIRECT)
    socket = open_socket(live_site, f"access_token={users.token}&stream={stream}&list={list_id}")
    events = live_site.listen(f"/api/v1/streaming/{stream.replace(':', '/')}?list={list_id}", Authorization=f"Bearer {users.token}")
    position = str(live_site.broadcaster.position)

    result_of(live_site.domain.posts.edit(ada, old.id, PostDraft("Old, and edited")))
    users.publish(ada, "A reply in a muted conversation", reply_to=old.id)
    users.publish(ada, "New")
    for number in range(41):
        users.publish(cleo, f"between {number}")
    for post in (old, poll_post):
        result_of(live_site.domain.interactions.boost(cleo, post.id))
    result_of(live_site.domain.interactions.favourite(ada, own.id))
    result_of(live_site.domain.interactions.boost(ada, own.id))
    users.publish(ada, "Hello @bob")
    users.publish(ada, "psst again @bob", visibility=Visibility.DIRECT)
    live_site.process_events()

    received = statuses(socket)
    assert {event for event, _ in received} >= {
        "user": {"update", "status.update", "notification"},
        "list": {"update", "status.update"},
        "user:notification": {"notification"},
        "direct": {"conversation"},
    }[stream]
    check_same(users, received)
    again = open_socket(live_site, f"access_token={users.token}&stream={stream}&list={list_id}&since={position}")
    check_same(users, statuses(again))
    check_events(events, received)


def check_same(users: Users, received: list[tuple[str, dict[str, Any]]]) -> None:
    """Check that the viewer's flags equal those of the REST API, and that all other fields are present."""
    assert received
    for _, post in received:
        read = users.read(post["id"])
        for streamed, found in ((post, read), (post["reblog"] or {}, read["reblog"] or {})):
            assert set(streamed) == set(found)
            assert viewer_flags(streamed) == viewer_flags(found)


def viewer_flags(post: dict[str, Any]) -> dict[str, Any]:
    poll = post.get("poll") or {}
    return {key: post.get(key) for key in (*PERSONAL, "pinned", "filtered")} | {key: poll.get(key) for key in ("voted", "own_votes")}


def check_events(events: EventStream, received: list[tuple[str, dict[str, Any]]]) -> None:
    """Check that server-sent events and WebSocket agree."""
    sent = [(event.name, post_in(event.name, event.json)) for event in events.read()]
    assert sent == received


def test_an_authors_own_new_post_has_viewer_flags(users: Users) -> None:
    socket = open_socket(users.live_site, f"access_token={users.live_site.token('ada')}&stream=user")
    users.publish(users.ada, "Which?", poll=PollDraft(("a", "b"), 3600))
    [(_, received)] = statuses(socket)
    assert (received["poll"]["voted"], received["poll"]["own_votes"], received["pinned"]) == (True, [], False)
    assert {key: received[key] for key in PERSONAL} == dict.fromkeys(PERSONAL, False)


@pytest.mark.parametrize("stream", ["public", "hashtag&tag=tea"])
def test_public_streams_have_no_viewer_flags(users: Users, stream: str) -> None:
    old = users.publish(users.ada, "Old #tea")
    users.act_on(old.id)
    socket = open_socket(users.live_site, f"access_token={users.token}&stream={stream}")
    result_of(users.live_site.domain.posts.edit(users.ada, old.id, PostDraft("Edited #tea")))
    users.publish(users.ada, "New #tea")
    received = statuses(socket)
    assert len(received) == 2
    assert not any((PERSONAL | {"pinned", "filtered"}) & set(post) for _, post in received)


def test_a_boosted_older_post_on_the_live_home_page_shows_the_viewers_favourite(users: Users) -> None:
    live_site = users.live_site
    bob = live_site.registered_user("bobby")
    bobby = live_site.viewer("bobby")
    result_of(live_site.domain.follows.follow(bobby, users.cleo.id))
    old = users.publish(users.ada, "Old")
    result_of(live_site.domain.interactions.favourite(bobby, old.id))
    live_site.process_events()
    stream = live_site.listen("/live/home", bob)
    result_of(live_site.domain.interactions.boost(users.cleo, old.id))
    live_site.process_events()
    [html] = [str(event.json["html"]) for event in stream.read() if event.name == "update"]
    assert f'formaction="/posts/{old.id}/unfavourite" aria-pressed="true"' in html
