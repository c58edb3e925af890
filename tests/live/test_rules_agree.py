"""The rules of delivery and the rules of cached timelines decide alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any

from attrs import frozen
from hypothesis import event, given, settings
from hypothesis import strategies as st

from microblog.live.delivery_rules import may_concern, should_deliver
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import Update
from microblog.live.viewer_state import ListState, RelationsSnapshot, ViewerState, ViewerStates
from microblog.model import timeline_rules
from microblog.model.accounts import Account
from microblog.model.events import EventKind, Position
from microblog.model.ids import AccountId, PostId, TagId
from microblog.model.lists import ListReplies
from microblog.model.posts import Mention, Post, Tag, Visibility
from microblog.model.timeline_rules import AccountPosts, FolloweeOptions, ListMembers, PostFacts, TagFilter, TimelineViewer
from tests.render.samples import account as make_account

ME = 1
NOW = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
OTHERS = st.frozensets(st.integers(2, 4))
ANYBODY = st.integers(1, 4)
BOOSTABLE = (Visibility.PUBLIC, Visibility.UNLISTED, Visibility.PRIVATE)
LANGUAGES = ("de", "en")
HOSTS = {3: "c.test", 4: "d.test"}
"""Accounts of other servers."""
TAGS = st.frozensets(st.sampled_from(["tea", "cup"]))
LISTS = st.dictionaries(st.integers(1, 2), st.builds(ListMembers, OTHERS, st.sampled_from(ListReplies), st.booleans()), max_size=2)


@frozen
class Relations:
    """A viewer's relations. `mutes` maps muted accounts to the end of the mute as a Unix time; some ended before NOW."""

    follows: Mapping[int, tuple[str, ...] | None]
    quiet: frozenset[int]
    blocks: frozenset[int]
    blocked_by: frozenset[int]
    mutes: Mapping[int, float]
    lists: Mapping[int, ListMembers]
    tags: frozenset[str]
    domains: frozenset[str]

    def live(self) -> ViewerState:
        """Return the state that the broadcaster has."""
        lists = {id: ListState(each.replies, each.exclusive, frozenset(each.members)) for id, each in self.lists.items()}
        return ViewerStates().enter(
            RelationsSnapshot(
                ME, 0, self.follows, self.quiet, self.blocks, self.blocked_by, self.mutes, lists, self.tags, domains=self.domains
            )
        )

    def cached(self) -> TimelineViewer:
        """Return the relations by which cached timelines are decided."""
        options = {
            AccountId(id): FolloweeOptions(id not in self.quiet, None if languages is None else frozenset(languages))
            for id, languages in self.follows.items()
        }
        muted = {id for id, until in self.mutes.items() if until > NOW.timestamp()}
        return TimelineViewer(
            AccountId(ME),
            frozenset(map(AccountId, self.follows)),
            options,
            frozenset(map(AccountId, self.blocks | muted)),
            frozenset(map(AccountId, self.blocked_by)),
            frozenset(member for each in self.lists.values() if each.exclusive for member in each.members),
            self.lists,
            self.tags,
            domains=self.domains,
        )


RELATIONS = st.builds(
    Relations,
    st.dictionaries(st.integers(2, 4), st.sampled_from([None, None, ("de",), LANGUAGES])),
    OTHERS,
    st.frozensets(st.integers(2, 4), max_size=1),
    st.frozensets(st.integers(2, 4), max_size=1),
    st.dictionaries(st.integers(2, 4), st.sampled_from([inf, NOW.timestamp() + 1, NOW.timestamp() - 1]), max_size=1),
    LISTS,
    TAGS,
    st.frozensets(st.sampled_from([*HOSTS.values()]), max_size=1),
)


def account(id: int, *, limited: bool = False) -> Account:
    return make_account(id, limited_at=NOW if limited else None, host=HOSTS.get(id))


def post(id: int, author: Account, visibility: Visibility, mentions: frozenset[int], **more: Any) -> Post:
    mentioned = tuple(Mention(AccountId(each), f"user{each}") for each in mentions)
    return Post(PostId(id), author, "", "", visibility, NOW, mentions=mentioned, **more)


