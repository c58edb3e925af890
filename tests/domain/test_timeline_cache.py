"""The cached home timeline reads only new posts. tests/web/test_histories.py compares it with the one in the database."""

from __future__ import annotations

import pytest

from microblog.domain.timelines import Timelines
from microblog.model.accounts import Viewer
from microblog.model.paging import Page
from microblog.model.repeated_boosts import WINDOW
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, result_of


@pytest.fixture
def reader(cursor: Cursor) -> Viewer:
    return make.viewer(cursor)


async def test_only_new_posts_are_read(cursor: Cursor, db: RolledBackDatabase, reader: Viewer) -> None:
    friends, site = [make.viewer(cursor) for _ in range(3)], Timelines(db, lambda: make.NOW)
    for friend in friends:
        make.follow(cursor, reader, friend)
        for _ in range(WINDOW):  # more than what is remembered
            make.post(cursor, friend)
    first = await site.home(reader, Page(2))
    new = make.post(cursor, friends[0], "new")
    assert [post.id for post in await site.home(reader, Page(2))] == [new.id, first[0].id]
    assert site.timeline_cache.hits == 1
    result_of(make.post_service(db).delete(friends[0], new.id))
    assert [post.id for post in await site.home(reader, Page(2))] == [post.id for post in first]  # what is below has to be read
    assert site.timeline_cache.hits == 1
    make.follow(cursor, reader, make.viewer(cursor))
    await site.home(reader, Page(2))
    assert site.timeline_cache.hits == 1
    make.post(cursor, make.viewer(cursor), "somebody else's")
    await site.home(reader, Page(2))
    assert site.timeline_cache.hits == 2
