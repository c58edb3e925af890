"""Interactions with posts: favourite, bookmark, pin, mute the conversation. Most functions return whether anything changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.model.accounts import RelatedAccount
from microblog.model.ids import AccountId, PostId, RelationId
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.visibility import IS_OF_NO_BLOCKED_DOMAIN


@frozen
class PostCounters:
    """Counters of a post after a change."""

    replies: int
    boosts: int
    favourites: int


def favourite(cursor: Cursor, *, account: AccountId, post: PostId, now: datetime) -> PostCounters | None:
    """Favourite the post, and count it. Return None if it was a favourite before."""
    return fetch_one(cursor, PostCounters, _FAVOURITE, {"account": account, "post": post, "now": now})


_FAVOURITE = Prepared("""
    with added as (
        insert into favourites (id, account_id, post_id, created_at) values (new_id(%(now)s), %(account)s, %(post)s, %(now)s)
        on conflict do nothing returning post_id),
    counted as (
        update post_counts set favourites = favourites + 1 where post_id in (select post_id from added)
        returning replies, boosts, favourites)
    select coalesce(c.replies, 0), coalesce(c.boosts, 0), coalesce(c.favourites, 0) from added left join counted c on true""")


def unfavourite(cursor: Cursor, *, account: AccountId, post: PostId) -> PostCounters | None:
    """Remove the favourite, and count it. Return None if it was none."""
    return fetch_one(cursor, PostCounters, _UNFAVOURITE, {"account": account, "post": post})


_UNFAVOURITE = Prepared("""
    with removed as (delete from favourites where account_id = %(account)s and post_id = %(post)s returning post_id),
    counted as (
        update post_counts set favourites = greatest(0, favourites - 1) where post_id in (select post_id from removed)
        returning replies, boosts, favourites)
    select coalesce(c.replies, 0), coalesce(c.boosts, 0), coalesce(c.favourites, 0) from removed left join counted c on true""")


def favourite_id(cursor: Cursor, *, account: AccountId, post: PostId) -> RelationId | None:
    """Return the id of the favourite."""
    return fetch_one(cursor, RelationId, _FAVOURITE_ID, {"account": account, "post": post})


_FAVOURITE_ID = Prepared("select id from favourites where account_id = %(account)s and post_id = %(post)s")


def bookmark(cursor: Cursor, *, account: AccountId, post: PostId, now: datetime) -> bool:
    """Bookmark the post."""
    return bool(
        execute(
            cursor,
            """insert into bookmarks (id, account_id, post_id, created_at) values (new_id(%(now)s), %(account)s, %(post)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "post": post, "now": now},
        )
    )


def unbookmark(cursor: Cursor, *, account: AccountId, post: PostId) -> bool:
    """Remove the bookmark."""
    return bool(
        execute(cursor, "delete from bookmarks where account_id = %(account)s and post_id = %(post)s", {"account": account, "post": post})
    )


def pin(cursor: Cursor, *, account: AccountId, post: PostId, now: datetime) -> bool:
    """Pin the post to its author's profile."""
    return bool(
        execute(
            cursor,
            """insert into pins (id, account_id, post_id, created_at) values (new_id(%(now)s), %(account)s, %(post)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "post": post, "now": now},
        )
    )


def unpin(cursor: Cursor, *, account: AccountId, post: PostId) -> bool:
    """Unpin the post."""
    return bool(
        execute(cursor, "delete from pins where account_id = %(account)s and post_id = %(post)s", {"account": account, "post": post})
    )


def count_pins(cursor: Cursor, *, account: AccountId) -> int:
    """Count the account's pinned posts; no other transaction can pin one until this one ends."""
    execute(cursor, "select from accounts where id = %(account)s for no key update", {"account": account})
    return int(fetch_value(cursor, "select count(*) from pins where account_id = %(account)s", {"account": account}))


def mute_thread(cursor: Cursor, *, account: AccountId, thread: PostId, now: datetime) -> bool:
    """Mute the conversation: the account gets no more notifications about it."""
    return bool(
        execute(
            cursor,
            """insert into thread_mutes (account_id, thread_id, created_at) values (%(account)s, %(thread)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "thread": thread, "now": now},
        )
    )


def unmute_thread(cursor: Cursor, *, account: AccountId, thread: PostId) -> bool:
    """Unmute the conversation."""
    return bool(
        execute(
            cursor,
            "delete from thread_mutes where account_id = %(account)s and thread_id = %(thread)s",
            {"account": account, "thread": thread},
        )
    )


def _related(id: int, *columns: Any) -> RelatedAccount:
    return RelatedAccount(RelationId(id), accounts.account_from(*columns))


_BY = f"select r.id, {accounts.COLUMNS} from {{relation}} r, {accounts.FROM} where a.id = r.account_id"
_SHOWN = f""" and a.suspended_at is null and a.deleted_at is null and r.id < %(max_id)s and r.id > %(min_id)s
    and not exists (select from blocks b where (b.account_id, b.target_id) in ((%(viewer)s, a.id), (a.id, %(viewer)s)))
    and {IS_OF_NO_BLOCKED_DOMAIN}
    order by r.id desc limit %(limit)s"""
_FAVOURITED_BY = _BY.format(relation="favourites") + " and r.post_id = %(post)s" + _SHOWN
_BOOSTED_BY = (
    _BY.format(relation="posts") + " and r.boost_of = %(post)s and r.deleted_at is null and r.visibility in ('public', 'unlisted')" + _SHOWN
)


def favourited_by(cursor: Cursor, *, post: PostId, viewer: AccountId | None, page: Page) -> list[RelatedAccount]:
    """Return the accounts that favourited the post, newest first, without those that block the viewer or are blocked by the viewer."""
    return directed(page, fetch_all(cursor, _related, page_sql(_FAVOURITED_BY, page), bounds(page) | {"post": post, "viewer": viewer}))


def boosted_by(cursor: Cursor, *, post: PostId, viewer: AccountId | None, page: Page) -> list[RelatedAccount]:
    """Return the accounts that boosted the post publicly, newest first, without those that block or are blocked by the viewer."""
    return directed(page, fetch_all(cursor, _related, page_sql(_BOOSTED_BY, page), bounds(page) | {"post": post, "viewer": viewer}))
