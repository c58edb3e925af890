"""Accounts of other servers by their inbox."""

from __future__ import annotations

from attrs import frozen

from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, fetch_all, fetch_value


@frozen
class InboxOwner:
    """An account with its id on its own server."""

    id: AccountId
    uri: str


def owners(cursor: Cursor, *, host: str, inbox: str, after: int, limit: int) -> list[InboxOwner]:
    """Return accounts on a host with this inbox, personal or shared, that follow or are followed here; those after an id, by id."""
    params = {"host": host, "inbox": inbox, "after": after, "limit": limit}
    return fetch_all(cursor, _owner, _OWNERS, params)


_OWNERS = """select a.id, a.uri from accounts a join remote_actors r on r.account_id = a.id
    where lower(split_part(a.uri, '/', 3)) = %(host)s and a.uri is not null and a.deleted_at is null and a.id > %(after)s
        and %(inbox)s in (r.inbox, r.shared_inbox)
        and (exists (select from follows f where f.follower_id = a.id) or exists (select from follows f where f.followee_id = a.id))
    order by a.id limit %(limit)s"""


def is_only_inbox(cursor: Cursor, *, account: AccountId, inbox: str) -> bool:
    """True if an account has this inbox and no shared one."""
    sql = "select 1 from remote_actors where account_id = %(account)s and inbox = %(inbox)s and shared_inbox is null"
    return fetch_value(cursor, sql, {"account": account, "inbox": inbox}) is not None


def followees_here(cursor: Cursor, *, account: AccountId, limit: int) -> list[AccountId]:
    """Return accounts of this site that an account of another server follows, at most `limit`."""
    sql = "select followee_id from follows where follower_id = %(account)s order by id limit %(limit)s"
    return fetch_all(cursor, AccountId, sql, {"account": account, "limit": limit})


def _owner(id: int, uri: str) -> InboxOwner:
    return InboxOwner(AccountId(id), uri)
