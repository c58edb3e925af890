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
from tests.fakes import done
from tests.web.http_client import MemoryConnection, encode_request, parse_responses
from tests.web.live_site import EventStream, LiveSite, open_live_site
from tests.web.socket_client import WebSocketClient, open_socket

PERSONAL = {"favourited", "reblogged", "bookmarked", "muted"}


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as made:
        yield made


@define
class Three:
    """Bob follows Ada and Cleo."""

    live_site: LiveSite
    ada: Viewer
    bob: Viewer
    cleo: Viewer
    token: str

    def publish(self, who: Viewer, text: str, **draft: Any) -> Post:
        post = done(self.live_site.domain.posts.publish(who, PostDraft(text, **draft)))
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

    def mark(self, post: PostId) -> None:
        """Let Bob do to the post all that one can do."""
        marks = self.live_site.domain.marks
        for act in (marks.favourite, marks.boost, marks.bookmark, marks.mute_thread):
            done(act(self.bob, post))


@pytest.fixture
def three(live_site: LiveSite) -> Three:
    for name in ("ada", "bob", "cleo"):
        live_site.registered_user(name)
    ada, bob, cleo = map(live_site.viewer, ("ada", "bob", "cleo"))
    for one, other in ((bob, ada), (bob, cleo), (ada, bob)):
        done(live_site.domain.follows.follow(one, other.id))
    live_site.process_events()
    return Three(live_site, ada, bob, cleo, live_site.token("bob"))


INSIDE = {"notification": "status", "conversation": "last_status"}


def statuses(socket: WebSocketClient) -> list[tuple[str, dict[str, Any]]]:
    """Return each received post with its event."""
    came = [(message["event"], message["payload"]) for message in socket.read() if message["event"] != "resumed"]
    return [(event, post_in(event, json.loads(payload))) for event, payload in came]


def post_in(event: str, payload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = payload[INSIDE[event]] if event in INSIDE else payload
    return found


@pytest.mark.parametrize("stream", ["user", "list", "user:notification", "direct"])
def test_streamed_posts_equal_those_of_the_rest_api(three: Three, stream: str) -> None:
    live_site, ada, bob, cleo = three.live_site, three.ada, three.bob, three.cleo
    old, asked, own = three.publish(ada, "Old"), three.publish(ada, "Which?", poll=PollDraft(("a", "b"), 3600)), three.publish(bob, "Mine")
    three.mark(old.id)
    done(live_site.domain.marks.pin(bob, own.id))
    done(live_site.domain.marks.bookmark(bob, own.id))
    assert asked.poll is not None
    done(Polls(live_site.database, lambda: make.NOW).vote(bob, asked.poll.id, [1]))
    mine = done(live_site.domain.lists.create(bob, ListOptions("All"))).id
    done(live_site.domain.lists.add(bob, mine, [ada.id, cleo.id]))
    three.publish(ada, "psst @bob", visibility=Visibility.DIRECT)
    socket = open_socket(live_site, f"access_token={three.token}&stream={stream}&list={mine}")
    events = live_site.listen(f"/api/v1/streaming/{stream.replace(':', '/')}?list={mine}", Authorization=f"Bearer {three.token}")
    position = str(live_site.broadcaster.position)

    done(live_site.domain.posts.edit(ada, old.id, PostDraft("Old, and edited")))
    three.publish(ada, "A reply in a muted conversation", reply_to=old.id)
    three.publish(ada, "New")
    for number in range(41):
        three.publish(cleo, f"between {number}")
    for post in (old, asked):
        done(live_site.domain.marks.boost(cleo, post.id))
    done(live_site.domain.marks.favourite(ada, own.id))
    done(live_site.domain.marks.boost(ada, own.id))
    three.publish(ada, "Hello @bob")
    three.publish(ada, "psst again @bob", visibility=Visibility.DIRECT)
    live_site.process_events()

    came = statuses(socket)
    assert {event for event, _ in came} >= {
        "user": {"update", "status.update", "notification"},
        "list": {"update", "status.update"},
        "user:notification": {"notification"},
        "direct": {"conversation"},
    }[stream]
    check_same(three, came)
    again = open_socket(live_site, f"access_token={three.token}&stream={stream}&list={mine}&since={position}")
    check_same(three, statuses(again))
    check_events(events, came)


def check_same(three: Three, came: list[tuple[str, dict[str, Any]]]) -> None:
    """Check that the viewer's flags equal those of the REST API, and that all other fields are present."""
    assert came
    for _, post in came:
        read = three.read(post["id"])
        for told, found in ((post, read), (post["reblog"] or {}, read["reblog"] or {})):
            assert set(told) == set(found)
            assert viewers_part(told) == viewers_part(found)


def viewers_part(post: dict[str, Any]) -> dict[str, Any]:
    poll = post.get("poll") or {}
    return {key: post.get(key) for key in (*PERSONAL, "pinned", "filtered")} | {key: poll.get(key) for key in ("voted", "own_votes")}


def check_events(events: EventStream, came: list[tuple[str, dict[str, Any]]]) -> None:
    """Check that server-sent events and WebSocket agree."""
    told = [(said.name, post_in(said.name, said.json)) for said in events.read()]
    assert told == came


def test_an_authors_own_new_post_has_viewer_flags(three: Three) -> None:
    socket = open_socket(three.live_site, f"access_token={three.live_site.token('ada')}&stream=user")
    three.publish(three.ada, "Which?", poll=PollDraft(("a", "b"), 3600))
    [(_, told)] = statuses(socket)
    assert (told["poll"]["voted"], told["poll"]["own_votes"], told["pinned"]) == (True, [], False)
    assert {key: told[key] for key in PERSONAL} == dict.fromkeys(PERSONAL, False)


@pytest.mark.parametrize("stream", ["public", "hashtag&tag=tea"])
def test_public_streams_have_no_viewer_flags(three: Three, stream: str) -> None:
    old = three.publish(three.ada, "Old #tea")
    three.mark(old.id)
    socket = open_socket(three.live_site, f"access_token={three.token}&stream={stream}")
    done(three.live_site.domain.posts.edit(three.ada, old.id, PostDraft("Edited #tea")))
    three.publish(three.ada, "New #tea")
    came = statuses(socket)
    assert len(came) == 2
    assert not any((PERSONAL | {"pinned", "filtered"}) & set(post) for _, post in came)


def test_a_boosted_older_post_on_the_live_home_page_shows_the_viewers_favourite(three: Three) -> None:
    live_site = three.live_site
    bob = live_site.registered_user("bobby")
    bobby = live_site.viewer("bobby")
    done(live_site.domain.follows.follow(bobby, three.cleo.id))
    old = three.publish(three.ada, "Old")
    done(live_site.domain.marks.favourite(bobby, old.id))
    live_site.process_events()
    stream = live_site.listen("/live/home", bob)
    done(live_site.domain.marks.boost(three.cleo, old.id))
    live_site.process_events()
    [html] = [str(said.json["html"]) for said in stream.read() if said.name == "update"]
    assert f'formaction="/posts/{old.id}/unfavourite" aria-pressed="true"' in html
