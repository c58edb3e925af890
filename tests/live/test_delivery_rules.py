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
from microblog.domain.post_events import event_data
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
from microblog.model.timeline_rules import AccountPosts, TagFilter
from microblog.render.api.entities import Entities
from microblog.render.api.status_json import StatusJsonCache
from microblog.storage import accounts, followed_tags, posts, threads, timelines
from microblog.storage.database import Cursor, execute
from microblog.web.api.stream_encoding import PayloadEncoder, SseEncoder
from tests import make
from tests.fakes import RolledBackDatabase, result_of
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
FOLLOWS = [relation for relation in RELATIONS if relation.startswith("follow")]
OWN_RELATIONS = st.sampled_from([*FOLLOWS, "follow", "block", "mute", None])  # relations of the viewer to each other account
OTHERS_RELATIONS = st.sampled_from(["follow", "block", None, None])  # relations of the others to the viewer
LANGUAGES = ("de", "en", None)
POSTS = [(action, author, target) for author in range(PEOPLE) for target in range(PEOPLE) for action in ("post", "reply", "boost")]
VISIBILITIES = st.lists(st.sampled_from(Visibility), min_size=len(POSTS), max_size=len(POSTS))


@frozen
class ListPlan:
    """A list of the viewer; `members` are indexes of other accounts."""

    members: frozenset[int]
    replies: ListReplies
    exclusive: bool


@frozen
class FilterPlan:
    """A filter of the viewer for a word that occurs in some posts."""

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
class Scenario:
    """Accounts, the first of which is the viewer, and their posts."""

    cursor: Cursor
    people: list[Viewer]
    posts: list[Post]

    @property
    def me(self) -> Viewer:
        return self.people[0]

    @property
    def database(self) -> RolledBackDatabase:
        return RolledBackDatabase(self.cursor)

    def write(self, action: str, visibility: Visibility, author: int, target: int) -> None:
        """Publish, reply to or boost the last post of the target, if that is permitted."""
        account, other = self.people[author], self.people[target]
        last = [post for post in self.posts if post.author.id == other.id][-1]
        with suppress(Problem):
            if action == "boost":
                self.posts.append(make.boost(self.cursor, account, last))
                return
            tag = "#tea" if (author + target) % 2 else ""
            text = f"{'A cup' if action == 'post' else 'An answer'} for @{other.account.username} {tag}"
            reply_to, language = last if action == "reply" else None, LANGUAGES[target]
            self.posts.append(make.post(self.cursor, account, text, visibility=visibility, reply_to=reply_to, language=language))

    def follow_tag(self) -> None:
        tag = followed_tags.get_or_create(self.cursor, key="tea", name="tea", now=make.NOW)
        followed_tags.follow(self.cursor, account=self.me.id, tag=tag, now=make.NOW)

    def make_list(self, plan: ListPlan) -> ListId:
        lists = Lists(self.database, lambda: make.NOW)
        created = result_of(lists.create(self.me, ListOptions("List", plan.replies, plan.exclusive)))
        for member in plan.members:
            with suppress(Problem):  # only followed people can be in a list
                result_of(lists.add(self.me, created.id, [self.people[1 + member].id]))
        return created.id

    def make_filter(self, plan: FilterPlan) -> None:
        draft = FilterDraft(plan.word, [plan.context], plan.action, keywords=[KeywordDraft(plan.word, whole_word=True)])
        result_of(Filters(self.database, self.timelines().filter_cache, lambda: make.NOW).create(self.me, draft))

    def timelines(self) -> Timelines:
        return Timelines(self.database, lambda: make.NOW)

    def viewer_state(self, viewer: Viewer | None) -> ViewerState | None:
        """Load the viewer state from the event log."""
        if viewer is None:
            return None
        log = DatabaseEventLog(self.database, lambda: make.NOW, "e")
        return ViewerStates().enter(result_of(log.poll(Position("e", 0, 0), [viewer.id], NO_CREDENTIALS)).relations[viewer.id])

    def delivered_ids(self, stream: Stream, viewer: Viewer | None) -> set[int]:
        """Return the ids of the posts that the stream delivers to an API client."""
        viewer_state, connection, now = self.viewer_state(viewer), FakeConnection(), make.NOW.timestamp()
        encoder = SseEncoder(PayloadEncoder(StatusJsonCache(Entities("https://example.org", "key"))), extended=False)
        subscriber = Subscriber(connection, encoder, viewer.id if viewer else None, viewer_state=viewer_state)
        subscription = Subscription(stream, subscriber, encoder.variant(stream))
        found = posts.by_ids(self.cursor, [post.id for post in self.posts])
        delivered: set[int] = set()
        for number, post in enumerate(self.posts):
            position = Position("e", 1, number)
            update = Update.of(Event(position, EventKind.POST_PUBLISHED, post.author.id, None, post.id, event_data(post), make.NOW))
            update.load(found.get(post.id), None)
            if may_concern(update, stream, viewer_state):
                subscription.deliver(update, position, now)
            if connection.received:
                delivered.add(post.id)
                connection.received.clear()
        return delivered


