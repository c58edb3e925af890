"""Rows of uploaded media. The files themselves are handled by the media store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from microblog.model.ids import AccountId, MediaId, PostId, ScheduledId
from microblog.model.media import (
    PREVIEW_AREA,
    ConvertedMedia,
    Dimensions,
    FileUse,
    Focus,
    Media,
    MediaChange,
    MediaKind,
    MediaState,
    RemoteSource,
)
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value, first_column

COLUMNS = """m.id, m.account_id, m.kind, m.state, m.original, m.preview, m.width, m.height, m.preview_width, m.preview_height, m.duration,
    m.frame_rate, m.bitrate, m.blurhash, m.description, m.focus_x, m.focus_y, m.unattached_since is null,
    m.problem, m.remote_url, m.remote_preview_url, m.remote_key"""

# The media attachments of the post `p`, for queries of posts.
OF_POST = f"""(select json_agg(json_build_array({COLUMNS}) order by m.place)
     from media m where m.post_id = p.id and m.place is not null)"""


def media_from(*columns: Any) -> Media:
    """Build a media attachment from COLUMNS."""
    id, owner, kind, state, original, preview, width, height, preview_width, preview_height, *rest = columns
    duration, frame_rate, bitrate, blurhash, description, focus_x, focus_y, attached, problem, *source = rest
    remote = None if source[0] is None else RemoteSource(*source)
    rendition = None
    if original is not None or preview is not None or remote is not None:
        sizes = _dimensions(width, height), _dimensions(preview_width, preview_height)
        if remote is not None and kind == MediaKind.IMAGE and sizes[0] is not None:
            sizes = sizes[0], sizes[0].within(PREVIEW_AREA)
        rendition = ConvertedMedia(original or "", preview, *sizes, duration, frame_rate, bitrate, blurhash)
    focus = None if focus_x is None else Focus(focus_x, focus_y)
    states = MediaKind(kind), MediaState(state)
    return Media(MediaId(id), AccountId(owner), *states, rendition, description, focus, attached, problem, remote)


def media_list_from(rows: Sequence[Sequence[Any]] | None) -> tuple[Media, ...]:
    """Build media attachments from a JSON list of COLUMNS."""
    return tuple(media_from(*row) for row in rows or ())


def _dimensions(width: int | None, height: int | None) -> Dimensions | None:
    return None if width is None or height is None else Dimensions(width, height)


def insert(cursor: Cursor, *, account: AccountId, kind: MediaKind, description: str, focus: Focus | None, now: datetime) -> MediaId:
    """Create an attachment that waits for processing; return its id. Nothing uses it yet."""
    return MediaId(
        fetch_value(
            cursor,
            """insert into media (id, account_id, kind, description, focus_x, focus_y, created_at, unattached_since)
               values (new_id(%(now)s), %(account)s, %(kind)s, %(description)s, %(x)s, %(y)s, %(now)s, %(now)s) returning id""",
            {
                "account": account,
                "kind": kind,
                "description": description,
                "x": focus and focus.x,
                "y": focus and focus.y,
                "now": now,
            },
        )
    )


def finish(cursor: Cursor, *, id: MediaId, kind: MediaKind, converted: ConvertedMedia) -> int:
    """Mark the attachment as processed; return 0 if it was deleted. A preview that the user chose before stays."""
    return execute(
        cursor,
        """update media set state = 'ready', kind = %(kind)s, original = %(original)s, width = %(width)s, height = %(height)s,
               duration = %(duration)s, frame_rate = %(frame_rate)s, bitrate = %(bitrate)s, preview = coalesce(preview, %(preview)s),
               preview_width = case when preview is null then %(preview_width)s else preview_width end,
               preview_height = case when preview is null then %(preview_height)s else preview_height end,
               blurhash = case when preview is null then %(blurhash)s else blurhash end
           where id = %(id)s""",
        {
            "id": id,
            "kind": kind,
            "original": converted.original,
            "duration": converted.duration,
            "frame_rate": converted.frame_rate,
            "bitrate": converted.bitrate,
            "width": converted.size and converted.size.width,
            "height": converted.size and converted.size.height,
            **_preview(converted),
        },
    )


def set_preview(cursor: Cursor, *, id: MediaId, converted: ConvertedMedia) -> int:
    """Replace the attachment's preview by that of `converted`."""
    return execute(
        cursor,
        """update media set preview = %(preview)s, preview_width = %(preview_width)s, preview_height = %(preview_height)s,
               blurhash = %(blurhash)s where id = %(id)s""",
        {"id": id, **_preview(converted)},
    )


