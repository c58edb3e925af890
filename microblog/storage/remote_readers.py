"""Posts that servers of followers or mentioned accounts may read although they are not public."""

from __future__ import annotations

from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Prepared, fetch_value


def may_host_read(cursor: Cursor, *, post: PostId, host: str) -> bool:
    """True if an account of this host follows the author of a followers-only post, or is mentioned in the post.

    The host is that of the account's id, which may be another one than that of its name. Suspended accounts do not count. False for boosts,
    deleted posts and posts of suspended accounts. Whom a follower's server shows the post is its own responsibility.
    """
    return fetch_value(cursor, _MAY_HOST_READ, {"post": post, "host": host}) is not None


_IS_READER = "lower(split_part(r.uri, '/', 3)) = %(host)s and r.suspended_at is null and r.deleted_at is null"
_MAY_HOST_READ = Prepared(f"""select 1 from posts p join accounts a on a.id = p.account_id
    where p.id = %(post)s and p.deleted_at is null and p.boost_of is null and a.suspended_at is null and a.deleted_at is null and (
        p.visibility in ('public', 'unlisted')
        or exists (select from mentions m join accounts r on r.id = m.account_id where m.post_id = p.id and {_IS_READER})
        or p.visibility = 'private' and exists (
            select from follows f join accounts r on r.id = f.follower_id where f.followee_id = p.account_id and {_IS_READER}))""")


def blocks_reader(cursor: Cursor, *, username: str, reader: AccountId) -> bool:
    """True if the account of this site with this name blocks the account that reads, or its domain."""
    return fetch_value(cursor, _BLOCKS_READER, {"name": username.lower(), "reader": reader}) is not None


_BLOCKS_READER = Prepared("""select 1 from accounts a
    where lower(a.username) = %(name)s and coalesce(a.host, '') = '' and (
        exists (select from blocks b where b.account_id = a.id and b.target_id = %(reader)s)
        or exists (select from domain_blocks d join accounts r on r.host = d.domain where d.account_id = a.id and r.id = %(reader)s))""")


def was_deleted(cursor: Cursor, *, post: PostId, username: str) -> bool:
    """True if a post of this account that everybody could see was deleted a short while ago."""
    return fetch_value(cursor, _WAS_DELETED, {"post": post, "name": username.lower()}) is not None


_WAS_DELETED = Prepared("""select 1 from posts p join accounts a on a.id = p.account_id
    where p.id = %(post)s and p.deleted_at is not null and p.visibility in ('public', 'unlisted')
        and lower(a.username) = %(name)s and coalesce(a.host, '') = ''""")
