"""Blocks, mutes, private notes, and the relationship of one account to others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.model.accounts import RelatedAccount, Relationship
from microblog.model.ids import AccountId, RelationId
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql


def block(cursor: Cursor, *, account: AccountId, target: AccountId, now: datetime) -> bool:
    """Create the block; return False if it exists."""
    return bool(
        execute(
            cursor,
            """insert into blocks (id, account_id, target_id, created_at) values (new_id(%(now)s), %(account)s, %(target)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "target": target, "now": now},
        )
    )


@frozen
class DeletedBlock:
    """A block that ended. `is_known_elsewhere`: the server of one of the two accounts was told of it, or told this one."""

    id: RelationId
    is_known_elsewhere: bool


def unblock(cursor: Cursor, *, account: AccountId, target: AccountId) -> DeletedBlock | None:
    """Delete the block; None if there is none."""
    return fetch_one(
        cursor,
        DeletedBlock,
        "delete from blocks where account_id = %(account)s and target_id = %(target)s returning id, activity_uri is not null",
        {"account": account, "target": target},
    )


def block_id(cursor: Cursor, *, account: int, target: int) -> RelationId | None:
    """Return the id of the block; None if there is none."""
    return fetch_one(
        cursor,
        RelationId,
        "select id from blocks where account_id = %(account)s and target_id = %(target)s",
        {"account": account, "target": target},
    )


def blocks(cursor: Cursor, *, account: AccountId, target: AccountId) -> bool:
    """True if the account blocks the target."""
    return bool(
        fetch_value(
            cursor,
            "select exists (select from blocks where account_id = %(account)s and target_id = %(target)s)",
            {"account": account, "target": target},
        )
    )


def delete_notifications(cursor: Cursor, *, account: AccountId, sender: AccountId) -> int:
    """Delete the account's notifications from the sender, the request and the acceptance; return the number of notifications."""
    return execute(
        cursor,
        """with requests as (delete from notification_requests where account_id = %(account)s and from_account_id = %(sender)s),
                permitted as (delete from notification_permissions where account_id = %(account)s and from_account_id = %(sender)s)
           delete from notifications where account_id = %(account)s and from_account_id = %(sender)s""",
        {"account": account, "sender": sender},
    )


def mute(cursor: Cursor, *, account: AccountId, target: AccountId, notifications: bool, until: datetime | None, now: datetime) -> bool:
    """Create or update the mute; return False if nothing changed."""
    return bool(
        execute(
            cursor,
            """insert into mutes as m (id, account_id, target_id, notifications, expires_at, created_at)
               values (new_id(%(now)s), %(account)s, %(target)s, %(notifications)s, %(until)s, %(now)s)
               on conflict (account_id, target_id) do update
               set notifications = excluded.notifications, expires_at = excluded.expires_at
               where (m.notifications, m.expires_at) is distinct from (excluded.notifications, excluded.expires_at)""",
            {"account": account, "target": target, "notifications": notifications, "until": until, "now": now},
        )
    )


def unmute(cursor: Cursor, *, account: AccountId, target: AccountId) -> bool:
    """Delete the mute; return False if there is none."""
    return bool(
        execute(
            cursor,
            "delete from mutes where account_id = %(account)s and target_id = %(target)s",
            {"account": account, "target": target},
        )
    )


def end_mutes(cursor: Cursor, *, now: datetime) -> list[tuple[AccountId, AccountId]]:
    """Delete expired mutes; return them as (account, target)."""
    return fetch_all(
        cursor,
        lambda account, target: (AccountId(account), AccountId(target)),
        "delete from mutes where expires_at <= %(now)s returning account_id, target_id",
        {"now": now},
    )


def set_note(cursor: Cursor, *, account: AccountId, target: AccountId, note: str) -> None:
    """Store the account's private note about the target."""
    execute(
        cursor,
        """insert into account_notes (account_id, target_id, note) values (%(account)s, %(target)s, %(note)s)
           on conflict (account_id, target_id) do update set note = excluded.note""",
        {"account": account, "target": target, "note": note},
    )


