"""Conversations of direct messages: one row for each account, thread and set of other participants; each change writes an event.

Rows are kept regardless of visibility. Visibility is checked when they are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from attrs import frozen

from microblog.model.conversations import Conversation
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, ConversationId, PostId
from microblog.model.paging import Page
from microblog.storage import accounts, posts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_value
from microblog.storage.events import BADGES_CHANGED
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.visibility import VISIBLE

# Condition: the participants of the post `p` are exactly those of the conversation `c`.
_SAME_PARTICIPANTS = """(
    p.visibility = 'direct' and p.boost_of is null and p.deleted_at is null
    and array(select p.account_id union select m.account_id from mentions m where m.post_id = p.id and not m.silent order by 1)
        = array(select unnest(c.participants || c.account_id) order by 1))"""

MAX_SCANNED_POSTS = 1_000
"""Most of a thread's newest direct messages that are searched for a conversation's current last message."""

# Messages in the thread of conversation `c`, up to its last one.
_MESSAGES = f"""(
    select p.* from posts p
    where p.thread_id = c.thread_id and p.id <= c.last_post_id
    and p.visibility = 'direct' and p.boost_of is null and p.deleted_at is null order by p.id desc limit {MAX_SCANNED_POSTS})"""

# The last post is accepted even if its participants differ by now: mentioned accounts may have been deleted since.
_LAST = f"""
    select p.id from {_MESSAGES} p
    where (p.id = c.last_post_id or {_SAME_PARTICIPANTS}) and {VISIBLE.replace("%(viewer)s", "c.account_id")}
    order by p.id desc limit 1"""

_SELECT = f"""
    select c.id, c.account_id, c.participants, c.unread and shown.id = c.last_post_id, c.last_post_id, shown.id
    from conversations c cross join lateral ({_LAST}) shown"""

# Count the account's unread conversations. Only the newest `limit` are read: older ones do not matter for the badge.
UNREAD = f"""(
    select count(*) from (
        select c.unread, c.last_post_id from conversations c where c.account_id = %(account)s and c.last_post_id is not null
        order by c.last_post_id desc limit %(limit)s) newest
    where newest.unread and exists (
        select from posts p where p.id = newest.last_post_id and {VISIBLE.replace("%(viewer)s", "%(account)s")}))"""

# Condition: an account that would not be notified of the post gets no conversation either. Uses the account `a` and the post in `message`.
_MAY_NOTIFY = """(
    a.host is null and a.suspended_at is null and a.deleted_at is null
    and not exists (select from blocks b where (b.account_id, b.target_id) in ((a.id, message.author), (message.author, a.id)))
    and not exists (select from mutes m where m.account_id = a.id and m.target_id = message.author and m.notifications
                    and (m.expires_at is null or m.expires_at > %(now)s))
    and not exists (select from domain_blocks d join accounts s on s.host = d.domain where d.account_id = a.id and s.id = message.author)
    and not exists (select from thread_mutes t where t.account_id = a.id and t.thread_id = message.thread_id))"""

_RECORD_EVENTS = """
    insert into events (kind, account_id, post_id, data, at)
    select %(event)s, account_id, last_post_id, jsonb_build_object('conversation', id::text, 'mentions', participants), %(now)s"""


@frozen
class StoredConversation:
    """A conversation before its accounts and last post are loaded. `last` may be older than the post at `place`."""

    id: ConversationId
    account: AccountId
    participants: tuple[AccountId, ...]
    unread: bool
    place: PostId
    last: PostId


def _row(id: int, account: int, participants: list[int], unread: bool, place: int, last: int) -> StoredConversation:
    others = tuple(AccountId(other) for other in participants)
    return StoredConversation(ConversationId(id), AccountId(account), others, unread, PostId(place), PostId(last))


def deliver(cursor: Cursor, *, post: PostId, unread: Collection[AccountId], withheld: Collection[AccountId], now: datetime) -> int:
    """Add the direct post to the conversations of its author and of its notifiable mentions; return the number of conversations.

    `withheld`: recipients whose policy withholds the message. `unread`: recipients for whom it is unread. A recipient's conversation
    that was unread stays so. The author's becomes read.
    """
    return execute(
        cursor,
        _DELIVER,
        {"post": post, "unread": list(unread), "withheld": list(withheld), "event": EventKind.CONVERSATION_CHANGED, "now": now},
    )


_DELIVER = Prepared(f"""
    with message as (select p.id, p.thread_id, p.account_id as author from posts p where p.id = %(post)s),
    participants as (
        select author as id from message
        union select m.account_id from mentions m where m.post_id = %(post)s and not m.silent),
    -- One conversation for the author if of this site, and for each mentioned account that may be notified.
    changed as (
        insert into conversations (id, account_id, thread_id, participants, last_post_id, unread)
        select new_id(%(now)s), a.id, message.thread_id,
               array(select o.id from participants o where o.id <> a.id order by o.id), message.id, a.id = any(%(unread)s::bigint[])
        from participants join accounts a on a.id = participants.id cross join message
        where (a.id = message.author and a.host is null) or (a.id <> all(%(withheld)s::bigint[]) and {_MAY_NOTIFY}) order by a.id
        on conflict (account_id, thread_id, participants) do update
        set last_post_id = greatest(conversations.last_post_id, excluded.last_post_id),
            unread = excluded.unread or (conversations.unread and conversations.account_id <> (select author from message))
        returning id, account_id, participants, last_post_id)
    {_RECORD_EVENTS} from changed""")


def deliver_filtered(cursor: Cursor, *, account: AccountId, senders: Collection[AccountId], now: datetime) -> int:
    """Add the withheld direct posts of these senders to the account's conversations; return the number of conversations.

    Includes posts whose notifications are still queued. Must be called before the notifications are released.
    """
    return execute(
        cursor,
        f"""with released (id) as (
               -- Posts whose notifications are filtered, or still queued.
               select n.post_id from notifications n
               where n.account_id = %(account)s and n.from_account_id = any(%(senders)s::bigint[]) and n.filtered and n.kind = 'mention'
               union
               select m.post_id from jobs j join mentions m on m.post_id = (j.payload->>'post')::bigint and m.account_id = %(account)s
                   and not m.silent
               where j.kind = 'post.notify' and j.state in ('waiting', 'running')),
           -- The direct ones among them, with their other participants.
           withheld as (
               select p.id, p.thread_id, array(
                   select o.id from (
                       select p.account_id as id union select m.account_id from mentions m where m.post_id = p.id and not m.silent) o
                   where o.id <> %(account)s order by o.id) as others
               from released join posts p on p.id = released.id and p.visibility = 'direct' and p.deleted_at is null
               where p.account_id = any(%(senders)s::bigint[])),
           changed as (
               insert into conversations (id, account_id, thread_id, participants, last_post_id, unread)
               select new_id(%(now)s), %(account)s, thread_id, others, max(id), true from withheld group by thread_id, others
               on conflict (account_id, thread_id, participants) do update
               set last_post_id = greatest(conversations.last_post_id, excluded.last_post_id), unread = true
               returning id, account_id, participants, last_post_id)
           {_RECORD_EVENTS} from changed""",
        {"account": account, "senders": list(senders), "event": EventKind.CONVERSATION_CHANGED, "now": now},
    )


def lock(cursor: Cursor, *, thread: PostId) -> int:
    """Lock the conversations of the thread until the transaction ends; return their number.

    If two transactions remove its last posts at once, the second one then sees the result of the first.
    """
    sql = "select id from conversations where thread_id = %(thread)s order by account_id, id for no key update"
    return execute(cursor, sql, {"thread": thread})


def replace_last_post(cursor: Cursor, *, post: PostId, now: datetime) -> list[AccountId]:
    """Update conversations whose last post was deleted or has other recipients now: use an earlier message, or delete them.

    The earlier message is searched for among the thread's newest ones. Return the accounts for which the post was unread. The thread must
    be locked.
    """
    return fetch_all(
        cursor,
        AccountId,
        f"""with stale as (
               -- Conversations of which the post is the last one but to which it no longer belongs; with an earlier message, if any.
               select c.id, (
                   select p.id from {_MESSAGES} p where {_SAME_PARTICIPANTS} order by p.id desc limit 1) as previous
               from conversations c where c.last_post_id = %(post)s
               and not exists (select from posts p where p.id = %(post)s and {_SAME_PARTICIPANTS})),
           changed as (
               update conversations c set last_post_id = stale.previous from stale where c.id = stale.id and stale.previous is not null
               returning c.id, c.account_id, c.participants, c.last_post_id, c.unread),
           deleted as (
               delete from conversations c using stale where c.id = stale.id and stale.previous is null returning c.account_id, c.unread),
           recorded as ({_RECORD_EVENTS} from changed)
           select account_id from changed where unread union select account_id from deleted where unread""",
        {"post": post, "event": EventKind.CONVERSATION_CHANGED, "now": now},
    )


def record_edit(cursor: Cursor, *, post: PostId, now: datetime) -> int:
    """Write an event for each conversation whose last post is this edited one; return their number."""
    return execute(
        cursor,
        f"{_RECORD_EVENTS} from conversations where last_post_id = %(post)s",
        {"post": post, "event": EventKind.CONVERSATION_CHANGED, "now": now},
    )


def set_unread(cursor: Cursor, *, account: AccountId, id: ConversationId, unread: bool, now: datetime) -> int:
    """Mark one of the account's conversations as read or unread; return 0 if nothing changed."""
    return execute(
        cursor,
        f"""with changed as (
               update conversations set unread = %(unread)s where id = %(id)s and account_id = %(account)s and unread <> %(unread)s
               returning id, account_id, participants, last_post_id),
           counted as ({BADGES_CHANGED} from changed)
           {_RECORD_EVENTS} from changed""",
        {"account": account, "id": id, "unread": unread, "event": EventKind.CONVERSATION_CHANGED, "now": now},
    )


