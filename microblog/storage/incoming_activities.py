"""Activities that arrived from other servers, and what was deleted or undone before it arrived."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from microblog.model.ids import AccountId
from microblog.model.incoming_activities import ActivityToStore, IncomingActivity
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_one, fetch_value


def receive(cursor: Cursor, activity: ActivityToStore, *, job: str, only_if_followed: bool = False, now: datetime) -> bool:
    """Store an activity with the job of this kind that lets it have its effect, unless it arrived before.

    False if it is to be stored `only_if_followed`, and nobody of this site follows the signer.
    """
    params = {
        "job": job,
        "key": activity.key,
        "signer": activity.signer_id,
        "host": activity.host,
        "recipient": activity.recipient_id,
        "body": activity.body,
        "always": not only_if_followed,
        "now": now,
    }
    return bool(fetch_value(cursor, _RECEIVE, params))


# One statement instead of three: most of the cost of an activity are statements.
_RECEIVE = Prepared("""with wanted as materialized (
        select where %(always)s::boolean or exists (
            select from follows f join accounts a on a.id = f.follower_id where f.followee_id = %(signer)s::bigint and a.host is null)),
    stored as (
        insert into incoming_activities (key, signer_id, waiting_host, recipient_id, body, received_at)
        select %(key)s::text, %(signer)s::bigint, %(host)s::text, %(recipient)s::bigint, %(body)s::text, %(now)s::timestamptz from wanted
        on conflict do nothing returning id),
    queued as (
        insert into jobs (id, kind, payload, due_at, created_at)
        select new_id(%(now)s::timestamptz), %(job)s, jsonb_build_object('activity', id::text), %(now)s, %(now)s from stored)
    select exists (select from wanted)""")


def was_received(cursor: Cursor, *, keys: Collection[str]) -> bool:
    """True if an activity with one of these keys arrived within the last days."""
    return fetch_value(cursor, _WAS_RECEIVED, {"keys": list(keys)}) is not None


_WAS_RECEIVED = Prepared("select 1 from incoming_activities where key = any(%(keys)s::text[]) limit 1")


def waiting(cursor: Cursor, *, host: str, since: datetime, limit: int) -> tuple[int, int]:
    """Return how many activities of a host that arrived since then wait for their effect, and their bytes; of at most `limit`."""
    found = fetch_one(cursor, lambda count, size: (int(count), int(size)), _WAITING, {"host": host, "since": since, "limit": limit})
    assert found is not None
    return found


_WAITING = Prepared("""select count(*), coalesce(sum(octet_length(body)), 0) from (
    select body from incoming_activities where waiting_host = %(host)s and received_at >= %(since)s limit %(limit)s) waiting""")


def done(cursor: Cursor, *, id: int) -> None:
    """Note that an activity had its effect, and forget its text."""
    execute_deferred(cursor, _DONE, {"id": id})


_DONE = Prepared("update incoming_activities set waiting_host = null, body = null where id = %(id)s and body is not null")


def by_id(cursor: Cursor, *, id: int) -> IncomingActivity | None:
    """Return a received activity; None if it is forgotten or had its effect."""
    return fetch_one(cursor, _activity, _BY_ID, {"id": id})


_BY_ID = Prepared("""select id, signer_id, recipient_id, body, received_at from incoming_activities
    where id = %(id)s and body is not null""")


def _activity(id: int, signer: int, recipient: int | None, body: str, received_at: datetime) -> IncomingActivity:
    return IncomingActivity(id, AccountId(signer), None if recipient is None else AccountId(recipient), body, received_at)


def remember_deleted(cursor: Cursor, *, uri: str, actor: str, now: datetime) -> bool:
    """Remember that an actor deleted or undid something, in case it arrives later. False if it was remembered before."""
    return execute(cursor, _REMEMBER_DELETED, {"uri": uri, "actor": actor, "now": now}) > 0


_REMEMBER_DELETED = Prepared(
    "insert into remote_tombstones (uri, actor, created_at) values (%(uri)s, %(actor)s, %(now)s) on conflict do nothing"
)


def was_deleted(cursor: Cursor, *, uri: str, actor: str) -> bool:
    """True if the actor deleted or undid this."""
    return fetch_value(cursor, _WAS_DELETED, {"uri": uri, "actor": actor}) is not None


_WAS_DELETED = Prepared("select 1 from remote_tombstones where uri = %(uri)s and actor = %(actor)s")


def delete_old(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Forget activities, tombstones and actions from before that time, at most `limit` of each; return how many."""
    params = {"before": before, "limit": limit}
    return sum(execute(cursor, statement, params) for statement in _DELETE_OLD)


_DELETE_OLD = (
    """delete from incoming_activities where id in (
        select id from incoming_activities where received_at < %(before)s order by received_at limit %(limit)s)""",
    """delete from remote_tombstones where (uri, actor) in (
        select uri, actor from remote_tombstones where created_at < %(before)s order by created_at limit %(limit)s)""",
    """delete from received_actions where (actor_id, uri) in (
        select actor_id, uri from received_actions where received_at < %(before)s order by received_at limit %(limit)s)""",
)