def clear_note(cursor: Cursor, *, account: AccountId, target: AccountId) -> None:
    """Delete the account's note about the target."""
    execute(
        cursor,
        "delete from account_notes where account_id = %(account)s and target_id = %(target)s",
        {"account": account, "target": target},
    )


def _related(id: int, until: datetime | None, *columns: Any) -> RelatedAccount:
    return RelatedAccount(RelationId(id), accounts.account_from(*columns), until)


_OTHERS = """ where a.id = r.target_id and r.account_id = %(account)s and r.id < %(max_id)s and r.id > %(min_id)s
    and a.suspended_at is null and a.deleted_at is null"""
_LIMIT = " order by r.id desc limit %(limit)s"
_BLOCKED = f"select r.id, null, {accounts.COLUMNS} from blocks r, {accounts.FROM}" + _OTHERS + _LIMIT
_MUTED = (
    f"select r.id, r.expires_at, {accounts.COLUMNS} from mutes r, {accounts.FROM}"
    + _OTHERS
    + " and (r.expires_at is null or r.expires_at > %(now)s)"
    + _LIMIT
)


def blocked(cursor: Cursor, *, account: AccountId, page: Page) -> list[RelatedAccount]:
    """Return the accounts that the account blocks, newest block first."""
    return directed(page, fetch_all(cursor, _related, page_sql(_BLOCKED, page), bounds(page) | {"account": account}))


def muted(cursor: Cursor, *, account: AccountId, page: Page, now: datetime) -> list[RelatedAccount]:
    """Return the accounts that the account mutes, newest mute first."""
    return directed(page, fetch_all(cursor, _related, page_sql(_MUTED, page), bounds(page) | {"account": account, "now": now}))


def relationships(cursor: Cursor, *, viewer: AccountId, ids: Sequence[int], now: datetime, suspended: bool = True) -> list[Relationship]:
    """Return the viewer's relationship to each existing account, in the order of `ids`; `suspended` includes suspended accounts."""
    return fetch_all(cursor, _relationship, _RELATIONSHIPS, {"viewer": viewer, "ids": list(ids), "now": now, "suspended": suspended})


_RELATIONSHIPS = Prepared("""
    select a.id, f.id is not null, coalesce(f.boosts, q.boosts, false), coalesce(f.notify, q.notify, false),
           coalesce(f.languages, q.languages),
           exists (select from follows where follower_id = a.id and followee_id = %(viewer)s),
           q.id is not null,
           exists (select from follow_requests where follower_id = a.id and followee_id = %(viewer)s),
           exists (select from blocks where account_id = %(viewer)s and target_id = a.id),
           exists (select from blocks where account_id = a.id and target_id = %(viewer)s),
           m.id is not null, coalesce(m.notifications, false), m.expires_at, coalesce(n.note, ''),
           exists (select from endorsements where account_id = %(viewer)s and target_id = a.id),
           a.host is not null and exists (select from domain_blocks where account_id = %(viewer)s and domain = a.host)
    from unnest(%(ids)s::bigint[]) with ordinality as wanted (id, place)
    join accounts a on a.id = wanted.id and a.deleted_at is null and (%(suspended)s or a.suspended_at is null)
    left join follows f on f.follower_id = %(viewer)s and f.followee_id = a.id
    left join follow_requests q on q.follower_id = %(viewer)s and q.followee_id = a.id
    left join mutes m on m.account_id = %(viewer)s and m.target_id = a.id and (m.expires_at is null or m.expires_at > %(now)s)
    left join account_notes n on n.account_id = %(viewer)s and n.target_id = a.id
    order by wanted.place""")


def _relationship(id: int, following: bool, boosts: bool, notify: bool, languages: list[str] | None, *rest: Any) -> Relationship:
    return Relationship(AccountId(id), following, boosts, notify, None if languages is None else tuple(languages), *rest)
