"""Custom emoji of this site, and what administrators see of those of other servers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from attrs import asdict

from microblog.model.emojis import CustomEmoji, Emoji, EmojiDraft, EmojiFiles, EmojiPage, EmojiQuery
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one

_COLUMNS = "e.id, e.shortcode, e.file, e.still, e.is_listed, coalesce(e.updated_at, e.created_at), e.category"
_ADMIN_COLUMNS = f"""{_COLUMNS}, e.host, e.url, e.disabled_at, e.created_at,
    coalesce(e.bytes, (select f.bytes from remote_files f where f.emoji_id = e.id), 0)"""


def _emoji(id: int, shortcode: str, file: str | None, still: str | None, *others: Any) -> Emoji:
    return Emoji(shortcode, id, EmojiFiles(file, still) if file and still else None, *others)


def _custom_emoji(*columns: Any) -> CustomEmoji:
    *emoji, host, url, disabled_at, created_at, bytes = columns
    return CustomEmoji(_emoji(*emoji), host, url, disabled_at, created_at, bytes)


def listed(cursor: Cursor) -> list[Emoji]:
    """Return the emoji that pickers show, ordered by shortcode."""
    sql = f"select {_COLUMNS} from emojis e where e.host is null and e.disabled_at is null and e.is_listed order by lower(e.shortcode)"
    return fetch_all(cursor, _emoji, sql)


def by_id(cursor: Cursor, *, id: int) -> CustomEmoji | None:
    """Return an emoji of this or another server."""
    return fetch_one(cursor, _custom_emoji, f"select {_ADMIN_COLUMNS} from emojis e where e.id = %(id)s", {"id": id})


def page_of(cursor: Cursor, query: EmojiQuery, page: EmojiPage) -> list[CustomEmoji]:
    """Return the emoji that match, ordered by shortcode and host."""
    params = {**asdict(query), **asdict(page), "part": query.part.lower()}
    if page.before:
        return fetch_all(cursor, _custom_emoji, _BEFORE, params)[::-1]
    return fetch_all(cursor, _custom_emoji, _AFTER, params)


_SORT_KEY = """((lower(e.shortcode) || '@' || coalesce(e.host, '')) collate "C")"""
_MATCHING = f"""select {_ADMIN_COLUMNS} from emojis e where (%(is_here)s::boolean is null or (e.host is null) = %(is_here)s)
    and (%(host)s = '' or e.host = %(host)s) and (%(shortcode)s = '' or e.shortcode = %(shortcode)s)
    and strpos(lower(e.shortcode), %(part)s) > 0 and (%(category)s::text is null or e.category = %(category)s)
    and (%(is_disabled)s::boolean is null or (e.disabled_at is not null) = %(is_disabled)s)
    and (%(is_listed)s::boolean is null or e.is_listed = %(is_listed)s)"""
_AFTER = f"{_MATCHING} and {_SORT_KEY} > %(after)s order by {_SORT_KEY} limit %(limit)s"
_BEFORE = f"{_MATCHING} and {_SORT_KEY} < %(before)s order by {_SORT_KEY} desc limit %(limit)s"


def categories(cursor: Cursor) -> list[str]:
    """Return the categories of this site's emoji, ordered by name."""
    return fetch_all(cursor, str, "select distinct category from emojis where host is null and category <> '' order by category")


def lock(cursor: Cursor, *, ids: Collection[int]) -> list[CustomEmoji]:
    """Return and lock those of the emoji that are of this site."""
    sql = f"select {_ADMIN_COLUMNS} from emojis e where e.id = any(%(ids)s) and e.host is null order by e.id for update"
    return fetch_all(cursor, _custom_emoji, sql, {"ids": list(ids)})


def by_shortcodes(cursor: Cursor, *, shortcodes: Collection[str]) -> list[CustomEmoji]:
    """Return the emoji of this site with these shortcodes, without regard to case."""
    sql = f"select {_ADMIN_COLUMNS} from emojis e where lower(e.shortcode) = any(%(shortcodes)s) and e.host is null"
    return fetch_all(cursor, _custom_emoji, sql, {"shortcodes": [shortcode.lower() for shortcode in shortcodes]})


def insert(cursor: Cursor, draft: EmojiDraft, files: EmojiFiles, *, now: datetime) -> CustomEmoji | None:
    """Store a new emoji of this site and return it; None if its shortcode is taken."""
    return fetch_one(
        cursor,
        _custom_emoji,
        f"""insert into emojis as e (shortcode, file, still, bytes, category, is_listed, updated_at, created_at)
            values (%(shortcode)s, %(original)s, %(still)s, %(bytes)s, %(category)s, %(is_listed)s, %(now)s, %(now)s)
            on conflict do nothing returning {_ADMIN_COLUMNS}""",
        {**_params(draft), **asdict(files), "now": now},
    )


def update(cursor: Cursor, draft: EmojiDraft, *, id: int, disabled_at: datetime | None) -> CustomEmoji | None:
    """Change everything of an emoji of this site but its picture and return it; None if its new shortcode is that of another one."""
    return fetch_one(
        cursor,
        _custom_emoji,
        f"""update emojis e set shortcode = %(shortcode)s, category = %(category)s, is_listed = %(is_listed)s, disabled_at = %(disabled_at)s
            where e.id = %(id)s and not exists (
                select from emojis o where lower(o.shortcode) = lower(%(shortcode)s) and o.host is null and o.id <> %(id)s)
            returning {_ADMIN_COLUMNS}""",
        {**_params(draft), "id": id, "disabled_at": disabled_at},
    )


def set_files(cursor: Cursor, files: EmojiFiles, *, id: int, now: datetime) -> CustomEmoji | None:
    """Replace the pictures of an emoji of this site and return it."""
    return fetch_one(
        cursor,
        _custom_emoji,
        f"""update emojis e set file = %(original)s, still = %(still)s, bytes = %(bytes)s, updated_at = %(now)s
            where e.id = %(id)s and e.host is null returning {_ADMIN_COLUMNS}""",
        {**asdict(files), "id": id, "now": now},
    )


def delete(cursor: Cursor, *, ids: Collection[int]) -> None:
    """Delete emoji of this site."""
    execute(cursor, "delete from emojis where id = any(%(ids)s) and host is null", {"ids": list(ids)})


def _params(draft: EmojiDraft) -> dict[str, object]:
    return {"shortcode": draft.shortcode, "category": draft.category, "is_listed": draft.is_listed}
