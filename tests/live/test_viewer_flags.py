"""Viewer flags of a post are loaded in one query for all recipients, and not at all if they can only be empty."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import Factory, define, evolve

from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.events import EventKind
from microblog.model.ids import PostId, id_at
from microblog.model.posts import PostFlags
from tests.live.fake_log import NOW, BroadcasterFixture, FakeEventLog, home, post

AUTHOR, ONE, TWO, SHARER = 1, 2, 3, 4


@define
class AskedLog(FakeEventLog):
    asked: list[tuple[set[int], set[int]]] = Factory(list)

    async def flags(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        self.asked.append((set(accounts), set(posts)))
        return {}


def test_viewers_are_asked_about_at_once_and_for_older_posts_alone() -> None:
    world = BroadcasterFixture(AskedLog())
    assert isinstance(world.log, AskedLog)
    for viewer in (ONE, TWO):
        world.log.loaded[viewer] = RelationsSnapshot(viewer, follows={AUTHOR: None, SHARER: None})
    world.start()
    connections = [world.subscribe(home(viewer), viewer) for viewer in (ONE, ONE, TWO)]
    new = id_at(NOW)
    world.log.posts[new] = post(new, AUTHOR)
    world.log.record(EventKind.POST_PUBLISHED, AUTHOR, post=new, visibility="public")
    world.wake()
    assert [len(connection.received) for connection in connections] == [1, 1, 1]
    assert world.log.asked == []
    boost = post(new + 1, SHARER)
    world.log.posts[boost.id] = evolve(boost, boost=evolve(post(7, AUTHOR), id=PostId(7)))
    world.log.record(EventKind.POST_PUBLISHED, SHARER, post=boost.id, visibility="public", boost_of=7, boost_author=AUTHOR)
    world.wake()
    assert [len(connection.received) for connection in connections] == [2, 2, 2]
    assert world.log.asked == [({ONE, TWO}, {7})]
