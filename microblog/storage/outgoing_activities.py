"""Activities of this site's actors, written with their deliveries."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from microblog.model.deliveries import Inbox, OutgoingActivity
from microblog.storage.database import Cursor, Prepared, execute, fetch_value


def add(cursor: Cursor, activity: OutgoingActivity, *, inboxes: Collection[Inbox], now: datetime) -> int:
    """Store an activity with a delivery to each inbox, each once; return its id.

    Deliveries to a host are in the order of these calls. A host that is dead gets nothing: followers synchronisation repairs what it
    misses.
    """
    params = {"kind": activity.kind, "account": activity.account_id, "body": activity.body, "private": activity.followers_only, "now": now}
    id = int(fetch_value(cursor, _ADD, params))
    hosts, urls = [inbox.host for inbox in inboxes], [inbox.url for inbox in inboxes]
    execute(cursor, _ADD_DELIVERIES, {"id": id, "hosts": hosts, "urls": urls, "now": now})
    return id


_ADD = Prepared("""insert into outgoing_activities (kind, account_id, body, followers_only, created_at)
    values (%(kind)s, %(account)s, %(body)s, %(private)s, %(now)s) returning id""")

_ADD_DELIVERIES = Prepared("""with recipients as (
        select distinct on (url) host, url from unnest(%(hosts)s::text[], %(urls)s::text[]) as given (host, url)
        where not exists (select from hosts h where h.host = given.host and h.dead_since is not null)),
    written as (
        insert into deliveries (activity_id, host, inbox, due_at) select %(id)s, host, url, %(now)s from recipients returning host)
    insert into hosts as h (host, due_at) select distinct host, %(now)s::timestamptz from written order by host
    on conflict (host) do update set due_at = least(h.due_at, excluded.due_at)""")


def delete_delivered(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete activities from before that time that have no delivery left; return how many."""
    return execute(
        cursor,
        """delete from outgoing_activities where id in (
               select o.id from outgoing_activities o where o.created_at < %(before)s
               and not exists (select from deliveries d where d.activity_id = o.id) order by o.created_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )
