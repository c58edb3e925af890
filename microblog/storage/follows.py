"""Follows and follow requests. Their counters are changed by the caller, in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.model.accounts import RelatedAccount
from microblog.model.ids import AccountId, RelationId
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.paging import bounds, directed, page_sql


@frozen
class FollowOptions:
    """What a follower wants of somebody: their boosts too, to be told of each post, only posts in some languages (None is all)."""

    boosts: bool = True
    notify: bool = False
    languages: tuple[str, ...] | None = None

    def params(self) -> dict[str, object]:
        """As the parameters boosts, notify and languages."""
        return {"boosts": self.boosts, "notify": self.notify, "languages": None if self.languages is None else list(self.languages)}


def _options(boosts: bool, notify: bool, languages: list[str] | None) -> FollowOptions:
    return FollowOptions(boosts, notify, None if languages is None else tuple(languages))


def follow_options(cursor: Cursor, *, follower: int, followee: int) -> FollowOptions | None:
    """What the follower wants, or None for whoever does not follow."""
    return fetch_one(
        cursor,
        _options,
        "select boosts, notify, languages from follows where follower_id = %(follower)s and followee_id = %(followee)s",
        {"follower": follower, "followee": followee},
    )


def requested(cursor: Cursor, *, follower: int, followee: int) -> FollowOptions | None:
    """What would be wanted by somebody who asked to follow, or None where nobody asked."""
    return fetch_one(
        cursor,
        _options,
        "select boosts, notify, languages from follow_requests where follower_id = %(follower)s and followee_id = %(followee)s",
        {"follower": follower, "followee": followee},
    )


def follow(cursor: Cursor, *, follower: int, followee: int, options: FollowOptions, now: datetime) -> bool:
    """Write the follow; False if it was there and only its options were written."""
    return bool(
        fetch_value(
            cursor,
            """insert into follows as f (id, follower_id, followee_id, boosts, notify, languages, created_at)
               values (new_id(%(now)s), %(follower)s, %(followee)s, %(boosts)s, %(notify)s, %(languages)s, %(now)s)
               on conflict (follower_id, followee_id) do update
               set boosts = excluded.boosts, notify = excluded.notify, languages = excluded.languages
               returning f.xmax = 0""",
            {"follower": follower, "followee": followee, "now": now} | options.params(),
        )
    )


def ask(cursor: Cursor, *, follower: int, followee: int, options: FollowOptions, now: datetime) -> bool:
    """Write the request; False if it was there and only its options were written."""
    return bool(
        fetch_value(
            cursor,
            """insert into follow_requests as f (id, follower_id, followee_id, boosts, notify, languages, created_at)
               values (new_id(%(now)s), %(follower)s, %(followee)s, %(boosts)s, %(notify)s, %(languages)s, %(now)s)
               on conflict (follower_id, followee_id) do update
               set boosts = excluded.boosts, notify = excluded.notify, languages = excluded.languages
               returning f.xmax = 0""",
            {"follower": follower, "followee": followee, "now": now} | options.params(),
        )
    )


def unfollow(cursor: Cursor, *, follower: int, followee: int) -> bool:
    """Delete the follow; False if there was none."""
    return bool(
        execute(
            cursor,
            "delete from follows where follower_id = %(follower)s and followee_id = %(followee)s",
            {"follower": follower, "followee": followee},
        )
    )


def withdraw(cursor: Cursor, *, follower: int, followee: int) -> bool:
    """Delete the request; False if there was none."""
    return bool(
        execute(
            cursor,
            "delete from follow_requests where follower_id = %(follower)s and followee_id = %(followee)s",
            {"follower": follower, "followee": followee},
        )
    )


def requesters(cursor: Cursor, *, followee: int, limit: int) -> list[AccountId]:
    """Who asked to follow the account, the first first."""
    cursor.execute(
        "select follower_id from follow_requests where followee_id = %(followee)s order by id limit %(limit)s",
        {"followee": followee, "limit": limit},
    )
    return first_column(cursor.fetchall())


def count_requests(cursor: Cursor, *, followee: int) -> int:
    """How many people ask to follow the account."""
    return int(
        fetch_value(
            cursor,
            """select count(*) from follow_requests f join accounts a on a.id = f.follower_id
               where f.followee_id = %(followee)s and a.suspended_at is null and a.deleted_at is null""",
            {"followee": followee},
        )
    )


def _related(id: int, *columns: Any) -> RelatedAccount:
    return RelatedAccount(RelationId(id), accounts.account_from(*columns))


_PEOPLE = f"select f.id, {accounts.COLUMNS} from {{relation}} f, {accounts.FROM}"
_SHOWN = """ and a.suspended_at is null and a.deleted_at is null and f.id < %(max_id)s and f.id > %(min_id)s
    and not exists (select from blocks b where (b.account_id, b.target_id) in ((%(viewer)s, a.id), (a.id, %(viewer)s)))
    order by f.id desc limit %(limit)s"""


def _page(cursor: Cursor, sql: str, page: Page, params: dict[str, object]) -> list[RelatedAccount]:
    return directed(page, fetch_all(cursor, _related, page_sql(sql, page), bounds(page) | params))


def followers(cursor: Cursor, *, account: AccountId, viewer: AccountId | None, page: Page) -> list[RelatedAccount]:
    """Who follows the account, the newest first, without people between whom and the viewer there is a block."""
    sql = _PEOPLE.format(relation="follows") + " where a.id = f.follower_id and f.followee_id = %(account)s" + _SHOWN
    return _page(cursor, sql, page, {"account": account, "viewer": viewer})


def following(cursor: Cursor, *, account: AccountId, viewer: AccountId | None, page: Page) -> list[RelatedAccount]:
    """Whom the account follows, the newest first, without people between whom and the viewer there is a block."""
    sql = _PEOPLE.format(relation="follows") + " where a.id = f.followee_id and f.follower_id = %(account)s" + _SHOWN
    return _page(cursor, sql, page, {"account": account, "viewer": viewer})


def requests(cursor: Cursor, *, account: AccountId, page: Page) -> list[RelatedAccount]:
    """Who asks to follow the account, the newest first."""
    sql = _PEOPLE.format(relation="follow_requests") + " where a.id = f.follower_id and f.followee_id = %(account)s" + _SHOWN
    return _page(cursor, sql, page, {"account": account, "viewer": account})


def of_account(cursor: Cursor, *, account: AccountId, limit: int) -> list[tuple[AccountId, AccountId]]:
    """Follows that the account has a part in, either way, as (follower, followee); at most `limit` each way."""
    return fetch_all(
        cursor,
        lambda follower, followee: (AccountId(follower), AccountId(followee)),
        """(select follower_id, followee_id from follows where follower_id = %(account)s order by id limit %(limit)s)
           union all
           (select follower_id, followee_id from follows where followee_id = %(account)s order by id limit %(limit)s)""",
        {"account": account, "limit": limit},
    )
