"""Queries of the live feed, for many viewers at once: their relationships, sessions and notifications."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from math import inf
from typing import Any

from attrs import frozen

from microblog.model.ids import AccountId, NotificationId, PostId
from microblog.model.notifications import NotificationKind
from microblog.model.posts import PostFlags
from microblog.storage import conversations, notifications
from microblog.storage.database import Cursor, Prepared, fetch_all, fetch_one, fetch_value, first_column

PERMANENT = "Infinity"  # PostgreSQL's text for the end of a permanent mute


@frozen
class ViewerRelations:
    """The relationships of an account at one moment, including all transactions below `xid`.

    `follows` are (account, boosts shown, languages or None); `mutes` are (account, end as a Unix time or infinity); `lists` are (id, reply
    policy, exclusive, members); `tags` are the folded keys of followed tags; `domains` are blocked.
    """

    account: AccountId
    follows: tuple[tuple[int, bool, tuple[str, ...] | None], ...]
    blocks: tuple[int, ...]
    blocked_by: tuple[int, ...]
    mutes: tuple[tuple[int, float], ...]
    lists: tuple[tuple[int, str, bool, tuple[int, ...]], ...]
    tags: tuple[str, ...]
    domains: tuple[str, ...]
    xid: int


@frozen
class LiveNotification:
    """A notification for the live feed with its recipient, before its account and post are loaded.

    `unread` counts the recipient's unread notifications, `messages` the unread conversations.
    """

    account: AccountId
    id: NotificationId
    kind: NotificationKind
    created_at: datetime
    sender: AccountId
    post: PostId | None
    group_key: str
    unread: int
    messages: int


def relations(cursor: Cursor, *, accounts: Collection[int], now: datetime) -> list[ViewerRelations]:
    """Return the relationships of these accounts, all at the same moment."""

    def row(account: int, follows: list[Any], blocks: list[int], blocked_by: list[int], *rest: Any) -> ViewerRelations:
        mutes, lists, tags, domains, xid = rest
        return ViewerRelations(
            AccountId(account),
            tuple((followee, boosts, None if languages is None else tuple(languages)) for followee, boosts, languages in follows or ()),
            tuple(blocks),
            tuple(blocked_by),
            tuple((target, inf if until == PERMANENT else float(until)) for target, until in mutes or ()),
            tuple((id, policy, exclusive, tuple(members)) for id, policy, exclusive, members in lists or ()),
            tuple(tags),
            tuple(domains),
            int(xid),
        )

    return fetch_all(
        cursor,
        row,
        """select a.id,
               -- Follows, with their options.
               (select json_agg(json_build_array(followee_id, boosts, languages)) from follows where follower_id = a.id),
               -- Blocks in both directions.
               array(select target_id from blocks where account_id = a.id),
               array(select account_id from blocks where target_id = a.id),
               -- Mutes, each with the time when it ends.
               (select json_agg(json_build_array(target_id, coalesce(extract(epoch from expires_at), 'infinity')::text)) from mutes
                where account_id = a.id and (expires_at is null or expires_at > %(now)s)),
               -- Lists with their members, followed hashtags, and blocked domains.
               (select json_agg(json_build_array(l.id, l.replies_policy, l.exclusive,
                    array(select m.member_id from list_members m where m.list_id = l.id))) from lists l where l.account_id = a.id),
               array(select t.key from followed_tags f join tags t on t.id = f.tag_id where f.account_id = a.id),
               array(select d.domain from domain_blocks d where d.account_id = a.id),
               -- All transactions below this id are included.
               pg_snapshot_xmin(pg_current_snapshot())::text
           from unnest(%(accounts)s::bigint[]) as a (id)""",
        {"accounts": list(accounts), "now": now},
    )


def valid_sessions(cursor: Cursor, *, ids: Collection[int], now: datetime) -> list[int]:
    """Return the sessions that are still valid."""
    cursor.execute(
        """select s.id from sessions s
           join accounts a on a.id = s.account_id and a.suspended_at is null and a.deleted_at is null
           join users l on l.account_id = s.account_id and l.disabled_at is null
           where s.id = any(%(ids)s) and s.expires_at > %(now)s""",
        {"ids": list(ids), "now": now},
    )
    return first_column(cursor.fetchall())


def with_filters(cursor: Cursor, *, accounts: Collection[int]) -> list[AccountId]:
    """Return the accounts that have filters."""
    cursor.execute("select distinct account_id from filters where account_id = any(%(accounts)s)", {"accounts": list(accounts)})
    return first_column(cursor.fetchall())


def valid_tokens(cursor: Cursor, *, ids: Collection[int]) -> list[int]:
    """Return the access tokens that are still valid."""
    cursor.execute(
        """select t.id from tokens t
           join accounts a on a.id = t.account_id and a.suspended_at is null and a.deleted_at is null
           join users l on l.account_id = t.account_id and l.disabled_at is null
           where t.id = any(%(ids)s) and t.revoked_at is null""",
        {"ids": list(ids)},
    )
    return first_column(cursor.fetchall())


def notifications_by_ids(cursor: Cursor, *, ids: Collection[int], most_unread: int) -> list[LiveNotification]:
    """Return these notifications if they still exist and their kind is known; unread ones are counted up to `most_unread`."""

    def row(account: int, id: int, kind: str, created_at: datetime, sender: int, post: int | None, *rest: Any) -> LiveNotification:
        return LiveNotification(
            AccountId(account),
            NotificationId(id),
            NotificationKind(kind),
            created_at,
            AccountId(sender),
            None if post is None else PostId(post),
            *rest,
        )

    return fetch_all(
        cursor,
        row,
        _NOTIFICATIONS,
        {"ids": list(ids), "kinds": list(NotificationKind), "limit": most_unread},
    )


_UNREAD_COLUMNS = f"{notifications.UNREAD} as unread, {conversations.UNREAD} as messages".replace("%(account)s", "a.account_id")
_NOTIFICATIONS = f"""
    with wanted as (
        select account_id, id, kind, created_at, from_account_id, post_id, group_key from notifications
        where id = any(%(ids)s) and kind = any(%(kinds)s)),
    counted as (select a.account_id, {_UNREAD_COLUMNS} from (select distinct account_id from wanted) a)
    select w.*, c.unread, c.messages from wanted w join counted c on c.account_id = w.account_id"""


def post_flags(cursor: Cursor, *, accounts: Collection[int], posts: Collection[int]) -> dict[tuple[int, int], PostFlags]:
    """Return the interactions of each account with each post (originals, not boosts), where there are any."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    cursor.execute(_POST_FLAGS, {"accounts": list(accounts), "posts": list(posts)})
    for flag, account, post, choice in cursor.fetchall():
        flags = found.setdefault((account, post), {})
        flags[flag] = True if choice is None else tuple(sorted((*flags.get(flag, ()), choice)))
    return {key: PostFlags(**flags) for key, flags in found.items()}


