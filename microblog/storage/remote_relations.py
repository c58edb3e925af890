"""Follows, follow requests and blocks between this site and other servers: their ids there, and who follows whom from here."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, RelationId
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_value


def set_block_uri(cursor: Cursor, *, account: AccountId, target: AccountId, uri: str | None) -> None:
    """Store the id of a block."""
    params = {"account": account, "target": target, "uri": uri}
    execute(cursor, "update blocks set activity_uri = %(uri)s where account_id = %(account)s and target_id = %(target)s", params)


def follower_of(cursor: Cursor, *, id: int, followee: AccountId) -> AccountId | None:
    """Return the account here whose follow of the account, or request to follow it, has this id."""
    found: AccountId | None = fetch_value(cursor, _FOLLOWER_OF, {"id": id, "followee": followee})
    return found


_FOLLOWER_OF = Prepared("""select follower_id from follows where id = %(id)s and followee_id = %(followee)s
    union all select follower_id from follow_requests where id = %(id)s and followee_id = %(followee)s limit 1""")


def follows_or_asks(cursor: Cursor, *, follower: AccountId, followee: AccountId) -> bool:
    """True if one account follows the other, or asks to."""
    return fetch_value(cursor, _FOLLOWS_OR_ASKS, {"follower": follower, "followee": followee}) is not None


_FOLLOWS_OR_ASKS = Prepared("""select 1 from follows where follower_id = %(follower)s and followee_id = %(followee)s
    union all select 1 from follow_requests where follower_id = %(follower)s and followee_id = %(followee)s limit 1""")


def is_related(cursor: Cursor, *, account: AccountId) -> bool:
    """True if an account of another server follows or asks anybody here, or is followed or asked by anybody here."""
    return fetch_value(cursor, _IS_RELATED, {"account": account}) is not None


# Relations between two accounts of other servers are not stored.
_IS_RELATED = Prepared("""select 1 from follows where follower_id = %(account)s
    union all select 1 from follows where followee_id = %(account)s
    union all select 1 from follow_requests where follower_id = %(account)s
    union all select 1 from follow_requests where followee_id = %(account)s limit 1""")


@frozen
class LocalFollower:
    """An account of this site that follows one elsewhere."""

    id: AccountId
    username: str


def local_followers(cursor: Cursor, *, account: AccountId) -> list[LocalFollower]:
    """Return the accounts of this site that follow the account."""
    return fetch_all(cursor, LocalFollower, _LOCAL_FOLLOWERS, {"account": account})


_LOCAL_FOLLOWERS = Prepared("""select a.id, a.username from follows f join accounts a on a.id = f.follower_id
    where f.followee_id = %(account)s and a.host is null""")


def begin_followers_check(cursor: Cursor, *, account: AccountId, now: datetime, unless_since: datetime) -> bool:
    """Note that the account's list of followers is read now; False if it was read since the other time."""
    params = {"account": account, "now": now, "since": unless_since}
    return bool(execute(cursor, _BEGIN_FOLLOWERS_CHECK, params))


_BEGIN_FOLLOWERS_CHECK = Prepared("""update remote_actors set followers_checked_at = %(now)s
    where account_id = %(account)s and (followers_checked_at is null or followers_checked_at <= %(since)s)""")


def new_follow_id(cursor: Cursor, *, now: datetime) -> RelationId:
    """Return an id for a follow that exists on another server only."""
    return RelationId(fetch_value(cursor, "select new_id(%(now)s)", {"now": now}))
