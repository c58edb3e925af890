"""The event log and the tables behind it, as the feed asks them: one trip to the database for each question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from attrs import define, evolve, field

from microblog.live.event_buffer import NO_GRANTS, Credentials, LoadedItems, PollResult, Wanted
from microblog.live.position_encoding import PositionCipher
from microblog.live.recent_entries import EarlierEntries
from microblog.live.updates import NotificationUpdate, UnreadUpdate
from microblog.live.viewer_state import ListState, RelationsSnapshot
from microblog.model.events import Event, Position
from microblog.model.filters import NOTHING, FilterSet
from microblog.model.ids import AccountId, ListId, PostId
from microblog.model.lists import ListReplies
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post, PostFlags
from microblog.storage import accounts, announcements, conversations, events, filters, live_queries, posts, timelines, warnings
from microblog.storage.database import Cursor, Transactions

LOOK = 500  # events in one look
MOST_UNREAD = 100


@define
class DatabaseEventLog:
    """The log in PostgreSQL. `fresh_epoch` names the log if it has no name yet, or was brought here from another database."""

    database: Transactions
    now: Callable[[], datetime]
    fresh_epoch: str
    epoch: str = ""
    cipher: PositionCipher = field(factory=lambda: PositionCipher(b""), repr=False)

    async def begin(self, back: int) -> Position:
        """The position so many events before the newest that may be read, or of the oldest. All that came after it is kept."""
        self.epoch = await self.database.run(events.open_log, self.fresh_epoch)
        self.cipher = PositionCipher(await self.database.read(events.log_secret))
        xid, id = await self.database.read(live_queries.begin, back=back)
        return self.cipher.written(Position(self.epoch, xid, id))

    def read_position(self, text: str) -> Position:
        """The position that a client was told as this text. Raises Malformed for what is none."""
        return self.cipher.parse(text)

    async def look(self, place: Position, accounts: Collection[int], grants: Credentials) -> PollResult:
        """What comes after the place, in commit order; whom the accounts follow, block and mute; and which of the grants stand."""
        return await self.database.read(self._look, place, accounts, grants)

    async def after(self, place: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        """What comes after the place, at most `limit`; and the oldest position that is kept (None: the log is empty)."""
        return await self.database.read(self._after, place, limit)

    async def find(self, wanted: Wanted) -> LoadedItems:
        """What is wanted, as it is now: conversations from their owner's point of view, announcements from nobody's."""
        return await self.database.read(_find, wanted, self.now())

    async def before(self, questions: Sequence[EarlierEntries]) -> Sequence[Sequence[tuple[int, int | None]]]:
        """The entries of timelines that came before, newest first, with boosts that repeat: an answer for each question."""
        return await self.database.read(_before, questions, self.now())

    async def marks(self, accounts: Collection[int], posts: Collection[int]) -> Mapping[tuple[int, int], PostFlags]:
        """How each of the accounts stands to each of the posts, no boosts, to which it has done something."""
        return await self.database.read(live_queries.marks, accounts=accounts, posts=posts)

    async def standing(self, grants: Credentials) -> Credentials:
        """Those that are still good."""
        return await self.database.read(self._standing, grants) if grants else NO_GRANTS

    async def sieves(self, accounts: Collection[int]) -> Mapping[int, FilterSet]:
        """The filters of the accounts that have any."""
        return await self.database.read(_sieves, accounts)

    def _standing(self, cursor: Cursor, grants: Credentials) -> Credentials:
        sessions = live_queries.standing_sessions(cursor, ids=grants.sessions, now=self.now()) if grants.sessions else ()
        tokens = live_queries.standing_tokens(cursor, ids=grants.tokens) if grants.tokens else ()
        return Credentials(frozenset(sessions), frozenset(tokens))

    def _look(self, cursor: Cursor, place: Position, accounts: Collection[int], grants: Credentials) -> PollResult:
        # Statements see each their own moment: the relations must be read before the events, never after.
        found = live_queries.relations(cursor, accounts=accounts, now=self.now()) if accounts else []
        sieves = _sieves(cursor, accounts) if accounts else {}
        standing = self._standing(cursor, grants)
        news = self._events(cursor, place, LOOK)
        soon = not news and live_queries.held_back(cursor, xid=place.xid, id=place.id)
        loaded: dict[int, RelationsSnapshot] = {each.account: _loaded(each, sieves.get(each.account, NOTHING)) for each in found}
        return PollResult(news, loaded, standing, len(news) == LOOK, soon)

    def _after(self, cursor: Cursor, place: Position, limit: int) -> tuple[Sequence[Event], Position | None]:
        # In this order: what is swept between the two statements is then told as a gap, not passed over.
        news = self._events(cursor, place, limit)
        oldest = events.oldest(cursor)
        return news, None if oldest is None else self.cipher.written(Position(self.epoch, *oldest))

    def _events(self, cursor: Cursor, place: Position, limit: int) -> list[Event]:
        found = events.after(cursor, self.epoch, xid=place.xid, id=place.id, limit=limit)
        return [evolve(event, position=self.cipher.written(event.position)) for event in found]


def _before(cursor: Cursor, questions: Sequence[EarlierEntries], now: datetime) -> list[Sequence[tuple[int, int | None]]]:
    return [_entries_before(cursor, asked, AccountId(asked.account), now) for asked in questions]


def _entries_before(cursor: Cursor, asked: EarlierEntries, viewer: AccountId, now: datetime) -> list[timelines.Entry]:
    page = Page(asked.limit, max_id=asked.below)
    if asked.list is None:
        return timelines.home(cursor, viewer=viewer, page=page, now=now)
    return timelines.of_list(cursor, viewer=viewer, list=ListId(asked.list), replies=asked.replies, page=page, now=now)


def _sieves(cursor: Cursor, accounts: Collection[int]) -> dict[int, FilterSet]:
    having = live_queries.with_filters(cursor, accounts=accounts)
    return {account: FilterSet(tuple(filters.of_account(cursor, account=account)), account) for account in having}


def _loaded(found: live_queries.ViewerRelations, sieve: FilterSet) -> RelationsSnapshot:
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
        sieve=sieve,
    )


def _find(cursor: Cursor, wanted: Wanted, now: datetime) -> LoadedItems:
    rows = live_queries.events_after(cursor, ids=wanted.notices, most_unread=MOST_UNREAD) if wanted.notices else []
    senders = {sender.id: sender for sender in accounts.by_ids(cursor, ids=list({row.sender for row in rows}))} if rows else {}
    ids = {*wanted.posts, *(row.post for row in rows if row.post is not None)}
    found: Mapping[PostId, Post] = posts.by_ids(cursor, ids) if ids else {}
    warned = [row.id for row in rows if row.kind is NotificationKind.WARNING]
    said_to = warnings.of_notifications(cursor, ids=warned) if warned else {}
    told: dict[int, NotificationUpdate] = {
        row.id: NotificationUpdate(
            Notification(
                row.id,
                row.kind,
                row.created_at,
                senders[row.sender],
                found.get(row.post) if row.post else None,
                row.group_key,
                warning=said_to.get(row.id),
            ),
            UnreadUpdate(row.unread, row.messages),
        )
        for row in rows
        if row.sender in senders and (row.post is None or row.post in found)
    }
    spoken = conversations.load(cursor, conversations.by_ids(cursor, ids=wanted.conversations)) if wanted.conversations else []
    counts = live_queries.unread_counts(cursor, accounts=wanted.badges, most_unread=MOST_UNREAD) if wanted.badges else {}
    badges = {account: UnreadUpdate(*numbers) for account, numbers in counts.items()}
    said = announcements.by_ids(cursor, ids=wanted.announcements, now=now) if wanted.announcements else []
    return LoadedItems(dict(found.items()), told, {each.id: each for each in spoken}, badges, {each.id: each for each in said})
