"""Filters with their keywords and posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from microblog.model.filters import Filter, FilterAction, FilterContext, FilteredPost, Keyword
from microblog.model.ids import AccountId, FilterId, KeywordId, PostId, RelationId
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value

_COLUMNS = """f.id, f.title, f.contexts, f.action, f.expires_at,
    (select json_agg(json_build_array(k.id, k.keyword, k.whole_word) order by k.id) from filter_keywords k where k.filter_id = f.id),
    (select json_agg(json_build_array(c.id, c.post_id) order by c.id) from filter_posts c where c.filter_id = f.id)"""
_SELECT = f"select {_COLUMNS} from filters f where f.account_id = %(account)s"
_OF_ACCOUNT = Prepared(_SELECT + " order by f.id")


def _filter(id: int, title: str, contexts: list[str], action: str, expires_at: datetime | None, *parts: Any) -> Filter:
    keywords, posts = parts
    return Filter(
        FilterId(id),
        title,
        tuple(FilterContext(context) for context in contexts),
        FilterAction(action),
        expires_at,
        tuple(Keyword(KeywordId(id), keyword, whole) for id, keyword, whole in keywords or ()),
        tuple(FilteredPost(RelationId(id), PostId(post)) for id, post in posts or ()),
    )


def of_account(cursor: Cursor, *, account: AccountId) -> list[Filter]:
    """Return all filters of an account, oldest first, including expired ones."""
    return fetch_all(cursor, _filter, _OF_ACCOUNT, {"account": account})


def by_id(cursor: Cursor, *, account: AccountId, id: int) -> Filter | None:
    """Return the filter if the account owns it."""
    return fetch_one(cursor, _filter, _SELECT + " and f.id = %(id)s", {"account": account, "id": id})


def of_keyword(cursor: Cursor, *, account: AccountId, keyword: int) -> Filter | None:
    """Return the account's filter that contains this keyword."""
    sql = _SELECT + " and f.id = (select filter_id from filter_keywords where id = %(keyword)s)"
    return fetch_one(cursor, _filter, sql, {"account": account, "keyword": keyword})


def of_post(cursor: Cursor, *, account: AccountId, filter_post: int) -> Filter | None:
    """Return the account's filter that contains this filter post (by its own id, not the post's)."""
    sql = _SELECT + " and f.id = (select filter_id from filter_posts where id = %(filter_post)s)"
    return fetch_one(cursor, _filter, sql, {"account": account, "filter_post": filter_post})


def count(cursor: Cursor, *, account: AccountId) -> int:
    """Count the account's filters; no other transaction can add one until this one ends."""
    execute(cursor, "select from accounts where id = %(account)s for no key update", {"account": account})
    return int(fetch_value(cursor, "select count(*) from filters where account_id = %(account)s", {"account": account}))


def count_keywords(cursor: Cursor, *, account: AccountId) -> int:
    """Count the keywords of all the account's filters; no other transaction can add one until this one ends."""
    execute(cursor, "select from accounts where id = %(account)s for no key update", {"account": account})
    sql = "select count(*) from filter_keywords k join filters f on f.id = k.filter_id where f.account_id = %(account)s"
    return int(fetch_value(cursor, sql, {"account": account}))


def insert(cursor: Cursor, filter: Filter, *, account: AccountId, now: datetime) -> FilterId:
    """Store a filter without keywords and posts; return its id."""
    return FilterId(
        fetch_value(
            cursor,
            """insert into filters (id, account_id, title, contexts, action, expires_at, created_at)
               values (new_id(%(now)s), %(account)s, %(title)s, %(contexts)s, %(action)s, %(expires_at)s, %(now)s) returning id""",
            _values(filter) | {"account": account, "now": now},
        )
    )


def update(cursor: Cursor, filter: Filter) -> None:
    """Update the filter itself, without its keywords and posts."""
    execute(
        cursor,
        """update filters set title = %(title)s, contexts = %(contexts)s, action = %(action)s, expires_at = %(expires_at)s
           where id = %(id)s""",
        _values(filter) | {"id": filter.id},
    )


def _values(filter: Filter) -> dict[str, object]:
    return {
        "title": filter.title,
        "contexts": [str(context) for context in filter.contexts],
        "action": filter.action,
        "expires_at": filter.expires_at,
    }


def delete(cursor: Cursor, *, account: AccountId, id: int) -> bool:
    """Delete the filter; return False if the account has none with this id."""
    return bool(execute(cursor, "delete from filters where account_id = %(account)s and id = %(id)s", {"account": account, "id": id}))


def add_keyword(cursor: Cursor, *, filter: FilterId, keyword: str, whole_word: bool, now: datetime) -> KeywordId:
    """Add a keyword; return its id."""
    return KeywordId(
        fetch_value(
            cursor,
            """insert into filter_keywords (id, filter_id, keyword, whole_word)
               values (new_id(%(now)s), %(filter)s, %(keyword)s, %(whole_word)s) returning id""",
            {"filter": filter, "keyword": keyword, "whole_word": whole_word, "now": now},
        )
    )


def change_keyword(cursor: Cursor, keyword: Keyword) -> None:
    """Update a keyword."""
    execute(
        cursor,
        "update filter_keywords set keyword = %(keyword)s, whole_word = %(whole_word)s where id = %(id)s",
        {"id": keyword.id, "keyword": keyword.keyword, "whole_word": keyword.whole_word},
    )


def remove_keyword(cursor: Cursor, *, id: KeywordId) -> None:
    """Delete a keyword."""
    execute(cursor, "delete from filter_keywords where id = %(id)s", {"id": id})


def add_post(cursor: Cursor, *, filter: FilterId, post: PostId, now: datetime) -> RelationId | None:
    """Add a post; return the id of the filter post, or None if the filter contains it already."""
    id = fetch_value(
        cursor,
        """insert into filter_posts (id, filter_id, post_id) values (new_id(%(now)s), %(filter)s, %(post)s)
           on conflict do nothing returning id""",
        {"filter": filter, "post": post, "now": now},
    )
    return None if id is None else RelationId(id)


def remove_post(cursor: Cursor, *, id: RelationId) -> None:
    """Delete a filter post."""
    execute(cursor, "delete from filter_posts where id = %(id)s", {"id": id})
