"""Accounts and their counters.

Every query of something that has an author joins `accounts a` and `account_counts c`, selects COLUMNS and passes them to `account_from`.
No function here returns deleted accounts. Suspended ones are returned: the domain decides about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from microblog.model.accounts import Account, ProfileField
from microblog.model.emojis import emojis_from
from microblog.model.ids import AccountId
from microblog.storage import emojis
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.visibility import IS_OF_NO_BLOCKED_DOMAIN

COLUMNS = f"""a.id, a.username, a.display_name, a.bio, a.bio_html, a.created_at, a.fields, a.verified_links, a.locked, a.bot,
    a.discoverable, a.indexable, a.hide_relations, c.followers, c.following, c.posts, c.last_post_on, a.avatar, a.header,
    a.suspended_at, a.limited_at, a.host, a.uri, a.url, a.moved_to_id, a.is_group, a.memorial, a.sensitized_at,
    {emojis.OF_ACCOUNT}"""
WIDTH = 29  # number of COLUMNS
MAX_CANDIDATES = 100  # of a username prefix search; from each of its two sources
FROM = "accounts a join account_counts c on c.account_id = a.id"
SELECT = f"select {COLUMNS} from {FROM}"
APPROVED = "not exists (select from users pending where pending.account_id = a.id and pending.approved_at is null)"
"""Condition: the sign-up was approved. Until then only moderators see the account."""
HERE = "a.host is null"
"""Condition: an account of this site."""
NAMED_HERE = "coalesce(a.host, '') = ''"
"""The same in look-ups by username, in the words of the index."""


def account_from(*columns: Any) -> Account:
    """Build an account from a row's COLUMNS."""
    id, username, display_name, bio, bio_html, created_at, fields, verified, *rest, found = columns
    table = _fields(fields, verified or {}) if fields else ()
    shown = emojis_from(found, display_name, bio, *(text for field in table for text in (field.name, field.value))) if found else ()
    rest.append(shown)
    return Account(id, username, display_name, bio, bio_html, created_at, table, *rest)


def _fields(fields: list[dict[str, str]], verified: dict[str, str | None]) -> tuple[ProfileField, ...]:
    times = {value: datetime.fromisoformat(at) for value, at in verified.items() if at is not None}
    return tuple(ProfileField(**field, verified_at=times.get(field["value"])) for field in fields)


def by_id(cursor: Cursor, *, id: int) -> Account | None:
    """Return the account with this id."""
    return fetch_one(cursor, account_from, _BY_ID, {"id": id})


_BY_ID = Prepared(SELECT + " where a.id = %(id)s and a.deleted_at is null")


def approved_by_id(cursor: Cursor, *, id: int) -> Account | None:
    """Return the account with this id unless its sign-up is pending; also if it is suspended."""
    return fetch_one(cursor, account_from, _APPROVED_BY_ID, {"id": id})


_APPROVED_BY_ID = Prepared(_BY_ID + " and " + APPROVED)


def by_ids(cursor: Cursor, *, ids: Sequence[int]) -> list[Account]:
    """Return the accounts that exist, in the order of `ids`."""
    return fetch_all(
        cursor,
        account_from,
        SELECT
        + """ join unnest(%(ids)s::bigint[]) with ordinality as wanted (id, place) on wanted.id = a.id
              where a.deleted_at is null order by wanted.place""",
        {"ids": list(ids)},
    )


def approved_by_ids(cursor: Cursor, *, ids: Sequence[int]) -> list[Account]:
    """Return the approved accounts among these, in the order of `ids`."""
    return fetch_all(
        cursor,
        account_from,
        f"""{SELECT} join unnest(%(ids)s::bigint[]) with ordinality as wanted (id, place) on wanted.id = a.id
            where a.deleted_at is null and {APPROVED} order by wanted.place""",
        {"ids": list(ids)},
    )


def by_username(cursor: Cursor, *, username: str) -> Account | None:
    """Return the account of this site with this name, without regard to case."""
    found = by_usernames(cursor, usernames=[username])
    return found[0] if found else None


