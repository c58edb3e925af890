"""Addresses that the document of a post names: of its parent, and of accounts of other servers that it mentions."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Prepared, fetch_all


@frozen
class PostAddress:
    """A post: `uri` on another server, or None and the username of its author on this site."""

    id: PostId
    uri: str | None
    author: str


@frozen
class AccountUri:
    """An account of another server."""

    id: AccountId
    uri: str


def of_posts(cursor: Cursor, *, ids: Sequence[PostId]) -> list[PostAddress]:
    """Return the addresses of posts that exist."""
    return fetch_all(cursor, _post, _POSTS, {"ids": list(ids)}) if ids else []


_POSTS = Prepared("""select p.id, p.uri, a.username from posts p join accounts a on a.id = p.account_id
    where p.id = any(%(ids)s) and p.deleted_at is null""")


def of_accounts(cursor: Cursor, *, ids: Sequence[AccountId]) -> list[AccountUri]:
    """Return the URIs of those accounts that are on other servers."""
    return fetch_all(cursor, _account, _ACCOUNTS, {"ids": list(ids)}) if ids else []


_ACCOUNTS = Prepared("select id, uri from accounts where id = any(%(ids)s) and host is not null")


def _post(id: int, uri: str | None, author: str) -> PostAddress:
    return PostAddress(PostId(id), uri, author)


def _account(id: int, uri: str) -> AccountUri:
    return AccountUri(AccountId(id), uri)
