"""Streams deliver what the timelines show: the rules in memory and in SQL agree."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from attrs import define, frozen
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.domain.lists import ListOptions, Lists
from microblog.domain.posts import event_data
from microblog.domain.timelines import Timelines
from microblog.live.delivery_rules import may_concern
from microblog.live.event_buffer import NO_CREDENTIALS
from microblog.live.event_log import DatabaseEventLog
from microblog.live.subscriber import Subscriber, Subscription
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import Update
from microblog.live.viewer_state import ViewerState, ViewerStates
from microblog.model.accounts import Viewer
from microblog.model.errors import Problem
from microblog.model.events import Event, EventKind, Position
from microblog.model.filters import FilterAction, FilterContext
from microblog.model.ids import ListId
from microblog.model.lists import ListReplies
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.render.api.entities import Entities
from microblog.render.api.status_json import StatusJsonCache
from microblog.storage import followed_tags, posts, threads, timelines
from microblog.storage.database import Cursor, execute
from microblog.web.api.stream_encoding import PayloadEncoder, SseEncoder
from tests import make
from tests.fakes import RolledBackDatabase, done
from tests.live.fake_log import FakeConnection

PEOPLE = 3
EVERYTHING = Page(100)
RELATIONS: dict[str, Callable[..., None]] = {
    "follow": make.follow,
    "follow without boosts": partial(make.follow, boosts=False),
    "follow in German": partial(make.follow, languages=("de",)),
    "block": make.block,
    "mute": make.mute,
}
FOLLOWS = [way for way in RELATIONS if way.startswith("follow")]
MINE = st.sampled_from([*FOLLOWS, "follow", "block", "mute", None])  # how I stand to each of the others
THEIRS = st.sampled_from(["follow", "block", None, None])  # and they to me
LANGUAGES = ("de", "en", None)
POSTS = [(what, author, target) for author in range(PEOPLE) for target in range(PEOPLE) for what in ("post", "reply", "boost")]
VISIBILITIES = st.lists(st.sampled_from(Visibility), min_size=len(POSTS), max_size=len(POSTS))


@frozen
class ListPlan:
    """A list of the viewer: which followed accounts are in it."""

    members: frozenset[int]
    replies: ListReplies
    exclusive: bool


@frozen
class FilterPlan:
    """A filter of the viewer: a word that occurs in some posts."""

    word: str
    context: FilterContext
    action: FilterAction


LISTS = st.lists(
    st.builds(ListPlan, st.frozensets(st.integers(0, PEOPLE - 2), min_size=1), st.sampled_from(ListReplies), st.booleans()), max_size=2
)
FILTERS = st.lists(
    st.builds(
        FilterPlan,
        st.sampled_from(["cup", "answer", "nobody says this"]),
        st.sampled_from([FilterContext.HOME, FilterContext.HOME, FilterContext.PUBLIC]),
        st.sampled_from([FilterAction.HIDE, FilterAction.HIDE, FilterAction.WARN]),
    ),
    max_size=2,
)


@define
class Square:
    """I, the others, and what was written."""

    cursor: Cursor
    people: list[Viewer]
    written: list[Post]

    @property
    def me(self) -> Viewer:
        return self.people[0]

    @property
    def database(self) -> RolledBackDatabase:
        return RolledBackDatabase(self.cursor)

    def write(self, what: str, visibility: Visibility, author: int, target: int) -> None:
        """Let the one post, or answer or boost what the other wrote last, if they can."""
        one, other = self.people[author], self.people[target]
        last = [post for post in self.written if post.author.id == other.id][-1]
        with suppress(Problem):
            if what == "boost":
                self.written.append(make.boost(self.cursor, one, last))
                return
            tag = "#tea" if (author + target) % 2 else ""
            text = f"{'A cup' if what == 'post' else 'An answer'} for @{other.account.username} {tag}"
            reply_to, language = last if what == "reply" else None, LANGUAGES[target]
            self.written.append(make.post(self.cursor, one, text, visibility=visibility, reply_to=reply_to, language=language))

    def follow_tag(self) -> None:
        tag = followed_tags.get_or_create(self.cursor, key="tea", name="tea", now=make.NOW)
        followed_tags.follow(self.cursor, account=self.me.id, tag=tag, now=make.NOW)

    def make_list(self, plan: ListPlan) -> ListId:
        lists = Lists(self.database, lambda: make.NOW)
        made = done(lists.create(self.me, ListOptions("List", plan.replies, plan.exclusive)))
        for member in plan.members:
            with suppress(Problem):  # only followed people can be in a list
                done(lists.add(self.me, made.id, [self.people[1 + member].id]))
        return made.id

    def make_filter(self, plan: FilterPlan) -> None:
        draft = FilterDraft(plan.word, [plan.context], plan.action, keywords=[KeywordDraft(plan.word, whole_word=True)])
        done(Filters(self.database, self.timelines().sieves, lambda: make.NOW).create(self.me, draft))

    def timelines(self) -> Timelines:
        return Timelines(self.database, lambda: make.NOW)

    def circle(self, viewer: Viewer | None) -> ViewerState | None:
        """What the feed knows of the viewer."""
        if viewer is None:
            return None
        log = DatabaseEventLog(self.database, lambda: make.NOW, "e")
        return ViewerStates().enter(done(log.poll(Position("e", 0, 0), [viewer.id], NO_CREDENTIALS)).relations[viewer.id])

    def told(self, stream: Stream, viewer: Viewer | None) -> set[int]:
        """Which of the posts the feed would send on the stream, to an API client."""
        circle, connection, at = self.circle(viewer), FakeConnection(), make.NOW.timestamp()
        dialect = SseEncoder(PayloadEncoder(StatusJsonCache(Entities("https://example.org", "key"))), extended=False)
        subscriber = Subscriber(connection, dialect, viewer.id if viewer else None, viewer_state=circle)
        subscription = Subscription(stream, subscriber, dialect.variant(stream))
        found = posts.by_ids(self.cursor, [post.id for post in self.written])
        heard: set[int] = set()
        for number, post in enumerate(self.written):
            at_once = Position("e", 1, number)
            news = Update.of(Event(at_once, EventKind.POST_PUBLISHED, post.author.id, None, post.id, event_data(post), make.NOW))
            news.load(found.get(post.id), None)
            if may_concern(news, stream, circle):
                subscription.deliver(news, at_once, at)
            if connection.received:
                heard.add(post.id)
                connection.received.clear()
        return heard


def ids(entries: list[timelines.Entry]) -> set[int]:
    return {id for id, _ in entries}


def check_home_and_lists(square: Square, lists: dict[ListId, ListPlan]) -> None:
    me = square.me
    home = {post.id for post in done(square.timelines().home(me, EVERYTHING))}
    assert square.told(Stream(StreamKind.USER, me.id), me) == home
    for id in lists:
        shown = {post.id for post in done(Lists(square.database, lambda: make.NOW).timeline(me, id, EVERYTHING))}
        assert square.told(Stream(StreamKind.LIST, id), me) == shown
        event(f"a list shows {'something' if shown else 'nothing'}")
    event(f"home shows {len(home) // 5 * 5} posts or more")


def check_what_anybody_has(square: Square, viewer: Viewer | None) -> None:
    cursor, asking, second = square.cursor, viewer.id if viewer else None, square.people[1].id
    public = timelines.public(cursor, viewer=asking, page=EVERYTHING, now=make.NOW)
    assert square.told(Stream(StreamKind.PUBLIC), viewer) == ids(public)
    tagged = timelines.of_tags(cursor, tags=timelines.TagFilter(["tea"]), viewer=asking, page=EVERYTHING, now=make.NOW)
    assert square.told(Stream(StreamKind.TAG, "tea"), viewer) == ids(tagged)
    of_second = timelines.of_account(cursor, account=second, viewer=asking, page=EVERYTHING, replies=False)
    assert square.told(Stream(StreamKind.AUTHOR_POSTS, second), viewer) == ids(of_second)
    for opened in square.written[:PEOPLE]:
        outline = [opened.id, *(id for id, _ in threads.outline(cursor, thread=opened.id, post=opened.id))]
        assert square.told(Stream(StreamKind.THREAD, opened.id), viewer) == posts.visible(cursor, ids=outline, viewer=asking)


@given(
    mine=st.tuples(MINE, MINE),
    theirs=st.tuples(THEIRS, THEIRS),
    visibilities=VISIBILITIES,
    suspended=st.sampled_from([None, None, None, 2]),
    tea=st.booleans(),
    lists=LISTS,
    filters=FILTERS,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_the_feed_tells_what_the_timelines_show(
    cursor: Cursor,
    mine: tuple[str | None, ...],
    theirs: tuple[str | None, ...],
    visibilities: list[Visibility],
    suspended: int | None,
    tea: bool,
    lists: list[ListPlan],
    filters: list[FilterPlan],
) -> None:
    execute(cursor, "savepoint example")
    try:
        me, *others = people = [make.viewer(cursor) for _ in range(PEOPLE)]
        square = Square(cursor, people, [make.post(cursor, person, "#tea") for person in people])
        if tea:
            square.follow_tag()
        for (what, author, target), visibility in zip(POSTS, visibilities, strict=True):
            square.write(what, visibility, author, target)
        for number, other in enumerate(others):
            for way, one, two in ((mine[number], me, other), (theirs[number], other, me)):
                if way:
                    RELATIONS[way](cursor, one, two)
        made = {square.make_list(plan): plan for plan in lists}
        for plan in filters:
            square.make_filter(plan)
        if suspended:
            make.suspend(cursor, people[suspended])
        check_home_and_lists(square, made)
        for viewer in (me, None):
            check_what_anybody_has(square, viewer)
    finally:
        execute(cursor, "rollback to savepoint example")
