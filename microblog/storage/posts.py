"""Posts: rows and their conversion to values."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from microblog.model.emojis import emojis_from
from microblog.model.ids import AccountId, PostId, TagId
from microblog.model.posts import NO_FLAGS, Mention, Post, PostFlags, PostRevision, Tag, Visibility
from microblog.storage import accounts, cards, emojis, media, polls
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.timelines import Entry
from microblog.storage.visibility import VISIBLE

_COLUMNS = f"""
    p.id, p.text, p.html, p.visibility, p.created_at, p.spoiler, p.sensitive, p.language, p.edited_at, p.reply_to,
    (select ra.visibility from posts ra where ra.id = p.reply_to),
    p.reply_to_account, (select rh.host from accounts rh where rh.id = p.reply_to_account),
    p.thread_id, p.reply_to_uri, p.application, p.application_website, p.uri, p.url,
    {emojis.OF_POST}, p.boost_of,
    -- The version: it changes when the row of the post, its author, poll or card does. Their emoji are added to it.
    p.xmin::text || '.' || a.xmin::text
    || coalesce('.' || q.xmin::text, '') || coalesce('.' || k.xmin::text, ''),
    coalesce(n.replies, 0), coalesce(n.boosts, 0), coalesce(n.favourites, 0),
    -- Mentions, tags, media, poll, card and author.
    (select json_agg(case when ma.host is null then json_build_array(ma.id, ma.username)
                     else json_build_array(ma.id, ma.username, ma.host, coalesce(ma.url, ma.uri)) end order by ma.id)
     from mentions m join accounts ma on ma.id = m.account_id where m.post_id = p.id and not m.silent),
    (select json_agg(json_build_array(t.id, t.key, t.name) order by t.id)
     from post_tags pt join tags t on t.id = pt.tag_id where pt.post_id = p.id),
    {media.OF_POST}, {polls.COLUMNS}, {cards.COLUMNS},
    {accounts.COLUMNS}"""

_FROM = (
    """
    from posts p
    join accounts a on a.id = p.account_id
    join account_counts c on c.account_id = a.id
    left join post_counts n on n.post_id = p.id
    left join polls q on q.post_id = p.id"""
    + cards.JOINS
)

# Media attachment with the description that it had in that revision.
_REVISION_MEDIA = media.COLUMNS.replace("m.description", "attachment->>1")


@frozen
class _Row:
    """A post as stored, before its boosted post is loaded."""

    post: Post
    boost_of: PostId | None


def _row(*columns: Any) -> _Row:
    (id, text, html, visibility, created_at, spoiler, sensitive, language, edited_at, reply_to, reply_to_visibility, *remaining) = columns
    reply_to_account, reply_to_host, thread_id, reply_to_uri, application, website, uri, url, *remaining = remaining
    found, boost_of, version, replies, boosts, favourites, mentions, tags, attachments, *others = remaining
    author, poll = accounts.account_from(*others[polls.WIDTH + cards.WIDTH :]), polls.poll_from(*others[: polls.WIDTH])
    shown = emojis_from(found, text, spoiler, *(poll.options if poll else ())) if found else ()
    post = Post(
        id=id,
        author=author,
        text=text,
        html=html,
        visibility=Visibility(visibility),
        created_at=created_at,
        spoiler=spoiler,
        sensitive=sensitive,
        language=language,
        edited_at=edited_at,
        reply_to=reply_to,
        reply_to_visibility=None if reply_to_visibility is None else Visibility(reply_to_visibility),
        reply_to_account=reply_to_account,
        reply_to_host=reply_to_host,
        reply_to_uri=reply_to_uri,
        thread_id=thread_id,
        application=application,
        website=website,
        replies_count=replies,
        boosts_count=boosts,
        favourites_count=favourites,
        mentions=tuple(Mention(AccountId(account), *address) for account, *address in mentions or ()),
        tags=tuple(Tag(TagId(tag), key, name) for tag, key, name in tags or ()),
        media=media.media_list_from(attachments),
        poll=poll,
        card=cards.card_from(*others[polls.WIDTH : polls.WIDTH + cards.WIDTH]),
        version=version + "".join(f".{emoji.version}" for emoji in (*shown, *author.emojis)),
        uri=uri,
        url=url,
        emojis=shown,
    )
    return _Row(post, boost_of)


def by_ids(cursor: Cursor, ids: Collection[int], *, deleted: bool = False) -> dict[PostId, Post]:
    """Return the posts that exist (or are marked as `deleted`), boosts with their originals. Does not check visibility.

    A boost whose original was deleted is omitted.
    """
    return _with_boosted(cursor, _rows(cursor, _EVEN_DELETED if deleted else _BY_IDS, ids))


def visible_by_ids(cursor: Cursor, ids: Collection[int], viewer: AccountId | None) -> dict[PostId, Post]:
    """Return those of the posts that the viewer may see, as `by_ids` does."""
    return _with_boosted(cursor, _rows(cursor, _VISIBLE_BY_IDS, ids, viewer))


def _with_boosted(cursor: Cursor, rows: dict[PostId, _Row]) -> dict[PostId, Post]:
    originals = {row.boost_of for row in rows.values() if row.boost_of} - rows.keys()
    boosted = rows | (_rows(cursor, _BY_IDS, originals) if originals else {})
    loaded = {}
    for row in rows.values():
        if row.boost_of is None:
            loaded[row.post.id] = row.post
        elif row.boost_of in boosted:
            loaded[row.post.id] = evolve(row.post, boost=boosted[row.boost_of].post)
    return loaded


def _rows(cursor: Cursor, sql: Prepared, ids: Collection[int], viewer: AccountId | None = None) -> dict[PostId, _Row]:
    return {row.post.id: row for row in fetch_all(cursor, _row, sql, {"ids": list(ids), "viewer": viewer})}


_EVEN_DELETED = Prepared(f"select {_COLUMNS} {_FROM} where p.id = any(%(ids)s)")
_BY_IDS = Prepared(f"{_EVEN_DELETED} and p.deleted_at is null")
_VISIBLE_BY_IDS = Prepared(f"select {_COLUMNS} {_FROM} where p.id = any(%(ids)s) and {VISIBLE}")


def load(cursor: Cursor, entries: Iterable[Entry]) -> list[Post]:
    """Return the posts of a list, in its order."""
    entries = list(entries)
    if not entries:
        return []
    found = by_ids(cursor, [id for id, _ in entries])
    return [found[id] for id, _ in entries if id in found]


def visible(cursor: Cursor, *, ids: Collection[int], viewer: AccountId | None) -> set[PostId]:
    """Return which of the posts the viewer may see."""
    return set(fetch_all(cursor, PostId, _VISIBLE, {"ids": list(ids), "viewer": viewer}))


_VISIBLE = Prepared(f"select p.id from posts p where p.id = any(%(ids)s) and {VISIBLE}")


def insert(cursor: Cursor, post: Post, *, id: PostId | None = None, boost_of: PostId | None = None) -> PostId:
    """Store the post and count it for its author, unless it is direct; return its id. Without `id`, one is made from its time.

    A post that is no reply starts a thread.
    """
    return PostId(
        fetch_value(
            cursor,
            _INSERT,
            {
                "id": id,
                "author": post.author.id,
                "text": post.text,
                "html": post.html,
                "visibility": post.visibility,
                "spoiler": post.spoiler,
                "sensitive": post.sensitive,
                "language": post.language,
                "reply_to": post.reply_to,
                "reply_to_account": post.reply_to_account,
                "thread": post.thread_id,
                "boost_of": boost_of,
                "application": post.application,
                "website": post.website,
                "created_at": post.created_at,
            },
        )
    )


_INSERT = Prepared("""with new as (select coalesce(%(id)s::bigint, new_id(%(created_at)s)) as id),
               -- Counters of the post, and of its author unless the post is direct.
               counted as (insert into post_counts (post_id) select id from new),
               author_counted as (
                   update account_counts set posts = posts + 1,
                          last_post_on = greatest(last_post_on, (%(created_at)s::timestamptz at time zone 'UTC')::date)
                   where account_id = %(author)s and %(visibility)s::text <> 'direct'),
               -- The thread of the parent as it is now. While it may become part of another one, the parent is locked against that.
               moving as (
                   select p.thread_id from posts p where p.id = (
                       select r.id from posts r join posts top on top.id = r.thread_id
                       where r.id = %(reply_to)s and top.reply_to_uri is not null) for share),
               parent as (select thread_id from posts where id = %(reply_to)s)
               -- The post; without a thread it starts one.
               insert into posts (id, account_id, text, html, visibility, spoiler, sensitive, language, reply_to, reply_to_account,
                                  thread_id, boost_of, application, application_website, created_at)
               select new.id, %(author)s, %(text)s, %(html)s, %(visibility)s, %(spoiler)s, %(sensitive)s, %(language)s, %(reply_to)s,
                      %(reply_to_account)s, coalesce((select thread_id from moving), (select thread_id from parent), %(thread)s, new.id),
                      %(boost_of)s, %(application)s, %(website)s, %(created_at)s from new
               returning id""")


def mentionable(cursor: Cursor, *, usernames: Collection[str]) -> list[Mention]:
    """Return the existing accounts of this site among the usernames, each once, without regard to case."""
    return fetch_all(cursor, Mention, _MENTIONABLE, {"names": [name.lower() for name in usernames]}) if usernames else []


_MENTIONABLE = Prepared(f"""select a.id, a.username from accounts a
    where lower(a.username) = any(%(names)s) and {accounts.NAMED_HERE} and a.deleted_at is null""")


def mentionable_elsewhere(cursor: Cursor, *, addresses: Collection[tuple[str, str]]) -> list[Mention]:
    """Return the known accounts of other servers among the addresses, given as lower-case usernames and hosts."""
    if not addresses:
        return []
    return fetch_all(
        cursor, Mention, _MENTIONABLE_ELSEWHERE, {"names": [name for name, _ in addresses], "hosts": [host for _, host in addresses]}
    )


_MENTIONABLE_ELSEWHERE = Prepared("""select a.id, a.username, a.host, coalesce(a.url, a.uri)
    from unnest(%(names)s::text[], %(hosts)s::text[]) wanted (name, host)
    join accounts a on lower(a.username) = wanted.name and coalesce(a.host, '') = wanted.host
    where a.host is not null and a.deleted_at is null and a.suspended_at is null""")


def set_mentions(cursor: Cursor, *, post: PostId, accounts: Collection[AccountId]) -> list[AccountId]:
    """Set the post's mentions to exactly these accounts; return the newly mentioned ones."""
    return fetch_all(cursor, AccountId, _SET_MENTIONS, {"post": post, "accounts": list(accounts)})


