"""Accounts of other servers that activities are meant for, and the accounts of this site that act.

Where only a host's inbox matters, its accounts with a shared inbox are represented by one of them. Follows from elsewhere are found by an
index on those that have the id of an activity, as all of them do.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from microblog.model.deliveries import LocalActor, Recipient
from microblog.model.ids import AccountId, PollId, PostId, id_at
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value

_REMOTE = """join remote_actors r on r.account_id = a.id
    where a.host is not null and a.deleted_at is null and a.suspended_at is null"""
_ONE_EACH = "select distinct on (a.host, coalesce(r.shared_inbox, r.inbox)) a.uri, r.inbox, coalesce(r.shared_inbox, '')"


def followers(cursor: Cursor, *, account: AccountId) -> list[Recipient]:
    """Return the followers on other servers, those with one shared inbox as one."""
    return fetch_all(cursor, Recipient, _FOLLOWERS, {"account": account})


_FOLLOWERS = Prepared(f"""{_ONE_EACH} from follows f join accounts a on a.id = f.follower_id {_REMOTE}
    and f.followee_id = %(account)s and f.activity_uri is not null""")


def follower_uris(cursor: Cursor, *, account: AccountId, host: str) -> list[str]:
    """Return the ids of the account's followers on a host."""
    return fetch_all(cursor, str, _FOLLOWER_URIS, {"account": account, "host": host})


# By the host of the uri, which may be another one than that of the name.
_FOLLOWER_URIS = Prepared("""select a.uri from follows f join accounts a on a.id = f.follower_id
    where f.followee_id = %(account)s and f.activity_uri is not null
        and lower(split_part(a.uri, '/', 3)) = %(host)s and a.deleted_at is null
    order by a.uri""")


def accounts(cursor: Cursor, *, ids: Collection[int]) -> list[Recipient]:
    """Return those of the accounts that are on other servers."""
    return fetch_all(cursor, Recipient, _ACCOUNTS, {"ids": list(ids)}) if ids else []


_ACCOUNTS = Prepared(f"select a.uri, r.inbox, coalesce(r.shared_inbox, '') from accounts a {_REMOTE} and a.id = any(%(ids)s)")


def even_suspended(cursor: Cursor, *, id: int) -> Recipient | None:
    """Return an account of another server, suspended or not: its server is told of follows that end."""
    return fetch_one(cursor, Recipient, _EVEN_SUSPENDED, {"id": id})


_EVEN_SUSPENDED = Prepared("""select a.uri, r.inbox, coalesce(r.shared_inbox, '') from accounts a
    join remote_actors r on r.account_id = a.id where a.host is not null and a.deleted_at is null and a.id = %(id)s""")


def interested(cursor: Cursor, *, post: PostId) -> list[Recipient]:
    """Return the accounts that favourited, boosted or answered a post, those with one shared inbox as one."""
    return fetch_all(cursor, Recipient, _INTERESTED, {"post": post})


# Boosts of a deleted post are marked as deleted too.
_INTERESTED = Prepared(f"""with people as (
        select account_id from favourites where post_id = %(post)s
        union select account_id from posts where boost_of = %(post)s
        union select account_id from posts where reply_to = %(post)s)
    {_ONE_EACH} from people p join accounts a on a.id = p.account_id {_REMOTE}""")


def voters(cursor: Cursor, *, poll: PollId) -> list[Recipient]:
    """Return the accounts that voted in a poll, those with one shared inbox as one."""
    return fetch_all(cursor, Recipient, _VOTERS, {"poll": poll})


_VOTERS = Prepared(f"{_ONE_EACH} from votes v join accounts a on a.id = v.account_id {_REMOTE} and v.poll_id = %(poll)s")


def mentioned_since(cursor: Cursor, *, account: AccountId, since: datetime) -> list[Recipient]:
    """Return whom the account has mentioned in its last 200 posts since then, those with one shared inbox as one."""
    return fetch_all(cursor, Recipient, _MENTIONED, {"account": account, "since": id_at(since)})


