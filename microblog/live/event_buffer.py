"""Buffer of the event log: the newest updates in memory, older ones from the database."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Protocol, Self

from attrs import define, field, frozen

from microblog.coroutines import Semaphore
from microblog.live.recent_entries import EarlierEntries
from microblog.live.subscriber import Subscriber
from microblog.live.updates import ANNOUNCEMENTS, WITH_POST, NotificationUpdate, UnreadUpdate, Update
from microblog.live.viewer_state import RelationsSnapshot
from microblog.model.announcements import Announcement
from microblog.model.conversations import Conversation
from microblog.model.events import Event, EventKind, Position
from microblog.model.filters import FilterSet
from microblog.model.posts import Post, PostFlags

BATCH_SIZE = 200
MAX_CATCH_UPS = 2  # clients that catch up from the database at a time; pages need the pool too
BUFFER_SIZE = 512


@frozen
class Credentials:
    """Ids of sessions and access tokens that connections were opened with."""

    sessions: frozenset[int] = frozenset()
    tokens: frozenset[int] = frozenset()

    @classmethod
    def of(cls, subscribers: Iterable[Subscriber]) -> Self:
        """Collect the credentials of these connections."""
        connected = list(subscribers)
        return cls(
            frozenset(each.session for each in connected if each.session is not None),
            frozenset(each.token for each in connected if each.token is not None),
        )

    def covers(self, subscriber: Subscriber) -> bool:
        """True if the connection's session and token are among them."""
        session, token = subscriber.session, subscriber.token
        return (session is None or session in self.sessions) and (token is None or token in self.tokens)

    def __bool__(self) -> bool:
        return bool(self.sessions or self.tokens)


NO_CREDENTIALS = Credentials()


@frozen
class PollResult:
    """Result of one poll: the requested relations, the credentials that are still valid, and the next events.

    Relations are read before the events, so they are never newer than the events' snapshot. `more`: another poll returns more at once.
    `retry_soon`: an event is committed that cannot be read yet, because an older transaction is still running.
    """

    events: Sequence[Event] = ()
    relations: Mapping[int, RelationsSnapshot] = {}
    valid_credentials: Credentials = NO_CREDENTIALS
    more: bool = False
    retry_soon: bool = False


@frozen
class ItemIds:
    """Ids of items to load; for unread counts, the accounts."""

    posts: Collection[int] = ()
    notifications: Collection[int] = ()
    conversations: Collection[int] = ()
    unread: Collection[int] = ()
    announcements: Collection[int] = ()

    @classmethod
    def of(cls, updates: Collection[Update]) -> Self:
        """Collect the ids of the items that these updates need."""
        return cls(
            {update.post_id for update in updates if update.kind in WITH_POST and update.post_id is not None},
            {update.notification_id for update in updates if update.notification_id is not None},
            {update.conversation_id for update in updates if update.conversation_id is not None},
            {update.author for update in updates if update.kind is EventKind.BADGES_CHANGED},
            {update.announcement_id for update in updates if update.announcement_id is not None},
        )


@frozen
class LoadedItems:
    """Loaded items by id, and unread counts by account. Deleted items are missing."""

    posts: Mapping[int, Post] = {}
    notifications: Mapping[int, NotificationUpdate] = {}
    conversations: Mapping[int, Conversation] = {}
    unread: Mapping[int, UnreadUpdate] = {}
    announcements: Mapping[int, Announcement] = {}


