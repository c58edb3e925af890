"""Moves of accounts: aliases, the account that one moved to, and what its followers take along."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import AccountId
from microblog.storage import accounts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value


def aliases(cursor: Cursor, *, account: AccountId) -> list[Account]:
    """Return the aliases of an account of this site, oldest first."""
    return fetch_all(cursor, accounts.account_from, _ALIASES, {"account": account})


_ALIASES = Prepared(
    f"""select {accounts.COLUMNS} from account_aliases l join {accounts.FROM} on a.id = l.target_id
        where l.account_id = %(account)s and a.deleted_at is null order by l.created_at, a.id"""
)


def add_alias(cursor: Cursor, *, account: AccountId, target: AccountId, now: datetime) -> bool:
    """Store an alias; return False if it is one already."""
    return bool(
        execute(
            cursor,
            """insert into account_aliases (account_id, target_id, created_at) values (%(account)s, %(target)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "target": target, "now": now},
        )
    )


def remove_alias(cursor: Cursor, *, account: AccountId, target: AccountId) -> bool:
    """Delete an alias; return False if there is none."""
    sql = "delete from account_aliases where account_id = %(account)s and target_id = %(target)s"
    return bool(execute(cursor, sql, {"account": account, "target": target}))


def has_alias(cursor: Cursor, *, account: AccountId, alias: AccountId, uri: str) -> bool:
    """True if an account names another one as an alias: in its settings here, or in its document. `uri` is the id of the other one."""
    return bool(fetch_value(cursor, _HAS_ALIAS, {"account": account, "alias": alias, "uri": uri}))


_HAS_ALIAS = Prepared("""select exists (select from account_aliases where account_id = %(account)s and target_id = %(alias)s)
    or exists (select from remote_actors where account_id = %(account)s and %(uri)s = any(also_known_as))""")


@frozen
class Move:
    """The last move of an account."""

    target: AccountId
    at: datetime


def last_move(cursor: Cursor, *, account: AccountId) -> Move | None:
    """Return the last move of an account, also if it was taken back."""
    return fetch_one(
        cursor,
        lambda target, at: Move(AccountId(target), at),
        "select target_id, created_at from account_moves where account_id = %(account)s order by id desc limit 1",
        {"account": account},
    )


def record_move(cursor: Cursor, *, account: AccountId, target: AccountId, now: datetime) -> int:
    """Store that an account moved; return the number of the move."""
    set_moved_to(cursor, account=account, target=target)
    return int(
        fetch_value(
            cursor,
            "insert into account_moves (account_id, target_id, created_at) values (%(account)s, %(target)s, %(now)s) returning id",
            {"account": account, "target": target, "now": now},
        )
    )


def set_moved_to(cursor: Cursor, *, account: AccountId, target: AccountId | None) -> bool:
    """Store which account is used instead of this one, None: none; return False if that is known."""
    return bool(execute(cursor, _SET_MOVED_TO, {"account": account, "target": target}))


_SET_MOVED_TO = Prepared("""update accounts set moved_to_id = %(target)s::bigint
    where id = %(account)s and deleted_at is null and moved_to_id is distinct from %(target)s::bigint""")


@frozen
class ActorAddress:
    """An account in a document: its id if it is of another server, else its username."""

    uri: str | None
    username: str


@frozen
class MoveAddresses:
    """Other accounts of an account's owner, for its document."""

    aliases: tuple[ActorAddress, ...] = ()
    moved_to: ActorAddress | None = None


def addresses(cursor: Cursor, *, account: AccountId) -> MoveAddresses:
    """Return the aliases of an account of this site, and the account that it moved to."""
    found = fetch_all(cursor, lambda is_target, uri, name: (is_target, ActorAddress(uri, name)), _ADDRESSES, {"account": account})
    moved = [address for is_target, address in found if is_target]
    return MoveAddresses(tuple(address for is_target, address in found if not is_target), moved[0] if moved else None)


_ADDRESSES = Prepared("""select false, a.uri, a.username from account_aliases l join accounts a on a.id = l.target_id
        where l.account_id = %(account)s and a.deleted_at is null
    union all select true, a.uri, a.username from accounts moved join accounts a on a.id = moved.moved_to_id
        where moved.id = %(account)s and a.deleted_at is null
    order by 1, 2, 3""")


