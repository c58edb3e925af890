"""Actors of other servers: their accounts, inboxes and keys."""

from __future__ import annotations

from datetime import datetime

import orjson

from microblog.model.accounts import Account
from microblog.model.ids import AccountId
from microblog.model.remote_actors import ActorCounts, ActorToStore, KnownKey
from microblog.storage import domain_accounts
from microblog.storage.accounts import SELECT, account_from
from microblog.storage.database import Cursor, Prepared, execute, fetch_one, fetch_value


def by_uri(cursor: Cursor, *, uri: str) -> Account | None:
    """Return the account of an actor; None if it is unknown or was deleted."""
    return fetch_one(cursor, account_from, _BY_URI, {"uri": uri})


_BY_URI = Prepared(f"{SELECT} where a.uri = %(uri)s and a.deleted_at is null")


def fetched_at(cursor: Cursor, *, account: AccountId) -> datetime | None:
    """Return when the document of an actor was read last."""
    found: datetime | None = fetch_value(cursor, "select fetched_at from remote_actors where account_id = %(id)s", {"id": account})
    return found


def inbox_of(cursor: Cursor, *, account: AccountId) -> str | None:
    """Return where activities for an actor are delivered: the shared inbox of its server if it has one."""
    sql = "select coalesce(shared_inbox, inbox) from remote_actors where account_id = %(id)s"
    return fetch_one(cursor, str, sql, {"id": account})


def inbox_of_host(cursor: Cursor, *, host: str) -> str | None:
    """Return the inbox of any known account of a host."""
    sql = """select coalesce(r.shared_inbox, r.inbox) from accounts a join remote_actors r on r.account_id = a.id
             where a.host = %(host)s and a.deleted_at is null limit 1"""
    return fetch_one(cursor, str, sql, {"host": host})


def is_deleted(cursor: Cursor, *, uri: str) -> bool:
    """True if the account of an actor was deleted: it does not come back."""
    return fetch_value(cursor, "select 1 from accounts where uri = %(uri)s and deleted_at is not null", {"uri": uri}) is not None


def is_host_known(cursor: Cursor, *, host: str) -> bool:
    """True if an account of this host is known, or something was delivered to it or arrived from it."""
    return fetch_value(cursor, _IS_HOST_KNOWN, {"host": host}) is not None


_IS_HOST_KNOWN = Prepared("""select 1 from hosts where host = %(host)s
    union all select 1 from accounts where host = %(host)s and host is not null limit 1""")


def store(cursor: Cursor, *, actor: ActorToStore, now: datetime) -> AccountId | None:
    """Insert or update an actor with its keys; return the id of its account, None if another actor has its name or it was deleted.

    The profile of a suspended account stays as it is, or empty if it was emptied; its keys are needed for what it takes back.
    """
    id: AccountId | None = fetch_value(cursor, _STORE_ACCOUNT, _account_params(actor.account, now))
    if id is None:
        id = fetch_value(cursor, _UPDATE_ACCOUNT, _account_params(actor.account, now))
    if id is None:
        id = fetch_value(cursor, _SUSPENDED, {"uri": actor.account.uri})
    if id is None:
        return None
    execute(cursor, _STORE_ACTOR, _actor_params(actor, id, now))
    domain_accounts.set_state_of(cursor, id=id, account=actor.account, now=now)
    execute(cursor, _STORE_KEYS, {"id": id, "keys": [key.id for key in actor.keys], "pems": [key.pem for key in actor.keys], "now": now})
    return id


# The new id is made of the time at which the actor was first seen. A name that another actor has is left alone.
_STORE_ACCOUNT = Prepared("""with created as (
        insert into accounts (id, username, host, uri, url, display_name, bio, bio_html, fields, locked, bot, discoverable, indexable,
                              is_group, memorial, created_at)
        values (new_id(%(now)s), %(username)s, %(host)s, %(uri)s, %(url)s, %(name)s, %(bio)s, %(bio_html)s, %(fields)s, %(locked)s, %(bot)s,
                %(discoverable)s, %(indexable)s, %(is_group)s, %(memorial)s, %(created_at)s)
        on conflict do nothing returning id),
    counted as (insert into account_counts (account_id) select id from created)
    select id from created""")

