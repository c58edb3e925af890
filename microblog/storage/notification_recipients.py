"""The recipients that a post may notify, read with as few columns as possible."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson
from attrs import frozen

from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, Prepared, execute_deferred, fetch_all, fetch_one


@frozen
class NotificationAudience:
    """Author, visibility, replied-to account and mentions of a post."""

    author: AccountId
    visibility: Visibility
    reply_to: PostId | None
    reply_to_account: AccountId | None
    mentioned: tuple[AccountId, ...]


def of_post(cursor: Cursor, *, post: PostId) -> NotificationAudience | None:
    """Return the audience of a post; None if the post was deleted."""

    def found(
        author: AccountId, visibility: str, reply_to: PostId | None, reply_to_account: AccountId | None, mentioned: list[AccountId]
    ) -> NotificationAudience:
        return NotificationAudience(author, Visibility(visibility), reply_to, reply_to_account, tuple(mentioned))

    return fetch_one(cursor, found, _AUDIENCE, {"post": post})


_AUDIENCE = Prepared("""
    select p.account_id, p.visibility, p.reply_to, p.reply_to_account,
        array(select m.account_id from mentions m where m.post_id = p.id and not m.silent)
    from posts p where p.id = %(post)s and p.deleted_at is null""")


def add_if_subscribed(cursor: Cursor, kind: str, payload: Mapping[str, object], *, account: AccountId, now: datetime) -> None:
    """Enqueue the job, due immediately, if any follower of the account is notified of each of its posts."""
    execute_deferred(cursor, _ADD_IF_SUBSCRIBED, {"kind": kind, "payload": orjson.dumps(payload).decode(), "account": account, "now": now})


_ADD_IF_SUBSCRIBED = Prepared("""insert into jobs (id, kind, payload, due_at, created_at)
    select new_id(%(now)s::timestamptz), %(kind)s, %(payload)s::jsonb, %(now)s, %(now)s
    where exists (select from follows where followee_id = %(account)s and notify)""")


def subscribers(cursor: Cursor, *, account: AccountId) -> list[AccountId]:
    """Return the followers who are notified of each post of the account."""
    return fetch_all(cursor, AccountId, _SUBSCRIBERS, {"account": account})


_SUBSCRIBERS = Prepared("select follower_id from follows where followee_id = %(account)s and notify")
