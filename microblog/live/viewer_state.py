"""Connected viewers: whom each follows, blocks and mutes, held in memory and kept fresh by the event log itself.

So an event finds its home timelines, and each of them its filter, without a question to the database.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from math import inf
from types import MappingProxyType

from attrs import Factory, define, evolve, field, frozen

from microblog.live.recent_entries import RecentEntries
from microblog.live.topics import Topic, home_of
from microblog.model.events import Event, EventKind
from microblog.model.filters import NOTHING, FilterSet
from microblog.model.lists import ListReplies

_NOBODY: frozenset[int] = frozenset()
_NO_TAGS: frozenset[str] = frozenset()


@frozen
class ListState:
    """One list of a viewer: who is in it, which replies it shows, and whether they are shown there instead of at home."""

    replies: ListReplies = ListReplies.LIST
    exclusive: bool = False
    accounts: frozenset[int] = _NOBODY


_NO_LISTS: Mapping[int, ListState] = MappingProxyType({})
RELATIONS = frozenset(
    {
        EventKind.FOLLOWED,
        EventKind.UNFOLLOWED,
        EventKind.BLOCKED,
        EventKind.UNBLOCKED,
        EventKind.MUTED,
        EventKind.UNMUTED,
        EventKind.LIST_CHANGED,
        EventKind.TAG_FOLLOWED,
        EventKind.TAG_UNFOLLOWED,
    }
)


@frozen
class RelationsSnapshot:
    """A viewer's relations as the database had them. All that transactions below `xid` did is in them.

    `follows` maps whom they follow to the languages they want of them (None: all); `quiet` are those of them whose boosts they do not want.
    `mutes` maps whom they mute to when that ends, as a Unix time; infinity is never.
    """

    account: int
    xid: int = 0
    follows: Mapping[int, tuple[str, ...] | None] = {}
    quiet: Iterable[int] = ()
    blocks: Iterable[int] = ()
    blocked_by: Iterable[int] = ()
    mutes: Mapping[int, float] = {}
    lists: Mapping[int, ListState] = {}
    tags: frozenset[str] = _NO_TAGS
    sieve: FilterSet = NOTHING


@define(eq=False)
class ViewerState:
    """Whom one connected viewer follows, blocks and mutes. Most have nobody in most of the sets, so empty ones are shared."""

    account: int
    xid: int
    crowd: dict[int, set[ViewerState]]
    followed: array[int] = Factory(lambda: array("q"))
    quiet: frozenset[int] = _NOBODY
    languages: dict[int, tuple[str, ...]] | None = None
    blocks: frozenset[int] = _NOBODY
    blocked_by: frozenset[int] = _NOBODY
    mutes: dict[int, float] | None = None
    lists: Mapping[int, ListState] = _NO_LISTS
    tags: frozenset[str] = _NO_TAGS
    sieve: FilterSet = NOTHING
    connections: int = 0
    recent: dict[Topic, RecentEntries] = Factory(dict)
    home: Topic = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.home = home_of(self.account)

    def follows(self, account: int) -> bool:
        """True if the viewer follows them."""
        followers = self.crowd.get(account)
        return followers is not None and self in followers

    def hides(self, account: int | None, now: float) -> bool:
        """True if the viewer blocks them, or mutes them at the time `now`."""
        return account in self.blocks or (self.mutes is not None and account is not None and self.mutes.get(account, 0) > now)

    def lists_with(self, account: int) -> Iterator[int]:
        """The viewer's lists that somebody is in."""
        for id, members in self.lists.items():
            if account in members.accounts:
                yield id

    def keeps_from_home(self, account: int) -> bool:
        """True if what they post is shown in a list instead."""
        return bool(self.lists) and any(members.exclusive and account in members.accounts for members in self.lists.values())

    def wants_language(self, author: int, language: str | None) -> bool:
        """False if the viewer follows the author in other languages only."""
        if language is None or self.languages is None:
            return True
        wanted = self.languages.get(author)
        return wanted is None or language in wanted