def _preview(converted: ConvertedMedia) -> dict[str, object]:
    size = converted.preview_size
    return {
        "preview": converted.preview,
        "preview_width": size and size.width,
        "preview_height": size and size.height,
        "blurhash": converted.blurhash,
    }


def fail(cursor: Cursor, *, id: MediaId, problem: str) -> int:
    """Mark processing as failed, with the reason."""
    sql = "update media set state = 'failed', problem = %(problem)s where id = %(id)s and state = 'waiting'"
    return execute(cursor, sql, {"id": id, "problem": problem})


def change(cursor: Cursor, *, change: MediaChange) -> int:
    """Update the description and focus; None leaves a value as it is."""
    return execute(
        cursor,
        """update media set description = coalesce(%(description)s, description), focus_x = coalesce(%(x)s, focus_x),
               focus_y = coalesce(%(y)s, focus_y) where id = %(id)s""",
        {
            "id": change.id,
            "description": change.description,
            "x": change.focus and change.focus.x,
            "y": change.focus and change.focus.y,
        },
    )


def by_id(cursor: Cursor, *, id: MediaId) -> Media | None:
    """Return the attachment, whoever owns it."""
    return fetch_one(cursor, media_from, f"select {COLUMNS} from media m where m.id = %(id)s", {"id": id})


def lock_usable(
    cursor: Cursor, *, account: AccountId, ids: Collection[int], post: PostId | None, scheduled: ScheduledId | None
) -> list[Media]:
    """Return and lock the account's attachments among `ids` that are unused or used only by this post (or scheduled post)."""
    return fetch_all(
        cursor,
        media_from,
        f"""select {COLUMNS} from media m where m.id = any(%(ids)s) and m.account_id = %(account)s
            and (m.unattached_since is not null or m.post_id = %(post)s or m.scheduled_id = %(scheduled)s)
            order by m.id for no key update""",
        {"account": account, "ids": list(ids), "post": post, "scheduled": scheduled},
    )


def attach(cursor: Cursor, *, post: PostId, ids: Sequence[MediaId]) -> None:
    """Attach exactly these media to the post, in this order; earlier ones stay linked for its edit history."""
    execute(
        cursor,
        """update media m set post_id = %(post)s, scheduled_id = null, unattached_since = null, place = wanted.place - 1
           -- The media of the post before and after: with their new place, or null for those that are no longer shown.
           from (select id, w.place from media left join unnest(%(ids)s::bigint[]) with ordinality w (wanted_id, place) on w.wanted_id = id
                 where id = any(%(ids)s) or post_id = %(post)s) wanted
           where m.id = wanted.id""",
        {"post": post, "ids": list(ids)},
    )


def attach_to_scheduled(cursor: Cursor, *, scheduled: ScheduledId, ids: Sequence[MediaId]) -> None:
    """Attach these media to a scheduled post, in this order."""
    execute(
        cursor,
        """update media set scheduled_id = %(scheduled)s, unattached_since = null, place = array_position(%(ids)s::bigint[], id) - 1
           where id = any(%(ids)s)""",
        {"scheduled": scheduled, "ids": list(ids)},
    )


def detach_from_post(cursor: Cursor, *, post: PostId, at: datetime) -> list[MediaId]:
    """Detach all media of a deleted post, including those of its edit history; return their ids.

    `at`: the time from which they count as unused, for `sweep`.
    """
    return fetch_all(
        cursor,
        MediaId,
        "update media set post_id = null, place = null, unattached_since = %(at)s where post_id = %(post)s returning id",
        {"post": post, "at": at},
    )


def detach_from_scheduled(cursor: Cursor, *, scheduled: ScheduledId, at: datetime) -> None:
    """Detach the media of a deleted scheduled post."""
    execute(
        cursor,
        "update media set scheduled_id = null, place = null, unattached_since = %(at)s where scheduled_id = %(scheduled)s",
        {"scheduled": scheduled, "at": at},
    )


def detach_from_all_scheduled(cursor: Cursor, *, account: AccountId, at: datetime) -> None:
    """Detach the media of all the account's scheduled posts."""
    execute(
        cursor,
        """update media set scheduled_id = null, place = null, unattached_since = %(at)s
           where scheduled_id in (select id from scheduled_posts where account_id = %(account)s)""",
        {"account": account, "at": at},
    )


def delete(cursor: Cursor, *, ids: Collection[int]) -> list[str]:
    """Delete the unused attachments among `ids`; return the names of their files."""
    return _deleted_files(
        cursor,
        "delete from media where id = any(%(ids)s) and unattached_since is not null returning id, original, preview",
        {"ids": list(ids)},
    )


