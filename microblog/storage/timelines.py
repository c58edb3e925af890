"""Timelines as lists of post ids, newest first. storage/posts.py loads the posts.

Every list uses the visibility rule; filters stand before the limit, so that a short page really is the end.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import asdict

from microblog.model.ids import AccountId, ListId, PostId
from microblog.model.lists import ListReplies
from microblog.model.paging import Page
from microblog.model.timeline_rules import AccountPosts, TagFilter
from microblog.storage.database import Cursor, Prepared, fetch_all, fetch_value
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.visibility import VISIBLE, WANTED

Entry = tuple[PostId, PostId | None]
"""A post's id, and the id of the post it boosts."""


def _entry(id: int, boost_of: int | None) -> Entry:
    return PostId(id), None if boost_of is None else PostId(boost_of)


_RANGE = "p.deleted_at is null and p.id < %(max_id)s and p.id > %(min_id)s"

_SHOWN = f"""(not p.reply_to_other or p.account_id = %(viewer)s or p.reply_to_account in (select ff.id from reply_targets ff))
        and {VISIBLE} and {WANTED}"""

_HOME_POST = f"""p.account_id = f.id and {_RANGE}
        and (p.boost_of is null or f.boosts)
        and (f.languages is null or p.language is null or p.language = any(f.languages))
        and {_SHOWN}"""

_WALK = 4  # posts of the whole site that are read for each followee before the followees are asked one by one

# First, the newest posts of the whole site are walked through until the page is full: whoever follows many finds it among a few hundred.
# The walk is bounded by the number of followees, so that it costs little beside what follows where it does not fill the page. Each level
# keeps the order of the posts, so that nothing is sorted and the walk ends with the page.
_WALKED = f"""
    walked as materialized (
        select p.id, p.boost_of from (
            select * from (
                select * from posts w where w.id < %(max_id)s and w.id > %(min_id)s order by w.id desc
                limit (select {_WALK} * count(*) from followees)) p
            where p.deleted_at is null and (p.account_id in (select fw.id from followees fw)) is true order by p.id desc offset 0) p
        where (select (p.boost_of is null or f.boosts)
                   and (f.languages is null or p.language is null or p.language = any(f.languages))
               from follows f where f.follower_id = %(viewer)s and f.followee_id = p.account_id) is not false
        and {_SHOWN}
        order by p.id desc limit %(limit)s)"""

# Otherwise, step 1: the newest post of each followee; keep the `limit` newest of these followees. Step 2: their posts within the time span
# of step 1. No other followee can have a post on the page, and the newest posts of the kept followees alone fill it, so it never reaches
# below the span. Both steps read only the index posts_by_author. The cost is bounded for busy and quiet followees alike, and nothing is
# written per follower.
_NEWEST = f"""{_WALKED},
    newest as (
        select f.id, f.boosts, f.languages, h.id as post from followees f cross join lateral (
            select p.id from posts p where {_HOME_POST} order by p.id desc limit 1) h
        where (select count(*) from walked) < %(limit)s
        order by h.id desc limit %(limit)s),
    span as (
        select case when count(*) < %(limit)s then %(min_id)s else min(post) end as low,
               case when count(*) < %(limit)s then %(max_id)s else max(post) end as high from newest)
    select n.id, n.boost_of from (
        select w.id, w.boost_of from walked w where (select count(*) from walked) = %(limit)s
        union all
        (select h.id, h.boost_of from newest f cross join lateral (
            select p.id, p.boost_of from posts p
            where {_HOME_POST} and p.id between (select low from span) and (select high from span)
            order by p.id desc limit %(limit)s) h
        order by h.id desc limit %(limit)s)) n
    order by n.id desc"""

# `followees`: accounts whose posts are shown, without members of exclusive lists. `reply_targets`: accounts to which a shown reply may be.
_BY_FOLLOWEES = f"""
    with reply_targets as materialized (
        select f.followee_id as id, f.boosts, f.languages from follows f where f.follower_id = %(viewer)s
        union all select %(viewer)s, true, null),
    followees as (
        select a.id, a.boosts, a.languages from reply_targets a where a.id not in (
            select m.member_id from lists l join list_members m on m.list_id = l.id where l.account_id = %(viewer)s and l.exclusive)),
    {_NEWEST}"""

_OF_FOLLOWED_TAGS = f"""
    select distinct g.id, g.boost_of from followed_tags w cross join lateral (
        select p.id, p.boost_of from post_tags t join posts p on p.id = t.post_id
        where t.tag_id = w.tag_id and t.post_id < %(max_id)s and t.post_id > %(min_id)s
        and p.deleted_at is null and p.visibility = 'public'
        and not exists (select from accounts l where l.id = p.account_id and l.limited_at is not null)
        and p.account_id not in (
            select m.member_id from lists l join list_members m on m.list_id = l.id where l.account_id = %(viewer)s and l.exclusive)
        and {VISIBLE} and {WANTED}
        order by t.post_id desc limit %(limit)s) g
    where w.account_id = %(viewer)s
    order by g.id desc limit %(limit)s"""