@define
class ViewerStates:
    """The circles of everybody who is connected, each as long as it has a connection."""

    _circles: dict[int, ViewerState] = Factory(dict)
    _crowd: dict[int, set[ViewerState]] = Factory(dict)
    _tagged: dict[str, set[ViewerState]] = Factory(dict)

    def __len__(self) -> int:
        return len(self._circles)

    def of(self, account: int) -> ViewerState | None:
        """The circle of a connected viewer."""
        return self._circles.get(account)

    def following(self, account: int) -> Iterator[ViewerState]:
        """The connected followers of an account, and itself if it is connected."""
        own = self._circles.get(account)
        if own is not None:
            yield own
        yield from self._crowd.get(account, ())

    def with_tags(self, tags: Iterable[str], author: int) -> Iterator[ViewerState]:
        """Connected viewers who follow one of the tags, each once, without those whom `following` gives for the author."""
        circles = set().union(*(self._tagged.get(tag, ()) for tag in tags)) if self._tagged else ()
        for circle in circles:
            if circle.account != author and not circle.follows(author):
                yield circle

    def enter(self, loaded: RelationsSnapshot) -> ViewerState:
        """One connection more of this viewer; `loaded` counts for the first only, later ones find the circle kept fresh."""
        circle = self._circles.get(loaded.account)
        if circle is None:
            circle = self._circles[loaded.account] = self._made(loaded)
        circle.connections += 1
        return circle

    def leave(self, circle: ViewerState) -> None:
        """One connection less; with the last one the circle goes."""
        circle.connections -= 1
        if not circle.connections:
            del self._circles[circle.account]
            for account in circle.followed:
                self._uncrowd(circle, account)
            self._retag(circle, _NO_TAGS)

    def apply(self, event: Event) -> None:
        """Take note of a change of relations, in the log's order. The same again changes nothing."""
        account, subject = event.account_id, event.subject_id
        if event.kind is EventKind.LIST_CHANGED and account is not None:
            self._list_changed(account, event)
        elif event.kind in (EventKind.TAG_FOLLOWED, EventKind.TAG_UNFOLLOWED) and account is not None:
            self._tag_changed(account, event)
        if account is None or subject is None or event.kind not in RELATIONS:
            return
        one, other = self._circles.get(account), self._circles.get(subject)
        if one is not None and event.position.xid >= one.xid:
            self._done(one, subject, event)
        if other is not None and event.position.xid >= other.xid:
            self._suffered(other, account, event.kind)

    def _made(self, loaded: RelationsSnapshot) -> ViewerState:
        circle = ViewerState(
            loaded.account,
            loaded.xid,
            self._crowd,
            quiet=_some(loaded.quiet),
            languages={account: wanted for account, wanted in loaded.follows.items() if wanted} or None,
            blocks=_some(loaded.blocks),
            blocked_by=_some(loaded.blocked_by),
            mutes=dict(loaded.mutes) or None,
            lists=loaded.lists or _NO_LISTS,
            sieve=loaded.sieve,
        )
        for account in loaded.follows:
            self._follow(circle, account)
        self._retag(circle, loaded.tags)
        return circle

    def _tag_changed(self, account: int, event: Event) -> None:
        circle, tag = self._circles.get(account), frozenset({str(event.data.get("tag"))})
        if circle is not None and event.position.xid >= circle.xid:
            circle.recent.clear()
            self._retag(circle, circle.tags | tag if event.kind is EventKind.TAG_FOLLOWED else circle.tags - tag)

    def _retag(self, circle: ViewerState, tags: frozenset[str]) -> None:
        for tag in circle.tags - tags:
            self._tagged[tag].discard(circle)
            if not self._tagged[tag]:
                del self._tagged[tag]
        for tag in tags - circle.tags:
            self._tagged.setdefault(tag, set()).add(circle)
        circle.tags = tags or _NO_TAGS

    def _list_changed(self, account: int, event: Event) -> None:
        circle, id = self._circles.get(account), str(event.data.get("list"))
        if circle is None or event.position.xid < circle.xid or not id.isdecimal():
            return
        circle.recent.clear()
        others = {other: members for other, members in circle.lists.items() if other != int(id)}
        if not event.data.get("deleted"):
            others[int(id)] = _changed(circle.lists.get(int(id), ListState()), event.data)
        circle.lists = others or _NO_LISTS

    def _done(self, circle: ViewerState, subject: int, event: Event) -> None:
        """What the viewer did to somebody."""
        circle.recent.clear()  # other entries belong to their timelines now
        match event.kind:
            case EventKind.FOLLOWED:
                self._follow(circle, subject)
                circle.quiet = circle.quiet - {subject} if event.data.get("boosts", True) else circle.quiet | {subject}
                circle.languages = _with_languages(circle.languages, subject, event.data.get("languages"))
            case EventKind.UNFOLLOWED:
                self._unfollow(circle, subject)
            case EventKind.BLOCKED:
                circle.blocks |= {subject}
                self._unfollow(circle, subject)
            case EventKind.UNBLOCKED:
                circle.blocks -= {subject}
            case EventKind.MUTED:
                circle.mutes = (circle.mutes or {}) | {subject: _until(event.data.get("until"))}
            case EventKind.UNMUTED:
                circle.mutes = {account: until for account, until in (circle.mutes or {}).items() if account != subject} or None

    def _suffered(self, circle: ViewerState, by: int, kind: EventKind) -> None:
        """What somebody did to the viewer."""
        if kind in (EventKind.BLOCKED, EventKind.UNBLOCKED):
            circle.recent.clear()
        if kind is EventKind.BLOCKED:
            circle.blocked_by |= {by}
            self._unfollow(circle, by)
        elif kind is EventKind.UNBLOCKED:
            circle.blocked_by -= {by}

    def _follow(self, circle: ViewerState, account: int) -> None:
        if not circle.follows(account):
            circle.followed.append(account)
            self._crowd.setdefault(account, set()).add(circle)

    def _unfollow(self, circle: ViewerState, account: int) -> None:
        if circle.follows(account):
            circle.followed.remove(account)
            self._uncrowd(circle, account)
            if any(circle.lists_with(account)):  # membership rests on the follow
                circle.lists = {id: evolve(members, accounts=members.accounts - {account}) for id, members in circle.lists.items()}

    def _uncrowd(self, circle: ViewerState, account: int) -> None:
        crowd = self._crowd[account]
        crowd.discard(circle)
        if not crowd:
            del self._crowd[account]


def _some(ids: Iterable[int]) -> frozenset[int]:
    """The ids as a set. All empty ones are the same, and others are copied once: a set that has grown has room for four times as many."""
    return frozenset(set(ids)) or _NOBODY


def _changed(members: ListState, data: Mapping[str, object]) -> ListState:
    policy, added, removed = data.get("policy"), data.get("added"), data.get("removed")
    return ListState(
        ListReplies(policy) if isinstance(policy, str) and policy in set(ListReplies) else members.replies,
        bool(data.get("exclusive")),
        (members.accounts | _ids(added)) - _ids(removed),
    )


def _ids(value: object) -> frozenset[int]:
    return frozenset(int(one) for one in value) if isinstance(value, list) else _NOBODY


def _with_languages(languages: dict[int, tuple[str, ...]] | None, account: int, wanted: object) -> dict[int, tuple[str, ...]] | None:
    rest = {other: kept for other, kept in (languages or {}).items() if other != account}
    if isinstance(wanted, list) and wanted:
        rest[account] = tuple(map(str, wanted))
    return rest or None


def _until(value: object) -> float:
    """When a mute ends, as a Unix time; an event without a time mutes for good."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) and value else inf
