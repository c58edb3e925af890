"""Lists and their members. Unfollowing ends membership through a foreign key."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from microblog.model.accounts import RelatedAccount
from microblog.model.ids import AccountId, ListId, RelationId
from microblog.model.lists import AccountList, ListReplies
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.paging import bounds, directed, page_sql

_COLUMNS = "l.id, l.title, l.replies_policy, l.exclusive"


def _list(id: int, title: str, replies: str, exclusive: bool) -> AccountList:
    return AccountList(ListId(id), title, ListReplies(replies), exclusive)


def of_account(cursor: Cursor, *, account: AccountId) -> list[AccountList]:
    """Return all lists of an account, oldest first."""
    return fetch_all(cursor, _list, f"select {_COLUMNS} from lists l where l.account_id = %(account)s order by l.id", {"account": account})


def by_id(cursor: Cursor, *, account: AccountId, id: int) -> AccountList | None:
    """Return the list if the account owns it."""
    return fetch_one(
        cursor,
        _list,
        f"select {_COLUMNS} from lists l where l.account_id = %(account)s and l.id = %(id)s",
        {"account": account, "id": id},
    )


def with_member(cursor: Cursor, *, account: AccountId, member: AccountId) -> list[AccountList]:
    """Return the account's lists that contain the member."""
    return fetch_all(
        cursor,
        _list,
        f"""select {_COLUMNS} from lists l join list_members m on m.list_id = l.id
            where m.account_id = %(account)s and m.member_id = %(member)s order by l.id""",
        {"account": account, "member": member},
    )


def count(cursor: Cursor, *, account: AccountId) -> int:
    """Count the account's lists; no other transaction can add one until this one ends."""
    execute(cursor, "select from accounts where id = %(account)s for no key update", {"account": account})
    return int(fetch_value(cursor, "select count(*) from lists where account_id = %(account)s", {"account": account}))


def insert(cursor: Cursor, *, account: AccountId, title: str, replies: ListReplies, exclusive: bool, now: datetime) -> ListId:
    """Create an empty list; return its id."""
    return ListId(
        fetch_value(
            cursor,
            """insert into lists (id, account_id, title, replies_policy, exclusive, created_at)
               values (new_id(%(now)s), %(account)s, %(title)s, %(replies)s, %(exclusive)s, %(now)s) returning id""",
            {"account": account, "title": title, "replies": replies, "exclusive": exclusive, "now": now},
        )
    )


def update(cursor: Cursor, list: AccountList) -> None:
    """Update the list."""
    execute(
        cursor,
        "update lists set title = %(title)s, replies_policy = %(replies)s, exclusive = %(exclusive)s where id = %(id)s",
        {"id": list.id, "title": list.title, "replies": list.replies, "exclusive": list.exclusive},
    )


def delete(cursor: Cursor, *, account: AccountId, id: ListId) -> bool:
    """Delete the list; return False if the account has none with this id."""
    return bool(execute(cursor, "delete from lists where account_id = %(account)s and id = %(id)s", {"account": account, "id": id}))


def followed(cursor: Cursor, *, account: AccountId, ids: Collection[int]) -> set[AccountId]:
    """Return which of the accounts the account follows, and lock these follows until the transaction ends."""
    cursor.execute(
        "select followee_id from follows where follower_id = %(account)s and followee_id = any(%(ids)s) order by id for key share",
        {"account": account, "ids": list(ids)},
    )
    return set(first_column(cursor.fetchall()))


def add(cursor: Cursor, *, account: AccountId, id: ListId, members: Collection[int], now: datetime) -> list[AccountId]:
    """Add followees to the list; return the accounts that were added."""
    cursor.execute(
        """insert into list_members (id, list_id, account_id, member_id)
           select new_id(%(now)s), %(id)s, %(account)s, member from unnest(%(members)s::bigint[]) as added (member)
           on conflict (list_id, member_id) do nothing returning member_id""",
        {"account": account, "id": id, "members": list(members), "now": now},
    )
    return first_column(cursor.fetchall())


def remove(cursor: Cursor, *, id: ListId, members: Collection[int]) -> list[AccountId]:
    """Remove members from the list; return the accounts that were removed."""
    cursor.execute(
        "delete from list_members where list_id = %(id)s and member_id = any(%(members)s) returning member_id",
        {"id": id, "members": list(members)},
    )
    return first_column(cursor.fetchall())


_MEMBERS = f"""select m.id, {accounts.COLUMNS} from list_members m, {accounts.FROM}
    where a.id = m.member_id and m.list_id = %(id)s and a.suspended_at is null and a.deleted_at is null
    and m.id < %(max_id)s and m.id > %(min_id)s
    order by m.id desc limit %(limit)s"""


def _related(id: int, *columns: Any) -> RelatedAccount:
    return RelatedAccount(RelationId(id), accounts.account_from(*columns))


def members(cursor: Cursor, *, id: ListId, page: Page) -> list[RelatedAccount]:
    """Return the members of the list, newest first."""
    return directed(page, fetch_all(cursor, _related, page_sql(_MEMBERS, page), bounds(page) | {"id": id}))
