"""Posts of other servers: look-up by uri, insertion, replacement, and attachment of replies to parents that arrive later."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from microblog.model.federation_posts import RemoteCounts
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post
from microblog.model.remote_posts import Addressees, KnownPost, PostPoll
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_all, fetch_one, fetch_value


def lock(cursor: Cursor, *, uris: Collection[str]) -> None:
    """Let no other transaction store, delete or attach what has these uris until this one ends."""
    execute_deferred(cursor, _LOCK, {"uris": sorted(set(uris))})


_LOCK = Prepared("""select pg_advisory_xact_lock(hashtextextended(uri, 1))
    from (select uri from unnest(%(uris)s::text[]) uri order by hashtextextended(uri, 1)) ordered""")


def lock_threads(cursor: Cursor) -> None:
    """Let no other transaction move a thread into another one, or add to one that may move, until this one ends.

    The last of the locks that a transaction takes, rows aside.
    """
    execute_deferred(cursor, "select pg_advisory_xact_lock(-7415963101)", {})


def by_uri(cursor: Cursor, *, uri: str) -> KnownPost | None:
    """Return a post or boost of another server, also if it was deleted; None if it never arrived."""
    return fetch_one(cursor, _known, _BY_URI, {"uri": uri})


_KNOWN = """select p.id, p.account_id, a.uri, p.thread_id, p.deleted_at is not null, p.boost_of is not null,
    exists (select from posts t where t.id = p.thread_id and t.reply_to_uri is not null)
    from posts p join accounts a on a.id = p.account_id"""
_BY_URI = Prepared(f"{_KNOWN} where p.uri = %(uri)s")


def of_this_site(cursor: Cursor, *, id: int, username: str) -> KnownPost | None:
    """Return a post of this site by the parts of its uri; None if there is none, or it was deleted."""
    return fetch_one(cursor, _known, _OF_THIS_SITE, {"id": id, "username": username.lower()})


_OF_THIS_SITE = Prepared(f"""{_KNOWN} where p.id = %(id)s and p.uri is null and p.boost_of is null and p.deleted_at is null
    and lower(a.username) = %(username)s and a.host is null""")


def _known(id: int, author: int, author_uri: str | None, thread_id: int, *states: bool) -> KnownPost:
    return KnownPost(PostId(id), AccountId(author), author_uri, PostId(thread_id), *states)


def followers_of(cursor: Cursor, *, account: AccountId) -> str:
    """Return the followers collection of an actor of another server; empty if it is not known."""
    return fetch_value(cursor, _FOLLOWERS, {"account": account}) or ""


_FOLLOWERS = Prepared("select followers from remote_actors where account_id = %(account)s")


def is_followed(cursor: Cursor, *, account: AccountId) -> bool:
    """True if anybody of this site follows the account."""
    return fetch_value(cursor, _IS_FOLLOWED, {"account": account}) is not None


_IS_FOLLOWED = Prepared("""select 1 from follows f join accounts a on a.id = f.follower_id
    where f.followee_id = %(account)s and a.host is null limit 1""")


@frozen
class NamedAccount:
    """A known account by the addresses under which a post may name it. `host` None: of this site."""

    id: AccountId
    username: str
    host: str | None
    uri: str | None


def accounts_named(cursor: Cursor, *, uris: Collection[str], usernames: Collection[str]) -> list[NamedAccount]:
    """Return the accounts with these uris, and those of this site with these names in lower case."""
    if not uris and not usernames:
        return []
    params = {"uris": list(uris), "names": list(usernames)}
    return fetch_all(cursor, _named, _NAMED, params)


_NAMED = Prepared("""select a.id, a.username, a.host, a.uri from accounts a where a.uri = any(%(uris)s) and a.deleted_at is null
    union all select a.id, a.username, a.host, a.uri from accounts a
    where lower(a.username) = any(%(names)s) and coalesce(a.host, '') = '' and a.deleted_at is null""")


def _named(id: int, username: str, host: str | None, uri: str | None) -> NamedAccount:
    return NamedAccount(AccountId(id), username, host, uri)


def insert(cursor: Cursor, post: Post, *, arrived_at: datetime, boost_of: PostId | None = None) -> PostId:
    """Store a post or boost with its uri, and count it for its author unless it is direct; return its id, made of its time."""
    return PostId(
        fetch_value(
            cursor,
            _INSERT,
            {
                "author": post.author.id,
                "text": post.text,
                "html": post.html,
                "visibility": post.visibility,
                "spoiler": post.spoiler,
                "sensitive": post.sensitive,
                "language": post.language,
                "reply_to": post.reply_to,
                "reply_to_account": post.reply_to_account,
                "reply_to_uri": post.reply_to_uri,
                "thread": post.thread_id,
                "boost_of": boost_of,
                "uri": post.uri,
                "url": post.url,
                "created_at": post.created_at,
                "edited_at": post.edited_at,
                "arrived_at": arrived_at,
            },
        )
    )


_INSERT = Prepared("""with new as (select new_id(%(created_at)s) as id),
    counted as (insert into post_counts (post_id) select id from new),
    author_counted as (
        update account_counts set posts = posts + 1,
               last_post_on = greatest(last_post_on, (%(created_at)s::timestamptz at time zone 'UTC')::date)
        where account_id = %(author)s and %(visibility)s::text <> 'direct')
    insert into posts (id, account_id, text, html, visibility, spoiler, sensitive, language, reply_to, reply_to_account, reply_to_uri,
                       thread_id, boost_of, uri, url, created_at, edited_at, arrived_at)
    select new.id, %(author)s, %(text)s, %(html)s, %(visibility)s, %(spoiler)s, %(sensitive)s, %(language)s, %(reply_to)s,
           %(reply_to_account)s, %(reply_to_uri)s, coalesce(%(thread)s, new.id), %(boost_of)s, %(uri)s, %(url)s, %(created_at)s,
           %(edited_at)s, %(arrived_at)s from new
    returning id""")


def rename_boost(cursor: Cursor, *, boost: PostId, uri: str, before: datetime) -> None:
    """Give a boost that was published before that time the uri of a newer activity, which says the same."""
    execute(
        cursor,
        "update posts set uri = %(uri)s where id = %(boost)s and uri is not null and created_at < %(before)s",
        {"boost": boost, "uri": uri, "before": before},
    )


def set_boost_uri(cursor: Cursor, *, account: AccountId, original: PostId, uri: str) -> None:
    """Give an account's boost of a post the id of another activity that does the same."""
    execute(cursor, _SET_BOOST_URI, {"account": account, "original": original, "uri": uri})


