"""Attachments of posts of other servers. Their files stay where they are; storage/remote_files.py has the copies."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import orjson

from microblog.model.ids import AccountId, MediaId, PostId
from microblog.model.media import Dimensions, MediaKind, MediaState
from microblog.model.remote_posts import AttachmentToStore
from microblog.storage.database import Cursor, Prepared, execute


def set_media(
    cursor: Cursor, *, post: PostId, author: AccountId, attachments: Collection[AttachmentToStore], is_open: bool, now: datetime
) -> None:
    """Set the attachments of a post to exactly these. Those with a known address stay, so that copies of their files do as well.

    Removed ones stay linked for the edit history. `is_open`: everybody may see the post.
    """
    by_url = {each.attachment.url: each for each in reversed(list(attachments))}
    rows = [_row(place, each) for place, each in enumerate(each for each in attachments if by_url[each.attachment.url] is each)]
    values = {"post": post, "author": author, "rows": orjson.dumps(rows).decode(), "is_open": is_open, "now": now}
    execute(cursor, _SET_MEDIA, values)


def _row(place: int, given: AttachmentToStore) -> dict[str, object]:
    attachment = given.attachment
    return {
        "place": place,
        "kind": given.kind,
        "state": MediaState.FAILED if given.is_unknown else MediaState.READY,
        "url": attachment.url,
        "preview_url": attachment.preview_url or None,
        "description": attachment.description,
        "blurhash": attachment.blurhash,
        "focus_x": attachment.focus[0] if attachment.focus else None,
        "focus_y": attachment.focus[1] if attachment.focus else None,
        "width": attachment.width if attachment.height else None,
        "height": attachment.height if attachment.width else None,
        "duration": attachment.duration,
    }


_SET_MEDIA = Prepared("""
    with given as (select * from jsonb_to_recordset(%(rows)s::jsonb) as r (place smallint, kind text, state text, url text,
        preview_url text, description text, blurhash text, focus_x real, focus_y real, width integer, height integer,
        duration double precision)),
    before as (select id, remote_url from media where post_id = %(post)s),
    removed as (
        update media m set place = null from before where m.id = before.id and m.place is not null
            and not exists (select from given where given.url = before.remote_url)),
    kept as (
        update media m set place = given.place, description = given.description, focus_x = given.focus_x, focus_y = given.focus_y,
            remote_preview_url = given.preview_url
        from before join given on given.url = before.remote_url where m.id = before.id)
    insert into media (id, account_id, post_id, place, kind, state, width, height, duration, blurhash, description, focus_x, focus_y,
        created_at, remote_url, remote_preview_url, remote_key)
    select new_id(%(now)s::timestamptz), %(author)s, %(post)s, given.place, given.kind, given.state, given.width, given.height,
        given.duration, given.blurhash, given.description, given.focus_x, given.focus_y, %(now)s::timestamptz, given.url, given.preview_url,
        case when not %(is_open)s then replace(gen_random_uuid()::text, '-', '') end
    from given where not exists (select from before where before.remote_url = given.url)""")


def store_found(cursor: Cursor, *, id: MediaId, kind: MediaKind, size: Dimensions | None, blurhash: str | None) -> None:
    """Store what a file turned out to be, where its server said something else or nothing. The post changes only then."""
    params = {"id": id, "kind": kind, "width": size and size.width, "height": size and size.height, "blurhash": blurhash}
    execute(cursor, _STORE_FOUND, params)


_STORE_FOUND = Prepared("""update media set kind = %(kind)s, blurhash = coalesce(blurhash, %(blurhash)s),
        width = case when width is null or kind <> %(kind)s then coalesce(%(width)s, width) else width end,
        height = case when width is null or kind <> %(kind)s then coalesce(%(height)s, height) else height end
    where id = %(id)s and (kind <> %(kind)s or (blurhash is null and %(blurhash)s::text is not null)
        or (width is null and %(width)s::integer is not null))""")


def mark_unknown(cursor: Cursor, *, id: MediaId, problem: str) -> None:
    """Store that a file cannot be shown here, so that pages link to it."""
    params = {"id": id, "problem": problem}
    execute(cursor, "update media set state = 'failed', problem = %(problem)s where id = %(id)s and state <> 'failed'", params)
