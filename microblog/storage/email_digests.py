"""Content of digests and daily reports at the time of sending: missed notifications, recipients, statistics of the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from microblog.model.accounts import Preferences
from microblog.model.emails import DailyReport
from microblog.model.ids import AccountId, NotificationId, PostId, id_at
from microblog.model.notifications import NotificationKind
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.emails import JOBS, REACHABLE
from microblog.storage.notifications import POST_IS_VISIBLE, READ_UP_TO

# Conditions on a notification `n`: %(account)s has not read it; its sender is active, and neither the sender, its domain nor the thread is
# muted or blocked.
_UNREAD = f"n.account_id = %(account)s and not n.filtered and n.id > {READ_UP_TO}"
_NOT_MUTED = """exists (select from accounts s where s.id = n.from_account_id and s.suspended_at is null and s.deleted_at is null)
    and not exists (select from blocks b where (b.account_id, b.target_id)
                    in ((n.account_id, n.from_account_id), (n.from_account_id, n.account_id)))
    and not exists (select from domain_blocks d join accounts s on s.host = d.domain
                    where d.account_id = n.account_id and s.id = n.from_account_id)
    and not exists (select from mutes m where m.account_id = n.account_id and m.target_id = n.from_account_id and m.notifications
                    and (m.expires_at is null or m.expires_at > %(now)s))
    and not exists (select from thread_mutes t join posts p on p.thread_id = t.thread_id
                    where t.account_id = n.account_id and p.id = n.post_id)"""


def is_unread(cursor: Cursor, *, account: AccountId, notification: NotificationId) -> bool:
    """True if the account has not read the notification yet."""
    sql = f"select exists (select from notifications n where n.id = %(id)s and {_UNREAD})"
    return bool(fetch_value(cursor, sql, {"account": account, "id": notification}))


def is_not_muted(cursor: Cursor, *, notification: NotificationId, now: datetime) -> bool:
    """True if the owner has muted or blocked neither the notification's sender nor its thread."""
    sql = f"select exists (select from notifications n where n.id = %(id)s and {_NOT_MUTED})"
    return bool(fetch_value(cursor, sql, {"id": notification, "now": now}))


def missed(
    cursor: Cursor, *, account: AccountId, since: datetime, kinds: Sequence[str], now: datetime
) -> list[tuple[NotificationKind, PostId | None, int]]:
    """Count the account's unread notifications of these kinds since then, by kind and by the post (of another account)."""
    return fetch_all(
        cursor,
        lambda kind, post, count: (NotificationKind(kind), None if post is None else PostId(post), int(count)),
        f"""select n.kind, w.id, count(*) from notifications n left join posts w on w.id = n.post_id and w.account_id <> n.account_id
            where n.id >= %(from)s and n.kind = any(%(kinds)s) and {_UNREAD} and {_NOT_MUTED} and {POST_IS_VISIBLE}
            group by n.kind, w.id order by n.kind""",
        {"account": account, "from": id_at(since), "kinds": list(kinds), "now": now},
    )


def add_digests(cursor: Cursor, *, frequencies: Sequence[str], since: datetime, key: str, now: datetime, limit: int) -> int:
    """Create up to `limit` digests for users who chose this frequency, were inactive since then and missed something; return the number.

    One digest per user and `key`. Call it until it returns less than `limit`.
    """
    return execute(
        cursor,
        f"""with written as (
               insert into emails (id, kind, account_id, recipient, key, data, created_at)
               select new_id(%(now)s), 'digest', l.account_id, l.email, %(key)s, jsonb_build_object('since', %(since_text)s::text), %(now)s
               from users l join accounts a on a.id = l.account_id
               -- Reachable users with this frequency
               where {REACHABLE} and coalesce(l.preferences->>'mail_digest', %(default)s) = any(%(frequencies)s)
               -- who used neither a browser nor an app since then,
               and not exists (select from sessions s where s.account_id = l.account_id and s.seen_at > %(since)s)
               and not exists (select from tokens t where t.account_id = l.account_id and t.used_at > %(since)s)
               -- have unread notifications,
               and exists (select from notifications n where n.account_id = l.account_id and not n.filtered and n.id > greatest(%(from)s,
                           (select last_read_id from markers k where k.account_id = l.account_id and k.timeline = 'notifications')))
               -- and got no digest of this key.
               and not exists (select from emails d where d.account_id = l.account_id and d.kind = 'digest' and d.key = %(key)s)
               order by l.account_id limit %(limit)s
               on conflict do nothing returning id, created_at as due_at)
           {JOBS}""",
        {
            "frequencies": list(frequencies),
            "default": Preferences().mail_digest,
            "since": since,
            "since_text": since.isoformat(),
            "from": id_at(since),
            "key": key,
            "now": now,
            "limit": limit,
        },
    )


def add_reports(cursor: Cursor, *, begin: datetime, end: datetime, key: str, now: datetime) -> int:
    """Create the report of that time for each administrator who wants it, once per `key`; return the number."""
    return execute(
        cursor,
        f"""with written as (
               insert into emails (id, kind, account_id, recipient, key, data, created_at)
               select new_id(%(now)s), 'report', l.account_id, l.email, %(key)s,
                      jsonb_build_object('begin', %(begin)s::text, 'end', %(end)s::text), %(now)s
               from users l join accounts a on a.id = l.account_id
               where l.role = 'admin' and {REACHABLE} and coalesce((l.preferences->>'mail_report')::boolean, %(default)s)
               on conflict do nothing returning id, created_at as due_at)
           {JOBS}""",
        {"default": Preferences().mail_report, "begin": begin.isoformat(), "end": end.isoformat(), "key": key, "now": now},
    )


def report(cursor: Cursor, *, begin: datetime, end: datetime) -> DailyReport:
    """Return the counts of that time and the current totals."""
    found = fetch_one(
        cursor,
        lambda *counts: DailyReport(begin, end, *counts),
        """select -- During the day: sign-ups, active users, posts, e-mails sent and failed.
                  (select count(*) from users where created_at >= %(begin)s and created_at < %(end)s),
                  (select count(distinct account_id) from sessions where seen_at >= %(begin)s and created_at < %(end)s),
                  (select count(*) from posts where id >= %(from)s and id < %(to)s and boost_of is null and deleted_at is null
                   and uri is null),
                  (select count(*) from emails where settled_at >= %(begin)s and settled_at < %(end)s and state in ('sent', 'kept')),
                  (select count(*) from emails where settled_at >= %(begin)s and settled_at < %(end)s and state in ('refused', 'failed')),
                  -- Now: pending sign-ups, waiting e-mails, jobs that are retried, and failed ones.
                  (select count(*) from users where approved_at is null and confirmed_at is not null),
                  (select count(*) from emails where state in ('waiting', 'deferred')),
                  (select count(*) from jobs where state = 'waiting' and tries > 0),
                  (select count(*) from jobs where state = 'dead')""",
        {"begin": begin, "end": end, "from": id_at(begin), "to": id_at(end)},
    )
    assert found is not None  # a select without `from` returns one row
    return found
