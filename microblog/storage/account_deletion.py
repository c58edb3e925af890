"""Deletion of the data of deleted accounts, a batch at a time. Other functions delete follows and posts."""

from __future__ import annotations

from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, execute, fetch_value, first_column


def is_deleted(cursor: Cursor, *, account: AccountId) -> bool:
    """True if the account was deleted."""
    return bool(fetch_value(cursor, "select deleted_at is not null from accounts where id = %(account)s", {"account": account}))


def posts_of(cursor: Cursor, *, account: AccountId, limit: int) -> list[PostId]:
    """Return existing posts and boosts of the account, newest first."""
    cursor.execute(
        "select id from posts where account_id = %(account)s and deleted_at is null order by id desc limit %(limit)s",
        {"account": account, "limit": limit},
    )
    return first_column(cursor.fetchall())


def delete_favourites(cursor: Cursor, *, account: AccountId, limit: int) -> int:
    """Delete at most `limit` of the account's favourites and update the posts' counters; return their number."""
    return execute(
        cursor,
        """with deleted as (
               delete from favourites where id in (
                   select id from favourites where account_id = %(account)s order by id limit %(limit)s) returning post_id),
           counted as (
               update post_counts set favourites = greatest(0, favourites - 1) where post_id in (select post_id from deleted))
           select post_id from deleted""",
        {"account": account, "limit": limit},
    )


def delete_other_rows(cursor: Cursor, *, account: AccountId) -> int:
    """Delete all rows that no counter includes: requests, blocks, mutes, notifications, lists, known browsers ...; return their number.

    Revoked tokens stay for a while (`oauth.delete_revoked_tokens`), without the addresses that they were used from.

    Blocks, mutes and notes by others are theirs: as long as the account is only suspended, they stay, and so do moderators' decisions.
    """
    return execute(
        cursor,
        """with gone as (select id from accounts where id = %(account)s and deleted_at is not null),
           a as (delete from follow_requests where follower_id = %(account)s or followee_id = %(account)s returning 1),
           b as (delete from blocks where account_id = %(account)s or target_id = (select id from gone) returning 1),
           c as (delete from mutes where account_id = %(account)s or target_id = (select id from gone) returning 1),
           d as (delete from thread_mutes where account_id = %(account)s returning 1),
           e as (delete from account_notes where account_id = %(account)s or target_id = (select id from gone) returning 1),
           f as (delete from bookmarks where account_id = %(account)s returning 1),
           g as (delete from pins where account_id = %(account)s returning 1),
           h as (delete from notifications where account_id = %(account)s or from_account_id = %(account)s returning 1),
           i as (delete from markers where account_id = %(account)s returning 1),
           j as (delete from mentions where account_id = %(account)s returning 1),
           k as (delete from known_browsers where account_id = %(account)s returning 1),
           l as (delete from lists where account_id = %(account)s returning 1),
           m as (delete from filters where account_id = %(account)s returning 1),
           n as (delete from followed_tags where account_id = %(account)s returning 1),
           o as (delete from featured_tags where account_id = %(account)s returning 1),
           p as (delete from conversations where account_id = %(account)s returning 1),
           q as (delete from notification_requests where account_id = %(account)s or from_account_id = %(account)s returning 1),
           r as (delete from announcement_reactions where account_id = %(account)s returning 1),
           s as (delete from notification_permissions where account_id = %(account)s or from_account_id = %(account)s returning 1),
           t as (delete from notification_policies where account_id = %(account)s returning 1),
           u as (delete from account_warnings where account_id = (select id from gone) returning 1),
           v as (delete from account_aliases where account_id = %(account)s or target_id = %(account)s returning 1),
           w as (update tokens set address = null where account_id = (select id from gone) and address is not null returning 1)
           select from a union all select from b union all select from c union all select from d union all select from e
           union all select from f union all select from g union all select from h union all select from i union all select from j
           union all select from k union all select from l union all select from m union all select from n union all select from o
           union all select from p union all select from q union all select from r union all select from s union all select from t
           union all select from u union all select from v union all select from w""",
        {"account": account},
    )
