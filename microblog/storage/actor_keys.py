"""Key pairs of this site's actors. The private keys are encrypted before they get here."""

from __future__ import annotations

from datetime import datetime

from microblog.model.actor_keys import StoredKeyPair
from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, execute, fetch_one


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


def _pair(public_key: str, private_key: memoryview) -> StoredKeyPair:
    return StoredKeyPair(public_key, bytes(private_key))