_UPDATE_ACCOUNT = Prepared("""update accounts a set username = %(username)s, host = %(host)s, url = %(url)s, display_name = %(name)s,
        bio = %(bio)s, bio_html = %(bio_html)s, fields = %(fields)s, locked = %(locked)s, bot = %(bot)s, discoverable = %(discoverable)s,
        indexable = %(indexable)s, is_group = %(is_group)s, memorial = %(memorial)s
    where a.uri = %(uri)s and a.deleted_at is null and a.suspended_at is null and not exists (
        select from accounts other where lower(other.username) = lower(%(username)s) and coalesce(other.host, '') = %(host)s
            and other.id <> a.id)
    returning a.id""")

_SUSPENDED = Prepared("select id from accounts where uri = %(uri)s and deleted_at is null and suspended_at is not null")

_STORE_ACTOR = Prepared("""insert into remote_actors as r (account_id, kind, inbox, shared_inbox, outbox, followers, following, featured,
        also_known_as, moved_to, avatar_url, header_url, followers_count, following_count, posts_count, fetched_at)
    values (%(id)s, %(kind)s, %(inbox)s, %(shared_inbox)s, %(outbox)s, %(followers)s, %(following)s, %(featured)s, %(also_known_as)s,
        %(moved_to)s, %(avatar)s, %(header)s, %(followers_count)s, %(following_count)s, %(posts_count)s, %(now)s)
    on conflict (account_id) do update set kind = excluded.kind, inbox = excluded.inbox, shared_inbox = excluded.shared_inbox,
        outbox = excluded.outbox, followers = excluded.followers, following = excluded.following, featured = excluded.featured,
        also_known_as = excluded.also_known_as, moved_to = excluded.moved_to, avatar_url = excluded.avatar_url,
        header_url = excluded.header_url, followers_count = coalesce(excluded.followers_count, r.followers_count),
        following_count = coalesce(excluded.following_count, r.following_count),
        posts_count = coalesce(excluded.posts_count, r.posts_count), fetched_at = excluded.fetched_at""")

# Keys that the document does not list any more are forgotten.
_STORE_KEYS = Prepared("""with gone as (delete from remote_keys where account_id = %(id)s and key_id <> all(%(keys)s::text[]))
    insert into remote_keys (key_id, account_id, public_key, fetched_at)
    select key, %(id)s, pem, %(now)s from unnest(%(keys)s::text[], %(pems)s::text[]) as given (key, pem)
    on conflict (key_id) do update
    set account_id = excluded.account_id, public_key = excluded.public_key, fetched_at = excluded.fetched_at""")


def follow_moved_to(cursor: Cursor, *, account: AccountId, uri: str, moved_to: str | None) -> None:
    """Store the account that an actor's document says it moved to, if it is known and names the actor as an alias; None: it did not move.

    An account of this site, or one that is not known yet, is left to the activity that tells of the move.
    """
    execute(cursor, _FOLLOW_MOVED_TO, {"account": account, "uri": uri, "moved_to": moved_to})


_FOLLOW_MOVED_TO = Prepared("""with target as (
        select a.id from accounts a join remote_actors r on r.account_id = a.id
        where a.uri = %(moved_to)s and a.deleted_at is null and %(uri)s = any(r.also_known_as))
    update accounts set moved_to_id = (select id from target)
    where id = %(account)s and (%(moved_to)s::text is null or exists (select from target))
        and moved_to_id is distinct from (select id from target)""")


def _account_params(account: Account, now: datetime) -> dict[str, object]:
    return {
        "username": account.username,
        "host": account.host,
        "uri": account.uri,
        "url": account.url,
        "name": account.display_name,
        "bio": account.bio,
        "bio_html": account.bio_html,
        "fields": orjson.dumps([{"name": field.name, "value": field.value, "html": field.html} for field in account.fields]).decode(),
        "locked": account.locked,
        "bot": account.bot,
        "discoverable": account.discoverable,
        "indexable": account.indexable,
        "is_group": account.is_group,
        "memorial": account.memorial,
        "created_at": account.created_at,
        "now": now,
    }


