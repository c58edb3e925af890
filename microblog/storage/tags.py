"""Hashtags: autocomplete, use counts and trends."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.model.ids import AccountId, TagId
from microblog.model.posts import Tag
from microblog.model.profile_features import MAX_USES
from microblog.storage.database import Cursor, execute, fetch_all
from microblog.storage.visibility import VISIBLE

MAX_SCANNED = 10_000  # most tags with the prefix that are considered
MAX_COUNTED_USES = 10_000  # most uses of one tag that are counted
MAX_RECOUNTED = 100  # most uses of a tag that are recounted during a request
EXTRA_CANDIDATES = 40  # further tags whose uses are recounted, as replacements for tags that the viewer may not see


def _tag(id: int, key: str, name: str) -> Tag:
    return Tag(TagId(id), key, name)


# A tag may reveal the content of the posts that use it, so it is shown only to viewers who can see one of its newest posts.
_VISIBLE_USES = f"""
    select from (select post_id from post_tags where tag_id = t.id order by post_id desc limit {MAX_USES}) newest
    join posts p on p.id = newest.post_id where {VISIBLE}"""


def by_prefix(cursor: Cursor, *, prefix: str, viewer: AccountId | None, limit: int, offset: int = 0) -> list[Tag]:
    """Return tags whose folded key has this prefix and that occur in a post the viewer may see.

    The exact one first, then the most used: by the last count, with a recount for those near the top.
    """
    return fetch_all(
        cursor,
        _tag,
        _BY_PREFIX,
        {
            "prefix": prefix,
            "viewer": viewer,
            "offset": offset,
            "pattern": prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%",
            "limit": limit,
            "most": MAX_SCANNED,
            "near": offset + limit + EXTRA_CANDIDATES,
        },
    )


# Public and unlisted uses: private posts must not move a tag up the list.
_PUBLIC_USES = """join posts p on p.id = u.post_id and p.visibility in ('public', 'unlisted') and p.deleted_at is null
    where u.tag_id = t.id"""

# Not prepared: the index is usable only if the pattern's prefix is known at planning time.
_BY_PREFIX = f"""
    select t.id, t.key, t.name from (
        -- Tags with the prefix, the most used ones by the last count.
        select b.key, b.uses from (
            select k.key, k.uses from tags k where k.key like %(pattern)s order by k.key using ~<~ limit %(most)s) b
        order by b.key = %(prefix)s desc, b.uses desc, b.key limit %(near)s) near
    join tags t on t.key = near.key
    where exists ({_VISIBLE_USES})
    -- Recent uses are recounted, because the last count may be old.
    order by t.key = %(prefix)s desc,
             greatest(near.uses, (
                 select count(*) from (select from post_tags u {_PUBLIC_USES} limit {MAX_RECOUNTED}) recent)) desc,
             t.key
    limit %(limit)s offset %(offset)s"""


def recount(cursor: Cursor, *, after: int) -> int:
    """Recount the public and unlisted uses of all tags of posts with ids above `after`; return the number of tags that changed."""
    return execute(
        cursor,
        f"""update tags t set uses = n.uses from (
                select t.tag_id as id, (select count(*) from (select from post_tags u {_PUBLIC_USES.replace("t.id", "t.tag_id")}
                                                              limit {MAX_COUNTED_USES}) counted) as uses
                from (select distinct tag_id from post_tags where post_id > %(after)s) t) n
            where t.id = n.id and t.uses <> n.uses""",
        {"after": after},
    )


_BY_KEY = f"""
    select t.id, t.key, t.name from tags t where t.key = %(key)s and (
        exists (select from followed_tags f where f.tag_id = t.id and f.account_id = %(viewer)s)
        or exists (select from featured_tags f where f.tag_id = t.id and f.account_id = %(viewer)s)
        or exists ({_VISIBLE_USES}))"""


def by_key(cursor: Cursor, *, key: str, viewer: AccountId | None) -> list[Tag]:
    """Return the tag as first written: one row, or none if the viewer neither sees a post with it nor follows it."""
    return fetch_all(cursor, _tag, _BY_KEY, {"key": key, "viewer": viewer})


def usage(cursor: Cursor, *, tags: Sequence[int], since: int) -> list[tuple[TagId, int, int, int]]:
    """Return (tag, days since 1970, number of authors, number of posts) of public posts of people here with ids above `since`."""
    return fetch_all(
        cursor,
        lambda tag, day, people, posts: (TagId(tag), int(day), people, posts),
        """select pt.tag_id, (pt.post_id >> 16) / 86400000, count(distinct p.account_id), count(*) from post_tags pt
           join posts p on p.id = pt.post_id and p.visibility = 'public' and p.deleted_at is null and p.uri is null
           where pt.tag_id = any(%(tags)s) and pt.post_id > %(since)s group by 1, 2""",
        {"tags": list(tags), "since": since},
    )


def trending(cursor: Cursor, *, after: int, limit: int) -> list[Tag]:
    """Return the tags used by the most authors of this site in public posts with ids above `after`."""
    return fetch_all(
        cursor,
        _tag,
        """select t.id, t.key, t.name from post_tags pt
           join posts p on p.id = pt.post_id and p.visibility = 'public' and p.deleted_at is null
           join tags t on t.id = pt.tag_id
           join accounts a on a.id = p.account_id and a.suspended_at is null and a.deleted_at is null and a.limited_at is null
               and a.host is null
           where pt.post_id > %(after)s
           group by t.id having count(distinct p.account_id) > 1
           order by count(distinct p.account_id) desc, max(p.id) desc limit %(limit)s""",
        {"after": after, "limit": limit},
    )