_SET_MENTIONS = Prepared("""
    with removed as (delete from mentions where post_id = %(post)s and account_id <> all(%(accounts)s::bigint[]))
    insert into mentions (post_id, account_id) select %(post)s::bigint, unnest(%(accounts)s::bigint[])
    on conflict do nothing returning account_id""")


def add_tags(cursor: Cursor, *, post: PostId, tags: Collection[tuple[str, str]], now: datetime) -> None:
    """Add tags to the post, each given as (key, name); the first spelling of a key stays its name."""
    execute_deferred(cursor, _ADD_TAGS, {"post": post, "keys": [key for key, _ in tags], "names": [name for _, name in tags], "now": now})


# A tag that a concurrent transaction has just created is not visible yet; a no-op update of its row returns its id.
_ADD_TAGS = Prepared("""
    with created as (
        insert into tags (id, key, name)
        select new_id(%(now)s::timestamptz), key, name from unnest(%(keys)s::text[], %(names)s::text[]) t (key, name)
        where not exists (select from tags known where known.key = t.key) order by key
        on conflict (key) do update set name = tags.name returning id),
    of_post as (select id from created union all select id from tags where key = any(%(keys)s::text[]))
    insert into post_tags (tag_id, post_id, used_at) select t.id, p.id, nullif(%(now)s::timestamptz, p.created_at)
    from of_post t, posts p where p.id = %(post)s on conflict do nothing""")