def _actor_params(actor: ActorToStore, id: AccountId, now: datetime) -> dict[str, object]:
    endpoints, counts = actor.endpoints, actor.counts
    return {
        "id": id,
        "kind": actor.kind,
        "inbox": endpoints.inbox,
        "shared_inbox": endpoints.shared_inbox or None,
        "outbox": endpoints.outbox or None,
        "followers": endpoints.followers or None,
        "following": endpoints.following or None,
        "featured": endpoints.featured or None,
        "also_known_as": list(actor.also_known_as),
        "moved_to": actor.moved_to,
        "avatar": actor.avatar_url,
        "header": actor.header_url,
        "followers_count": counts.followers,
        "following_count": counts.following,
        "posts_count": counts.posts,
        "now": now,
    }


def key(cursor: Cursor, *, key_id: str) -> KnownKey | None:
    """Return a stored key with its owner; None if it is unknown or its owner was deleted."""
    return fetch_one(cursor, KnownKey, _KEY, {"key": key_id})


_KEY = Prepared("""select k.key_id, k.public_key, a.id, a.uri, k.fetched_at, a.suspended_at is not null
    from remote_keys k join accounts a on a.id = k.account_id where k.key_id = %(key)s and a.deleted_at is null""")


def collections_of(cursor: Cursor, *, account: AccountId) -> tuple[str | None, str | None, str | None]:
    """Return the collections of an actor's followers, followed accounts and posts, as far as its document names them."""
    return fetch_one(cursor, lambda *urls: urls, _COLLECTIONS, {"account": account}) or (None, None, None)


_COLLECTIONS = Prepared("select followers, following, outbox from remote_actors where account_id = %(account)s")


def are_counts_old(cursor: Cursor, *, account: AccountId, before: datetime) -> bool:
    """True if the counts of an actor were last read before that time, or never."""
    return fetch_value(cursor, _ARE_COUNTS_OLD, {"account": account, "before": before}) is not None


_ARE_COUNTS_OLD = Prepared("""select 1 from remote_actors where account_id = %(account)s
    and (counts_fetched_at is null or counts_fetched_at < %(before)s)""")


def store_counts(cursor: Cursor, *, account: AccountId, counts: ActorCounts, hides: bool | None, now: datetime) -> None:
    """Store the counts that an actor's server tells, and whether it hides its lists of accounts; what is None stays as it is.

    What is shown is the higher one of a count here and there: both servers may know of something that the other one does not.
    """
    params = {"account": account, "followers": counts.followers, "following": counts.following, "posts": counts.posts, "now": now}
    execute(cursor, _STORE_COUNTS, params)
    execute(cursor, _SHOW_COUNTS, params)
    if hides is not None:
        execute(cursor, _HIDE_RELATIONS, {"account": account, "hides": hides})


_STORE_COUNTS = """update remote_actors set counts_fetched_at = %(now)s, followers_count = coalesce(%(followers)s, followers_count),
    following_count = coalesce(%(following)s, following_count), posts_count = coalesce(%(posts)s, posts_count)
    where account_id = %(account)s"""

_SHOW_COUNTS = """
    with known as (
        select (select count(*) from follows f where f.followee_id = %(account)s) as followers,
               (select count(*) from follows f where f.follower_id = %(account)s) as following,
               (select count(*) from posts p
                where p.account_id = %(account)s and p.deleted_at is null and p.visibility <> 'direct') as posts),
    shown as (
        select case when %(followers)s::integer is null then c.followers else greatest(k.followers, %(followers)s) end as followers,
               case when %(following)s::integer is null then c.following else greatest(k.following, %(following)s) end as following,
               case when %(posts)s::integer is null then c.posts else greatest(k.posts, %(posts)s) end as posts
        from account_counts c, known k where c.account_id = %(account)s)
    update account_counts c set followers = s.followers, following = s.following, posts = s.posts from shown s
    where c.account_id = %(account)s and (c.followers, c.following, c.posts) is distinct from (s.followers, s.following, s.posts)"""

_HIDE_RELATIONS = """update accounts set hide_relations = %(hides)s
    where id = %(account)s and host is not null and hide_relations <> %(hides)s"""
