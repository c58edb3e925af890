"""Activities of this site's actors, from the transaction that causes them until their deliveries are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import orjson

from microblog.model.deliveries import Inbox, OutgoingActivity, OutgoingKind
from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_value, suppress_wakeup

EXPANSION_LOCK = 0x65787061  # "expa": the advisory lock of the one process that writes deliveries


def add(
    cursor: Cursor,
    kind: OutgoingKind,
    *,
    account: AccountId | None,
    now: datetime,
    post: PostId | None = None,
    data: Mapping[str, object] | None = None,
) -> int:
    """Record an activity in the transaction that causes it; return its id. Ids of one account are in the order of its commits."""
    return int(
        fetch_value(
            cursor,
            _ADD,
            {"kind": kind, "account": account, "post": post, "data": orjson.dumps(data or {}).decode(), "now": now},
        )
    )


_ADD = Prepared("""insert into outgoing_activities (kind, account_id, post_id, data, created_at)
    values (%(kind)s, %(account)s, %(post)s, %(data)s, %(now)s) returning id""")


def lock_expansion(cursor: Cursor) -> bool:
    """Take the lock for writing deliveries until the transaction ends; False if another process has it."""
    suppress_wakeup(cursor)
    return bool(fetch_value(cursor, "select pg_try_advisory_xact_lock(%(key)s)", {"key": EXPANSION_LOCK}))


def without_deliveries(cursor: Cursor, *, limit: int) -> list[OutgoingActivity]:
    """Return the oldest activities whose deliveries are not written yet, in their order."""
    return fetch_all(cursor, _activity, _WITHOUT_DELIVERIES, {"limit": limit})


_WITHOUT_DELIVERIES = Prepared("""select id, kind, account_id, post_id, data, created_at from outgoing_activities
    where expanded_at is null order by id limit %(limit)s""")


def _activity(id: int, kind: str, account: int | None, post: int | None, data: dict[str, Any], created_at: datetime) -> OutgoingActivity:
    actor = None if account is None else AccountId(account)
    return OutgoingActivity(id, OutgoingKind(kind), actor, None if post is None else PostId(post), data, created_at)


def expand(cursor: Cursor, *, activity: int, body: str | None, inboxes: Collection[Inbox], now: datetime) -> None:
    """Write the deliveries of an activity, each inbox once. Without a body there is nothing to tell any more."""
    recipients = inboxes if body is not None else ()
    execute(cursor, _SET_BODY, {"id": activity, "body": body, "now": now})
    if recipients:
        hosts, urls = zip(*((inbox.host, inbox.url) for inbox in recipients), strict=True)
        execute(cursor, _EXPAND, {"id": activity, "hosts": list(hosts), "urls": list(urls), "now": now})


_SET_BODY = Prepared("update outgoing_activities set body = %(body)s, expanded_at = %(now)s where id = %(id)s")

# A host that is dead gets nothing: followers synchronisation repairs what it misses.
_EXPAND = Prepared("""with recipients as (
        select distinct on (url) host, url from unnest(%(hosts)s::text[], %(urls)s::text[]) as given (host, url)
        where not exists (select from hosts h where h.host = given.host and h.dead_since is not null)),
    written as (
        insert into deliveries (activity_id, host, inbox, due_at) select %(id)s, host, url, %(now)s from recipients
        on conflict do nothing returning host)
    insert into hosts as h (host, due_at) select distinct host, %(now)s::timestamptz from written order by host
    on conflict (host) do update set due_at = least(h.due_at, excluded.due_at)""")


def delete_delivered(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete activities that were expanded before that time and have no delivery left; return how many."""
    return int(
        fetch_value(
            cursor,
            """with gone as (
                   delete from outgoing_activities where id in (
                       select o.id from outgoing_activities o where o.expanded_at < %(before)s
                       and not exists (select from deliveries d where d.activity_id = o.id) order by o.expanded_at limit %(limit)s)
                   returning id)
               select count(*) from gone""",
            {"before": before, "limit": limit},
        )
    )