# A post that matches by author and by tag is returned once.
_HOME = Prepared(f"""
    select h.id, h.boost_of from ({_BY_FOLLOWEES}) h
    union select t.id, t.boost_of from ({_OF_FOLLOWED_TAGS}) t
    order by 1 desc limit %(limit)s""")

_LIST = Prepared(f"""
    with followees as materialized (
        select f.followee_id as id, f.boosts, f.languages from list_members m
        join follows f on f.follower_id = %(viewer)s and f.followee_id = m.member_id where m.list_id = %(list)s),
    reply_targets as materialized (
        select %(viewer)s as id
        union all select m.member_id from list_members m where m.list_id = %(list)s and %(replies)s = 'list'
        union all select f.followee_id from follows f where f.follower_id = %(viewer)s and %(replies)s = 'followed'),
    {_NEWEST}""")

# True if home or a list may show some of these posts, or boosts of them, below an entry. Visibility is not checked, so false positives are
# possible.
_MAY_SHOW = Prepared("""
    select exists (
        select from posts p
        where (p.id = any(%(posts)s) or p.boost_of = any(%(posts)s)) and p.id < %(below)s and p.deleted_at is null
        and (p.account_id = %(viewer)s
            or exists (select from follows f where f.follower_id = %(viewer)s and f.followee_id = p.account_id)
            or exists (select from post_tags t join followed_tags w on w.tag_id = t.tag_id
                where t.post_id = p.id and w.account_id = %(viewer)s)))""")

# Condition: posts of this site, posts of other servers, or (null) both.
_ORIGIN = "(%(here)s::boolean is null or (p.uri is null) = %(here)s)"

_OF_PUBLIC = f"""{_RANGE} and p.visibility = 'public' and p.boost_of is null and not p.reply_to_other and {_ORIGIN}
    and not exists (select from accounts l where l.id = p.account_id and l.limited_at is not null)
    and {VISIBLE} and {WANTED}"""

_PUBLIC = Prepared(f"select p.id, p.boost_of from posts p where {_OF_PUBLIC} order by p.id desc limit %(limit)s")

# Few posts have media: media timelines read the media table, in which each post with media has one row at place 0.
_WITH_MEDIA = "md.place = 0 and md.post_id < %(max_id)s and md.post_id > %(min_id)s"

_PUBLIC_MEDIA = f"""
    select p.id, p.boost_of from media md join posts p on p.id = md.post_id
    where {_WITH_MEDIA} and {_OF_PUBLIC} order by md.post_id desc limit %(limit)s"""

# The newest posts of each tag, merged: a post with several of the tags is returned once.
_TAG = Prepared(f"""
    select distinct h.id, h.boost_of from tags k cross join lateral (
        select p.id, p.boost_of from post_tags t join posts p on p.id = t.post_id
        where t.tag_id = k.id and t.post_id < %(max_id)s and t.post_id > %(min_id)s
        and p.deleted_at is null and p.visibility = 'public' and {_ORIGIN}
        and not exists (select from accounts l where l.id = p.account_id and l.limited_at is not null)
        and not exists (select from unnest(%(all)s::text[]) wanted (key) where not exists (
            select from post_tags ta join tags ka on ka.id = ta.tag_id where ta.post_id = p.id and ka.key = wanted.key))
        and not exists (select from post_tags tn join tags kn on kn.id = tn.tag_id where tn.post_id = p.id and kn.key = any(%(none)s))
        and (not %(media)s or exists (select from media md where md.post_id = p.id and md.place = 0))
        and {VISIBLE} and {WANTED}
        order by t.post_id desc limit %(limit)s) h
    where k.key = any(%(any)s)
    order by h.id desc limit %(limit)s""")

_OF_ACCOUNT = f"""p.account_id = %(account)s and {_RANGE}
    and (%(replies)s or not p.reply_to_other) and (%(boosts)s or p.boost_of is null)
    and (%(tag)s::text is null or exists (
        select from post_tags t join tags k on k.id = t.tag_id where t.post_id = p.id and k.key = %(tag)s))
    and {VISIBLE}"""

_ACCOUNT = Prepared(f"select p.id, p.boost_of from posts p where {_OF_ACCOUNT} order by p.id desc limit %(limit)s")

_ACCOUNT_MEDIA = f"""
    select p.id, p.boost_of from media md join posts p on p.id = md.post_id
    where md.account_id = %(account)s and {_WITH_MEDIA} and {_OF_ACCOUNT} order by md.post_id desc limit %(limit)s"""