def delete_of_posts(cursor: Cursor, *, posts: Collection[PostId]) -> list[str]:
    """Delete all attachments of the posts, including those of their edit history; return the names of their files."""
    return _deleted_files(
        cursor, "delete from media where post_id = any(%(posts)s) returning id, original, preview", {"posts": list(posts)}
    )


def delete_of_account(cursor: Cursor, *, account: AccountId, limit: int) -> list[str]:
    """Delete at most `limit` of the account's attachments, used or not; return the names of their files."""
    return _deleted_files(
        cursor,
        """delete from media where id in (select id from media where account_id = %(account)s order by id limit %(limit)s)
           returning id, original, preview""",
        {"account": account, "limit": limit},
    )


def delete_unused(cursor: Cursor, *, before: datetime, limit: int) -> list[str]:
    """Delete at most `limit` attachments unused since before that time; return the names of their files."""
    return _deleted_files(
        cursor,
        """delete from media where id in (
               select id from media where unattached_since < %(before)s order by unattached_since limit %(limit)s for update skip locked)
           returning id, original, preview""",
        {"before": before, "limit": limit},
    )


def _deleted_files(cursor: Cursor, sql: str, params: dict[str, object]) -> list[str]:
    cursor.execute(sql, params)
    return [name for id, *names in cursor.fetchall() for name in (upload_name(id), *names) if name]


def upload_name(id: int) -> str:
    """Return the file name of an attachment until it is processed."""
    return f"upload-{id}"


def unused_files(cursor: Cursor, *, names: Collection[str]) -> list[str]:
    """Return the files that no attachment, waiting upload, account, custom emoji, card or picture of the site refers to."""
    cursor.execute(
        """select f.name from unnest(%(names)s::text[]) f (name)
           where not exists (select from media m where m.original = f.name)
           and not exists (select from media m where m.preview = f.name)
           and not exists (select from media m where m.state = 'waiting' and f.name = 'upload-' || m.id)
           and not exists (select from accounts a where a.avatar = '/media/' || f.name)
           and not exists (select from accounts a where a.header = '/media/' || f.name)
           and not exists (select from emojis e where e.file = f.name)
           and not exists (select from emojis e where e.still = f.name)
           and not exists (select from site_images i where i.file = f.name)
           and not exists (select from cards c where c.image = '/media/' || f.name and c.image <> '')""",
        {"names": list(names)},
    )
    return first_column(cursor.fetchall())


def file_use(cursor: Cursor, *, name: str) -> FileUse | None:
    """Return the use of the file of this name; None if it is unused."""
    return fetch_one(cursor, FileUse, _FILE_USE, {"name": name, "path": f"/media/{name}"})


_OWNER_INACTIVE = "(a.suspended_at is not null or a.deleted_at is not null)"
_ATTACHMENT_USE = f"""select m.post_id, null::bigint, false, coalesce(p.visibility in ('public', 'unlisted'), false),
        {_OWNER_INACTIVE} or p.deleted_at is not null, false
    from media m join accounts a on a.id = m.account_id left join posts p on p.id = m.post_id where m.{{column}} = %(name)s"""
_PROFILE_IMAGE_USE = f"select null, a.id, false, true, {_OWNER_INACTIVE}, false from accounts a where a.{{column}} = %(path)s"
_FILE_USE = Prepared(
    " union all ".join(
        (
            _ATTACHMENT_USE.format(column="original"),
            _ATTACHMENT_USE.format(column="preview"),
            _PROFILE_IMAGE_USE.format(column="avatar"),
            _PROFILE_IMAGE_USE.format(column="header"),
            *(f"select null, null, false, true, false, true from emojis e where e.{column} = %(name)s" for column in ("file", "still")),
            "select null, null, false, true, false, true from site_images i where i.file = %(name)s",
            "(select null, null, true, true, false, false from cards c where c.image = %(path)s and c.image <> '' limit 1)",
        )
    )
    + " limit 1"
)


def set_profile_image(cursor: Cursor, *, account: AccountId, image: str, path: str | None) -> str | None:
    """Set the path of the account's `avatar` or `header` (None: none); return the previous one. Locks the account."""
    column = {"avatar": "avatar", "header": "header"}[image]
    previous: str | None = fetch_value(
        cursor, f"select {column} from accounts where id = %(account)s for no key update", {"account": account}
    )
    execute(cursor, f"update accounts set {column} = %(path)s where id = %(account)s", {"account": account, "path": path})
    return previous


def profile_images(cursor: Cursor, *, account: AccountId) -> list[str]:
    """Return the paths of the account's avatar and header."""
    cursor.execute("select unnest(array_remove(array[avatar, header], null)) from accounts where id = %(account)s", {"account": account})
    return first_column(cursor.fetchall())
