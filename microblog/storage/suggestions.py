"""Featured accounts, suggestions, familiar followers, and the directory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from microblog.model.accounts import Account, RelatedAccount
from microblog.model.ids import AccountId, RelationId
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.visibility import IS_OF_NO_BLOCKED_DOMAIN


def endorse(cursor: Cursor, *, account: AccountId, target: AccountId, now: datetime) -> bool:
    """Feature a followee on the account's profile; return False if it is featured already or not followed."""
    return bool(
        execute(
            cursor,
            """insert into endorsements (id, account_id, target_id, created_at)
               select new_id(%(now)s), follower_id, followee_id, %(now)s from follows
               where follower_id = %(account)s and followee_id = %(target)s for key share
               on conflict do nothing""",
            {"account": account, "target": target, "now": now},
        )
    )


def unendorse(cursor: Cursor, *, account: AccountId, target: AccountId) -> bool:
    """Stop featuring the target; return False if it was not featured."""
    return bool(
        execute(
            cursor,
            "delete from endorsements where account_id = %(account)s and target_id = %(target)s",
            {"account": account, "target": target},
        )
    )


def _related(id: int, *columns: Any) -> RelatedAccount:
    return RelatedAccount(RelationId(id), accounts.account_from(*columns))


_ENDORSED = f"""select e.id, {accounts.COLUMNS} from endorsements e, {accounts.FROM}
    where a.id = e.target_id and e.account_id = %(account)s and a.suspended_at is null and a.deleted_at is null
    and e.id < %(max_id)s and e.id > %(min_id)s
    and not exists (select from blocks b where (b.account_id, b.target_id) in ((%(viewer)s, a.id), (a.id, %(viewer)s)))
    and {IS_OF_NO_BLOCKED_DOMAIN}
    order by e.id desc limit %(limit)s"""


def endorsed(cursor: Cursor, *, account: AccountId, viewer: AccountId | None, page: Page) -> list[RelatedAccount]:
    """Return the featured accounts, newest first, without those that block the viewer or are blocked by the viewer."""
    return directed(page, fetch_all(cursor, _related, page_sql(_ENDORSED, page), bounds(page) | {"account": account, "viewer": viewer}))


# The shorter of two lists is compared with the other one: the followers of an account, or the followees of the viewer.
_FAMILIAR = Prepared(f"""
    with mine as materialized (select f.followee_id as id from follows f where f.follower_id = %(viewer)s)
    select wanted.id, {accounts.COLUMNS}
    from unnest(%(ids)s::bigint[]) wanted (id)
    -- Accounts that do not hide their followers.
    join accounts w on w.id = wanted.id and not w.hide_relations
    join account_counts k on k.account_id = w.id
    -- Their newest followers that the viewer follows, by the shorter list.
    cross join lateral (
        select t.follower_id as id, t.id as follow from follows t
        where t.followee_id = wanted.id and (t.follower_id in (select m.id from mine m)) is true
            and k.followers <= (select count(*) from mine)
        union all
        select m.id, t.id from mine m cross join lateral (
            select t.id from follows t where t.follower_id = m.id and t.followee_id = wanted.id offset 0) t
        where k.followers > (select count(*) from mine)
        order by follow desc limit %(limit)s) mutuals
    join accounts a on a.id = mutuals.id and a.suspended_at is null and a.deleted_at is null and not a.hide_relations
    join account_counts c on c.account_id = a.id
    order by mutuals.follow desc""")


def familiar(cursor: Cursor, *, viewer: AccountId, ids: Sequence[int], limit: int) -> list[tuple[AccountId, Account]]:
    """Return pairs (account, a followee of the viewer that follows it), at most `limit` for each; none for hidden follower lists."""
    return fetch_all(
        cursor,
        lambda id, *columns: (AccountId(id), accounts.account_from(*columns)),
        _FAMILIAR,
        {"viewer": viewer, "ids": list(ids), "limit": limit},
    )


_DIRECTORY = f"""{accounts.SELECT} where a.discoverable and a.deleted_at is null and a.suspended_at is null and a.limited_at is null
    and a.moved_to_id is null and {accounts.HERE} and {accounts.APPROVED}
    and not exists (select from blocks b where (b.account_id, b.target_id) in ((%(viewer)s, a.id), (a.id, %(viewer)s)))"""


def newest(cursor: Cursor, *, viewer: AccountId | None, limit: int, offset: int) -> list[Account]:
    """Return discoverable accounts of this site, newest first."""
    sql = _DIRECTORY + " order by a.id desc limit %(limit)s offset %(offset)s"
    return fetch_all(cursor, accounts.account_from, sql, {"viewer": viewer, "limit": limit, "offset": offset})


def active(cursor: Cursor, *, viewer: AccountId | None, limit: int, offset: int) -> list[Account]:
    """Return discoverable accounts of this site, most recently active first. Reads every account."""
    sql = _DIRECTORY + " order by c.last_post_on desc nulls last, c.posts desc, a.id desc limit %(limit)s offset %(offset)s"
    return fetch_all(cursor, accounts.account_from, sql, {"viewer": viewer, "limit": limit, "offset": offset})


def dismiss(cursor: Cursor, *, account: AccountId, target: AccountId) -> None:
    """Dismiss a suggestion."""
    execute(
        cursor,
        """insert into dismissed_suggestions (account_id, target_id) select %(account)s, id from accounts where id = %(target)s
           on conflict do nothing""",
        {"account": account, "target": target},
    )
