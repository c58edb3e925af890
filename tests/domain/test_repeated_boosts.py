"""Repeated boosts are left out of timelines, whether read in pages or streamed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.domain.interactions import Interactions
from microblog.domain.lists import ListOptions, Lists
from microblog.domain.post_events import event_data
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
from tests.fakes import RolledBackDatabase, result_of
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


class BoostFixture:
    """The viewer, accounts that they follow and have in a list, and a stranger, with their posts and boosts."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor, self.db = cursor, RolledBackDatabase(cursor)
        self.me, *self.others = [make.viewer(cursor) for _ in range(5)]
        for other in self.others[:3]:
            make.follow(cursor, self.me, other)
        self.lists, self.timelines = Lists(self.db, lambda: make.NOW), Timelines(self.db, lambda: make.NOW)
        self.list: ListId = result_of(self.lists.create(self.me, ListOptions("All"))).id
        result_of(self.lists.add(self.me, self.list, [other.id for other in self.others[:3]]))
        self.originals: list[Post] = []
        self.boosts: list[tuple[Viewer, Post]] = []
        self.published: list[Post] = []

    def step(self, what: str, who: int, which: int) -> None:
        people = [self.me, *self.others]
        if what == "post" or not self.originals:
            self.originals.append(make.post(self.cursor, people[who], f"post {which}"))
            self.published.append(self.originals[-1])
        elif what == "boost":
            original = self.originals[-1 - which % min(3, len(self.originals))]
            boost = make.boost(self.cursor, people[who], original)
            if boost.id not in [post.id for post in self.published]:
                self.published.append(boost)
                self.boosts.append((people[who], boost))
        elif what == "undo" and self.boosts:
            booster, boost = self.boosts.pop(which % len(self.boosts))
            self.published.remove(boost)
            result_of(Interactions(self.db, lambda: make.NOW).unboost(booster, boost.original.id))

    def raw(self) -> list[timelines.Entry]:
        return timelines.home(self.cursor, viewer=self.me.id, page=EVERYTHING, now=make.NOW)

    def home(self, page: Page) -> list[int]:
        return [post.id for post in result_of(self.timelines.home(self.me, page))]

    def listed(self, page: Page) -> list[int]:
        return [post.id for post in result_of(self.lists.timeline(self.me, self.list, page))]


@settings(max_examples=20, **ONE_BY_ONE)  # type: ignore[arg-type]  # values of several types in one mapping
@given(history=HISTORY)
def test_all_readers_of_the_home_timeline_leave_out_the_same_boosts(
    cursor: Cursor, short_reach: int, history: list[tuple[str, int, int]]
) -> None:
    execute(cursor, "savepoint example")
    try:
        fixture = BoostFixture(cursor)
        for what, who, which in history:
            fixture.step(what, who, which)
            assert fixture.home(Page(LIMIT)) == expected(fixture.raw(), short_reach)[:LIMIT]  # as it is remembered
        whole = expected(fixture.raw(), short_reach)
        check_pages(fixture.home, whole)
        own = [
            entry for entry in fixture.raw() if entry[0] not in {post.id for post in fixture.published if post.author.id == fixture.me.id}
        ]
        check_pages(fixture.listed, expected(own, short_reach))
        make_filter(fixture)
        check_pages(fixture.home, whole)  # read in another way, though the filter hides nothing
    finally:
        execute(cursor, "rollback to savepoint example")


def make_filter(fixture: BoostFixture) -> None:
    draft = FilterDraft("f", [FilterContext.HOME], FilterAction.HIDE, keywords=[KeywordDraft("nobody says this", whole_word=False)])
    result_of(Filters(fixture.db, fixture.timelines.filter_cache, lambda: make.NOW).create(fixture.me, draft))


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


