"""Posts that servers of followers or mentioned accounts may read although they are not public."""

from __future__ import annotations

from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Prepared, fetch_value


def may_host_read(cursor: Cursor, *, post: PostId, host: str) -> bool:
    """True if an account of this host follows the author of a followers-only post, or is mentioned in the post.

    False for boosts, deleted posts and posts of suspended accounts. Whom a follower's server shows the post is its own responsibility.
    """
    return fetch_value(cursor, _MAY_HOST_READ, {"post": post, "host": host}) is not None


_MAY_HOST_READ = Prepared("""select 1 from posts p join accounts a on a.id = p.account_id
    where p.id = %(post)s and p.deleted_at is null and p.boost_of is null and a.suspended_at is null and a.deleted_at is null and (
        p.visibility in ('public', 'unlisted')
        or exists (select from mentions m join accounts r on r.id = m.account_id where m.post_id = p.id and r.host = %(host)s)
        or p.visibility = 'private' and exists (
            select from follows f join accounts r on r.id = f.follower_id
            where f.followee_id = p.account_id and r.host = %(host)s and r.suspended_at is null))""")


def blocks_reader(cursor: Cursor, *, username: str, reader: AccountId) -> bool:
    """True if the account of this site with this name blocks the account that reads."""
    return fetch_value(cursor, _BLOCKS_READER, {"name": username.lower(), "reader": reader}) is not None


_BLOCKS_READER = Prepared("""select 1 from blocks b join accounts a on a.id = b.account_id
    where lower(a.username) = %(name)s and coalesce(a.host, '') = '' and b.target_id = %(reader)s""")


def was_deleted(cursor: Cursor, *, post: PostId, username: str) -> bool:
    """True if a post of this account that everybody could see was deleted a short while ago."""
    return fetch_value(cursor, _WAS_DELETED, {"post": post, "name": username.lower()}) is not None


_WAS_DELETED = Prepared("""select 1 from posts p join accounts a on a.id = p.account_id
    where p.id = %(post)s and p.deleted_at is not null and p.visibility in ('public', 'unlisted')
        and lower(a.username) = %(name)s and coalesce(a.host, '') = ''""")
