"""Relations of connected viewers (follows, blocks, mutes, lists, hashtags, blocked domains), kept in memory and updated from the event log.

With them, the home timelines that receive an event are found and filtered without a database query.
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
from microblog.model.filters import NO_FILTERS, FilterSet
from microblog.model.lists import ListReplies

_EMPTY: frozenset[int] = frozenset()
_NO_NAMES: frozenset[str] = frozenset()


@frozen
class ListState:
    """A list of a viewer: its members, its replies policy, and whether its posts are hidden from the home timeline."""

    replies: ListReplies = ListReplies.LIST
    exclusive: bool = False
    accounts: frozenset[int] = _EMPTY


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
        EventKind.DOMAIN_BLOCKED,
        EventKind.DOMAIN_UNBLOCKED,
    }
)


@frozen
class RelationsSnapshot:
    """A viewer's relations in the database. It includes all effects of transactions below `xid`.

    `follows` maps followed accounts to the requested languages (None: all), `quiet` are followed accounts without boosts, `mutes` maps
    muted accounts to the end of the mute as a Unix time (infinity: never).
    """

    account: int
    xid: int = 0
    follows: Mapping[int, tuple[str, ...] | None] = {}
    quiet: Iterable[int] = ()
    blocks: Iterable[int] = ()
    blocked_by: Iterable[int] = ()
    mutes: Mapping[int, float] = {}
    lists: Mapping[int, ListState] = {}
    tags: frozenset[str] = _NO_NAMES
    filter_set: FilterSet = NO_FILTERS
    domains: frozenset[str] = _NO_NAMES


@define(eq=False)
class ViewerState:
    """Current relations of one connected viewer. Empty sets are shared between viewers, because most viewers have many of them."""

    account: int
    xid: int
    followers: dict[int, set[ViewerState]]
    followed: array[int] = Factory(lambda: array("q"))
    quiet: frozenset[int] = _EMPTY
    languages: dict[int, tuple[str, ...]] | None = None
    blocks: frozenset[int] = _EMPTY
    blocked_by: frozenset[int] = _EMPTY
    mutes: dict[int, float] | None = None
    lists: Mapping[int, ListState] = _NO_LISTS
    tags: frozenset[str] = _NO_NAMES
    filter_set: FilterSet = NO_FILTERS
    domains: frozenset[str] = _NO_NAMES
    connections: int = 0
    recent: dict[Topic, RecentEntries] = Factory(dict)
    home: Topic = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.home = home_of(self.account)

    def follows(self, account: int) -> bool:
        """True if the viewer follows the account."""
        followers = self.followers.get(account)
        return followers is not None and self in followers

    def lists_containing(self, account: int) -> Iterator[int]:
        """Yield the ids of the viewer's lists that contain the account."""
        for id, members in self.lists.items():
            if account in members.accounts:
                yield id

    def hides_from_home(self, account: int) -> bool:
        """True if the account's posts are hidden from the home timeline by an exclusive list."""
        return bool(self.lists) and any(members.exclusive and account in members.accounts for members in self.lists.values())

    def wants_language(self, author: int, language: str | None) -> bool:
        """False if the viewer follows the author in other languages only."""
        if language is None or self.languages is None:
            return True
        wanted = self.languages.get(author)
        return wanted is None or language in wanted