@settings(max_examples=20, **ONE_BY_ONE)  # type: ignore[arg-type]  # values of several types in one mapping
@given(history=HISTORY, joined=st.integers(0, 9))
def test_streams_leave_out_the_same_boosts_as_timelines(
    cursor: Cursor, short_reach: int, history: list[tuple[str, int, int]], joined: int
) -> None:
    """Holds for listeners from the start, late ones and reconnecting ones."""
    execute(cursor, "savepoint example")
    try:
        fixture = BoostFixture(cursor)
        for what, who, which in history:
            if what != "undo":
                fixture.step(what, who, which)
        for stream, read in (
            (Stream(StreamKind.USER, fixture.me.id), fixture.home),
            (Stream(StreamKind.LIST, fixture.list), fixture.listed),
        ):
            shown = set(read(EVERYTHING))
            published = [post.id for post in fixture.published]
            assert received_live(fixture, stream, joined) == [id for id in published[joined:] if id in shown]
            assert received_later(fixture, stream, joined) == [id for id in published[joined:] if id in shown]
    finally:
        execute(cursor, "rollback to savepoint example")


def updates_of(fixture: BoostFixture) -> list[Update]:
    log = DatabaseEventLog(fixture.db, lambda: make.NOW, "e")
    update = [
        Update.of(Event(Position("e", 1, at + 1), EventKind.POST_PUBLISHED, post.author.id, None, post.id, event_data(post), make.NOW))
        for at, post in enumerate(fixture.published)
    ]
    result_of(EventBuffer(log, Position("e", 1, 0)).load(update))
    return update


class StreamListener:
    """A listener of a stream."""

    def __init__(self, fixture: BoostFixture, stream: Stream) -> None:
        self.log = DatabaseEventLog(fixture.db, lambda: make.NOW, "e")
        self.recipients = Recipients(ViewerStates())
        loaded = result_of(self.log.poll(Position("e", 0, 0), [fixture.me.id], NO_CREDENTIALS)).relations[fixture.me.id]
        self.connection, self.received = FakeConnection(), list[int]()
        subscriber = Subscriber(self.connection, PlainEncoder(), fixture.me.id, viewer_state=self.recipients.viewer_states.enter(loaded))
        self.subscription = Subscription(stream, subscriber, "plain")
        self.recipients.hub.join(stream.topics, self.subscription)

    def belongs(self, update: Update) -> bool:
        return self.subscription in list(self.recipients.of(update))

    def record(self, update: Update) -> None:
        if self.connection.received:
            self.received.append(update.post_id or 0)
            self.connection.received.clear()


def received_live(fixture: BoostFixture, stream: Stream, joined: int) -> list[int]:
    listener, at = StreamListener(fixture, stream), make.NOW.timestamp()
    for update in updates_of(fixture)[joined:]:
        result_of(load_earlier_entries(listener.log, listener.recipients, [update]))
        for subscription in list(listener.recipients.of(update)):
            subscription.deliver(update, update.position, at)
        listener.record(update)
    return listener.received


def received_later(fixture: BoostFixture, stream: Stream, joined: int) -> list[int]:
    listener, at, batch = StreamListener(fixture, stream), make.NOW.timestamp(), updates_of(fixture)[joined:]
    left_out = result_of(repeats_in(listener.log, listener.subscription, batch, at))
    for update in batch:
        if listener.belongs(update) and listener.subscription.wants(update, at) and update.post_id not in left_out:
            listener.subscription.send(update, at)
        listener.record(update)
    return listener.received


def test_a_boost_is_shown_again_after_forty_entries(cursor: Cursor, db: RolledBackDatabase) -> None:
    me, author, *friends = [make.viewer(cursor) for _ in range(5)]
    for friend in friends:
        make.follow(cursor, me, friend)
    original, site = make.post(cursor, author, "boosted"), Timelines(db, lambda: make.NOW)
    first = make.boost(cursor, friends[0], original)
    for number in range(38):
        make.post(cursor, friends[1], f"between {number}")
    make.boost(cursor, friends[1], original)  # the fortieth after the first, which is still within reach
    assert [post.id for post in result_of(site.home(me, Page(100))) if post.boost] == [first.id]
    make.post(cursor, friends[1], "one more")
    for number in range(40):
        make.post(cursor, friends[1], f"then {number}")
    again = make.boost(cursor, friends[2], original)
    assert [post.id for post in result_of(site.home(me, Page(100))) if post.boost] == [again.id, first.id]