def approved_by_username(cursor: Cursor, *, username: str, host: str | None = None) -> Account | None:
    """Return the account of this name on this host (None: this site), unless its sign-up is pending; also if it is suspended.

    The case of the username does not matter.
    """
    return fetch_one(cursor, account_from, _APPROVED_BY_USERNAME, {"name": username.lower(), "host": host or ""})


_APPROVED_BY_USERNAME = Prepared(
    f"{SELECT} where lower(a.username) = %(name)s and coalesce(a.host, '') = %(host)s and a.deleted_at is null and {APPROVED}"
)


def by_usernames(cursor: Cursor, *, usernames: Sequence[str]) -> list[Account]:
    """Return the accounts of this site that exist, each once, without regard to case."""
    return fetch_all(cursor, account_from, _BY_USERNAMES, {"names": [name.lower() for name in usernames]})


_BY_USERNAMES = Prepared(f"{SELECT} where lower(a.username) = any(%(names)s) and {NAMED_HERE} and a.deleted_at is null")


def insert(
    cursor: Cursor,
    *,
    username: str,
    now: datetime,
    id: int | None = None,
    display_name: str = "",
    bio: str = "",
    bio_html: str = "",
    locked: bool = False,
    bot: bool = False,
) -> AccountId | None:
    """Create an account, with a new id if none is given; return None if the name or id is or was in use."""
    created: AccountId | None = fetch_value(
        cursor,
        """with created as (
                   insert into accounts (id, username, display_name, bio, bio_html, locked, bot, created_at)
                   values (coalesce(%(id)s, new_id(%(now)s)), %(username)s, %(display_name)s, %(bio)s, %(bio_html)s,
                           %(locked)s, %(bot)s, %(now)s)
                   on conflict do nothing returning id),
               counted as (insert into account_counts (account_id) select id from created)
               select id from created""",
        {
            "id": id,
            "username": username,
            "display_name": display_name,
            "bio": bio,
            "bio_html": bio_html,
            "locked": locked,
            "bot": bot,
            "now": now,
        },
    )
    return created


def update_profile(cursor: Cursor, *, account: Account) -> None:
    """Store the fields that the account's owner can edit."""
    execute(
        cursor,
        """update accounts set display_name = %(display_name)s, bio = %(bio)s, bio_html = %(bio_html)s, fields = %(fields)s,
               locked = %(locked)s, bot = %(bot)s, discoverable = %(discoverable)s, indexable = %(indexable)s,
               hide_relations = %(hide_relations)s
           where id = %(id)s""",
        {
            "id": account.id,
            "display_name": account.display_name,
            "bio": account.bio,
            "bio_html": account.bio_html,
            "fields": orjson.dumps([{"name": f.name, "value": f.value, "html": f.html} for f in account.fields]).decode(),
            "locked": account.locked,
            "bot": account.bot,
            "discoverable": account.discoverable,
            "indexable": account.indexable,
            "hide_relations": account.hide_relations,
        },
    )


def lock(cursor: Cursor, *, ids: Sequence[int]) -> None:
    """Lock the relationships between these accounts until the transaction ends.

    Every follow, unfollow and block takes this lock first. So counters stay exact, and no account can follow another that is blocking it at
    the same moment. Rows are locked in the order of ids, which prevents deadlocks.
    """
    execute_deferred(cursor, _LOCK, {"ids": list(ids)})


_LOCK = Prepared("select from account_counts where account_id = any(%(ids)s) order by account_id for no key update")


def count_follow(cursor: Cursor, *, follower: int, followee: int, by: int) -> None:
    """Add `by` (1 or -1) to the follower's and the followee's counters. The caller has locked both."""
    execute_deferred(cursor, _COUNT_FOLLOW, {"follower": follower, "followee": followee, "by": by})


_COUNT_FOLLOW = Prepared("""update account_counts
    set following = following + case when account_id = %(follower)s then %(by)s else 0 end,
        followers = followers + case when account_id = %(followee)s then %(by)s else 0 end
    where account_id in (%(follower)s, %(followee)s)""")


