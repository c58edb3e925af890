"""Notifications. Each is inserted together with its event."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.model.emails import EMAILED_NOTIFICATIONS
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, NotificationId, PostId, ReportId, WarningId
from microblog.model.notifications import GROUPED, NotificationKind
from microblog.model.paging import Page
from microblog.storage import conversations
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_all, fetch_one, fetch_value
from microblog.storage.events import BADGES_CHANGED
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.visibility import VISIBLE

GROUP_HOURS = 12


@frozen
class NotificationRow:
    """A notification before its account and post are loaded."""

    id: NotificationId
    kind: NotificationKind
    created_at: datetime
    sender: AccountId
    post: PostId | None
    group_key: str
    filtered: bool = False


def add(
    cursor: Cursor,
    *,
    accounts: Collection[AccountId],
    kind: NotificationKind,
    sender: AccountId,
    now: datetime,
    post: PostId | None = None,
    report: ReportId | None = None,
    warning: WarningId | None = None,
    severance: int | None = None,
    filtered: Collection[AccountId] = (),
) -> None:
    """Notify each of the accounts, except those notified before and those that mute or block the sender.

    The sender is never notified (except of the end of their own poll, and of warnings and severed follows, which have no other sender),
    nor are accounts that block or are blocked by the sender, mute the sender (with notifications) or have muted the conversation. If
    e-mails may be needed, one job is added for all of them together, so that the author of a post does not wait for fifty e-mails. The
    same holds for push messages. For accounts that are also in `filtered` the notification is held back: no event, e-mail or push
    message, but a notification request if it is a mention.
    """
    if not accounts:
        return
    execute_deferred(
        cursor,
        _ADD,
        {
            "accounts": list(accounts),
            "kind": kind,
            "sender": sender,
            "post": post,
            "report": report,
            "warning": warning,
            "severance": severance,
            "filtered": list(filtered),
            "groups": group_keys(kind, post, now),
            "event": EventKind.NOTIFIED,
            "mailed": kind in EMAILED_NOTIFICATIONS,
            "now": now,
        },
    )


_ADD = Prepared("""with added as (
        -- The notifications, each in the newest group that it may join, or else in a new one. Filtered ones are never grouped.
        insert into notifications (id, account_id, kind, from_account_id, post_id, report_id, warning_id, severance_id, filtered, group_key,
                                   created_at)
        select new_id(%(now)s), a.id, %(kind)s, %(sender)s, %(post)s, %(report)s, %(warning)s, %(severance)s, a.id = any(%(filtered)s),
            case when a.id = any(%(filtered)s) then '' else coalesce(
            (select k.key from unnest(%(groups)s::text[]) with ordinality k (key, past) where exists (
                 select from notifications g where g.account_id = a.id and g.group_key = k.key and g.group_key <> '')
             order by k.past limit 1), (%(groups)s::text[])[1], '') end, %(now)s
        from accounts a
        -- Only for active accounts of this site other than the sender that have no block, mute or muted conversation in between, and do
        -- not block the sender's domain.
        where a.id = any(%(accounts)s) and (a.id <> %(sender)s or %(kind)s in ('poll', 'moderation_warning', 'severed_relationships'))
        and a.host is null and a.suspended_at is null and a.deleted_at is null
        and not exists (select from blocks b where (b.account_id, b.target_id) in ((a.id, %(sender)s), (%(sender)s, a.id)))
        and not exists (select from mutes m where m.account_id = a.id and m.target_id = %(sender)s and m.notifications
                        and (m.expires_at is null or m.expires_at > %(now)s))
        and not exists (select from thread_mutes t join posts p on p.thread_id = t.thread_id
                        where t.account_id = a.id and p.id = %(post)s)
        and not exists (select from domain_blocks d join accounts s on s.host = d.domain where d.account_id = a.id and s.id = %(sender)s)
        on conflict do nothing returning id, account_id, filtered),
    -- Notification requests for filtered mentions.
    requested as (
        insert into notification_requests as r (id, account_id, from_account_id, last_post_id, created_at, updated_at)
        select new_id(%(now)s), account_id, %(sender)s, %(post)s, %(now)s, %(now)s from added where filtered and %(kind)s = 'mention'
        on conflict (account_id, from_account_id) do update
        set last_post_id = excluded.last_post_id, updated_at = excluded.updated_at),
    -- One job for all e-mails, and one for all push messages.
    mailed as (
        insert into jobs (id, kind, payload, due_at, created_at)
        select new_id(%(now)s), 'email.notification', jsonb_build_object('notifications', jsonb_agg(id::text)), %(now)s, %(now)s
        from added where %(mailed)s and not filtered having count(*) > 0),
    pushed as (
        insert into jobs (id, kind, payload, due_at, created_at)
        select new_id(%(now)s), 'push.notification', jsonb_build_object('notifications', jsonb_agg(id::text)), %(now)s, %(now)s
        from added where not filtered and exists (
            select from push_subscriptions s where s.account_id = added.account_id and %(kind)s = any(s.alerts))
        having count(*) > 0)
    -- An event for each notification that is not filtered.
    insert into events (kind, account_id, subject_id, post_id, data, at)
    select %(event)s, account_id, %(sender)s, %(post)s,
           jsonb_build_object('notification', id::text, 'kind', %(kind)s::text), %(now)s
    from added where not filtered""")


def group_keys(kind: NotificationKind, post: PostId | None, now: datetime) -> list[str]:
    """Return the keys of groups that such a notification may join, the current hour's first. None for kinds that are never grouped.

    A group's key contains the hour of its first member. A group accepts members for half a day.
    """
    if kind not in GROUPED:
        return []
    prefix = kind if post is None else f"{kind}-{post}"
    hour = int(now.timestamp()) // 3600
    return [f"{prefix}-{hour - past}" for past in range(GROUP_HOURS)]


def withdraw(cursor: Cursor, *, account: AccountId, kind: NotificationKind, sender: AccountId, post: PostId | None = None) -> int:
    """Delete the notification of an undone favourite, boost or follow."""
    return execute(
        cursor,
        _WITHDRAW if post is None else _WITHDRAW_OF_POST,
        {"account": account, "kind": kind, "sender": sender, "post": post},
    )


_WITHDRAW = Prepared("""delete from notifications where account_id = %(account)s and kind = %(kind)s and from_account_id = %(sender)s
    and post_id is null""")
_WITHDRAW_OF_POST = Prepared("""delete from notifications where account_id = %(account)s and kind = %(kind)s
    and from_account_id = %(sender)s and post_id = %(post)s""")


def delete_of_post(cursor: Cursor, *, post: PostId) -> int:
    """Delete all notifications about a deleted post."""
    return execute(cursor, "delete from notifications where post_id = %(post)s", {"post": post})


def known_kinds(kinds: Sequence[str] | None) -> list[str]:
    """Return the kinds (None: all known ones). A newer version may have written others."""
    return list(NotificationKind if kinds is None else kinds)


def selected_kinds(kinds: Sequence[str] | None, without: Sequence[str]) -> list[str]:
    """Return the known kinds that are not excluded, each once."""
    return [kind for kind in dict.fromkeys(known_kinds(kinds)) if kind not in without]


def includes_all(kinds: Sequence[str], sender: int | None) -> bool:
    """True if all kinds and all senders are wanted: then one index scan reads the notifications in order, otherwise one scan per kind."""
    return sender is None and len(kinds) == len(NotificationKind)


def of_each_kind(conditions: str, order: str = "desc") -> str:
    """Return a sub-query: a page of matching notifications `n` of each of the %(kinds)s. So a rare kind reads no rows of other kinds."""
    return f"""unnest(%(kinds)s::text[]) wanted (kind) cross join lateral (
        select n.* from notifications n where n.kind = wanted.kind and {conditions} order by n.id {order} limit %(limit)s) n"""


# Condition: visible notifications `n` of %(account)s, for lists and counts. Senders are looked up row by row (`offset 0`), otherwise the
# planner reads all suspended and deleted accounts.
SENDER_IS_ACTIVE = """(exists (
    select from accounts s where s.id = {n}.from_account_id and (s.suspended_at is not null or s.deleted_at is not null)
    offset 0)) is not true"""
SENDER_IS_ACTIVE_OF_MANY = "{n}.from_account_id not in (select id from accounts where suspended_at is not null or deleted_at is not null)"
"""The same for thousands of rows, for which reading these accounts once costs less."""
POST_IS_VISIBLE = f"""(n.post_id is null or exists (
    select from posts p where p.id = n.post_id and {VISIBLE.replace("%(viewer)s", "%(account)s")}))"""
_SHOWN = f"n.account_id = %(account)s and n.kind = any(%(kinds)s) and {SENDER_IS_ACTIVE.format(n='n')} and {POST_IS_VISIBLE}"
_SELECTED = f"""{_SHOWN} and (%(sender)s::bigint is null or n.from_account_id = %(sender)s)"""
READ_UP_TO = """coalesce(
    (select k.last_read_id from markers k where k.account_id = %(account)s and k.timeline = 'notifications'), 0)"""

MAX_SCANNED = 4_000
"""Most unread notifications that are counted, the newest; above that the interface shows no exact number."""
UNREAD_ROWS = f"""(select * from notifications u where u.account_id = %(account)s and u.id > {READ_UP_TO}
    order by u.id desc limit {MAX_SCANNED})"""

# Filters stand before the limit, so that a page with hidden rows is not taken for the last one.
_IN_LIST = f"{_SELECTED} and (not n.filtered or %(filtered)s) and n.id < %(max_id)s and n.id > %(min_id)s"
_LIST = """select n.id, n.kind, n.created_at, n.from_account_id, n.post_id, n.group_key, n.filtered from {source}
           order by n.id desc limit %(limit)s"""
_LIST_OF_ALL = Prepared(_LIST.format(source=f"notifications n where {_IN_LIST}"))
_LIST_OF_SOME = _LIST.format(source=of_each_kind(_IN_LIST))  # planned for its kinds


def page_of(
    cursor: Cursor,
    *,
    account: AccountId,
    page: Page,
    kinds: Sequence[str] | None = None,
    without: Sequence[str] = (),
    sender: AccountId | None = None,
    filtered: bool = False,
) -> list[NotificationRow]:
    """Return the account's notifications, newest first. `kinds` None: all; `without` is excluded; `filtered` includes held-back ones."""
    wanted = selected_kinds(kinds, without)
    params = bounds(page) | {"account": account, "kinds": wanted, "sender": sender, "filtered": filtered}
    sql = _LIST_OF_ALL if includes_all(wanted, sender) else _LIST_OF_SOME
    return directed(page, fetch_all(cursor, _row, page_sql(sql, page), params))