class EventSource(Protocol):
    """Interface of the event log and the tables behind it, as the broadcaster needs them."""

    async def begin(self, back: int) -> Position:
        """Return the position `back` events before the newest readable one, or of the oldest event if there are fewer."""

    async def poll(self, position: Position, accounts: Collection[int], credentials: Credentials) -> PollResult:
        """Return the events after the position in commit order, the accounts' relations, and the credentials that are still valid."""

    async def after(self, position: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        """Return at most `limit` events after the position, and the oldest position in the log (None if it is empty)."""

    async def find(self, wanted: ItemIds) -> LoadedItems:
        """Load items in their current state: conversations from their owner's point of view, announcements from an anonymous one."""

    async def entries_before(self, queries: Sequence[EarlierEntries]) -> Sequence[Sequence[tuple[int, int | None]]]:
        """Return earlier timeline entries for each query, newest first, including repeated boosts."""

    async def flags(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        """Return the accounts' interactions with these posts (no boosts), by account and post. Pairs without any are missing."""

    async def valid_credentials(self, credentials: Credentials) -> Credentials:
        """Return those credentials that are still valid."""

    async def filter_sets(self, accounts: Collection[int]) -> Mapping[int, FilterSet]:
        """Return the filters of those accounts that have any."""


@frozen
class Batch:
    """A section of the log. `oldest` is set if the events before it were deleted."""

    updates: Sequence[Update]
    oldest: Position | None = None


@define
class EventBuffer:
    """Delivered updates up to the position `head`."""

    log: EventSource
    head: Position
    size: int = BUFFER_SIZE
    _recent: list[Update] = field(factory=list)
    _start: Position = field(init=False)
    _version: int = 0
    _semaphore: Semaphore = field(factory=lambda: Semaphore(MAX_CATCH_UPS))

    def __attrs_post_init__(self) -> None:
        self._start = self.head

    def add(self, update: Update) -> None:
        """Append a delivered update, and invalidate earlier updates whose content it changes."""
        self.head = update.position
        self._invalidate(update)
        self._recent.append(update)
        if len(self._recent) >= 2 * self.size:
            self._start = self._recent[-self.size - 1].position
            del self._recent[: -self.size]

    async def after(self, position: Position) -> Batch:
        """Return the updates after the position: all of them if they are in memory, else the next batch from the database."""
        if position >= self._start:
            return Batch(self._recent[bisect_right(self._recent, position, key=attrgetter("position")) :])
        await self._semaphore.acquire()
        try:
            events, oldest = await self.log.after(position, BATCH_SIZE)
        finally:
            self._semaphore.release()
        if oldest is None or oldest > position:
            return Batch([], oldest or self.head)
        return Batch([Update.of(event) for event in events])

    async def load(self, updates: Collection[Update]) -> None:
        """Load the content of those updates that have none yet."""
        while missing := [update for update in updates if not update.loaded]:
            version = self._version
            found = await self.log.find(ItemIds.of(missing))
            if version == self._version:  # else it may be outdated already
                for update in missing:
                    _fill(update, found)

    def _invalidate(self, update: Update) -> None:
        if update.kind in (EventKind.POST_EDITED, EventKind.POST_DELETED):
            stale = [earlier for earlier in self._recent if update.post_id in (earlier.post_id, earlier.boost_of, earlier.last_post_id)]
        elif update.kind in (EventKind.ACCOUNT_CHANGED, EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_DELETED):
            stale = [earlier for earlier in self._recent if _shows(earlier, update.author)]
        elif update.kind is EventKind.DOMAIN_RULES_CHANGED:  # the accounts that it hides may be many
            stale = list(self._recent)
        elif update.kind is EventKind.CONVERSATION_CHANGED:
            stale = [earlier for earlier in self._recent if earlier.conversation_id == update.conversation_id]
        elif update.kind in ANNOUNCEMENTS:
            stale = [earlier for earlier in self._recent if earlier.announcement_id == update.announcement_id]
        else:
            return
        self._version += 1
        for earlier in stale:
            earlier.forget()


def _fill(update: Update, found: LoadedItems) -> None:
    post = found.posts.get(update.post_id or 0) if update.kind in WITH_POST else None
    badges = found.unread.get(update.author) if update.kind is EventKind.BADGES_CHANGED else None
    conversation, announcement = found.conversations.get(update.conversation_id or 0), found.announcements.get(update.announcement_id or 0)
    update.load(post, found.notifications.get(update.notification_id or 0), conversation, badges, announcement)


def _shows(update: Update, account: int) -> bool:
    """True if the content of the update shows the account."""
    return account in (update.author, update.boost_author, update.subject) or (
        update.conversation_id is not None and account in update.mentions
    )