_MENTIONED = Prepared(f"""with recent as (
        select id from posts where account_id = %(account)s and id >= %(since)s and deleted_at is null order by id desc limit 200)
    {_ONE_EACH} from recent join mentions m on m.post_id = recent.id join accounts a on a.id = m.account_id {_REMOTE}""")


def everybody(cursor: Cursor) -> list[Recipient]:
    """Return all known accounts, those with one shared inbox as one."""
    return fetch_all(cursor, Recipient, f"{_ONE_EACH} from accounts a {_REMOTE}")


def local_actor(cursor: Cursor, *, id: int) -> LocalActor | None:
    """Return an account of this site, deleted or not."""
    return fetch_one(cursor, LocalActor, _LOCAL_ACTOR, {"id": id})


_LOCAL_ACTOR = Prepared("select id, username, deleted_at is not null from accounts where id = %(id)s and host is null")


@frozen
class AcceptedFollow:
    """A follow of an account of this site from elsewhere. `activity_uri` is the id that its server gave it."""

    id: int
    activity_uri: str


def follow(cursor: Cursor, *, follower: int, followee: int) -> AcceptedFollow | None:
    """Return the follow if it came from another server."""
    return fetch_one(cursor, AcceptedFollow, _FOLLOW, {"follower": follower, "followee": followee})


_FOLLOW = Prepared("""select id, activity_uri from follows
    where follower_id = %(follower)s and followee_id = %(followee)s and activity_uri is not null""")


@frozen
class DeletedBoost:
    """A boost that was deleted: when it was made, and the address of what it showed. `uri` and `author_uri` are None for this site."""

    created_at: datetime
    original: PostId
    uri: str | None
    author: str
    author_uri: str | None
    original_is_deleted: bool


def deleted_boost(cursor: Cursor, *, id: int) -> DeletedBoost | None:
    """Return a boost that is marked as deleted; None if its row is gone."""
    return fetch_one(cursor, DeletedBoost, _DELETED_BOOST, {"id": id})


_DELETED_BOOST = Prepared("""select p.created_at, o.id, o.uri, a.username, a.uri, o.deleted_at is not null
    from posts p join posts o on o.id = p.boost_of join accounts a on a.id = o.account_id where p.id = %(id)s""")


def add_post_inboxes(cursor: Cursor, *, post: PostId, inboxes: Collection[str]) -> None:
    """Note which inboxes get a post, in addition to those that got it before."""
    execute(cursor, _ADD_INBOXES, {"post": post, "inboxes": list(inboxes)})


_ADD_INBOXES = Prepared("""insert into post_recipients as r (post_id, inboxes) values (%(post)s, %(inboxes)s::text[])
    on conflict (post_id) do update set inboxes = array(select unnest(r.inboxes) union select unnest(excluded.inboxes))""")


def post_inboxes(cursor: Cursor, *, post: PostId) -> list[str]:
    """Return the inboxes that got a post."""
    return fetch_all(cursor, str, "select unnest(inboxes) from post_recipients where post_id = %(post)s", {"post": post})


def boost_inboxes(cursor: Cursor, *, post: PostId) -> list[str]:
    """Return the inboxes that got a boost of a post, so that their servers have the post too."""
    return fetch_all(cursor, str, _BOOST_INBOXES, {"post": post})


_BOOST_INBOXES = Prepared("""select distinct unnest(r.inboxes) from posts p join post_recipients r on r.post_id = p.id
    where p.boost_of = %(post)s""")


def forget_post_inboxes(cursor: Cursor, *, post: int) -> None:
    """Forget who got a post."""
    execute(cursor, "delete from post_recipients where post_id = %(post)s", {"post": post})


def profile_changed(cursor: Cursor, *, account: AccountId, digest: str) -> bool:
    """Store the digest of an account's document; False if it is the one that was stored before."""
    return bool(fetch_value(cursor, _PROFILE_CHANGED, {"account": account, "digest": digest}))


_PROFILE_CHANGED = Prepared("""insert into sent_profiles as s (account_id, digest) values (%(account)s, %(digest)s)
    on conflict (account_id) do update set digest = excluded.digest where s.digest <> excluded.digest returning true""")
