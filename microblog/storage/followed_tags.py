"""Hashtags that accounts follow or feature on their profiles."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from microblog.model.ids import AccountId, RelationId, TagId
from microblog.model.paging import Page
from microblog.model.posts import Tag
from microblog.model.profile_features import FeaturedTag, FollowedTag, TagFlags
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql


def get_or_create(cursor: Cursor, *, key: str, name: str, now: datetime) -> TagId:
    """Return the tag's id; create the tag if nobody has used it yet."""
    execute(
        cursor,
        "insert into tags (id, key, name) values (new_id(%(now)s), %(key)s, %(name)s) on conflict do nothing",
        {"key": key, "name": name, "now": now},
    )
    return TagId(fetch_value(cursor, "select id from tags where key = %(key)s", {"key": key}))


def follow(cursor: Cursor, *, account: AccountId, tag: TagId, now: datetime) -> bool:
    """Follow the tag; return False if the account follows it already."""
    return bool(
        execute(
            cursor,
            """insert into followed_tags (id, account_id, tag_id, created_at) values (new_id(%(now)s), %(account)s, %(tag)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "tag": tag, "now": now},
        )
    )


def unfollow(cursor: Cursor, *, account: AccountId, key: str) -> bool:
    """Unfollow the tag; return False if the account did not follow it."""
    return bool(
        execute(
            cursor,
            "delete from followed_tags where account_id = %(account)s and tag_id = (select id from tags where key = %(key)s)",
            {"account": account, "key": key},
        )
    )


def count_followed(cursor: Cursor, *, account: AccountId) -> int:
    """Count the tags that the account follows."""
    return int(fetch_value(cursor, "select count(*) from followed_tags where account_id = %(account)s", {"account": account}))


_FOLLOWED = """select f.id, t.id, t.key, t.name from followed_tags f join tags t on t.id = f.tag_id
    where f.account_id = %(account)s and f.id < %(max_id)s and f.id > %(min_id)s order by f.id desc limit %(limit)s"""


def followed(cursor: Cursor, *, account: AccountId, page: Page) -> list[FollowedTag]:
    """Return the tags that the account follows, newest follow first."""

    def row(id: int, tag: int, key: str, name: str) -> FollowedTag:
        return FollowedTag(RelationId(id), Tag(TagId(tag), key, name))

    return directed(page, fetch_all(cursor, row, page_sql(_FOLLOWED, page), bounds(page) | {"account": account}))


def flags(cursor: Cursor, *, account: AccountId, keys: Collection[str]) -> dict[str, TagFlags]:
    """Return the account's relation to each of the tags that exists."""
    return dict(
        fetch_all(
            cursor,
            lambda key, following, featuring: (key, TagFlags(following, featuring)),
            _FLAGS,
            {"account": account, "keys": list(keys)},
        )
    )


_FLAGS = Prepared("""
    select t.key, exists (select from followed_tags f where f.account_id = %(account)s and f.tag_id = t.id),
           exists (select from featured_tags f where f.account_id = %(account)s and f.tag_id = t.id)
    from tags t where t.key = any(%(keys)s::text[])""")


def feature(cursor: Cursor, *, account: AccountId, tag: TagId, now: datetime) -> bool:
    """Feature the tag on the account's profile; return False if it is featured already."""
    return bool(
        execute(
            cursor,
            """insert into featured_tags (id, account_id, tag_id, created_at) values (new_id(%(now)s), %(account)s, %(tag)s, %(now)s)
               on conflict do nothing""",
            {"account": account, "tag": tag, "now": now},
        )
    )


def unfeature(cursor: Cursor, *, account: AccountId, key: str) -> Tag | None:
    """Stop featuring the tag; return it, or None if it was not featured."""
    return fetch_one(cursor, Tag, _UNFEATURE + " and t.key = %(key)s" + _UNFEATURED, {"account": account, "key": key})


def unfeature_by_id(cursor: Cursor, *, account: AccountId, id: RelationId) -> Tag | None:
    """Stop featuring a tag, given by the id of its feature; return the tag, or None if there is none."""
    return fetch_one(cursor, Tag, _UNFEATURE + " and f.id = %(id)s" + _UNFEATURED, {"account": account, "id": id})


_UNFEATURE = "delete from featured_tags f using tags t where f.account_id = %(account)s and t.id = f.tag_id"
_UNFEATURED = " returning t.id, t.key, t.name"


def count_featured(cursor: Cursor, *, account: AccountId) -> int:
    """Count the tags featured on the account's profile; no other transaction can add one until this one ends."""
    execute(cursor, "select from accounts where id = %(account)s for no key update", {"account": account})
    return int(fetch_value(cursor, "select count(*) from featured_tags where account_id = %(account)s", {"account": account}))


def featured(cursor: Cursor, *, account: AccountId) -> list[FeaturedTag]:
    """Return the tags featured on a profile, most used first, with the public and unlisted posts that have them."""

    def row(id: int, tag: int, key: str, name: str, posts: int, last_on: date | None) -> FeaturedTag:
        return FeaturedTag(RelationId(id), Tag(TagId(tag), key, name), posts, last_on)

    return fetch_all(
        cursor,
        row,
        """select f.id, t.id, t.key, t.name, used.posts, used.last_on
           from featured_tags f join tags t on t.id = f.tag_id
           cross join lateral (
               select count(*) as posts, max(p.created_at)::date as last_on from posts p join post_tags pt on pt.post_id = p.id
               where p.account_id = %(account)s and pt.tag_id = t.id and p.deleted_at is null
               and p.visibility in ('public', 'unlisted')) used
           where f.account_id = %(account)s order by used.posts desc, f.id""",
        {"account": account},
    )


def used_by(cursor: Cursor, *, account: AccountId, limit: int) -> list[Tag]:
    """Return the most frequent tags of the account's newest posts, without featured ones."""
    return fetch_all(
        cursor,
        lambda id, key, name: Tag(TagId(id), key, name),
        """select t.id, t.key, t.name from (
               select p.id from posts p where p.account_id = %(account)s and p.deleted_at is null and p.boost_of is null
               order by p.id desc limit 1000) newest
           join post_tags pt on pt.post_id = newest.id join tags t on t.id = pt.tag_id
           where not exists (select from featured_tags f where f.account_id = %(account)s and f.tag_id = t.id)
           group by t.id order by count(*) desc, max(pt.post_id) desc limit %(limit)s""",
        {"account": account, "limit": limit},
    )
