"""Groups of notifications that are shown as one.

A group has the list position of its newest member, the head, so it is on one page only, however old its other members are. Members whose
senders are deleted or suspended do not count.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, NotificationId, PostId
from microblog.model.notifications import GROUPED, UNGROUPED_PREFIX, NotificationKind
from microblog.model.paging import Page
from microblog.storage.database import Cursor, Prepared, fetch_all, fetch_value
from microblog.storage.notifications import (
    POST_IS_VISIBLE,
    SENDER_IS_ACTIVE,
    SENDER_IS_ACTIVE_OF_MANY,
    UNREAD_ROWS,
    includes_all,
    of_each_kind,
    selected_kinds,
)
from microblog.storage.paging import bounds, directed, page_sql

SAMPLE = 8
MANY = 200  # members: above that, the suspended accounts are read once, instead of a look-up of each sender


@frozen
class NotificationGroupRow:
    """A group before its accounts and post are loaded."""

    id: NotificationId
    kind: NotificationKind
    created_at: datetime
    post: PostId | None
    key: str
    count: int
    senders: tuple[AccountId, ...]
    oldest_on_page: NotificationId


@frozen
class GroupSelection:
    """A selection of notifications. `kinds` None means all; `without` is excluded; kinds in `grouped` form groups, others are single.

    `filtered`: include held-back notifications, which are always single.
    """

    kinds: Sequence[str] | None = None
    without: Sequence[str] = ()
    sender: AccountId | None = None
    grouped: Collection[str] = GROUPED
    filtered: bool = False

    def params(self) -> dict[str, object]:
        """Return the parameters of a statement."""
        return {
            "kinds": selected_kinds(self.kinds, self.without),
            "sender": self.sender,
            "grouped": sorted(self.grouped),
            "filtered": self.filtered,
            "sample": SAMPLE,
        }


_OF_SENDER = "(%(sender)s::bigint is null or {n}.from_account_id = %(sender)s)"
_FROM_SENDER = f"{SENDER_IS_ACTIVE} and {_OF_SENDER}"
_WANTED = "n.account_id = %(account)s and n.kind = any(%(kinds)s) and (not n.filtered or %(filtered)s)"
_SELECTED = f"{_WANTED} and {_FROM_SENDER.format(n='n')}"
_SELECTED_OF_MANY = f"{_WANTED} and {SENDER_IS_ACTIVE_OF_MANY.format(n='n')} and {_OF_SENDER.format(n='n')}"
_KEY = "case when n.group_key <> '' and n.kind = any(%(grouped)s) then n.group_key else 'ungrouped-' || n.id end"

_IS_NEWEST = f"""not exists (
    select from notifications newer where newer.account_id = %(account)s and newer.group_key = n.group_key and newer.group_key <> ''
    and newer.id > n.id and {_FROM_SENDER.format(n="newer")})"""
_COLUMNS = f"n.id, n.kind, n.created_at, n.from_account_id, n.post_id, {_KEY} as key"


# Newest first: go from one group to the next. Further members of a group in `passed` are skipped without a look at their group, so a group
# with very many members costs little more than reading past them. The first member found is the head, unless the page began below it. The
# query for some kinds runs once per kind, because a group has only one kind.
def _steps(kind: str) -> str:
    return f"""
    with recursive step as (
        -- Start: the upper bound of the page, with no group passed yet.
        select %(max_id)s::bigint as id, null::text as met, '{{}}'::text[] as passed, false as is_head, 0 as heads
        union all
        -- Step: the next notification that is in none of the groups passed, and whether it is its group's head.
        select next.id, next.met, case when next.met is null then step.passed else step.passed || next.met end, next.is_head,
               step.heads + next.is_head::int
        from step cross join lateral (
            select n.id, case when n.kind = any(%(grouped)s) then nullif(n.group_key, '') end as met,
                   n.group_key = '' or n.kind <> all(%(grouped)s) or {_IS_NEWEST} as is_head
            from notifications n where {kind} and {_SELECTED} and n.id < step.id and n.id > %(min_id)s
            and (n.kind <> all(%(grouped)s) or n.group_key <> all(step.passed))
            order by n.id desc limit 1) next
        where step.heads < %(limit)s::bigint)
    select id from step where is_head"""


_DOWN = f"select {_COLUMNS} from ({_steps('true')}) heads join notifications n on n.id = heads.id"
_DOWN_OF_SOME = f"""select {_COLUMNS} from (
    select heads.id from unnest(%(kinds)s::text[]) wanted (kind) cross join lateral ({_steps("n.kind = wanted.kind")}) heads
    order by heads.id desc limit %(limit)s) heads join notifications n on n.id = heads.id"""

# Oldest first: a group is found by its oldest member, so each row is compared with the newest one of its group by one index look-up. With
# `not exists (newer)` instead, PostgreSQL may join all members of a large group with each other.
_UPWARD = f"""{_SELECTED} and n.id < %(max_id)s and n.id > %(min_id)s
    and (n.group_key = '' or n.kind <> all(%(grouped)s) or n.id = (
        select newest.id from notifications newest where newest.account_id = %(account)s and newest.group_key = n.group_key
        and newest.group_key <> '' and {_FROM_SENDER.format(n="newest")} order by newest.id desc limit 1))"""
_UP = f"select {_COLUMNS} from notifications n where {_UPWARD} order by n.id limit %(limit)s"
_UP_OF_SOME = f"select {_COLUMNS} from {of_each_kind(_UPWARD, 'asc')} order by n.id limit %(limit)s"

_NEWEST = f"""select n.id, n.kind, n.created_at, n.from_account_id, n.post_id, n.group_key as key from notifications n
    where {_SELECTED} and n.group_key = %(key)s and n.group_key <> '' order by n.id desc limit 1"""

_ONE = f"""select n.id, n.kind, n.created_at, n.from_account_id, n.post_id, 'ungrouped-' || n.id as key from notifications n
    where {_SELECTED} and n.id = %(id)s"""

# The range of a page ends at its last head. A page that is not full is the last one, and its range ends at the page's lower bound.
_FLOOR = "select case when %(upward)s or count(*) >= %(limit)s then min(id) else %(min_id)s end from head"


def _with_members(heads: str, floor: str) -> str:
    of_anybody = f"""from notifications m where m.account_id = %(account)s and m.group_key = h.key and m.group_key <> ''
                     and {_OF_SENDER.format(n="m")}"""
    members = f"{of_anybody} and {SENDER_IS_ACTIVE.format(n='m')}"
    many_members = f"{of_anybody} and {SENDER_IS_ACTIVE_OF_MANY.format(n='m')}"
    return f"""with head as ({heads}), floor (id) as ({floor})
        select h.id, h.kind, h.created_at, h.post_id, h.key,
               -- Number of members, newest senders, and the oldest member within the range of the page.
               greatest(1, case when (select count(*) from (select {of_anybody} limit {MANY}) few) < {MANY}
                   then (select count(*) {members}) else (select count(*) {many_members}) end),
               case when h.key like 'ungrouped-%%' then array[h.from_account_id]
                    else array(select m.from_account_id {members} order by m.id desc limit %(sample)s) end,
               coalesce((select m.id {members} and m.id >= (select id from floor) order by m.id limit 1), h.id)
        from head h order by h.id desc"""


_NO_FLOOR = "select 0::bigint"
# Statements by (all kinds, upward). Those of some kinds are planned for these kinds.
_PAGES = {
    (True, False): Prepared(_with_members(_DOWN, _FLOOR)),
    (True, True): Prepared(_with_members(_UP, _FLOOR)),
    (False, False): _with_members(_DOWN_OF_SOME, _FLOOR),
    (False, True): _with_members(_UP_OF_SOME, _FLOOR),
}
_GROUP = _with_members(_NEWEST, _NO_FLOOR)
_UNGROUPED = _with_members(_ONE, _NO_FLOOR)


def page_of(cursor: Cursor, *, account: AccountId, page: Page, choice: GroupSelection) -> list[NotificationGroupRow]:
    """Return the account's notification groups, newest first."""
    params = bounds(page) | choice.params() | {"account": account, "upward": page.upward}
    of_all = includes_all(selected_kinds(choice.kinds, choice.without), choice.sender)
    return fetch_all(cursor, _row, _PAGES[of_all, page.upward], params)


