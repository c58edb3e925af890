"""Repeated boosts are left out of timelines, whether read in pages or streamed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.domain.interactions import Interactions
from microblog.domain.lists import ListOptions, Lists
from microblog.domain.posts import event_data
from microblog.domain.timelines import Timelines
from microblog.live.earlier_entries import load_earlier_entries, repeats_in
from microblog.live.event_buffer import NO_CREDENTIALS, EventBuffer
from microblog.live.event_log import DatabaseEventLog
from microblog.live.recipients import Recipients
from microblog.live.subscriber import Subscriber, Subscription
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import Update
from microblog.live.viewer_state import ViewerStates
from microblog.model import repeated_boosts
from microblog.model.accounts import Viewer
from microblog.model.events import Event, EventKind, Position
from microblog.model.filters import FilterAction, FilterContext
from microblog.model.ids import ListId
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.storage import timelines
from microblog.storage.database import Cursor, execute
from tests import make
from tests.fakes import RolledBackDatabase, done
from tests.live.fake_log import FakeConnection, PlainEncoder

EVERYTHING = Page(1_000)
LIMIT = 3
STEP = st.tuples(st.sampled_from(["post", "boost", "boost", "boost", "undo", "read"]), st.integers(0, 4), st.integers(0, 99))
HISTORY = st.lists(STEP, min_size=10, max_size=30)
ONE_BY_ONE = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "phases": [Phase.explicit, Phase.generate]}


@pytest.fixture
def short_reach(monkeypatch: pytest.MonkeyPatch) -> int:
    """A short window that small histories exceed."""
    monkeypatch.setattr(repeated_boosts, "WINDOW", 4)
    return 4


def expected(raw: Sequence[tuple[int, int | None]], reach: int) -> list[int]:
    """Restate the rule: an entry is left out if one of the `reach` entries before it shows the same post."""
    shown = []
    for at, (id, boost_of) in enumerate(raw):
        earlier = raw[at + 1 : at + 1 + reach]
        if boost_of is None or not any(boost_of in entry for entry in earlier):
            shown.append(id)
    return shown


class Town:
    """I, those whom I follow and who are in a list of mine, and a stranger; what all of them did."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor, self.db = cursor, RolledBackDatabase(cursor)
        self.me, *self.others = [make.viewer(cursor) for _ in range(5)]
        for other in self.others[:3]:
            make.follow(cursor, self.me, other)
        self.lists, self.site = Lists(self.db, lambda: make.NOW), Timelines(self.db, lambda: make.NOW)
        self.list: ListId = done(self.lists.create(self.me, ListOptions("All"))).id
        done(self.lists.add(self.me, self.list, [other.id for other in self.others[:3]]))
        self.originals: list[Post] = []
        self.boosts: list[tuple[Viewer, Post]] = []
        self.said: list[Post] = []

    def step(self, what: str, who: int, which: int) -> None:
        people = [self.me, *self.others]
        if what == "post" or not self.originals:
            self.originals.append(make.post(self.cursor, people[who], f"post {which}"))
            self.said.append(self.originals[-1])
        elif what == "boost":
            original = self.originals[-1 - which % min(3, len(self.originals))]
            boost = make.boost(self.cursor, people[who], original)
            if boost.id not in [post.id for post in self.said]:
                self.said.append(boost)
                self.boosts.append((people[who], boost))
        elif what == "undo" and self.boosts:
            booster, boost = self.boosts.pop(which % len(self.boosts))
            self.said.remove(boost)
            done(Interactions(self.db, lambda: make.NOW).unboost(booster, boost.original.id))

    def raw(self) -> list[timelines.Entry]:
        return timelines.home(self.cursor, viewer=self.me.id, page=EVERYTHING, now=make.NOW)

    def home(self, page: Page) -> list[int]:
        return [post.id for post in done(self.site.home(self.me, page))]

    def listed(self, page: Page) -> list[int]:
        return [post.id for post in done(self.lists.timeline(self.me, self.list, page))]


@settings(max_examples=30, **ONE_BY_ONE)  # type: ignore[arg-type]
@given(history=HISTORY)
def test_all_readers_of_the_home_timeline_leave_out_the_same_boosts(
    cursor: Cursor, short_reach: int, history: list[tuple[str, int, int]]
) -> None:
    execute(cursor, "savepoint example")
    try:
        town = Town(cursor)
        for what, who, which in history:
            town.step(what, who, which)
            assert town.home(Page(LIMIT)) == expected(town.raw(), short_reach)[:LIMIT]  # as it is remembered
        whole = expected(town.raw(), short_reach)
        check_pages(town.home, whole)
        own = [entry for entry in town.raw() if entry[0] not in {post.id for post in town.said if post.author.id == town.me.id}]
        check_pages(town.listed, expected(own, short_reach))
        make_filter(town)
        check_pages(town.home, whole)  # read in another way, though the filter hides nothing
    finally:
        execute(cursor, "rollback to savepoint example")


