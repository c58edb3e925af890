"""Follows and follow requests. The caller changes the counters in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.model.accounts import RelatedAccount
from microblog.model.ids import AccountId, RelationId
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.visibility import IS_OF_NO_BLOCKED_DOMAIN


@frozen
class FollowOptions:
    """Options of a follow: show boosts, notify of each post, only posts in these languages (None: all)."""

    boosts: bool = True
    notify: bool = False
    languages: tuple[str, ...] | None = None

    def params(self) -> dict[str, object]:
        """Return them as the statement parameters boosts, notify and languages."""
        return {"boosts": self.boosts, "notify": self.notify, "languages": None if self.languages is None else list(self.languages)}


def _options(boosts: bool, notify: bool, languages: list[str] | None) -> FollowOptions:
    return FollowOptions(boosts, notify, None if languages is None else tuple(languages))


def follow_options(cursor: Cursor, *, follower: int, followee: int) -> FollowOptions | None:
    """Return the options of the follow; None if there is none."""
    return fetch_one(
        cursor,
        _options,
        _FOLLOW_OPTIONS,
        {"follower": follower, "followee": followee},
    )


_FOLLOW_OPTIONS = Prepared("select boosts, notify, languages from follows where follower_id = %(follower)s and followee_id = %(followee)s")


def request_options(cursor: Cursor, *, follower: int, followee: int) -> FollowOptions | None:
    """Return the options of the follow request; None if there is none."""
    return fetch_one(
        cursor,
        _options,
        _REQUEST_OPTIONS,
        {"follower": follower, "followee": followee},
    )


_REQUEST_OPTIONS = Prepared("""select boosts, notify, languages from follow_requests
    where follower_id = %(follower)s and followee_id = %(followee)s""")


@frozen
class FollowState:
    """Facts that decide whether an account may follow another one, and how: a block between them, the follow, the follow request.

    A block of the other one's domain counts as well.
    """

    blocked: bool
    follow: FollowOptions | None
    request: FollowOptions | None


def state(cursor: Cursor, *, follower: int, followee: int) -> FollowState:
    """Return the state between the two accounts."""

    def found(blocked: bool, follow: list[Any] | None, request: list[Any] | None) -> FollowState:
        return FollowState(blocked, _options(*follow) if follow else None, _options(*request) if request else None)

    result = fetch_one(cursor, found, _STATE, {"follower": follower, "followee": followee})
    assert result is not None
    return result


_STATE = Prepared("""
    select exists (select from blocks
                   where (account_id, target_id) in ((%(follower)s, %(followee)s::bigint), (%(followee)s, %(follower)s::bigint)))
               or exists (select from domain_blocks d join accounts o on o.host = d.domain
                   where (d.account_id, o.id) in ((%(follower)s, %(followee)s::bigint), (%(followee)s, %(follower)s::bigint))),
           (select json_build_array(boosts, notify, languages) from follows
            where follower_id = %(follower)s and followee_id = %(followee)s),
           (select json_build_array(boosts, notify, languages) from follow_requests
            where follower_id = %(follower)s and followee_id = %(followee)s)""")


def follow(cursor: Cursor, *, follower: int, followee: int, options: FollowOptions, now: datetime, id: RelationId | None = None) -> bool:
    """Create the follow, by default with a new id; return False if it exists and only its options were updated."""
    return bool(
        fetch_value(
            cursor,
            _FOLLOW,
            {"follower": follower, "followee": followee, "now": now, "id": id} | options.params(),
        )
    )


_FOLLOW = Prepared("""insert into follows as f (id, follower_id, followee_id, boosts, notify, languages, created_at)
    values (coalesce(%(id)s::bigint, new_id(%(now)s)), %(follower)s, %(followee)s, %(boosts)s, %(notify)s, %(languages)s, %(now)s)
    on conflict (follower_id, followee_id) do update
    set boosts = excluded.boosts, notify = excluded.notify, languages = excluded.languages
    returning f.xmax = 0""")


def request(cursor: Cursor, *, follower: int, followee: int, options: FollowOptions, now: datetime) -> RelationId | None:
    """Create the follow request and return its id; None if it exists and only its options were updated."""
    id: RelationId | None = fetch_value(
        cursor,
        """insert into follow_requests as f (id, follower_id, followee_id, boosts, notify, languages, created_at)
           values (new_id(%(now)s), %(follower)s, %(followee)s, %(boosts)s, %(notify)s, %(languages)s, %(now)s)
           on conflict (follower_id, followee_id) do update
           set boosts = excluded.boosts, notify = excluded.notify, languages = excluded.languages
           returning case when f.xmax = 0 then f.id end""",
        {"follower": follower, "followee": followee, "now": now} | options.params(),
    )
    return id


@frozen
class DeletedFollow:
    """A follow or request that was deleted. `activity_uri` is the id under which the follower's server knows it, None for people here.

    `is_elsewhere`: the followed account is on another server.
    """

    id: RelationId
    activity_uri: str | None
    is_elsewhere: bool = False


def _deleted(id: int, activity_uri: str | None, is_elsewhere: bool) -> DeletedFollow:
    return DeletedFollow(RelationId(id), activity_uri, is_elsewhere)


def unfollow(cursor: Cursor, *, follower: int, followee: int) -> DeletedFollow | None:
    """Delete the follow and return it; None if there is none."""
    return fetch_one(cursor, _deleted, _UNFOLLOW, {"follower": follower, "followee": followee})


_UNFOLLOW = Prepared("""delete from follows where follower_id = %(follower)s and followee_id = %(followee)s
    returning id, activity_uri, (select host is not null from accounts where id = followee_id)""")


def cancel_request(cursor: Cursor, *, follower: int, followee: int) -> DeletedFollow | None:
    """Delete the request and return it; None if there is none."""
    return fetch_one(cursor, _deleted, _CANCEL_REQUEST, {"follower": follower, "followee": followee})


_CANCEL_REQUEST = Prepared("""delete from follow_requests where follower_id = %(follower)s and followee_id = %(followee)s
    returning id, activity_uri, (select host is not null from accounts where id = followee_id)""")


def set_activity_uri(cursor: Cursor, *, follower: int, followee: int, uri: str) -> None:
    """Store the id under which the follower's server knows the follow, or the request if there is no follow."""
    execute(cursor, _SET_ACTIVITY_URI, {"follower": follower, "followee": followee, "uri": uri})