def unread(cursor: Cursor, *, account: AccountId, limit: int) -> int:
    """Count the unread ones among the account's newest conversations, up to `limit`."""
    return int(fetch_value(cursor, f"select {UNREAD}", {"account": account, "limit": limit}))


def unread_among(cursor: Cursor, *, account: AccountId, thread: PostId, others: Sequence[AccountId]) -> list[ConversationId]:
    """Return the account's unread conversation with `others` (in any order) in the thread."""
    return fetch_all(
        cursor,
        ConversationId,
        """select id from conversations where account_id = %(account)s and thread_id = %(thread)s
           and participants = %(others)s::bigint[] and unread""",
        {"account": account, "thread": thread, "others": sorted(others)},
    )


def delete(cursor: Cursor, *, account: AccountId, id: ConversationId, now: datetime) -> int:
    """Delete one of the account's conversations but not its messages; return 0 if there is none."""
    return _delete(cursor, "id = %(id)s", {"account": account, "id": id, "now": now})


def delete_with(cursor: Cursor, *, account: AccountId, other: AccountId, now: datetime) -> int:
    """Delete all of the account's conversations with another account; return their number."""
    return _delete(cursor, "%(other)s = any(participants)", {"account": account, "other": other, "now": now})


def delete_with_domain(cursor: Cursor, *, account: AccountId, domain: str, now: datetime) -> int:
    """Delete all of the account's conversations with accounts of another server; return their number."""
    return _delete(cursor, _WITH_DOMAIN, {"account": account, "domain": domain, "now": now})