def uncount_post(cursor: Cursor, *, id: int) -> None:
    """Subtract a deleted post from the author's counter (not for direct messages). `posts.insert` counts new ones."""
    execute(cursor, _UNCOUNT_POST, {"id": id})


def count_post(cursor: Cursor, *, id: int) -> None:
    """Add a deleted post that came back to the author's counter (not for direct messages)."""
    execute(cursor, "update account_counts set posts = posts + 1 where account_id = %(id)s", {"id": id})


_UNCOUNT_POST = Prepared("update account_counts set posts = posts - 1 where account_id = %(id)s")


def set_suspended(cursor: Cursor, *, id: int, at: datetime | None) -> bool:
    """Suspend the account, or with None lift the suspension; return False if nothing changed."""
    return bool(
        execute(
            cursor,
            """update accounts set suspended_at = %(at)s
               where id = %(id)s and deleted_at is null and (suspended_at is null) = (%(at)s::timestamptz is not null)""",
            {"id": id, "at": at},
        )
    )


def set_limited(cursor: Cursor, *, id: int, at: datetime | None) -> bool:
    """Limit the account, or with None lift the limit; return False if nothing changed.

    A limit by a rule for the account's domain can be replaced by this one, but not lifted.
    """
    return bool(
        execute(
            cursor,
            """update accounts set limited_at = %(at)s, limited_by_domain = false
               where id = %(id)s and deleted_at is null
               and case when %(at)s::timestamptz is null then limited_at is not null and not limited_by_domain
                        else limited_at is null or limited_by_domain end""",
            {"id": id, "at": at},
        )
    )


def set_sensitized(cursor: Cursor, *, id: int, at: datetime | None) -> bool:
    """Show all media of the account as sensitive, or with None no longer; return False if nothing changed."""
    sql = """update accounts set sensitized_at = %(at)s
        where id = %(id)s and deleted_at is null and (sensitized_at is null) = (%(at)s::timestamptz is not null)"""
    return bool(execute(cursor, sql, {"id": id, "at": at}))


def mark_deleted(cursor: Cursor, *, id: int, at: datetime) -> bool:
    """Erase the profile but keep id and username, so that nobody else can take the name; return False if it was deleted before."""
    return bool(
        execute(
            cursor,
            """update accounts set deleted_at = %(at)s, display_name = '', bio = '', bio_html = '', fields = '[]',
                   avatar = null, header = null, discoverable = false, indexable = false
               where id = %(id)s and deleted_at is null""",
            {"id": id, "at": at},
        )
    )


def by_prefix(cursor: Cursor, *, prefix: str, limit: int) -> list[Account]:
    """Return accounts of this site whose username starts with the prefix: an exact match first, then by number of followers.

    If very many usernames match, only the first ones in alphabetical order and the site's most followed accounts are considered.
    """
    return fetch_all(
        cursor,
        account_from,
        """with candidates as (
               -- Usernames with the prefix, and the site's most followed accounts.
               (select id from accounts where lower(username) like %(like)s and host is null
                order by lower(username) using ~<~ limit %(max)s)
               union
               (select account_id from account_counts order by followers desc, account_id limit %(max)s)) """
        + SELECT
        + """ where a.id in (select id from candidates)
                and lower(a.username) like %(like)s and a.deleted_at is null and a.suspended_at is null and """
        + f"{HERE} and {APPROVED}"
        + """
              order by lower(a.username) = %(exact)s desc, c.followers desc, a.id limit %(limit)s""",
        {"like": _escape_like(prefix.lower()) + "%", "exact": prefix.lower(), "limit": limit, "max": MAX_CANDIDATES},
    )