_SET_BOOST_URI = Prepared("""update posts set uri = %(uri)s
    where boost_of = %(original)s and account_id = %(account)s and deleted_at is null and uri is not null
        and not exists (select from posts other where other.uri = %(uri)s)""")


def set_mentions(cursor: Cursor, *, post: PostId, addressees: Addressees) -> list[AccountId]:
    """Set the mentions of a post to exactly these; return the accounts that are named now and were not before."""
    accounts = [*addressees.named, *addressees.silent]
    silent = [False] * len(addressees.named) + [True] * len(addressees.silent)
    return fetch_all(cursor, AccountId, _SET_MENTIONS, {"post": post, "accounts": accounts, "silent": silent})


_SET_MENTIONS = Prepared("""
    with given as (select * from unnest(%(accounts)s::bigint[], %(silent)s::boolean[]) g (account, silent)),
    named as (select account_id from mentions where post_id = %(post)s and not silent),
    removed as (delete from mentions where post_id = %(post)s and account_id <> all(%(accounts)s::bigint[])),
    stored as (
        insert into mentions as m (post_id, account_id, silent) select %(post)s::bigint, account, silent from given
        on conflict (post_id, account_id) do update set silent = excluded.silent where m.silent <> excluded.silent
        returning account_id, silent)
    select account_id from stored where not silent and account_id not in (select account_id from named)""")


def mentioned(cursor: Cursor, *, post: PostId) -> list[AccountId]:
    """Return all accounts that the post is addressed to, silent ones included."""
    return fetch_all(cursor, AccountId, _MENTIONED, {"post": post})


_MENTIONED = Prepared("select account_id from mentions where post_id = %(post)s")


def set_poll(cursor: Cursor, *, post: PostId, poll: PostPoll, now: datetime) -> int | None:
    """Store the poll of a post, or its new numbers. Return its id if the end is new.

    The end of a poll that was over does not change: some servers do not say when it was. Votes from here stay unless the options change,
    and count at least, as its server may not have got them yet.
    """
    params = {
        "post": post,
        "options": list(poll.options),
        "counts": list(poll.counts),
        "voters": poll.voters,
        "multiple": poll.multiple,
        "hide_totals": poll.hide_totals,
        "expires_at": poll.expires_at,
        "now": now,
    }
    id: int | None = fetch_value(cursor, _SET_POLL, params)
    return id


_SET_POLL = Prepared("""
    with before as (select id, options, multiple, expires_at from polls where post_id = %(post)s),
    void as (delete from votes where poll_id in (
        select id from before where options <> %(options)s::text[] or multiple <> %(multiple)s)),
    here as (
        select v.account_id, v.choice from before b join votes v on v.poll_id = b.id
        where b.options = %(options)s::text[] and b.multiple = %(multiple)s),
    given as (
        select array(select greatest(n, (select count(*) from here where choice = place - 1))::integer
                     from unnest(%(counts)s::integer[]) with ordinality each (n, place) order by place) as counts,
               greatest(%(voters)s, (select count(distinct account_id) from here))::integer as voters),
    stored as (
        insert into polls as q (id, post_id, options, counts, voters, multiple, hide_totals, expires_at)
        select new_id(%(now)s), %(post)s, %(options)s, counts, voters, %(multiple)s, %(hide_totals)s, %(expires_at)s from given
        on conflict (post_id) do update set options = excluded.options, counts = excluded.counts, voters = excluded.voters,
            multiple = excluded.multiple, hide_totals = excluded.hide_totals,
            expires_at = case when q.expires_at <= %(now)s and excluded.expires_at <= %(now)s then q.expires_at else excluded.expires_at end
        where (q.options, q.counts, q.voters, q.multiple, q.hide_totals, q.expires_at) is distinct from
            (excluded.options, excluded.counts, excluded.voters, excluded.multiple, excluded.hide_totals, excluded.expires_at)
        returning id)
    select id from stored where not exists (
        select from before where before.expires_at = %(expires_at)s or greatest(before.expires_at, %(expires_at)s) <= %(now)s)""")