def by_id(cursor: Cursor, *, account: AccountId, id: NotificationId) -> list[NotificationRow]:
    """Return the notification if the account owns it: one row or none."""
    return fetch_all(
        cursor,
        _row,
        """select id, kind, created_at, from_account_id, post_id, group_key, filtered from notifications
           where account_id = %(account)s and id = %(id)s and kind = any(%(kinds)s)""",
        {"account": account, "id": id, "kinds": known_kinds(None)},
    )


def _row(id: int, kind: str, created_at: datetime, sender: int, post: int | None, *rest: Any) -> NotificationRow:
    return NotificationRow(
        NotificationId(id), NotificationKind(kind), created_at, AccountId(sender), None if post is None else PostId(post), *rest
    )


def unread(
    cursor: Cursor,
    *,
    account: AccountId,
    limit: int,
    kinds: Sequence[str] | None = None,
    without: Sequence[str] = (),
    sender: AccountId | None = None,
) -> int:
    """Count the unread notifications, up to `limit`. Other parameters as for `page_of`."""
    params = {"account": account, "limit": limit, "kinds": selected_kinds(kinds, without), "sender": sender}
    sql = _UNREAD_SELECTED if sender is None else str(_UNREAD_SELECTED)  # not prepared, so that it is planned for the sender
    return int(fetch_value(cursor, sql, params))