def search(cursor: Cursor, *, text: str, viewer: AccountId | None, following: bool, limit: int, offset: int) -> list[Account]:
    """Return accounts with this text in the username or display name, ignoring case and accents; also those of other servers.

    Accounts that moved are left out.

    `following`: only accounts that the viewer follows. Order: the exact username (here first), usernames with this prefix, followees of the
    viewer, then by number of followers. Reads every account.
    """
    return fetch_all(
        cursor,
        account_from,
        SELECT
        + """ left join follows f on f.follower_id = %(viewer)s and f.followee_id = a.id
              where (lower(a.username) like %(within)s or search_fold(a.display_name) like search_fold(%(within)s))
                and (f.id is not null or not %(following)s)
                and a.deleted_at is null and a.suspended_at is null and a.moved_to_id is null and """
        + f"{IS_OF_NO_BLOCKED_DOMAIN} and {APPROVED}"
        + """
              order by lower(a.username) = %(exact)s desc, lower(a.username) = %(exact)s and a.host is null desc,
                       lower(a.username) like %(start)s desc, f.id is not null desc,
                       c.followers desc, a.id
              limit %(limit)s offset %(offset)s""",
        {
            "within": f"%{_escape_like(text.lower())}%",
            "start": _escape_like(text.lower()) + "%",
            "exact": text.lower(),
            "viewer": viewer,
            "following": following,
            "limit": limit,
            "offset": offset,
        },
    )


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_NOT_CONNECTED = """a.id is distinct from %(viewer)s
    and not exists (select from follows where follower_id = %(viewer)s and followee_id = a.id)
    and not exists (select from follow_requests where follower_id = %(viewer)s and followee_id = a.id)
    and not exists (select from blocks where account_id = %(viewer)s and target_id = a.id)
    and not exists (select from blocks where account_id = a.id and target_id = %(viewer)s)
    and not exists (select from mutes where account_id = %(viewer)s and target_id = a.id)
    and not exists (select from dismissed_suggestions where account_id = %(viewer)s and target_id = a.id)"""


def suggested(cursor: Cursor, *, viewer: int | None, limit: int, offset: int = 0) -> list[Account]:
    """Return the most followed accounts of this site that have no follow, request, block, mute or dismissal of the viewer."""
    return fetch_all(cursor, account_from, _SUGGESTED, {"viewer": viewer, "limit": limit, "offset": offset})


_SUGGESTED = Prepared(
    SELECT
    + " where a.discoverable and a.deleted_at is null and a.suspended_at is null and a.limited_at is null and a.moved_to_id is null"
    + f" and {HERE} and "
    + _NOT_CONNECTED
    + " and "
    + APPROVED
    + " order by c.followers desc, c.account_id limit %(limit)s offset %(offset)s"
)


def usernames_in_use(cursor: Cursor, *, usernames: Sequence[str]) -> list[str]:
    """Return, in lower case, the usernames that are or were in use on this site."""
    sql = f"select lower(a.username) from accounts a where lower(a.username) = any(%(names)s) and {NAMED_HERE}"
    cursor.execute(sql, {"names": [name.lower() for name in usernames]})
    return first_column(cursor.fetchall())


def is_deleted(cursor: Cursor, *, username: str) -> bool:
    """True if the account of this site with this username, without regard to case, was deleted."""
    sql = f"select exists (select from accounts a where lower(a.username) = %(name)s and {NAMED_HERE} and a.deleted_at is not null)"
    return bool(fetch_value(cursor, sql, {"name": username.lower()}))


def release_name(cursor: Cursor, *, username: str) -> bool:
    """Rename the deleted account of this site with this username to free the name; return False if there is none.

    An account that other servers may know keeps its name: its id stays the address of what was deleted.
    """
    return bool(
        execute(
            cursor,
            f"""update accounts a set username = 'deleted_' || left(md5(random()::text), 20)
                where lower(a.username) = %(name)s and {NAMED_HERE} and a.deleted_at is not null
                    and not exists (select from actor_keys k where k.account_id = a.id)""",
            {"name": username.lower()},
        )
    )


def id_taken(cursor: Cursor, *, id: int) -> bool:
    """True if an account has or had this id."""
    return bool(fetch_value(cursor, "select exists (select from accounts where id = %(id)s)", {"id": id}))


def delete(cursor: Cursor, *, id: int) -> bool:
    """Delete the account with all its rows and free its username; return False if there is none. For rejected sign-ups."""
    return bool(execute(cursor, "delete from accounts where id = %(id)s", {"id": id}))
