"""Autocomplete of mentions and hashtags. Runs while a user types, so each statement reads a bounded number of rows."""

from __future__ import annotations

from microblog.model.ids import AccountId, TagId
from microblog.model.posts import Tag
from microblog.model.profile_features import MAX_USES, AccountSuggestion, HashtagSuggestion
from microblog.storage.accounts import APPROVED, COLUMNS, FROM, HERE, MAX_CANDIDATES, account_from
from microblog.storage.database import Cursor, fetch_all
from microblog.storage.visibility import VISIBLE

_MAX_FOLLOWEES = 2_000  # most followees that are considered, newest follows first
_MAX_RECENT_USES = 1_000  # most recent uses of tags that are considered
_MAX_TAG_CANDIDATES = 10

# Followees match by words of the display name too: they are few. All other accounts match by username only, which has an index.
_PEOPLE = f"""with followees as (
        select followee_id id from follows where follower_id = %(viewer)s order by id desc limit {_MAX_FOLLOWEES}),
    -- Matching followees, matching usernames, and matching accounts among the most followed.
    candidates as (
        select k.id from followees k join accounts n on n.id = k.id
        where lower(n.username) like %(start)s or lower(n.display_name) like %(start)s or lower(n.display_name) like %(word)s
        union
        (select id from accounts where lower(username) like %(start)s and host is null
         order by lower(username) using ~<~ limit {MAX_CANDIDATES})
        union
        select id from (select account_id id from account_counts order by followers desc, account_id limit {MAX_CANDIDATES}) popular
        join accounts n using (id) where lower(n.username) like %(start)s)
    select k.id is not null, {COLUMNS} from candidates l join {FROM} on a.id = l.id left join followees k on k.id = a.id
    where a.id <> %(viewer)s and ({HERE} or k.id is not null) and a.deleted_at is null and a.suspended_at is null
        and (a.limited_at is null or k.id is not null) and {APPROVED}
        and not exists (select from blocks where account_id = %(viewer)s and target_id = a.id)
        and not exists (select from blocks where account_id = a.id and target_id = %(viewer)s)
    order by k.id is not null desc, lower(a.username) = %(exact)s desc, c.followers desc, a.id limit %(limit)s"""

_TAGS = f"""with recent as (
        -- Public and unlisted uses of tags in the newest posts.
        select tag_id, count(*) uses from (select tag_id, post_id from post_tags order by post_id desc limit {_MAX_RECENT_USES}) newest
        where (select p.visibility in ('public', 'unlisted') from posts p where p.id = newest.post_id) group by 1),
    -- Matching tags among these, and matching tags of all times.
    candidates as (
        select t.id, t.key, t.name, t.uses, coalesce(r.uses, 0) recently from (
            select tag_id id from recent
            union
            (select id from tags where key like %(start)s order by key using ~<~ limit {MAX_CANDIDATES})) found
        join tags t using (id) left join recent r on r.tag_id = t.id
        where t.key like %(start)s and t.usable and t.listable
        order by t.key = %(exact)s desc, recently desc, t.key limit {_MAX_TAG_CANDIDATES})
    -- Only tags that occur in a post that the viewer may see. Posts are counted if the last count of all public uses is below the limit.
    select l.id, l.key, l.name, visible.uses from candidates l, lateral (
        select case when l.uses >= {MAX_USES} and count(*) > 0 then {MAX_USES} else count(*) end uses from (
            select from (select post_id from post_tags where tag_id = l.id order by post_id desc limit {MAX_USES}) used
            join posts p on p.id = used.post_id where {VISIBLE}
            limit case when l.uses >= {MAX_USES} then 1 end) seen) visible
    where visible.uses > 0
    order by l.key = %(exact)s desc, l.recently desc, visible.uses desc, l.key limit %(limit)s"""


def people(cursor: Cursor, *, prefix: str, viewer: AccountId, limit: int) -> list[AccountSuggestion]:
    """Return accounts whose name has this prefix, ignoring case: followees of the viewer first, then the most followed of this site.

    Without accounts that block the viewer or are blocked.
    """
    return fetch_all(cursor, _candidate, _PEOPLE, _params(prefix, viewer, limit) | {"word": f"% {_escape_like(prefix)}%"})


def tags(cursor: Cursor, *, prefix: str, viewer: AccountId, limit: int) -> list[HashtagSuggestion]:
    """Return tags whose folded key has this prefix and that occur in a post the viewer may see: the exact one, then by recent use."""
    return fetch_all(cursor, _used_tag, _TAGS, _params(prefix, viewer, limit))


def _params(prefix: str, viewer: AccountId, limit: int) -> dict[str, object]:
    return {"start": f"{_escape_like(prefix)}%", "exact": prefix.lower(), "viewer": viewer, "limit": limit}


def _escape_like(prefix: str) -> str:
    return prefix.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _candidate(followed: bool, *columns: object) -> AccountSuggestion:
    return AccountSuggestion(account_from(*columns), followed)


def _used_tag(id: int, key: str, name: str, uses: int) -> HashtagSuggestion:
    return HashtagSuggestion(Tag(TagId(id), key, name), uses)
