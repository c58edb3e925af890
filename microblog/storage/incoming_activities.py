"""Activities that arrived from other servers, and what was deleted or undone before it arrived."""

from __future__ import annotations

from datetime import datetime

from microblog.model.ids import AccountId
from microblog.model.incoming_activities import IncomingActivity
from microblog.storage.database import Cursor, Prepared, execute, fetch_one, fetch_value


def receive(cursor: Cursor, *, job: str, key: str, signer: AccountId, recipient: AccountId | None, body: str, now: datetime) -> None:
    """Store an activity with the job of this kind that lets it have its effect, unless it arrived before."""
    params = {"job": job, "key": key, "signer": signer, "recipient": recipient, "body": body, "now": now}
    execute(cursor, _RECEIVE, params)


# One statement instead of two: most of the cost of an activity are statements.
_RECEIVE = Prepared("""with stored as (
        insert into incoming_activities (key, signer_id, recipient_id, body, received_at)
        values (%(key)s, %(signer)s, %(recipient)s, %(body)s, %(now)s) on conflict do nothing returning id)
    insert into jobs (id, kind, payload, due_at, created_at)
    select new_id(%(now)s::timestamptz), %(job)s, jsonb_build_object('activity', id::text), %(now)s, %(now)s from stored""")


def by_id(cursor: Cursor, *, id: int) -> IncomingActivity | None:
    """Return a received activity; None if it is forgotten."""
    return fetch_one(cursor, _activity, _BY_ID, {"id": id})


_BY_ID = Prepared("select id, signer_id, recipient_id, body, received_at from incoming_activities where id = %(id)s")


def _activity(id: int, signer: int, recipient: int | None, body: str, received_at: datetime) -> IncomingActivity:
    return IncomingActivity(id, AccountId(signer), None if recipient is None else AccountId(recipient), body, received_at)


def remember_deleted(cursor: Cursor, *, uri: str, actor: str, now: datetime) -> None:
    """Remember that an actor deleted or undid something, in case it arrives later."""
    execute(
        cursor,
        "insert into remote_tombstones (uri, actor, created_at) values (%(uri)s, %(actor)s, %(now)s) on conflict do nothing",
        {"uri": uri, "actor": actor, "now": now},
    )


def was_deleted(cursor: Cursor, *, uri: str, actor: str) -> bool:
    """True if the actor deleted or undid this."""
    return fetch_value(cursor, _WAS_DELETED, {"uri": uri, "actor": actor}) is not None


_WAS_DELETED = Prepared("select 1 from remote_tombstones where uri = %(uri)s and actor = %(actor)s")


def delete_old(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Forget activities and tombstones from before that time, at most `limit` of each; return how many."""
    params = {"before": before, "limit": limit}
    activities = execute(
        cursor,
        """delete from incoming_activities where id in (
               select id from incoming_activities where received_at < %(before)s order by received_at limit %(limit)s)""",
        params,
    )
    tombstones = execute(
        cursor,
        """delete from remote_tombstones where (uri, actor) in (
               select uri, actor from remote_tombstones where created_at < %(before)s order by created_at limit %(limit)s)""",
        params,
    )
    return activities + tombstones