def by_key(cursor: Cursor, *, account: AccountId, key: str) -> list[NotificationGroupRow]:
    """Return the group or single notification if the account owns it: one row or none."""
    params = GroupSelection(filtered=True).params() | {"account": account, "key": key, "id": ungrouped_id(key)}
    return fetch_all(cursor, _row, _GROUP if params["id"] is None else _UNGROUPED, params)


def ungrouped_id(key: str) -> NotificationId | None:
    """Return the notification id in the key of an ungrouped notification."""
    id = key.removeprefix(UNGROUPED_PREFIX)
    return NotificationId(int(id)) if id != key and id.isascii() and id.isdecimal() and len(id) < 19 else None


def _row(
    id: int, kind: str, created_at: datetime, post: int | None, key: str, count: int, senders: list[int], oldest_on_page: int
) -> NotificationGroupRow:
    return NotificationGroupRow(
        NotificationId(id),
        NotificationKind(kind),
        created_at,
        None if post is None else PostId(post),
        key,
        count,
        tuple(map(AccountId, senders)),
        NotificationId(oldest_on_page),
    )


_MEMBERS = f"""select n.id, n.from_account_id from notifications n
    where {_SELECTED} and ((n.group_key = %(key)s and n.group_key <> '') or n.id = %(id)s)
    and n.id < %(max_id)s and n.id > %(min_id)s order by n.id desc limit %(limit)s"""


def members(cursor: Cursor, *, account: AccountId, key: str, page: Page) -> list[tuple[NotificationId, AccountId]]:
    """Return the group's notifications with their senders, newest first."""
    params = bounds(page) | GroupSelection(filtered=True).params() | {"account": account, "key": key, "id": ungrouped_id(key)}
    return directed(page, fetch_all(cursor, lambda id, sender: (NotificationId(id), AccountId(sender)), page_sql(_MEMBERS, page), params))


# All members of a group are about one post, so its visibility is checked once per group, not per member.
# Not prepared: for an unknown account, the planner expects few unread notifications and sorts all of them.
_UNREAD = f"""select count(*) from (
    select from (select distinct {_KEY} as key, n.post_id from {UNREAD_ROWS} n where {_SELECTED_OF_MANY}) n
    where {POST_IS_VISIBLE} limit %(limit)s) counted"""


def unread(cursor: Cursor, *, account: AccountId, limit: int, choice: GroupSelection) -> int:
    """Count the groups with unread members, up to `limit`."""
    return int(fetch_value(cursor, _UNREAD, choice.params() | {"account": account, "limit": limit}))