@st.composite
def posts(draw: st.DrawFn) -> Post:
    """Draw a post, or a boost."""
    author, mentions = account(draw(ANYBODY), limited=draw(st.sampled_from([False, False, True]))), st.frozensets(ANYBODY, max_size=2)
    if draw(st.booleans()):
        original = post(7, account(draw(ANYBODY)), draw(st.sampled_from(Visibility)), draw(mentions))
        return post(9, author, draw(st.sampled_from(BOOSTABLE)), frozenset(), boost=original)
    parent, uri = draw(st.none() | ANYBODY), draw(st.sampled_from([None, "https://far.test/9"]))
    return post(
        9,
        author,
        draw(st.sampled_from([Visibility.PUBLIC, *Visibility])),
        draw(mentions),
        language=draw(st.sampled_from([None, *LANGUAGES, "fr"])),
        reply_to=None if parent is None else PostId(5),
        reply_to_account=None if parent is None else AccountId(parent),
        reply_to_host=None if parent is None else HOSTS.get(parent),
        reply_to_uri=draw(st.sampled_from([None, None, "https://far.test/1"])) if parent is None else None,
        tags=tuple(Tag(TagId(1), key, key) for key in draw(TAGS)),
        uri=uri,
    )


def update_of(shown: Post) -> Update:
    boost = shown.boost
    update = Update(
        Position("e", 1, 1),
        EventKind.POST_PUBLISHED,
        shown.author.id,
        None,
        shown.id,
        visibility=shown.visibility,
        boost_of=None if boost is None else boost.id,
        boost_author=None if boost is None else boost.author.id,
        reply_to_account=shown.reply_to_account,
        parent_unknown=shown.reply_to_uri is not None,
        here=shown.uri is None,
        language=shown.language,
        tags=tuple(tag.key for tag in shown.tags),
        mentions=frozenset(each.account_id for each in shown.mentions),
    )
    update.load(shown, None)
    return update


def facts_of(shown: Post) -> PostFacts:
    boost = shown.boost
    return PostFacts(
        shown.id,
        shown.author.id,
        shown.visibility,
        shown.language,
        shown.reply_to_account,
        None if boost is None else boost.id,
        None if boost is None else boost.author.id,
        None if boost is None else boost.visibility,
        frozenset(each.account_id for each in shown.mentions),
        frozenset() if boost is None else frozenset(each.account_id for each in boost.mentions),
        frozenset(tag.key for tag in shown.tags),
        author_limited=shown.author.limited_at is not None,
        here=shown.uri is None,
        parent_unknown=shown.reply_to_uri is not None,
        hosts=frozenset(filter(None, (shown.author.host, shown.reply_to_host, None if boost is None else boost.author.host))),
    )


def delivered(update: Update, stream: Stream, viewer: ViewerState | None) -> bool:
    return may_concern(update, stream, viewer) and should_deliver(update, stream, viewer, NOW.timestamp())


@settings(max_examples=300, deadline=None)
@given(shown=posts(), relations=RELATIONS, anonymous=st.sampled_from([False, False, False, True]))
def test_a_stream_delivers_what_the_cached_timeline_adds(shown: Post, relations: Relations, anonymous: bool) -> None:
    update, facts = update_of(shown), facts_of(shown)
    live, cached = (None, None) if anonymous else (relations.live(), relations.cached())
    decided = {
        Stream(StreamKind.PUBLIC): timeline_rules.is_public(facts, cached),
        Stream(StreamKind.LOCAL): timeline_rules.is_public(facts, cached, here=True),
        Stream(StreamKind.REMOTE): timeline_rules.is_public(facts, cached, here=False),
        Stream(StreamKind.TAG, "tea"): shown.boost is None and timeline_rules.has_tags(facts, TagFilter(["tea"]), cached),
        Stream(StreamKind.LOCAL_TAG, "tea"): (
            shown.boost is None and timeline_rules.has_tags(facts, TagFilter(["tea"], here=True), cached)
        ),
        Stream(StreamKind.AUTHOR, shown.author.id): timeline_rules.is_on_profile(facts, AccountPosts(shown.author.id), cached),
        Stream(StreamKind.AUTHOR_POSTS, shown.author.id): timeline_rules.is_on_profile(
            facts, AccountPosts(shown.author.id, replies=False), cached
        ),
    }
    if cached is not None:
        decided[Stream(StreamKind.USER, ME)] = timeline_rules.is_at_home(facts, cached)
        for id, members in relations.lists.items():
            decided[Stream(StreamKind.LIST, id)] = timeline_rules.is_on_list(facts, cached, members)
    for stream, expected in decided.items():
        event(f"{stream.kind}: {expected}")
        assert delivered(update, stream, live) is expected, stream