_FAVOURITES = Prepared(f"""
    select p.id, p.boost_of, f.id from favourites f join posts p on p.id = f.post_id
    where f.account_id = %(viewer)s and f.id < %(max_id)s and f.id > %(min_id)s and {VISIBLE}
    order by f.id desc limit %(limit)s""")

_BOOKMARKS = Prepared(f"""
    select p.id, p.boost_of, f.id from bookmarks f join posts p on p.id = f.post_id
    where f.account_id = %(viewer)s and f.id < %(max_id)s and f.id > %(min_id)s and {VISIBLE}
    order by f.id desc limit %(limit)s""")

_PINNED = Prepared(f"""
    select p.id, p.boost_of from pins i join posts p on p.id = i.post_id
    where i.account_id = %(account)s and {VISIBLE} order by i.id desc limit %(limit)s""")


def may_show(cursor: Cursor, *, viewer: AccountId, posts: Collection[PostId], below: PostId) -> bool:
    """Return False if the viewer's home and lists show neither these posts nor boosts of them with a smaller id than `below`."""
    return bool(fetch_value(cursor, _MAY_SHOW, {"viewer": viewer, "posts": list(posts), "below": below}))


def home(cursor: Cursor, *, viewer: AccountId, page: Page, now: datetime) -> list[Entry]:
    """Return the home timeline: posts and boosts of the viewer and followees, without replies to others.

    Also public posts with tags that the viewer follows. Repeated boosts are included (see model/repeated_boosts.py).
    """
    return directed(page, fetch_all(cursor, _entry, page_sql(_HOME, page), bounds(page) | {"viewer": viewer, "now": now}))


def of_list(cursor: Cursor, *, viewer: AccountId, list: ListId, replies: ListReplies, page: Page, now: datetime) -> list[Entry]:
    """Return the timeline of a list: its members' posts as in the home timeline, with replies by the list's policy."""
    params = bounds(page) | {"viewer": viewer, "list": list, "replies": replies, "now": now}
    return directed(page, fetch_all(cursor, _entry, page_sql(_LIST, page), params))


def public(
    cursor: Cursor, *, viewer: AccountId | None, page: Page, now: datetime, media: bool = False, here: bool | None = None
) -> list[Entry]:
    """Return the public timeline: public posts without boosts and without replies to others.

    `media`: only posts with media. `here`: only posts of this site, or only those of others (None: both).
    """
    sql = page_sql(_PUBLIC_MEDIA if media else _PUBLIC, page)
    return directed(page, fetch_all(cursor, _entry, sql, bounds(page) | {"viewer": viewer, "now": now, "here": here}))


def of_tags(cursor: Cursor, *, tags: TagFilter, viewer: AccountId | None, page: Page, now: datetime) -> list[Entry]:
    """Return public posts with the tags, including replies, without those of limited accounts."""
    wanted = {"any": list(tags.any), "all": list(tags.all), "none": list(tags.none), "media": tags.media, "here": tags.here}
    return directed(page, fetch_all(cursor, _entry, page_sql(_TAG, page), bounds(page) | wanted | {"viewer": viewer, "now": now}))


def of_account(cursor: Cursor, *, wanted: AccountPosts, viewer: AccountId | None, page: Page, media: bool = False) -> list[Entry]:
    """Return an account's posts of this kind that the viewer may see; `media`: only posts with media."""
    params = bounds(page) | asdict(wanted) | {"viewer": viewer}
    return directed(page, fetch_all(cursor, _entry, page_sql(_ACCOUNT_MEDIA if media else _ACCOUNT, page), params))


def pinned(cursor: Cursor, *, account: AccountId, viewer: AccountId | None, limit: int) -> list[Entry]:
    """Return an account's pinned posts, newest pin first."""
    return fetch_all(cursor, _entry, _PINNED, {"account": account, "viewer": viewer, "limit": limit})


def favourites(cursor: Cursor, *, viewer: AccountId, page: Page) -> list[tuple[Entry, int]]:
    """Return the viewer's favourites, each with the id of the favourite, which pages the list."""
    return _with_interaction_id(cursor, _FAVOURITES, viewer, page)


def bookmarks(cursor: Cursor, *, viewer: AccountId, page: Page) -> list[tuple[Entry, int]]:
    """Return the viewer's bookmarks, each with the id of the bookmark, which pages the list."""
    return _with_interaction_id(cursor, _BOOKMARKS, viewer, page)


def _with_interaction_id(cursor: Cursor, sql: str, viewer: AccountId, page: Page) -> list[tuple[Entry, int]]:
    def row(id: int, boost_of: int | None, interaction: int) -> tuple[Entry, int]:
        return _entry(id, boost_of), interaction

    return directed(page, fetch_all(cursor, row, page_sql(sql, page), bounds(page) | {"viewer": viewer}))
