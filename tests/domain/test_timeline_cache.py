"""The cached home timeline equals the one read from the database, and reads only new posts."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from microblog.domain.timelines import Timelines
from microblog.model.accounts import Viewer
from microblog.model.errors import Problem
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.model.repeated_boosts import WINDOW, without_repeats
from microblog.storage import posts, timelines
from microblog.storage.database import Cursor, execute
from tests import make
from tests.fakes import RolledBackDatabase, result_of

STEP = st.tuples(
    st.sampled_from(["post", "post", "boost", "reply", "delete", "edit", "block", "follow"]), st.integers(0, 4), st.integers(0, 99)
)
LIMIT = 3


def step(db: RolledBackDatabase, people: list[Viewer], written: list[Post], what: str, who: int, which: int) -> None:
    """Run one random command, if it is allowed."""
    author, commands = people[who], make.post_service(db)
    last = written[-1 - which % len(written)] if written else None
    with suppress(Problem):
        if what == "post" or last is None:
            written.append(make.post(db.cursor, author, f"post {which}", visibility=list(Visibility)[which % 3]))
        elif what == "boost":
            written.append(make.boost(db.cursor, author, last))
        elif what == "reply":
            written.append(make.post(db.cursor, author, "reply", reply_to=last))
        elif what == "delete":
            result_of(commands.delete(Viewer(last.author), last.id))
            written.remove(last)
        elif what == "edit":
            execute(db.cursor, "update posts set html = 'edited' where id = %(id)s", {"id": last.id})
        elif who and what == "block":
            make.block(db.cursor, author, people[0])
        elif who:
            make.follow(db.cursor, people[0], author)


@settings(max_examples=40, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(STEP, min_size=5, max_size=15))
def test_the_cached_timeline_equals_the_one_in_the_database(
    cursor: Cursor, db: RolledBackDatabase, history: list[tuple[str, int, int]]
) -> None:
    execute(cursor, "savepoint example")
    try:
        people = [make.viewer(cursor) for _ in range(5)]
        for other in people[1:4]:
            make.follow(cursor, people[0], other)
        remembering, written = Timelines(db, lambda: make.NOW), list[Post]()
        for what, who, which in history:
            step(db, people, written, what, who, which)
            raw = timelines.home(cursor, viewer=people[0].id, page=Page(1_000), now=make.NOW)
            assert result_of(remembering.home(people[0], Page(LIMIT))) == posts.load(cursor, without_repeats(raw)[:LIMIT])
    finally:
        execute(cursor, "rollback to savepoint example")


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