_UNREAD_SELECTED = Prepared(f"""select count(*) from (
    select from {UNREAD_ROWS} n where {_SELECTED} and not n.filtered limit %(limit)s) counted""")

# Count of the account's unread notifications of the known %(kinds)s.
UNREAD = f"""(
    select count(*) from (
        select from {UNREAD_ROWS} n where {_SHOWN} and not n.filtered limit %(limit)s) counted)"""


@frozen
class UnreadCounts:
    """The counts in the navigation: unread notifications, follow requests, unread conversations."""

    unread: int = 0
    requests: int = 0
    messages: int = 0


def unread_counts(cursor: Cursor, *, account: AccountId, limit: int) -> UnreadCounts:
    """Return the counts of the navigation's badges, each up to `limit`."""
    return (
        fetch_one(cursor, UnreadCounts, _UNREAD_COUNTS, {"account": account, "limit": limit, "kinds": known_kinds(None)}) or UnreadCounts()
    )


_UNREAD_COUNTS = Prepared(f"""
    select {UNREAD},
           (select count(*) from (
               select from follow_requests where followee_id = %(account)s limit %(limit)s) requests),
           {conversations.UNREAD}""")


def read_up_to(cursor: Cursor, *, account: AccountId) -> int:
    """Return the id of the newest notification that the account has read; 0 if none."""
    sql = "select last_read_id from markers where account_id = %(account)s and timeline = 'notifications'"
    return fetch_value(cursor, sql, {"account": account}) or 0


