"""Hashtags: autocomplete, use counts and trends."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.model.ids import SEQUENCE_BITS, AccountId, TagId
from microblog.model.posts import Tag
from microblog.model.profile_features import MAX_USES
from microblog.model.trends import ReviewedTag
from microblog.storage.database import Cursor, Prepared, execute, fetch_all
from microblog.storage.reviewed_tags import COLUMNS, reviewed_tag
from microblog.storage.visibility import VISIBLE

MAX_SCANNED = 10_000  # most tags with the prefix that are considered
MAX_COUNTED_USES = 10_000  # most uses of one tag that are counted
MAX_RECENT_USES = 100  # most uses of a tag since the last count that order a search
MAX_RECENT_DAYS_USES = 1_000  # most uses of a tag since the last count that its history shows
EXTRA_CANDIDATES = 40  # further tags whose recent uses are counted, as replacements for tags that the viewer may not see
LAST_CHARACTER = "\U0010ffff"  # above every character of a hashtag


def _tag(id: int, key: str, name: str) -> Tag:
    return Tag(TagId(id), key, name)


# A tag may reveal the content of the posts that use it, so it is shown only to viewers who can see one of its newest posts.
_VISIBLE_USES = f"""
    select from (select post_id from post_tags where tag_id = t.id order by post_id desc limit {MAX_USES}) newest
    join posts p on p.id = newest.post_id where {VISIBLE}"""


def by_prefix(cursor: Cursor, *, prefix: str, viewer: AccountId | None, limit: int, offset: int = 0) -> list[Tag]:
    """Return usable and listable tags whose folded key has this prefix and that occur in a post the viewer may see.

    The exact one first, then the most used: by the last count and the uses since.
    """
    return fetch_all(
        cursor,
        _tag,
        _BY_PREFIX,
        {
            "prefix": prefix,
            "end": prefix + LAST_CHARACTER,
            "viewer": viewer,
            "offset": offset,
            "limit": limit,
            "near": offset + limit + EXTRA_CANDIDATES,
        },
    )


# Public and unlisted uses: private posts must not move a tag up the list.
_PUBLIC_USES = """join posts p on p.id = u.post_id and p.visibility in ('public', 'unlisted') and p.deleted_at is null"""

# Visibility comes last, in the order of the result, so that it is checked only until the page is full.
_BY_PREFIX = Prepared(f"""
    select t.id, t.key, t.name from (
        select t.*, case when t.counted_to > 0 then near.uses + recent.uses else greatest(near.uses, recent.uses) end as rank from (
            -- Tags with the prefix, the most used ones by the last count.
            select b.key, b.uses from (
                select k.key, k.uses from tags k where k.key ~>=~ %(prefix)s::text and k.key ~<~ %(end)s::text
                order by k.key using ~<~ limit {MAX_SCANNED}) b
            order by b.key = %(prefix)s desc, b.uses desc, b.key limit %(near)s) near
        join tags t on t.key = near.key and t.usable and t.listable
        -- Uses since the last count.
        cross join lateral (
            select count(*) as uses from (
                select from (select post_id from post_tags where tag_id = t.id and post_id > t.counted_to
                             order by post_id desc limit {MAX_RECENT_USES}) u {_PUBLIC_USES}) counted) recent
        order by t.key = %(prefix)s desc, rank desc, t.key offset 0) t
    where exists ({_VISIBLE_USES})
    limit %(limit)s offset %(offset)s""")


def recount(cursor: Cursor, *, after: int, first: int = 0) -> int:
    """Count the public and unlisted uses of all tags of posts with ids above `after`; return the number of tags that changed.

    The uses of each day are counted from the day of the last count on, but not those of posts up to the id `first`.
    """
    params = {"after": after, "first": first, "first_day": _day(first + 1)}
    execute(cursor, _FORGET_DAYS, params)
    execute(cursor, _COUNT_DAYS, params)
    return execute(cursor, _COUNT_USES, params)


_RECENTLY_USED = "(select tag_id, max(post_id) as newest from post_tags where post_id > %(after)s group by tag_id)"
_LAST_COUNTED = "greatest(%(first)s, t.counted_to / 86400000 / 65536 * 86400000 * 65536 - 1)"  # right before the day of the last count
_FORGET_DAYS = f"""
    delete from tag_days d using tags t where t.id = d.tag_id and (
        d.day < %(first_day)s
        or d.day > {_LAST_COUNTED} / 65536 / 86400000 and t.id in (select tag_id from {_RECENTLY_USED} used))"""
_COUNT_DAYS = f"""
    insert into tag_days (tag_id, day, people, posts)
    select t.id, d.day, d.people, d.posts from {_RECENTLY_USED} used join tags t on t.id = used.tag_id
    cross join lateral (
        select u.post_id / 65536 / 86400000 as day, count(distinct p.account_id) as people, count(*) as posts from (
            select post_id from post_tags where tag_id = t.id and post_id > {_LAST_COUNTED}
            order by post_id desc limit {MAX_COUNTED_USES}) u
        join posts p on p.id = u.post_id and p.visibility = 'public' and p.deleted_at is null and p.uri is null
        group by 1) d
    on conflict (tag_id, day) do update set people = excluded.people, posts = excluded.posts"""
_COUNT_USES = f"""
    update tags t set uses = n.uses, counted_to = n.newest from (
        select used.tag_id, used.newest, (
            select count(*) from (
                select from post_tags u {_PUBLIC_USES} where u.tag_id = used.tag_id limit {MAX_COUNTED_USES}) counted) as uses
        from {_RECENTLY_USED} used) n
    where t.id = n.tag_id and (t.uses, t.counted_to) is distinct from (n.uses, n.newest)"""


_BY_KEY = f"""
    select t.id, t.key, t.name from tags t where t.key = %(key)s and (
        exists (select from followed_tags f where f.tag_id = t.id and f.account_id = %(viewer)s)
        or exists (select from featured_tags f where f.tag_id = t.id and f.account_id = %(viewer)s)
        or exists ({_VISIBLE_USES}))"""


def by_key(cursor: Cursor, *, key: str, viewer: AccountId | None) -> list[Tag]:
    """Return the tag as first written: one row, or none if the viewer neither sees a post with it nor follows it."""
    return fetch_all(cursor, _tag, _BY_KEY, {"key": key, "viewer": viewer})


def usage(cursor: Cursor, *, tags: Sequence[int], since: int) -> list[tuple[TagId, int, int, int]]:
    """Return (tag, days since 1970, number of authors, number of posts) of public posts of people here with ids above `since`.

    `since` is the end of a day. The last count and the uses since. An author who used the tag before and after the last count of a day
    counts twice until the next.
    """
    return fetch_all(
        cursor,
        lambda tag, day, people, posts: (TagId(tag), int(day), int(people), int(posts)),
        _USAGE,
        {"tags": list(tags), "since": since, "first_day": _day(since + 1)},
    )


_USAGE = Prepared(f"""
    select tag_id, day, sum(people), sum(posts) from (
        select tag_id, day, people, posts from tag_days where tag_id = any(%(tags)s::bigint[]) and day >= %(first_day)s::integer
        union all
        select t.id, u.post_id / 65536 / 86400000, count(distinct p.account_id), count(*) from tags t cross join lateral (
            select post_id from post_tags where tag_id = t.id and post_id > greatest(%(since)s::bigint, t.counted_to)
            order by post_id desc limit {MAX_RECENT_DAYS_USES}) u
        join posts p on p.id = u.post_id and p.visibility = 'public' and p.deleted_at is null and p.uri is null
        where t.id = any(%(tags)s::bigint[]) group by 1, 2) counted
    group by 1, 2""")


def _day(id: int) -> int:
    """Return the days from 1970 to the creation of a post."""
    return (id >> SEQUENCE_BITS) // 86_400_000


def trending(cursor: Cursor, *, after: int, limit: int) -> list[ReviewedTag]:
    """Return the usable tags that most authors of this site used in public posts with ids above `after`, also those that must not trend."""
    return fetch_all(
        cursor,
        reviewed_tag,
        f"""select {COLUMNS} from post_tags pt
           join posts p on p.id = pt.post_id and p.visibility = 'public' and p.deleted_at is null
           join tags t on t.id = pt.tag_id and t.usable
           join accounts a on a.id = p.account_id and a.suspended_at is null and a.deleted_at is null and a.limited_at is null
               and a.host is null
           where pt.post_id > %(after)s
           group by t.id having count(distinct p.account_id) > 1
           order by count(distinct p.account_id) desc, max(p.id) desc limit %(limit)s""",
        {"after": after, "limit": limit},
    )
