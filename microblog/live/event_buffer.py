"""The log as far as it was told: the newest of it in memory, the rest in the database."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Protocol, Self

from attrs import define, field, frozen
from twisted.internet.defer import DeferredSemaphore

from microblog.live.recent_entries import EarlierEntries
from microblog.live.subscriber import Subscriber
from microblog.live.updates import ANNOUNCEMENTS, SHOWN, NotificationUpdate, UnreadUpdate, Update
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.announcements import Announcement
from microblog.model.conversations import Conversation
from microblog.model.events import Event, EventKind, Position
from microblog.model.filters import FilterSet
from microblog.model.posts import Post, PostFlags

PASSAGE = 200
REPLAYS = 2  # readers that catch up from the database at once; the pool is there for pages too
KEPT = 512


@frozen
class Credentials:
    """Logins and API tokens that connections rest on, by their ids."""

    sessions: frozenset[int] = frozenset()
    tokens: frozenset[int] = frozenset()

    @classmethod
    def of(cls, subscribers: Iterable[Subscriber]) -> Self:
        """All that these connections rest on."""
        connected = list(subscribers)
        return cls(
            frozenset(each.session for each in connected if each.session is not None),
            frozenset(each.token for each in connected if each.token is not None),
        )

    def carry(self, subscriber: Subscriber) -> bool:
        """True if all that the connection rests on is among them."""
        session, token = subscriber.session, subscriber.token
        return (session is None or session in self.sessions) and (token is None or token in self.tokens)

    def __bool__(self) -> bool:
        return bool(self.sessions or self.tokens)


NO_GRANTS = Credentials()


@frozen
class PollResult:
    """What one look at the log gave: the relations of the accounts asked for, which of the grants stand, and the next events.

    The relations are older than the events' snapshot, never younger. `more` says that another look finds more at once; `soon`, that
    something is committed which cannot be read yet, because an older transaction still runs.
    """

    events: Sequence[Event] = ()
    loaded: Mapping[int, RelationsSnapshot] = {}
    standing: Credentials = NO_GRANTS
    more: bool = False
    soon: bool = False


@frozen
class Wanted:
    """Ids of what is to be found, and the accounts whose badges are."""

    posts: Collection[int] = ()
    notices: Collection[int] = ()
    conversations: Collection[int] = ()
    badges: Collection[int] = ()
    announcements: Collection[int] = ()

    @classmethod
    def of(cls, news: Collection[Update]) -> Self:
        """All that these tell of."""
        return cls(
            {one.post_id for one in news if one.kind in SHOWN and one.post_id is not None},
            {one.notice_id for one in news if one.notice_id is not None},
            {one.conversation_id for one in news if one.conversation_id is not None},
            {one.author for one in news if one.kind is EventKind.BADGES_CHANGED},
            {one.announcement_id for one in news if one.announcement_id is not None},
        )


@frozen
class LoadedItems:
    """Posts, notices, conversations and announcements by their ids, badges by account; what is gone is left out."""

    posts: Mapping[int, Post] = {}
    notices: Mapping[int, NotificationUpdate] = {}
    conversations: Mapping[int, Conversation] = {}
    badges: Mapping[int, UnreadUpdate] = {}
    announcements: Mapping[int, Announcement] = {}


class EventSource(Protocol):
    """What the feed asks of the event log and of the tables behind it."""

    async def begin(self, back: int) -> Position:
        """The position so many events before the newest that may be read, or of the oldest. All that came after it is kept."""

    async def look(self, place: Position, accounts: Collection[int], grants: Credentials) -> PollResult:
        """What comes after the place, in commit order; whom the accounts follow, block and mute; and which of the grants stand."""

    async def after(self, place: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        """What comes after the place, at most `limit`; and the oldest position that is kept (None: the log is empty)."""

    async def find(self, wanted: Wanted) -> LoadedItems:
        """What is wanted, as it is now: conversations from their owner's point of view, announcements from nobody's."""

    async def before(self, questions: Sequence[EarlierEntries]) -> Sequence[Sequence[tuple[int, int | None]]]:
        """The entries of timelines that came before, newest first, with boosts that repeat: an answer for each question."""

    async def marks(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        """How each of the accounts stands to each of the posts, no boosts, to which it has done something."""

    async def standing(self, grants: Credentials) -> Credentials:
        """Those that are still good."""

    async def sieves(self, accounts: Collection[int]) -> Mapping[int, FilterSet]:
        """The filters of the accounts that have any."""


@frozen
class Batch:
    """A stretch of the log. `oldest` is set where what came before it is not kept any more."""

    news: Sequence[Update]
    oldest: Position | None = None


@define
class EventBuffer:
    """What was told, up to `head`."""

    log: EventSource
    head: Position
    keep: int = KEPT
    _recent: list[Update] = field(factory=list)
    _start: Position = field(init=False)
    _changes: int = 0
    _turn: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(REPLAYS))

    def __attrs_post_init__(self) -> None:
        self._start = self.head

    def add(self, news: Update) -> None:
        """This was told now. What it makes untrue of earlier news is forgotten."""
        self.head = news.position
        self._forget(news)
        self._recent.append(news)
        if len(self._recent) >= 2 * self.keep:
            self._start = self._recent[-self.keep - 1].position
            del self._recent[: -self.keep]

    async def after(self, place: Position) -> Batch:
        """What came after the place: all of it where that is in memory, else what is next, perhaps beyond the head."""
        if place >= self._start:
            return Batch(self._recent[bisect_right(self._recent, place, key=attrgetter("position")) :])
        await self._turn.acquire()
        try:
            events, oldest = await self.log.after(place, PASSAGE)
        finally:
            self._turn.release()
        if oldest is None or oldest > place:
            return Batch([], oldest or self.head)
        return Batch([Update.of(event) for event in events])

    async def load(self, news: Collection[Update]) -> None:
        """Find the posts and notices of those that have not got theirs."""
        while missing := [one for one in news if not one.loaded]:
            changes = self._changes
            found = await self.log.find(Wanted.of(missing))
            if changes == self._changes:  # else it may be untrue already
                for one in missing:
                    _give(one, found)

    def _forget(self, news: Update) -> None:
        if news.kind in (EventKind.POST_EDITED, EventKind.POST_DELETED):
            stale = [earlier for earlier in self._recent if news.post_id in (earlier.post_id, earlier.boost_of, earlier.last_said)]
        elif news.kind in (EventKind.ACCOUNT_CHANGED, EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_DELETED):
            stale = [earlier for earlier in self._recent if _shows(earlier, news.author)]
        elif news.kind is EventKind.CONVERSATION_CHANGED:
            stale = [earlier for earlier in self._recent if earlier.conversation_id == news.conversation_id]
        elif news.kind in ANNOUNCEMENTS:
            stale = [earlier for earlier in self._recent if earlier.announcement_id == news.announcement_id]
        else:
            return
        self._changes += 1
        for earlier in stale:
            earlier.forget()


def _give(news: Update, found: LoadedItems) -> None:
    post = found.posts.get(news.post_id or 0) if news.kind in SHOWN else None
    badges = found.badges.get(news.author) if news.kind is EventKind.BADGES_CHANGED else None
    conversation, announcement = found.conversations.get(news.conversation_id or 0), found.announcements.get(news.announcement_id or 0)
    news.load(post, found.notices.get(news.notice_id or 0), conversation, badges, announcement)


def _shows(news: Update, account: int) -> bool:
    """True if what is told of the news shows somebody."""
    return account in (news.author, news.boost_author, news.subject) or (news.conversation_id is not None and account in news.mentions)
