"""The event log in PostgreSQL: one round trip to the database for each query of the broadcaster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from attrs import define, evolve, field

from microblog.live.event_buffer import NO_CREDENTIALS, Credentials, ItemIds, LoadedItems, PollResult
from microblog.live.position_encoding import PositionCipher
from microblog.live.recent_entries import EarlierEntries
from microblog.live.updates import NotificationUpdate, UnreadUpdate
from microblog.live.viewer_state import ListState, RelationsSnapshot
from microblog.model.events import Event, Position
from microblog.model.filters import NO_FILTERS, FilterSet
from microblog.model.ids import AccountId, ListId, PostId
from microblog.model.lists import ListReplies
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post, PostFlags
from microblog.storage import accounts, announcements, conversations, events, filters, live_queries, posts, severances, timelines, warnings
from microblog.storage.database import Cursor, Transactions
from microblog.storage.follow_up import FollowUpResult

POLL_LIMIT = 500  # events in one poll
MAX_UNREAD = 100


@define
class DatabaseEventLog:
    """Event source in PostgreSQL. `fresh_epoch` names a log that has no name yet or was restored from another database."""

    database: Transactions
    now: Callable[[], datetime]
    fresh_epoch: str
    epoch: str = ""
    cipher: PositionCipher = field(factory=lambda: PositionCipher(b""), repr=False)

    async def begin(self, back: int) -> Position:
        """See `EventSource`."""
        self.epoch = await self.database.run(events.open_log, self.fresh_epoch)
        self.cipher = PositionCipher(await self.database.read(events.log_secret))
        xid, id = await self.database.read(live_queries.start_position, back=back)
        return self.cipher.written(Position(self.epoch, xid, id))

    def read_position(self, text: str) -> Position:
        """Parse a position that a client sends. Raises Malformed."""
        return self.cipher.parse(text)

    async def poll(self, position: Position, accounts: Collection[int], credentials: Credentials) -> PollResult:
        """See `EventSource`."""
        return await self.database.read(self._poll, position, accounts, credentials)

    def result_of(self, found: FollowUpResult) -> PollResult:
        """Return the result of a poll that was made together with other reads after a commit."""
        return PollResult(self._written(found.events), more=found.more, retry_soon=found.held_back)

    async def after(self, position: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        """See `EventSource`."""
        return await self.database.read(self._after, position, limit)

    async def find(self, wanted: ItemIds) -> LoadedItems:
        """See `EventSource`."""
        return await self.database.read(_find, wanted, self.now())

    async def entries_before(self, queries: Sequence[EarlierEntries]) -> Sequence[Sequence[tuple[int, int | None]]]:
        """See `EventSource`."""
        return await self.database.read(_before, queries, self.now())

    async def flags(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        """See `EventSource`."""
        return await self.database.read(live_queries.post_flags, accounts=accounts, posts=posts)

    async def valid_credentials(self, credentials: Credentials) -> Credentials:
        """See `EventSource`."""
        return await self.database.read(self._valid_credentials, credentials) if credentials else NO_CREDENTIALS

    async def filter_sets(self, accounts: Collection[int]) -> Mapping[int, FilterSet]:
        """See `EventSource`."""
        return await self.database.read(_filter_sets, accounts)

    def _valid_credentials(self, cursor: Cursor, credentials: Credentials) -> Credentials:
        sessions = live_queries.valid_sessions(cursor, ids=credentials.sessions, now=self.now()) if credentials.sessions else ()
        tokens = live_queries.valid_tokens(cursor, ids=credentials.tokens) if credentials.tokens else ()
        return Credentials(frozenset(sessions), frozenset(tokens))

    def _poll(self, cursor: Cursor, position: Position, accounts: Collection[int], credentials: Credentials) -> PollResult:
        # Each statement has its own snapshot: the relations must be read before the events, never after.
        found = live_queries.relations(cursor, accounts=accounts, now=self.now()) if accounts else []
        filter_sets = _filter_sets(cursor, accounts) if accounts else {}
        valid = self._valid_credentials(cursor, credentials)
        found_events = self._events(cursor, position, POLL_LIMIT)
        soon = not found_events and live_queries.held_back(cursor, xid=position.xid, id=position.id)
        loaded: dict[int, RelationsSnapshot] = {each.account: _snapshot(each, filter_sets.get(each.account, NO_FILTERS)) for each in found}
        return PollResult(found_events, loaded, valid, len(found_events) == POLL_LIMIT, soon)

    def _after(self, cursor: Cursor, position: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        # In this order, events that are deleted between the two statements are reported as a gap instead of being skipped.
        found_events = self._events(cursor, position, limit)
        oldest = events.oldest(cursor)
        return found_events, None if oldest is None else self.cipher.written(Position(self.epoch, *oldest))

    def _events(self, cursor: Cursor, position: Position, limit: int) -> list[Event]:
        return self._written(events.after(cursor, self.epoch, xid=position.xid, id=position.id, limit=limit))

    def _written(self, found: Sequence[Event]) -> list[Event]:
        return [evolve(event, position=self.cipher.written(event.position)) for event in found]


def _before(cursor: Cursor, queries: Sequence[EarlierEntries], now: datetime) -> list[Sequence[tuple[int, int | None]]]:
    return [_entries_before(cursor, query, AccountId(query.account), now) for query in queries]


def _entries_before(cursor: Cursor, query: EarlierEntries, viewer: AccountId, now: datetime) -> list[timelines.Entry]:
    page = Page(query.limit, max_id=query.below)
    if query.list is None:
        return timelines.home(cursor, viewer=viewer, page=page, now=now)
    return timelines.of_list(cursor, viewer=viewer, list=ListId(query.list), replies=query.replies, page=page, now=now)


def _filter_sets(cursor: Cursor, accounts: Collection[int]) -> dict[int, FilterSet]:
    accounts_with_filters = live_queries.with_filters(cursor, accounts=accounts)
    return {account: FilterSet(tuple(filters.of_account(cursor, account=account)), account) for account in accounts_with_filters}


def _snapshot(found: live_queries.ViewerRelations, filter_set: FilterSet) -> RelationsSnapshot:
    return RelationsSnapshot(
        found.account,
        found.xid,
        follows={account: languages for account, _, languages in found.follows},
        quiet=[account for account, boosts, _ in found.follows if not boosts],
        blocks=found.blocks,
        blocked_by=found.blocked_by,
        mutes=dict(found.mutes),
        lists={id: ListState(ListReplies(policy), exclusive, frozenset(members)) for id, policy, exclusive, members in found.lists},
        tags=frozenset(found.tags),
        filter_set=filter_set,
        domains=frozenset(found.domains),
    )


def _find(cursor: Cursor, wanted: ItemIds, now: datetime) -> LoadedItems:
    rows = live_queries.notifications_by_ids(cursor, ids=wanted.notifications, most_unread=MAX_UNREAD) if wanted.notifications else []
    senders = {sender.id: sender for sender in accounts.by_ids(cursor, ids=list({row.sender for row in rows}))} if rows else {}
    ids = {*wanted.posts, *(row.post for row in rows if row.post is not None)}
    found: Mapping[PostId, Post] = posts.by_ids(cursor, ids) if ids else {}
    warning_ids = [row.id for row in rows if row.kind is NotificationKind.WARNING]
    account_warnings = warnings.of_notifications(cursor, ids=warning_ids) if warning_ids else {}
    severance_ids = [row.id for row in rows if row.kind is NotificationKind.SEVERED_RELATIONSHIPS]
    severed = severances.of_notifications(cursor, ids=severance_ids) if severance_ids else {}
    notifications: dict[int, NotificationUpdate] = {
        row.id: NotificationUpdate(
            Notification(
                row.id,
                row.kind,
                row.created_at,
                senders[row.sender],
                found.get(row.post) if row.post else None,
                row.group_key,
                warning=account_warnings.get(row.id),
                severance=severed.get(row.id),
            ),
            UnreadUpdate(row.unread, row.messages),
        )
        for row in rows
        if row.sender in senders and (row.post is None or row.post in found)
    }
    found_conversations = conversations.load(cursor, conversations.by_ids(cursor, ids=wanted.conversations)) if wanted.conversations else []
    counts = live_queries.unread_counts(cursor, accounts=wanted.unread, most_unread=MAX_UNREAD) if wanted.unread else {}
    badges = {account: UnreadUpdate(*values) for account, values in counts.items()}
    found_announcements = announcements.by_ids(cursor, ids=wanted.announcements, now=now) if wanted.announcements else []
    return LoadedItems(
        dict(found.items()),
        notifications,
        {each.id: each for each in found_conversations},
        badges,
        {each.id: each for each in found_announcements},
    )