_WITH_DOMAIN = "exists (select from accounts a where a.id = any(conversations.participants) and a.host = %(domain)s)"


def _delete(cursor: Cursor, which: str, params: Mapping[str, object]) -> int:
    sql = f"""
        with deleted as (delete from conversations where account_id = %(account)s and {which} returning id, account_id)
        insert into events (kind, account_id, data, at)
        select %(event)s, account_id, jsonb_build_object('removed', id::text), %(now)s from deleted"""
    return execute(cursor, sql, {**params, "event": EventKind.BADGES_CHANGED})


def page_of(cursor: Cursor, *, account: AccountId, page: Page) -> list[StoredConversation]:
    """Return the account's conversations, most recent message first, without those in which it may see no message."""
    condition = " where c.account_id = %(account)s and c.last_post_id < %(max_id)s and c.last_post_id > %(min_id)s"
    order = page_sql(" order by c.last_post_id desc, c.id desc limit %(limit)s", page)
    return directed(page, fetch_all(cursor, _row, Prepared(_SELECT + condition + order), bounds(page) | {"account": account}))


def by_ids(cursor: Cursor, *, ids: Collection[int]) -> list[StoredConversation]:
    """Return these conversations, of any accounts, each as its owner may see it."""
    return fetch_all(cursor, _row, _BY_IDS, {"ids": list(ids)})


_BY_IDS = Prepared(_SELECT + " where c.id = any(%(ids)s)")


def load(cursor: Cursor, rows: Sequence[StoredConversation]) -> list[Conversation]:
    """Load the accounts and posts of the rows. Deleted and suspended participants are left out."""
    if not rows:
        return []
    wanted = {id for row in rows for id in (row.account, *row.participants)}
    participants = {one.id: one for one in accounts.by_ids(cursor, ids=sorted(wanted)) if one.suspended_at is None}
    last = posts.by_ids(cursor, {row.last for row in rows})
    return [
        Conversation(
            row.id,
            participants[row.account],
            tuple(participants[other] for other in row.participants if other in participants),
            last[row.last],
            row.unread,
            row.place,
        )
        for row in rows
        if row.account in participants and row.last in last
    ]
