"""Custom emoji of this and other servers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson

from microblog.model.emojis import Emoji
from microblog.model.federation_posts import RemoteEmoji
from microblog.model.ids import AccountId, PostId
from microblog.model.remote_files import CopiedFiles, RemoteFileKind, SharedFile
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one


def in_texts(*texts: str) -> str:
    """Return SQL for the emoji of this site that may be in the texts, which are expressions that are never null: JSON, or null.

    A text without codes causes no look-up. `emojis_from` leaves out what only looks like a code.
    """
    text = " || ' ' || ".join(texts)
    return f"""case when strpos({text}, ':') > 0 and {text} ~ ':\\w\\w+:' then (
        select jsonb_agg(jsonb_build_array(e.shortcode, e.id, e.file, e.still, e.is_listed, e.updated_at) order by e.shortcode)
        from emojis e where e.shortcode = any(string_to_array({text}, ':')) and e.host is null and e.disabled_at is null) end"""


_POST, _REVISION = (
    in_texts(f"{of}.text", f"{of}.spoiler", f"coalesce(array_to_string({options}, ' '), '')")
    for of, options in (("p", "q.options"), ("r", "r.options"))
)
OF_ACCOUNT = f"case when a.host is not null then a.emojis else {in_texts('a.display_name', 'a.bio', 'a.fields::text')} end"
"""The emoji of the account `a`."""
OF_POST = f"case when p.uri is not null then p.emojis else {_POST} end"
"""The emoji of the post `p` with its poll `q`."""
OF_REVISION = f"case when (select uri from posts where id = %(post)s) is not null then r.emojis else {_REVISION} end"
"""The emoji of the revision `r` of a post."""


def store(cursor: Cursor, *, host: str, emojis: Collection[RemoteEmoji], now: datetime) -> tuple[Emoji, ...]:
    """Store the emoji of another server, or a newer picture of known ones; return them all."""
    if not emojis:
        return ()
    by_name = {each.shortcode: each for each in emojis}
    given = sorted(by_name.values(), key=lambda each: each.shortcode)  # one order of locks
    values = {
        "host": host,
        "shortcodes": [each.shortcode for each in given],
        "urls": [each.image.url for each in given],
        "updated": [each.updated for each in given],
        "now": now,
    }
    execute(cursor, _STORE, values)
    return tuple(fetch_all(cursor, Emoji, _BY_SHORTCODES, values))


# The copy of an old picture is parted from its emoji, and deleted by the next cleanup.
_STORE = Prepared("""with changed as (
        insert into emojis as e (shortcode, host, url, updated_at, created_at)
        select shortcode, %(host)s, url, updated, %(now)s
        from unnest(%(shortcodes)s::text[], %(urls)s::text[], %(updated)s::timestamptz[]) g (shortcode, url, updated)
        where not exists (select from emojis k where k.shortcode = g.shortcode and k.host = %(host)s and k.url = g.url
            and coalesce(g.updated <= k.updated_at, g.updated is null))
        on conflict (shortcode, host) do update set url = excluded.url, updated_at = coalesce(excluded.updated_at, e.updated_at)
        where coalesce(excluded.updated_at > e.updated_at, excluded.url <> e.url or excluded.updated_at is not null)
        returning id)
    update remote_files set emoji_id = null where emoji_id in (select id from changed)""")

_BY_SHORTCODES = Prepared("""select e.shortcode, e.id from emojis e
    where e.shortcode = any(%(shortcodes)s::text[]) and e.host = %(host)s order by e.shortcode""")


def set_of_post(cursor: Cursor, *, post: PostId, emojis: Collection[Emoji]) -> None:
    """Set the emoji in the texts of a post to exactly these."""
    execute(cursor, _SET_OF_POST, {"post": post, "emojis": _as_stored(emojis)})


_SET_OF_POST = Prepared("update posts set emojis = %(emojis)s where id = %(post)s and emojis is distinct from %(emojis)s::jsonb")


def set_of_account(cursor: Cursor, *, account: AccountId, emojis: Collection[Emoji]) -> None:
    """Set the emoji in the texts of an account to exactly these."""
    execute(cursor, _SET_OF_ACCOUNT, {"account": account, "emojis": _as_stored(emojis)})


_SET_OF_ACCOUNT = Prepared("update accounts set emojis = %(emojis)s where id = %(account)s and emojis is distinct from %(emojis)s::jsonb")


def _as_stored(emojis: Collection[Emoji]) -> str | None:
    return orjson.dumps([[each.shortcode, each.id] for each in emojis]).decode() if emojis else None


def shared_file(cursor: Cursor, *, id: int) -> SharedFile | None:
    """Return the picture of an emoji of another server."""
    return fetch_one(cursor, _shared_file, _SHARED_FILE, {"id": id})


_SHARED_FILE = Prepared("""select e.id, e.url, e.host, f.original, f.preview, f.retry_at, coalesce(f.is_missing, false), f.used_at
    from emojis e left join remote_files f on f.emoji_id = e.id where e.id = %(id)s and e.host is not null""")


def _shared_file(id: int, url: str, host: str, *files: Any) -> SharedFile:
    return SharedFile(RemoteFileKind.EMOJI, id, url, host, files=CopiedFiles(*files))