def delete_poll(cursor: Cursor, *, post: PostId) -> None:
    """Delete the poll of a post."""
    execute(cursor, "delete from polls where post_id = %(post)s", {"post": post})


def raise_counts(cursor: Cursor, *, post: PostId, counts: RemoteCounts) -> None:
    """Raise the counters of a post to those of its own server, which knows of more replies, boosts and favourites."""
    params = {"post": post, "replies": counts.replies or 0, "boosts": counts.boosts or 0, "favourites": counts.favourites or 0}
    if any((counts.replies, counts.boosts, counts.favourites)):
        execute_deferred(cursor, _RAISE_COUNTS, params)


_RAISE_COUNTS = Prepared("""update post_counts set replies = greatest(replies, %(replies)s), boosts = greatest(boosts, %(boosts)s),
    favourites = greatest(favourites, %(favourites)s)
    where post_id = %(post)s and (replies < %(replies)s or boosts < %(boosts)s or favourites < %(favourites)s)""")


def update_url(cursor: Cursor, *, post: PostId, url: str | None) -> None:
    """Store the address of the page of a post."""
    execute(cursor, "update posts set url = %(url)s where id = %(post)s and url is distinct from %(url)s", {"post": post, "url": url})


MAX_ORPHANS = 1_000
MAX_MOVED = 1_000
"""Posts of a thread that becomes part of another one. A longer one stays as it is."""


def has_orphans(cursor: Cursor, *, uri: str) -> bool:
    """True if replies wait for the post with this uri."""
    return fetch_value(cursor, _HAS_ORPHANS, {"uri": uri}) is not None


_HAS_ORPHANS = Prepared("select 1 from posts p where p.reply_to_uri = %(uri)s limit 1")


def can_be_moved(cursor: Cursor, *, thread: PostId) -> bool:
    """True unless a thread is very long."""
    return fetch_value(cursor, _IS_LONG, {"thread": thread}) is None


_IS_LONG = Prepared(f"""select 1 from posts p where p.thread_id = %(thread)s and p.boost_of is null and p.deleted_at is null
    offset {MAX_MOVED} limit 1""")


def orphans(cursor: Cursor, *, uri: str) -> list[KnownPost]:
    """Return the replies that wait for the post with this uri, oldest first, locked; at most `MAX_ORPHANS`."""
    return fetch_all(cursor, _known, _ORPHANS, {"uri": uri})


_ORPHANS = Prepared(f"{_KNOWN} where p.reply_to_uri = %(uri)s order by p.id limit {MAX_ORPHANS} for no key update of p")


def attach(cursor: Cursor, *, reply: PostId, thread: PostId, parent: KnownPost) -> None:
    """Make a post a reply to a parent that has arrived. The posts below it, which were a thread of their own, become part of the parent's.

    Conversations and the muting of the thread go with them.
    """
    params = {"reply": reply, "old": thread, "new": parent.thread_id, "parent": parent.id, "author": parent.author}
    execute(cursor, _ATTACH, params)
    if thread != parent.thread_id:
        while execute(cursor, _MOVE_POSTS, params):  # again for replies that were written while this waited for their parents
            pass
        for statement in _MOVE_THREAD:
            execute(cursor, statement, params)


_ATTACH = """update posts set reply_to = %(parent)s, reply_to_account = %(author)s, reply_to_uri = null where id = %(reply)s"""
_MOVE_POSTS = "update posts set thread_id = %(new)s where thread_id = %(old)s"
_MOVE_THREAD = (
    """insert into thread_mutes (account_id, thread_id, created_at)
       select account_id, %(new)s, created_at from thread_mutes where thread_id = %(old)s on conflict do nothing""",
    "delete from thread_mutes where thread_id = %(old)s",
    # An account may have a conversation of the same people in both threads: then the newer message is the last one of it.
    """update conversations c set last_post_id = greatest(c.last_post_id, o.last_post_id), unread = c.unread or o.unread
       from conversations o where o.thread_id = %(old)s and c.thread_id = %(new)s and c.account_id = o.account_id
       and c.participants = o.participants""",
    """delete from conversations o where o.thread_id = %(old)s and exists (
           select from conversations c where c.thread_id = %(new)s and c.account_id = o.account_id and c.participants = o.participants)""",
    "update conversations set thread_id = %(new)s where thread_id = %(old)s",
    "select invalidate(array['t' || %(old)s])",  # the trigger names the new thread only
)


def set_favourite_uri(cursor: Cursor, *, account: AccountId, post: PostId, uri: str | None) -> None:
    """Store the id under which another server knows a favourite."""
    params = {"account": account, "post": post, "uri": uri}
    execute(cursor, "update favourites set activity_uri = %(uri)s where account_id = %(account)s and post_id = %(post)s", params)
