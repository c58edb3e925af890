"""Replies of other servers to people here, which are passed on to the followers of those people."""

from __future__ import annotations

from datetime import datetime

from microblog.model.deliveries import LocalActor
from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, fetch_one, fetch_value


def answered(cursor: Cursor, *, uri: str, author: AccountId) -> LocalActor | None:
    """Return the account here that a public or unlisted post of the author answers, also if that post was deleted; else None."""
    return fetch_one(cursor, LocalActor, _ANSWERED, {"uri": uri, "author": author})


_ANSWERED = Prepared("""select a.id, a.username from posts p join posts parent on parent.id = p.reply_to
    join accounts a on a.id = parent.account_id
    where p.uri = %(uri)s and p.account_id = %(author)s and p.visibility in ('public', 'unlisted')
        and parent.deleted_at is null and parent.visibility <> 'direct'
        and a.host is null and a.deleted_at is null and a.suspended_at is null""")


def count_since(cursor: Cursor, *, account: AccountId, time: datetime) -> int:
    """Return how many activities of others were passed on for an account since that time and are not yet forgotten."""
    return int(fetch_value(cursor, _COUNT_SINCE, {"account": account, "time": time}))


_COUNT_SINCE = Prepared("""select count(*) from outgoing_activities
    where account_id = %(account)s and kind = 'forward' and created_at >= %(time)s""")