def mark_read(cursor: Cursor, *, account: AccountId, up_to: int, now: datetime) -> None:
    """Move the account's marker forward, at most to its newest notification; it never moves back."""
    execute(
        cursor,
        f"""with moved as (
               insert into markers (account_id, timeline, last_read_id, updated_at)
               select %(account)s, 'notifications', least(%(up_to)s, newest.id), %(now)s
               from (select id from notifications where account_id = %(account)s order by id desc limit 1) newest
               on conflict (account_id, timeline) do update
               set last_read_id = excluded.last_read_id, version = markers.version + 1, updated_at = excluded.updated_at
               where markers.last_read_id < excluded.last_read_id returning account_id)
           {BADGES_CHANGED} from moved""",
        {"account": account, "up_to": up_to, "now": now},
    )


def dismiss(cursor: Cursor, *, account: AccountId, id: NotificationId, now: datetime) -> int:
    """Delete one of the account's notifications; return 0 if there is none with this id."""
    return _delete(cursor, "id = %(id)s", {"account": account, "id": id, "now": now})


def dismiss_group(cursor: Cursor, *, account: AccountId, key: str, id: NotificationId | None, now: datetime) -> int:
    """Delete a group or an ungrouped notification; return 0 if there is none."""
    return _delete(
        cursor, "((group_key = %(key)s and group_key <> '') or id = %(id)s)", {"account": account, "key": key, "id": id, "now": now}
    )


def clear(cursor: Cursor, *, account: AccountId, now: datetime) -> int:
    """Delete all of the account's notifications; return their number."""
    return _delete(cursor, "true", {"account": account, "now": now})


def _delete(cursor: Cursor, which: str, params: Mapping[str, object]) -> int:
    sql = f"with gone as (delete from notifications where account_id = %(account)s and {which} returning account_id)"
    return execute(cursor, f"{sql} {BADGES_CHANGED} from (select distinct account_id from gone) whose", params)