_SET_ACTIVITY_URI = Prepared("""with followed as (
        update follows set activity_uri = %(uri)s where follower_id = %(follower)s and followee_id = %(followee)s)
    update follow_requests set activity_uri = %(uri)s where follower_id = %(follower)s and followee_id = %(followee)s""")


def requesters(cursor: Cursor, *, followee: int, limit: int) -> list[AccountId]:
    """Return the accounts that requested to follow the account, oldest request first."""
    cursor.execute(
        "select follower_id from follow_requests where followee_id = %(followee)s order by id limit %(limit)s",
        {"followee": followee, "limit": limit},
    )
    return first_column(cursor.fetchall())


def count_requests(cursor: Cursor, *, followee: int) -> int:
    """Count the follow requests to the account."""
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
_SHOWN = f""" and a.suspended_at is null and a.deleted_at is null and f.id < %(max_id)s and f.id > %(min_id)s
    and not exists (select from blocks b where (b.account_id, b.target_id) in ((%(viewer)s, a.id), (a.id, %(viewer)s)))
    and {IS_OF_NO_BLOCKED_DOMAIN}
    order by f.id desc limit %(limit)s"""


def _page(cursor: Cursor, sql: str, page: Page, params: dict[str, object]) -> list[RelatedAccount]:
    return directed(page, fetch_all(cursor, _related, page_sql(sql, page), bounds(page) | params))


def followers(cursor: Cursor, *, account: AccountId, viewer: AccountId | None, page: Page) -> list[RelatedAccount]:
    """Return the account's followers, newest first, without those that block the viewer or that the viewer blocks."""
    sql = _PEOPLE.format(relation="follows") + " where a.id = f.follower_id and f.followee_id = %(account)s" + _SHOWN
    return _page(cursor, sql, page, {"account": account, "viewer": viewer})


def following(cursor: Cursor, *, account: AccountId, viewer: AccountId | None, page: Page) -> list[RelatedAccount]:
    """Return the account's followees, newest first, without those that block the viewer or that the viewer blocks."""
    sql = _PEOPLE.format(relation="follows") + " where a.id = f.followee_id and f.follower_id = %(account)s" + _SHOWN
    return _page(cursor, sql, page, {"account": account, "viewer": viewer})


def requests(cursor: Cursor, *, account: AccountId, page: Page) -> list[RelatedAccount]:
    """Return the accounts with a follow request to the account, newest first."""
    sql = _PEOPLE.format(relation="follow_requests") + " where a.id = f.follower_id and f.followee_id = %(account)s" + _SHOWN
    return _page(cursor, sql, page, {"account": account, "viewer": account})


def of_account(cursor: Cursor, *, account: AccountId, limit: int) -> list[tuple[AccountId, AccountId]]:
    """Return follows by and of the account as (follower, followee); at most `limit` in each direction."""
    return fetch_all(
        cursor,
        lambda follower, followee: (AccountId(follower), AccountId(followee)),
        """(select follower_id, followee_id from follows where follower_id = %(account)s order by id limit %(limit)s)
           union all
           (select follower_id, followee_id from follows where followee_id = %(account)s order by id limit %(limit)s)""",
        {"account": account, "limit": limit},
    )
