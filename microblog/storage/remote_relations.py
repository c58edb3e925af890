"""Ids under which other servers know follows, follow requests and blocks."""

from __future__ import annotations

from attrs import frozen

from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, execute, fetch_one, fetch_value


@frozen
class RemoteRelation:
    """The account that is followed, asked or blocked."""

    target: AccountId
    is_block: bool


def set_block_uri(cursor: Cursor, *, account: AccountId, target: AccountId, uri: str | None) -> None:
    """Store the id of a block."""
    params = {"account": account, "target": target, "uri": uri}
    execute(cursor, "update blocks set activity_uri = %(uri)s where account_id = %(account)s and target_id = %(target)s", params)


def by_uri(cursor: Cursor, *, account: AccountId, uri: str) -> RemoteRelation | None:
    """Return what an account of another server did under this id: a follow, a follow request or a block."""
    return fetch_one(cursor, _relation, _BY_URI, {"account": account, "uri": uri})


_BY_URI = Prepared("""select followee_id, false from follows where follower_id = %(account)s and activity_uri = %(uri)s
    union all select followee_id, false from follow_requests where follower_id = %(account)s and activity_uri = %(uri)s
    union all select target_id, true from blocks where account_id = %(account)s and activity_uri = %(uri)s limit 1""")


def follower_of(cursor: Cursor, *, id: int, followee: AccountId) -> AccountId | None:
    """Return the account here whose follow of the account, or request to follow it, has this id."""
    found: AccountId | None = fetch_value(cursor, _FOLLOWER_OF, {"id": id, "followee": followee})
    return found


_FOLLOWER_OF = Prepared("""select follower_id from follows where id = %(id)s and followee_id = %(followee)s
    union all select follower_id from follow_requests where id = %(id)s and followee_id = %(followee)s limit 1""")


def _relation(target: int, is_block: bool) -> RemoteRelation:
    return RemoteRelation(AccountId(target), is_block)
