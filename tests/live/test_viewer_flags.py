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
class RecordingLog(FakeEventLog):
    flag_queries: list[tuple[set[int], set[int]]] = Factory(list)

    async def flags(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        self.flag_queries.append((set(accounts), set(posts)))
        return {}


def test_flags_are_loaded_in_one_query_and_for_older_posts_only() -> None:
    feed = BroadcasterFixture(RecordingLog())
    assert isinstance(feed.log, RecordingLog)
    for viewer in (ONE, TWO):
        feed.log.loaded[viewer] = RelationsSnapshot(viewer, follows={AUTHOR: None, SHARER: None})
    feed.start()
    connections = [feed.subscribe(home(viewer), viewer) for viewer in (ONE, ONE, TWO)]
    new = id_at(NOW)
    feed.log.posts[new] = post(new, AUTHOR)
    feed.log.record(EventKind.POST_PUBLISHED, AUTHOR, post=new, visibility="public")
    feed.wake()
    assert [len(connection.received) for connection in connections] == [1, 1, 1]
    assert feed.log.flag_queries == []
    boost = post(new + 1, SHARER)
    feed.log.posts[boost.id] = evolve(boost, boost=evolve(post(7, AUTHOR), id=PostId(7)))
    feed.log.record(EventKind.POST_PUBLISHED, SHARER, post=boost.id, visibility="public", boost_of=7, boost_author=AUTHOR)
    feed.wake()
    assert [len(connection.received) for connection in connections] == [2, 2, 2]
    assert feed.log.flag_queries == [({ONE, TWO}, {7})]