def ids(entries: list[timelines.Entry]) -> set[int]:
    return {id for id, _ in entries}


def check_home_and_lists(scenario: Scenario, lists: dict[ListId, ListPlan]) -> None:
    me = scenario.me
    home = {post.id for post in result_of(scenario.timelines().home(me, EVERYTHING))}
    assert scenario.delivered_ids(Stream(StreamKind.USER, me.id), me) == home
    for id in lists:
        shown = {post.id for post in result_of(Lists(scenario.database, lambda: make.NOW).timeline(me, id, EVERYTHING))}
        assert scenario.delivered_ids(Stream(StreamKind.LIST, id), me) == shown
        event(f"a list shows {'something' if shown else 'nothing'}")
    event(f"home shows {len(home) // 5 * 5} posts or more")


def check_public_streams(scenario: Scenario, viewer: Viewer | None) -> None:
    cursor, viewer_id, second = scenario.cursor, viewer.id if viewer else None, scenario.people[1].id
    public = timelines.public(cursor, viewer=viewer_id, page=EVERYTHING, now=make.NOW)
    assert scenario.delivered_ids(Stream(StreamKind.PUBLIC), viewer) == ids(public)
    tagged = timelines.of_tags(cursor, tags=TagFilter(["tea"]), viewer=viewer_id, page=EVERYTHING, now=make.NOW)
    assert scenario.delivered_ids(Stream(StreamKind.TAG, "tea"), viewer) == ids(tagged)
    of_second = timelines.of_account(cursor, wanted=AccountPosts(second, replies=False), viewer=viewer_id, page=EVERYTHING)
    assert scenario.delivered_ids(Stream(StreamKind.AUTHOR_POSTS, second), viewer) == ids(of_second)
    for opened in scenario.posts[:PEOPLE]:
        outline = [opened.id, *(id for id, _ in threads.outline(cursor, thread=opened.id, post=opened.id))]
        assert scenario.delivered_ids(Stream(StreamKind.THREAD, opened.id), viewer) == posts.visible(cursor, ids=outline, viewer=viewer_id)


@given(
    own_relations=st.tuples(OWN_RELATIONS, OWN_RELATIONS),
    others_relations=st.tuples(OTHERS_RELATIONS, OTHERS_RELATIONS),
    visibilities=VISIBILITIES,
    suspended=st.sampled_from([None, None, None, 2]),
    limited=st.sampled_from([None, None, None, 1]),
    follow_tea=st.booleans(),
    lists=LISTS,
    filters=FILTERS,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_streams_deliver_what_the_timelines_show(
    cursor: Cursor,
    own_relations: tuple[str | None, ...],
    others_relations: tuple[str | None, ...],
    visibilities: list[Visibility],
    suspended: int | None,
    limited: int | None,
    follow_tea: bool,
    lists: list[ListPlan],
    filters: list[FilterPlan],
) -> None:
    execute(cursor, "savepoint example")
    try:
        me, *others = people = [make.viewer(cursor) for _ in range(PEOPLE)]
        scenario = Scenario(cursor, people, [make.post(cursor, person, "#tea") for person in people])
        if follow_tea:
            scenario.follow_tag()
        for (action, author, target), visibility in zip(POSTS, visibilities, strict=True):
            scenario.write(action, visibility, author, target)
        for number, other in enumerate(others):
            for relation, source, destination in ((own_relations[number], me, other), (others_relations[number], other, me)):
                if relation:
                    RELATIONS[relation](cursor, source, destination)
        created = {scenario.make_list(plan): plan for plan in lists}
        for plan in filters:
            scenario.make_filter(plan)
        if suspended:
            make.suspend(cursor, people[suspended])
        if limited:
            accounts.set_limited(cursor, id=people[limited].id, at=make.NOW)
        check_home_and_lists(scenario, created)
        for viewer in (me, None):
            check_public_streams(scenario, viewer)
    finally:
        execute(cursor, "rollback to savepoint example")
