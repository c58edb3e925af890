"""Data of posts and viewers that the timeline rules (model/timeline_rules.py) need, so that they apply without a query for each."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from microblog.model.ids import AccountId, PostId
from microblog.model.lists import ListReplies
from microblog.model.posts import Visibility
from microblog.model.timeline_rules import FolloweeOptions, ListMembers, PostFacts, TimelineViewer
from microblog.storage.database import Cursor, Prepared, fetch_all, fetch_one, fetch_value

# The mentions matter for narrow visibilities only.
_FACTS = Prepared("""
    select p.id, p.account_id, p.visibility, p.language, p.reply_to_account,
        a.suspended_at is not null or a.deleted_at is not null or b.suspended_at is not null or b.deleted_at is not null,
        a.limited_at is not null, p.uri is null, p.reply_to_uri is not null,
        array_remove(array[a.host, b.host, (select r.host from accounts r where r.id = p.reply_to_account)], null),
        case when p.visibility in ('private', 'direct') then array(select m.account_id from mentions m where m.post_id = p.id) end,
        array(select t.key from post_tags pt join tags t on t.id = pt.tag_id where pt.post_id = p.id),
        p.boost_of, o.account_id, o.visibility,
        case when o.visibility in ('private', 'direct') then array(select m.account_id from mentions m where m.post_id = o.id) end
    from posts p join accounts a on a.id = p.account_id
    left join posts o on o.id = p.boost_of left join accounts b on b.id = o.account_id
    where p.id = any(%(ids)s) and p.deleted_at is null and o.deleted_at is null""")


def _facts(*columns: Any) -> PostFacts:
    id, author, visibility, language, reply_to_account, gone, limited, here, parent_unknown, hosts, *rest = columns
    mentions, tags, boost_of, boost_author, boost_visibility, boost_mentions = rest
    return PostFacts(
        id,
        author,
        Visibility(visibility),
        language,
        reply_to_account,
        boost_of,
        boost_author,
        None if boost_visibility is None else Visibility(boost_visibility),
        mentions=frozenset(mentions or ()),
        boost_mentions=frozenset(boost_mentions or ()),
        tags=frozenset(tags),
        author_gone=gone,
        author_limited=limited,
        here=here,
        parent_unknown=parent_unknown,
        hosts=frozenset(hosts),
    )


def of_posts(cursor: Cursor, ids: Collection[PostId]) -> dict[PostId, PostFacts]:
    """Return the facts of those posts that are not deleted and boost no deleted post."""
    return {facts.id: facts for facts in fetch_all(cursor, _facts, _FACTS, {"ids": list(ids)})}


_BY_AUTHORS = Prepared("""
    with own as materialized (select id from posts where account_id = any(%(accounts)s) and deleted_at is null limit %(limit)s)
    select id from own
    union all select b.id from own cross join lateral (
        select p.id from posts p where p.boost_of = own.id and p.deleted_at is null limit %(limit)s) b
    limit %(limit)s""")


def ids_by_authors(cursor: Cursor, *, accounts: Collection[AccountId], limit: int) -> set[PostId]:
    """Return the ids of the accounts' posts and of boosts of these, at most `limit`."""
    return set(map(PostId, fetch_all(cursor, int, _BY_AUTHORS, {"accounts": list(accounts), "limit": limit})))


_VIEWER = Prepared("""
    select array(select f.followee_id from follows f where f.follower_id = %(viewer)s),
        (select json_agg(json_build_array(f.followee_id, f.boosts, f.languages)) from follows f
         where f.follower_id = %(viewer)s and (not f.boosts or f.languages is not null)),
        array(select b.target_id from blocks b where b.account_id = %(viewer)s
              union all select m.target_id from mutes m
              where m.account_id = %(viewer)s and (m.expires_at is null or m.expires_at > %(now)s)),
        array(select b.account_id from blocks b where b.target_id = %(viewer)s),
        (select json_agg(json_build_array(l.id, l.replies_policy, l.exclusive,
            array(select m.member_id from list_members m where m.list_id = l.id))) from lists l where l.account_id = %(viewer)s),
        array(select t.key from followed_tags w join tags t on t.id = w.tag_id where w.account_id = %(viewer)s),
        (select min(m.expires_at) from mutes m where m.account_id = %(viewer)s and m.expires_at > %(now)s),
        array(select d.domain from domain_blocks d where d.account_id = %(viewer)s)""")


def of_viewer(cursor: Cursor, *, viewer: AccountId, now: datetime) -> TimelineViewer:
    """Return the relations of a viewer, all at the same moment."""

    def found(follows: list[int], options: list[Any] | None, hidden: list[int], blocked_by: list[int], *rest: Any) -> TimelineViewer:
        rows, tags, mute_ends, domains = rest
        lists = {id: ListMembers(frozenset(members), ListReplies(replies), exclusive) for id, replies, exclusive, members in rows or ()}
        return TimelineViewer(
            viewer,
            frozenset(map(AccountId, follows)),
            {
                AccountId(followee): FolloweeOptions(boosts, None if languages is None else frozenset(languages))
                for followee, boosts, languages in options or ()
            },
            hidden=frozenset(map(AccountId, hidden)),
            blocked_by=frozenset(map(AccountId, blocked_by)),
            exclusive=frozenset().union(*(each.members for each in lists.values() if each.exclusive)),
            lists=lists,
            tags=frozenset(tags),
            mute_ends=mute_ends,
            domains=frozenset(domains),
        )

    viewed = fetch_one(cursor, found, _VIEWER, {"viewer": viewer, "now": now})
    assert viewed is not None
    return viewed


def newest_id(cursor: Cursor) -> int:
    """Return the highest id of all posts, deleted ones included; 0 if there are none."""
    newest: int = fetch_value(cursor, "select coalesce(max(id), 0) from posts")
    return newest