def set_tags(cursor: Cursor, *, post: PostId, tags: Collection[tuple[str, str]], now: datetime) -> None:
    """Set the post's tags to exactly these."""
    execute_deferred(cursor, _REMOVE_TAGS, {"post": post, "keys": [key for key, _ in tags]})
    add_tags(cursor, post=post, tags=tags, now=now)


_REMOVE_TAGS = Prepared("""delete from post_tags
    where post_id = %(post)s and tag_id not in (select id from tags where key = any(%(keys)s::text[]))""")


def count(cursor: Cursor, *, post: PostId, replies: int = 0, boosts: int = 0, favourites: int = 0) -> None:
    """Add to the post's counters."""
    execute_deferred(cursor, _COUNT, {"post": post, "replies": replies, "boosts": boosts, "favourites": favourites})


_COUNT = Prepared("""update post_counts set replies = greatest(0, replies + %(replies)s), boosts = greatest(0, boosts + %(boosts)s),
    favourites = greatest(0, favourites + %(favourites)s) where post_id = %(post)s""")


def lock(cursor: Cursor, *, post: PostId) -> bool:
    """Lock the post until the transaction ends; return False if it was deleted."""
    return fetch_value(cursor, _LOCK, {"post": post}) is not None


_LOCK = Prepared("select id from posts where id = %(post)s and deleted_at is null for no key update")


def store_revision(cursor: Cursor, *, post: PostId) -> None:
    """Store the current content as a revision before an edit."""
    execute(
        cursor,
        """insert into revisions (post_id, id, text, html, spoiler, sensitive, created_at, media, options, emojis)
           select p.id, coalesce((select max(r.id) from revisions r where r.post_id = p.id), 0) + 1,
                  p.text, p.html, p.spoiler, p.sensitive, coalesce(p.edited_at, p.created_at),
                  coalesce((select jsonb_agg(jsonb_build_array(m.id, m.description) order by m.place)
                            from media m where m.post_id = p.id and m.place is not null), '[]'),
                  (select q.options from polls q where q.post_id = p.id), p.emojis
           from posts p where p.id = %(post)s""",
        {"post": post},
    )