@define
class ViewerStates:
    """States of all connected viewers, each for as long as it has a connection."""

    _viewers: dict[int, ViewerState] = Factory(dict)
    _followers: dict[int, set[ViewerState]] = Factory(dict)
    _by_tag: dict[str, set[ViewerState]] = Factory(dict)

    def __len__(self) -> int:
        return len(self._viewers)

    def of(self, account: int) -> ViewerState | None:
        """Return the state of a connected viewer."""
        return self._viewers.get(account)

    def following(self, account: int) -> Iterator[ViewerState]:
        """Yield the account's connected followers, and the account itself if it is connected."""
        own = self._viewers.get(account)
        if own is not None:
            yield own
        yield from self._followers.get(account, ())

    def with_tags(self, tags: Iterable[str], author: int) -> Iterator[ViewerState]:
        """Yield connected viewers who follow one of the hashtags, each once, except those that `following` yields for the author."""
        viewers = set().union(*(self._by_tag.get(tag, ()) for tag in tags)) if self._by_tag else ()
        for viewer in viewers:
            if viewer.account != author and not viewer.follows(author):
                yield viewer

    def enter(self, loaded: RelationsSnapshot) -> ViewerState:
        """Add a connection. Only a viewer's first connection uses `loaded`; later ones share the updated state."""
        viewer = self._viewers.get(loaded.account)
        if viewer is None:
            viewer = self._viewers[loaded.account] = self._build(loaded)
        viewer.connections += 1
        return viewer

    def leave(self, viewer: ViewerState) -> None:
        """Remove a connection. The state is dropped with the last one."""
        viewer.connections -= 1
        if not viewer.connections:
            del self._viewers[viewer.account]
            for account in viewer.followed:
                self._remove_follower(viewer, account)
            self._set_tags(viewer, _NO_NAMES)

    def apply(self, event: Event) -> None:
        """Apply a change of relations in the log's order; idempotent."""
        account, subject = event.account_id, event.subject_id
        if event.kind is EventKind.LIST_CHANGED and account is not None:
            self._list_changed(account, event)
        elif event.kind in (EventKind.TAG_FOLLOWED, EventKind.TAG_UNFOLLOWED) and account is not None:
            self._tag_changed(account, event)
        elif event.kind in (EventKind.DOMAIN_BLOCKED, EventKind.DOMAIN_UNBLOCKED) and account is not None:
            self._domain_changed(account, event)
        if account is None or subject is None or event.kind not in RELATIONS:
            return
        one, other = self._viewers.get(account), self._viewers.get(subject)
        if one is not None and event.position.xid >= one.xid:
            self._apply_action(one, subject, event)
        if other is not None and event.position.xid >= other.xid:
            self._apply_reverse(other, account, event.kind)

    def _build(self, loaded: RelationsSnapshot) -> ViewerState:
        viewer = ViewerState(
            loaded.account,
            loaded.xid,
            self._followers,
            quiet=_shared_set(loaded.quiet),
            languages={account: wanted for account, wanted in loaded.follows.items() if wanted} or None,
            blocks=_shared_set(loaded.blocks),
            blocked_by=_shared_set(loaded.blocked_by),
            mutes=dict(loaded.mutes) or None,
            lists=loaded.lists or _NO_LISTS,
            filter_set=loaded.filter_set,
            domains=loaded.domains or _NO_NAMES,
        )
        for account in loaded.follows:
            self._follow(viewer, account)
        self._set_tags(viewer, loaded.tags)
        return viewer

    def _tag_changed(self, account: int, event: Event) -> None:
        viewer, tag = self._viewers.get(account), frozenset({str(event.data.get("tag"))})
        if viewer is not None and event.position.xid >= viewer.xid:
            viewer.recent.clear()
            self._set_tags(viewer, viewer.tags | tag if event.kind is EventKind.TAG_FOLLOWED else viewer.tags - tag)

    def _domain_changed(self, account: int, event: Event) -> None:
        viewer, domain = self._viewers.get(account), frozenset({str(event.data.get("domain"))})
        if viewer is not None and event.position.xid >= viewer.xid:
            viewer.recent.clear()
            viewer.domains = (viewer.domains | domain if event.kind is EventKind.DOMAIN_BLOCKED else viewer.domains - domain) or _NO_NAMES

    def _set_tags(self, viewer: ViewerState, tags: frozenset[str]) -> None:
        for tag in viewer.tags - tags:
            self._by_tag[tag].discard(viewer)
            if not self._by_tag[tag]:
                del self._by_tag[tag]
        for tag in tags - viewer.tags:
            self._by_tag.setdefault(tag, set()).add(viewer)
        viewer.tags = tags or _NO_NAMES

    def _list_changed(self, account: int, event: Event) -> None:
        viewer, id = self._viewers.get(account), str(event.data.get("list"))
        if viewer is None or event.position.xid < viewer.xid or not id.isdecimal():
            return
        viewer.recent.clear()
        others = {other: members for other, members in viewer.lists.items() if other != int(id)}
        if not event.data.get("deleted"):
            others[int(id)] = _changed(viewer.lists.get(int(id), ListState()), event.data)
        viewer.lists = others or _NO_LISTS

    def _apply_action(self, viewer: ViewerState, subject: int, event: Event) -> None:
        """Apply an action of the viewer."""
        viewer.recent.clear()  # the timelines have other entries now
        match event.kind:
            case EventKind.FOLLOWED:
                self._follow(viewer, subject)
                viewer.quiet = viewer.quiet - {subject} if event.data.get("boosts", True) else viewer.quiet | {subject}
                viewer.languages = _with_languages(viewer.languages, subject, event.data.get("languages"))
            case EventKind.UNFOLLOWED:
                self._unfollow(viewer, subject)
            case EventKind.BLOCKED:
                viewer.blocks |= {subject}
                self._unfollow(viewer, subject)
            case EventKind.UNBLOCKED:
                viewer.blocks -= {subject}
            case EventKind.MUTED:
                viewer.mutes = (viewer.mutes or {}) | {subject: _until(event.data.get("until"))}
            case EventKind.UNMUTED:
                viewer.mutes = {account: until for account, until in (viewer.mutes or {}).items() if account != subject} or None

    def _apply_reverse(self, viewer: ViewerState, by: int, kind: EventKind) -> None:
        """Apply an action of another account towards the viewer."""
        if kind in (EventKind.BLOCKED, EventKind.UNBLOCKED):
            viewer.recent.clear()
        if kind is EventKind.BLOCKED:
            viewer.blocked_by |= {by}
            self._unfollow(viewer, by)
        elif kind is EventKind.UNBLOCKED:
            viewer.blocked_by -= {by}

    def _follow(self, viewer: ViewerState, account: int) -> None:
        if not viewer.follows(account):
            viewer.followed.append(account)
            self._followers.setdefault(account, set()).add(viewer)

    def _unfollow(self, viewer: ViewerState, account: int) -> None:
        if viewer.follows(account):
            viewer.followed.remove(account)
            self._remove_follower(viewer, account)
            if any(viewer.lists_containing(account)):  # list members must be followed
                viewer.lists = {id: evolve(members, accounts=members.accounts - {account}) for id, members in viewer.lists.items()}

    def _remove_follower(self, viewer: ViewerState, account: int) -> None:
        followers = self._followers[account]
        followers.discard(viewer)
        if not followers:
            del self._followers[account]


def _shared_set(ids: Iterable[int]) -> frozenset[int]:
    """Return a frozenset. All empty ones are the same object; others are copied to minimal size."""
    return frozenset(set(ids)) or _EMPTY


def _changed(members: ListState, data: Mapping[str, object]) -> ListState:
    policy, added, removed = data.get("policy"), data.get("added"), data.get("removed")
    return ListState(
        ListReplies(policy) if isinstance(policy, str) and policy in set(ListReplies) else members.replies,
        bool(data.get("exclusive")),
        (members.accounts | _ids(added)) - _ids(removed),
    )


def _ids(value: object) -> frozenset[int]:
    return frozenset(int(one) for one in value) if isinstance(value, list) else _EMPTY


def _with_languages(languages: dict[int, tuple[str, ...]] | None, account: int, wanted: object) -> dict[int, tuple[str, ...]] | None:
    rest = {other: kept for other, kept in (languages or {}).items() if other != account}
    if isinstance(wanted, list) and wanted:
        rest[account] = tuple(map(str, wanted))
    return rest or None


def _until(value: object) -> float:
    """Return the end of a mute as a Unix time; infinity if the event has none."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) and value else inf
