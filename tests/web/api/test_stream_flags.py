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
from tests.web.memory import Line, replies, request
from tests.web.sample_data import Stream, Village, village_at
from tests.web.socket_client import Ws, open_socket

PERSONAL = {"favourited", "reblogged", "bookmarked", "muted"}


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        yield made


@define
class Three:
    """Bob follows Ada and Cleo."""

    village: Village
    ada: Viewer
    bob: Viewer
    cleo: Viewer
    token: str

    def publish(self, who: Viewer, text: str, **draft: Any) -> Post:
        post = done(self.village.domain.posts.publish(who, PostDraft(text, **draft)))
        self.village.happens()
        return post

    def read(self, id: str, token: str = "") -> dict[str, Any]:
        """The post as the REST API gives it."""
        data = Line(self.village.server).send(request("GET", f"/api/v1/statuses/{id}", {"Authorization": f"Bearer {token or self.token}"}))
        (reply,) = replies(data)
        assert reply.status == 200
        found: dict[str, Any] = json.loads(reply.body)
        return found

    def mark(self, post: PostId) -> None:
        """Let Bob do to the post all that one can do."""
        marks = self.village.domain.marks
        for act in (marks.favourite, marks.boost, marks.bookmark, marks.mute_thread):
            done(act(self.bob, post))


@pytest.fixture
def three(village: Village) -> Three:
    for name in ("ada", "bob", "cleo"):
        village.resident(name)
    ada, bob, cleo = map(village.viewer, ("ada", "bob", "cleo"))
    for one, other in ((bob, ada), (bob, cleo), (ada, bob)):
        done(village.domain.follows.follow(one, other.id))
    village.happens()
    return Three(village, ada, bob, cleo, village.token("bob"))


INSIDE = {"notification": "status", "conversation": "last_status"}


def statuses(socket: Ws) -> list[tuple[str, dict[str, Any]]]:
    """Return each received post with its event."""
    came = [(message["event"], message["payload"]) for message in socket.read() if message["event"] != "resumed"]
    return [(event, post_in(event, json.loads(payload))) for event, payload in came]


def post_in(event: str, payload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = payload[INSIDE[event]] if event in INSIDE else payload
    return found


@pytest.mark.parametrize("stream", ["user", "list", "user:notification", "direct"])
def test_streamed_posts_are_those_that_are_read(three: Three, stream: str) -> None:
    village, ada, bob, cleo = three.village, three.ada, three.bob, three.cleo
    old, asked, own = three.publish(ada, "Old"), three.publish(ada, "Which?", poll=PollDraft(("a", "b"), 3600)), three.publish(bob, "Mine")
    three.mark(old.id)
    done(village.domain.marks.pin(bob, own.id))
    done(village.domain.marks.bookmark(bob, own.id))
    assert asked.poll is not None
    done(Polls(village.database, lambda: make.NOW).vote(bob, asked.poll.id, [1]))
    mine = done(village.domain.lists.create(bob, ListOptions("All"))).id
    done(village.domain.lists.add(bob, mine, [ada.id, cleo.id]))
    three.publish(ada, "psst @bob", visibility=Visibility.DIRECT)
    socket = open_socket(village, f"access_token={three.token}&stream={stream}&list={mine}")
    events = village.listen(f"/api/v1/streaming/{stream.replace(':', '/')}?list={mine}", Authorization=f"Bearer {three.token}")
    position = str(village.feed.position)

    done(village.domain.posts.edit(ada, old.id, PostDraft("Old, and edited")))
    three.publish(ada, "A reply in a muted conversation", reply_to=old.id)
    three.publish(ada, "New")
    for number in range(41):
        three.publish(cleo, f"between {number}")
    for post in (old, asked):
        done(village.domain.marks.boost(cleo, post.id))
    done(village.domain.marks.favourite(ada, own.id))
    done(village.domain.marks.boost(ada, own.id))
    three.publish(ada, "Hello @bob")
    three.publish(ada, "psst again @bob", visibility=Visibility.DIRECT)
    village.happens()

    came = statuses(socket)
    assert {event for event, _ in came} >= {
        "user": {"update", "status.update", "notification"},
        "list": {"update", "status.update"},
        "user:notification": {"notification"},
        "direct": {"conversation"},
    }[stream]
    check_same(three, came)
    again = open_socket(village, f"access_token={three.token}&stream={stream}&list={mine}&since={position}")
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


def check_events(events: Stream, came: list[tuple[str, dict[str, Any]]]) -> None:
    """Check that server-sent events and WebSocket agree."""
    told = [(said.name, post_in(said.name, said.json)) for said in events.read()]
    assert told == came


def test_of_a_new_post_its_author_is_told_their_own_part(three: Three) -> None:
    socket = open_socket(three.village, f"access_token={three.village.token('ada')}&stream=user")
    three.publish(three.ada, "Which?", poll=PollDraft(("a", "b"), 3600))
    [(_, told)] = statuses(socket)
    assert (told["poll"]["voted"], told["poll"]["own_votes"], told["pinned"]) == (True, [], False)
    assert {key: told[key] for key in PERSONAL} == dict.fromkeys(PERSONAL, False)


@pytest.mark.parametrize("stream", ["public", "hashtag&tag=tea"])
def test_streams_of_everybody_say_nothing_of_the_viewer(three: Three, stream: str) -> None:
    old = three.publish(three.ada, "Old #tea")
    three.mark(old.id)
    socket = open_socket(three.village, f"access_token={three.token}&stream={stream}")
    done(three.village.domain.posts.edit(three.ada, old.id, PostDraft("Edited #tea")))
    three.publish(three.ada, "New #tea")
    came = statuses(socket)
    assert len(came) == 2
    assert not any((PERSONAL | {"pinned", "filtered"}) & set(post) for _, post in came)


def test_a_live_home_page_shows_what_one_has_pressed_under_an_older_post(three: Three) -> None:
    village = three.village
    bob = village.resident("bobby")
    bobby = village.viewer("bobby")
    done(village.domain.follows.follow(bobby, three.cleo.id))
    old = three.publish(three.ada, "Old")
    done(village.domain.marks.favourite(bobby, old.id))
    village.happens()
    stream = village.listen("/live/home", bob)
    done(village.domain.marks.boost(three.cleo, old.id))
    village.happens()
    [html] = [str(said.json["html"]) for said in stream.read() if said.name == "update"]
    assert f'formaction="/posts/{old.id}/unfavourite" aria-pressed="true"' in html