@frozen
class Follower:
    """A follower of this site, and the lists on which the followed account is."""

    follow: int
    account: AccountId
    lists: tuple[int, ...]


def followers_here(cursor: Cursor, *, account: AccountId, after: int, limit: int) -> list[Follower]:
    """Return followers of this site, in the order of their follows, that come after the follow `after`."""
    return fetch_all(
        cursor,
        lambda follow, follower, lists: Follower(follow, AccountId(follower), tuple(lists)),
        _FOLLOWERS_HERE,
        {"account": account, "after": after, "limit": limit},
    )


_FOLLOWERS_HERE = Prepared("""with chosen as (
        select f.id, f.follower_id from follows f join accounts a on a.id = f.follower_id
        where f.followee_id = %(account)s and f.id > %(after)s and a.host is null and a.deleted_at is null
        order by f.id limit %(limit)s)
    select c.id, c.follower_id,
        array(select m.list_id from list_members m where m.account_id = c.follower_id and m.member_id = %(account)s order by 1)
    from chosen c order by c.id""")


def remember_lists(cursor: Cursor, *, follower: AccountId, followee: AccountId, lists: Collection[int]) -> None:
    """Store with a follow request on which of the follower's lists the account will be."""
    execute(
        cursor,
        "update follow_requests set lists = %(lists)s where follower_id = %(follower)s and followee_id = %(followee)s",
        {"lists": list(lists), "follower": follower, "followee": followee},
    )


def requested_lists(cursor: Cursor, *, follower: AccountId, followee: AccountId) -> list[int]:
    """Return what `remember_lists` stored and still exists."""
    return fetch_all(cursor, int, _REQUESTED_LISTS, {"follower": follower, "followee": followee})


_REQUESTED_LISTS = Prepared("""select l.id from follow_requests r join lists l on l.account_id = r.follower_id and l.id = any(r.lists)
    where r.follower_id = %(follower)s and r.followee_id = %(followee)s and r.lists is not null order by l.id""")


def copy_notes(cursor: Cursor, *, account: AccountId, target: AccountId, prefix: str) -> None:
    """Copy private notes about an account to the one that it moved to, below a sentence that says so; notes that are there stay."""
    execute(
        cursor,
        """insert into account_notes as n (account_id, target_id, note)
           select account_id, %(target)s, left(%(prefix)s || note, 2000) from account_notes
           where target_id = %(account)s and account_id <> %(target)s
           on conflict (account_id, target_id) do update set note = left(n.note || e'\\n\\n' || excluded.note, 2000)
           where position(%(prefix)s in n.note) = 0""",
        {"account": account, "target": target, "prefix": prefix},
    )


def blockers_here(cursor: Cursor, *, account: AccountId, target: AccountId, limit: int) -> list[AccountId]:
    """Return accounts of this site that block one that moved, and have no relation to the account that it moved to."""
    return fetch_all(cursor, AccountId, _BLOCKERS, {"account": account, "target": target, "limit": limit})


_OTHERS = """from {relation} r join accounts a on a.id = r.account_id
    where r.target_id = %(account)s and a.host is null and a.deleted_at is null and a.id <> %(target)s
        and not exists (select from follows f where f.follower_id = a.id and f.followee_id = %(target)s)
        and not exists (select from {relation} other where other.account_id = a.id and other.target_id = %(target)s)"""
_BLOCKERS = Prepared(f"select a.id {_OTHERS.format(relation='blocks')} order by a.id limit %(limit)s")


@frozen
class CarriedMute:
    """A mute of an account that moved."""

    account: AccountId
    notifications: bool
    until: datetime | None


def mutes_here(cursor: Cursor, *, account: AccountId, target: AccountId, limit: int) -> list[CarriedMute]:
    """Return mutes of an account that moved, by accounts of this site that have no relation to the account that it moved to."""
    return fetch_all(cursor, _carried_mute, _MUTES, {"account": account, "target": target, "limit": limit})


def _carried_mute(id: int, notifications: bool, until: datetime | None) -> CarriedMute:
    return CarriedMute(AccountId(id), notifications, until)


_MUTES = Prepared(f"select a.id, r.notifications, r.expires_at {_OTHERS.format(relation='mutes')} order by a.id limit %(limit)s")
