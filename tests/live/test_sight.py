"""What the feed tells is what the timelines show: the rules in memory and in SQL are one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.domain.posts import event_data
from microblog.live.history import NO_GRANTS
from microblog.live.log import DatabaseLog
from microblog.live.news import News
from microblog.live.sight import concerns, is_for
from microblog.live.topics import Stream, StreamKind
from microblog.live.viewers import Viewers
from microblog.model.accounts import Viewer
from microblog.model.errors import Problem
from microblog.model.events import Event, EventKind, Position
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.storage import kept_tags, posts, timelines
from microblog.storage.database import Cursor, execute
from tests import make
from tests.fakes import RolledBackDatabase, done

TEA = timelines.Tags(["tea"])
PEOPLE = 3
RELATIONS: dict[str, Callable[..., None]] = {
    "follow": make.follow,
    "follow without boosts": partial(make.follow, boosts=False),
    "block": make.block,
    "mute": make.mute,
}
MINE = st.sampled_from(["follow", "follow", "follow without boosts", "block", "mute", None])  # how I stand to each of the others
THEIRS = st.sampled_from(["follow", "block", None, None])  # and they to me
POSTS = [(what, author, target) for author in range(PEOPLE) for target in range(PEOPLE) for what in ("post", "reply", "boost")]
VISIBILITIES = st.lists(st.sampled_from(Visibility), min_size=len(POSTS), max_size=len(POSTS))


def write(cursor: Cursor, written: list[Post], what: str, visibility: Visibility, one: Viewer, other: Viewer) -> None:
    """Let the one post, or answer or boost what the other wrote last, if they can."""
    last = [post for post in written if post.author.id == other.id][-1]
    with suppress(Problem):
        if what == "boost":
            written.append(make.boost(cursor, one, last))
        else:
            text = f"#tea @{other.account.username}"
            written.append(make.post(cursor, one, text, visibility=visibility, reply_to=last if what == "reply" else None))


def told(cursor: Cursor, written: list[Post], stream: Stream, viewer: Viewer | None) -> set[int]:
    """Which of the posts the feed would tell on the stream."""
    log, viewers = DatabaseLog(RolledBackDatabase(cursor), lambda: make.NOW, "e"), Viewers()
    circle = None
    if viewer is not None:
        circle = viewers.enter(done(log.look(Position("e", 0, 0), [viewer.id], NO_GRANTS)).loaded[viewer.id])
    found = posts.by_ids(cursor, [post.id for post in written])
    heard: set[int] = set()
    for number, post in enumerate(written):
        event = Event(Position("e", 1, number), EventKind.POST_PUBLISHED, post.author.id, None, post.id, event_data(post), make.NOW)
        news = News.of(event)
        news.load(found.get(post.id), None)
        if news.tellable and concerns(news, stream, circle) and is_for(news, stream, circle, make.NOW.timestamp()):
            heard.add(post.id)
    return heard


@given(
    mine=st.tuples(MINE, MINE),
    theirs=st.tuples(THEIRS, THEIRS),
    visibilities=VISIBILITIES,
    suspended=st.sampled_from([None, None, None, 2]),
    tea=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_the_feed_tells_what_the_timelines_show(
    cursor: Cursor,
    mine: tuple[str | None, ...],
    theirs: tuple[str | None, ...],
    visibilities: list[Visibility],
    suspended: int | None,
    tea: bool,
) -> None:
    execute(cursor, "savepoint example")
    try:
        me, *others = people = [make.viewer(cursor) for _ in range(PEOPLE)]
        written = [make.post(cursor, person, "#tea") for person in people]
        if tea:
            tag = kept_tags.known(cursor, key="tea", name="tea", now=make.NOW)
            kept_tags.follow(cursor, account=me.id, tag=tag, now=make.NOW)
        for (what, author, target), visibility in zip(POSTS, visibilities, strict=True):
            write(cursor, written, what, visibility, people[author], people[target])
        for number, other in enumerate(others):
            for way, one, two in ((mine[number], me, other), (theirs[number], other, me)):
                if way:
                    RELATIONS[way](cursor, one, two)
        if suspended:
            make.suspend(cursor, people[suspended])
        page = Page(100)
        home = timelines.home(cursor, viewer=me.id, page=page, now=make.NOW)
        assert told(cursor, written, Stream(StreamKind.USER, me.id), me) == {id for id, _ in home}
        for viewer in (me, None):
            asking = viewer.id if viewer else None
            public = timelines.public(cursor, viewer=asking, page=page, now=make.NOW)
            assert told(cursor, written, Stream(StreamKind.PUBLIC), viewer) == {id for id, _ in public}
            tagged = timelines.of_tags(cursor, tags=timelines.Tags(["tea"]), viewer=asking, page=page, now=make.NOW)
            assert told(cursor, written, Stream(StreamKind.TAG, "tea"), viewer) == {id for id, _ in tagged}
            of_two = timelines.of_account(cursor, account=people[1].id, viewer=asking, page=page, replies=False)
            assert told(cursor, written, Stream(StreamKind.AUTHOR_POSTS, people[1].id), viewer) == {id for id, _ in of_two}
            for opened in written[:PEOPLE]:
                thread = posts.in_thread(cursor, thread=opened.id, viewer=asking)
                assert told(cursor, written, Stream(StreamKind.THREAD, opened.id), viewer) == {id for id, _ in thread}
    finally:
        execute(cursor, "rollback to savepoint example")