_POST_FLAGS = Prepared("""
    select 'favourited', f.account_id, f.post_id, null::integer from favourites f
    where f.post_id = any(%(posts)s::bigint[]) and f.account_id = any(%(accounts)s::bigint[])
    union all select 'boosted', b.account_id, b.boost_of, null from posts b
    where b.boost_of = any(%(posts)s::bigint[]) and b.account_id = any(%(accounts)s::bigint[]) and b.deleted_at is null
    union all select 'bookmarked', k.account_id, k.post_id, null from bookmarks k
    where k.post_id = any(%(posts)s::bigint[]) and k.account_id = any(%(accounts)s::bigint[])
    union all select 'pinned', i.account_id, i.post_id, null from pins i
    where i.post_id = any(%(posts)s::bigint[]) and i.account_id = any(%(accounts)s::bigint[])
    union all select 'thread_muted', t.account_id, p.id, null from posts p join thread_mutes t on t.thread_id = p.thread_id
    where p.id = any(%(posts)s::bigint[]) and t.account_id = any(%(accounts)s::bigint[])
    union all select 'votes', v.account_id, q.post_id, v.choice from polls q join votes v on v.poll_id = q.id
    where q.post_id = any(%(posts)s::bigint[]) and v.account_id = any(%(accounts)s::bigint[])""")


def unread_counts(cursor: Cursor, *, accounts: Collection[int], most_unread: int) -> dict[int, tuple[int, int]]:
    """Count the unread notifications and conversations of each account, up to `most_unread`."""
    params = {"accounts": list(accounts), "kinds": list(NotificationKind), "limit": most_unread}
    return dict(fetch_all(cursor, lambda account, unread, messages: (account, (unread, messages)), _UNREAD_COUNTS, params))


_UNREAD_COUNTS = f"select a.account_id, {_UNREAD_COLUMNS} from (select unnest(%(accounts)s::bigint[]) as account_id) a"


def start_position(cursor: Cursor, *, back: int) -> tuple[int, int]:
    """Return the log position that is `back` events before the newest readable one, or that of the oldest.

    If no event is readable yet, the position is right before the oldest event; in an empty log, before everything.
    """
    newest = _position(
        cursor,
        """select n.xid::text, n.id from (
               select e.xid, e.id from events e where e.xid < pg_snapshot_xmin(pg_current_snapshot())
               order by e.xid desc, e.id desc limit %(count)s) n
           order by n.xid, n.id limit 1""",
        back + 1,
    )
    return newest or _position(cursor, "select e.xid::text, e.id - 1 from events e order by e.xid, e.id limit %(count)s", 1) or (0, 0)


def _position(cursor: Cursor, sql: str, count: int) -> tuple[int, int] | None:
    return fetch_one(cursor, lambda xid, id: (int(xid), int(id)), sql, {"count": count})


def held_back(cursor: Cursor, *, xid: int, id: int) -> bool:
    """True if an event after the position is committed but unreadable until an older transaction ends."""
    return bool(fetch_value(cursor, _HELD_BACK, {"xid": str(xid), "id": id}))


# The newest event decides. To ask whether any event follows would read the whole log each time that none does.
HELD_BACK = "select (xid, id) > (%(xid)s::text::xid8, %(id)s::bigint) from events order by xid desc, id desc limit 1"
_HELD_BACK = Prepared(HELD_BACK)