def make_filter(town: Town) -> None:
    draft = FilterDraft("f", [FilterContext.HOME], FilterAction.HIDE, keywords=[KeywordDraft("nobody says this", whole_word=False)])
    done(Filters(town.db, town.site.sieves, lambda: make.NOW).create(town.me, draft))


def check_pages(read: Callable[[Page], list[int]], whole: list[int]) -> None:
    """Check that pages join to the whole timeline in both directions and from any entry, and only the last one is short."""
    down: list[int] = []
    while part := read(Page(LIMIT, max_id=down[-1] if down else None)):
        down += part
        assert len(part) == LIMIT or down == whole
    assert down == whole
    up: list[int] = []
    while part := read(Page(LIMIT, min_id=up[0] if up else 1)):
        up = part + up
    assert up == whole
    for at, id in enumerate(whole):
        assert read(Page(LIMIT, since_id=id)) == whole[:at][:LIMIT]


@settings(max_examples=30, **ONE_BY_ONE)  # type: ignore[arg-type]
@given(history=HISTORY, joined=st.integers(0, 9))
def test_streams_leave_out_the_same_boosts_as_timelines(
    cursor: Cursor, short_reach: int, history: list[tuple[str, int, int]], joined: int
) -> None:
    """Holds for listeners from the start, late ones and reconnecting ones."""
    execute(cursor, "savepoint example")
    try:
        town = Town(cursor)
        for what, who, which in history:
            if what != "undo":
                town.step(what, who, which)
        for stream, read in ((Stream(StreamKind.USER, town.me.id), town.home), (Stream(StreamKind.LIST, town.list), town.listed)):
            shown = set(read(EVERYTHING))
            said = [post.id for post in town.said]
            assert heard_live(town, stream, joined) == [id for id in said[joined:] if id in shown]
            assert heard_later(town, stream, joined) == [id for id in said[joined:] if id in shown]
    finally:
        execute(cursor, "rollback to savepoint example")


def news_of(town: Town) -> list[Update]:
    log = DatabaseEventLog(town.db, lambda: make.NOW, "e")
    news = [
        Update.of(Event(Position("e", 1, at + 1), EventKind.POST_PUBLISHED, post.author.id, None, post.id, event_data(post), make.NOW))
        for at, post in enumerate(town.said)
    ]
    done(EventBuffer(log, Position("e", 1, 0)).load(news))
    return news


class Reader:
    """A listener of a stream."""

    def __init__(self, town: Town, stream: Stream) -> None:
        self.log = DatabaseEventLog(town.db, lambda: make.NOW, "e")
        self.audience = Recipients(ViewerStates())
        loaded = done(self.log.poll(Position("e", 0, 0), [town.me.id], NO_CREDENTIALS)).relations[town.me.id]
        self.connection, self.heard = FakeConnection(), list[int]()
        subscriber = Subscriber(self.connection, PlainEncoder(), town.me.id, viewer_state=self.audience.viewer_states.enter(loaded))
        self.subscription = Subscription(stream, subscriber, "plain")
        self.audience.hub.join(stream.topics, self.subscription)

    def belongs(self, news: Update) -> bool:
        return self.subscription in list(self.audience.of(news))

    def note(self, news: Update) -> None:
        if self.connection.received:
            self.heard.append(news.post_id or 0)
            self.connection.received.clear()


def heard_live(town: Town, stream: Stream, joined: int) -> list[int]:
    reader, at = Reader(town, stream), make.NOW.timestamp()
    for news in news_of(town)[joined:]:
        done(load_earlier_entries(reader.log, reader.audience, [news]))
        for subscription in list(reader.audience.of(news)):
            subscription.deliver(news, news.position, at)
        reader.note(news)
    return reader.heard


def heard_later(town: Town, stream: Stream, joined: int) -> list[int]:
    reader, at, passage = Reader(town, stream), make.NOW.timestamp(), news_of(town)[joined:]
    left_out = done(repeats_in(reader.log, reader.subscription, passage, at))
    for news in passage:
        if reader.belongs(news) and reader.subscription.wants(news, at) and news.post_id not in left_out:
            reader.subscription.send(news, at)
        reader.note(news)
    return reader.heard


def test_a_boost_is_shown_again_after_forty_entries(cursor: Cursor, db: RolledBackDatabase) -> None:
    me, author, *friends = [make.viewer(cursor) for _ in range(5)]
    for friend in friends:
        make.follow(cursor, me, friend)
    original, site = make.post(cursor, author, "boosted"), Timelines(db, lambda: make.NOW)
    first = make.boost(cursor, friends[0], original)
    for number in range(38):
        make.post(cursor, friends[1], f"between {number}")
    make.boost(cursor, friends[1], original)  # the fortieth after the first, which is still within reach
    assert [post.id for post in done(site.home(me, Page(100))) if post.boost] == [first.id]
    make.post(cursor, friends[1], "one more")
    for number in range(40):
        make.post(cursor, friends[1], f"then {number}")
    again = make.boost(cursor, friends[2], original)
    assert [post.id for post in done(site.home(me, Page(100))) if post.boost] == [again.id, first.id]