def update_content(cursor: Cursor, post: Post) -> None:
    """Update the content: text, html, spoiler, sensitive, language, edited_at."""
    execute(
        cursor,
        """update posts set text = %(text)s, html = %(html)s, spoiler = %(spoiler)s, sensitive = %(sensitive)s, language = %(language)s,
           edited_at = %(edited_at)s where id = %(id)s""",
        {
            "id": post.id,
            "text": post.text,
            "html": post.html,
            "spoiler": post.spoiler,
            "sensitive": post.sensitive,
            "language": post.language,
            "edited_at": post.edited_at,
        },
    )


def history(cursor: Cursor, *, post: PostId) -> list[PostRevision]:
    """Return all revisions of the post, oldest first; the last one is the current content."""
    return fetch_all(
        cursor,
        _revision,
        f"""select text, html, spoiler, sensitive, created_at, options, {emojis.OF_REVISION}, (
                select json_agg(json_build_array({_REVISION_MEDIA}) order by shown.place)
                from jsonb_array_elements(r.media) with ordinality shown (attachment, place)
                join media m on m.id = (attachment->>0)::bigint)
            from (
               -- Stored revisions, then the current content as the last one.
               select id, text, html, spoiler, sensitive, created_at, media, options, emojis from revisions where post_id = %(post)s
               union all
               select 9223372036854775807, text, html, spoiler, sensitive, coalesce(edited_at, created_at),
                      coalesce((select jsonb_agg(jsonb_build_array(m.id, m.description) order by m.place)
                                from media m where m.post_id = p.id and m.place is not null), '[]'),
                      (select q.options from polls q where q.post_id = p.id), emojis
               from posts p where id = %(post)s and deleted_at is null) r
            order by id""",
        {"post": post},
    )


def _revision(*columns: Any) -> PostRevision:
    text, html, spoiler, sensitive, at, options, found, attachments = columns
    shown = emojis_from(found, text, spoiler, *(options or ()))
    return PostRevision(text, html, spoiler, sensitive, at, media.media_list_from(attachments), tuple(options or ()), shown)


def delete(cursor: Cursor, *, post: PostId, now: datetime) -> bool:
    """Mark the post as deleted; return False if it was deleted before."""
    sql = "update posts set deleted_at = %(now)s where id = %(post)s and deleted_at is null"
    return bool(execute(cursor, sql, {"post": post, "now": now}))


def boost_by(cursor: Cursor, *, original: PostId, account: AccountId) -> PostId | None:
    """Return the account's boost of the post, if there is one."""
    sql = "select id from posts where boost_of = %(original)s and account_id = %(account)s and deleted_at is null"
    return fetch_one(cursor, PostId, sql, {"original": original, "account": account})


def boosters(cursor: Cursor, *, original: PostId) -> list[AccountId]:
    """Return the accounts that boosted the post."""
    cursor.execute("select account_id from posts where boost_of = %(original)s and deleted_at is null", {"original": original})
    return first_column(cursor.fetchall())


def flags(cursor: Cursor, *, posts: Collection[int], viewer: AccountId) -> dict[PostId, PostFlags]:
    """Return the viewer's interactions with each of the posts (originals, not boosts)."""
    return dict(
        fetch_all(
            cursor,
            lambda id, votes, *states: (PostId(id), _flags(votes, *states)),
            _FLAGS,
            {"posts": list(posts), "viewer": viewer},
        )
    )


# `offset 0` keeps each condition a probe of an index for each post. Without it, the planner reads everything that the viewer ever marked.
_FLAGS = Prepared(f"""
    select p.id, {polls.VOTES},
        exists (select from favourites f where f.account_id = %(viewer)s and f.post_id = p.id offset 0),
        exists (select from posts b where b.boost_of = p.id and b.account_id = %(viewer)s and b.deleted_at is null offset 0),
        exists (select from bookmarks k where k.account_id = %(viewer)s and k.post_id = p.id offset 0),
        exists (select from pins i where i.account_id = %(viewer)s and i.post_id = p.id offset 0),
        exists (select from thread_mutes t where t.account_id = %(viewer)s and t.thread_id = p.thread_id offset 0)
    from posts p where p.id = any(%(posts)s)""")


def _flags(votes: list[int] | None, *states: bool) -> PostFlags:
    if not votes and not any(states):
        return NO_FLAGS
    favourited, boosted, bookmarked, pinned, muted = states
    return PostFlags(favourited, boosted, bookmarked, pinned, muted, tuple(votes or ()))
