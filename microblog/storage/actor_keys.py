"""Key pairs of this site's actors. The private keys are encrypted before they get here."""

from __future__ import annotations

from datetime import datetime

from microblog.model.actor_keys import StoredKeyPair
from microblog.model.deliveries import LocalActor
from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one


def current(cursor: Cursor, *, account: AccountId | None) -> StoredKeyPair | None:
    """Return the key pair with which an actor signs; None if it has none yet. Without an account: the instance actor."""
    return fetch_one(cursor, _pair, _CURRENT, {"account": account})


_CURRENT = Prepared("""select public_key, private_key from actor_keys
    where account_id is not distinct from %(account)s and expires_at is null""")


def add(cursor: Cursor, *, account: AccountId | None, pair: StoredKeyPair, now: datetime) -> None:
    """Store the key pair of an actor, unless another process has just stored one."""
    execute(
        cursor,
        """insert into actor_keys (account_id, public_key, private_key, created_at)
           values (%(account)s, %(public)s, %(private)s, %(now)s) on conflict do nothing""",
        {"account": account, "public": pair.public_key, "private": pair.private_key, "now": now},
    )


def retire(cursor: Cursor, *, account: AccountId | None, until: datetime) -> bool:
    """Let the current key pair of an actor be a replaced one, which is kept until that time; False if there is none."""
    sql = "update actor_keys set expires_at = %(until)s where account_id is not distinct from %(account)s and expires_at is null"
    return bool(execute(cursor, sql, {"account": account, "until": until}))


def replaced(cursor: Cursor, *, account: AccountId | None, now: datetime) -> StoredKeyPair | None:
    """Return the key pair that an actor had before the current one; None if it was never replaced, or is to be forgotten."""
    return fetch_one(cursor, _pair, _REPLACED, {"account": account, "now": now})


_REPLACED = Prepared("""select public_key, private_key from actor_keys
    where account_id is not distinct from %(account)s and expires_at > %(now)s order by id desc limit 1""")


def delete_expired(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete replaced key pairs whose time has passed; return how many."""
    sql = "delete from actor_keys where id in (select id from actor_keys where expires_at < %(before)s limit %(limit)s)"
    return execute(cursor, sql, {"before": before, "limit": limit})


def owners(cursor: Cursor) -> list[LocalActor]:
    """Return the accounts that have a key pair, in the order of their ids."""
    return fetch_all(
        cursor,
        LocalActor,
        """select a.id, a.username from actor_keys k join accounts a on a.id = k.account_id
           where k.expires_at is null and a.host is null and a.deleted_at is null order by a.id""",
    )


def _pair(public_key: str, private_key: memoryview) -> StoredKeyPair:
    return StoredKeyPair(public_key, bytes(private_key))
