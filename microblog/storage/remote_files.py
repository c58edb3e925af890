"""Copies of files of other servers, bounded in bytes and in age.

A row is claimed before its file is fetched, and its files are deleted before the row is: a crash leaves no file behind that no row names.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from attrs import frozen

from microblog.model.ids import AccountId
from microblog.model.media import MediaKind
from microblog.model.remote_files import CopiedFiles, RemoteFileKind, SharedFile
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value

MAX_EVICTED = 500  # copies in one transaction


def of_media(cursor: Cursor, *, id: int, preview: bool) -> SharedFile | None:
    """Return the file of an attachment of another server, or with `preview` its still picture, as long as a post shows it."""
    return fetch_one(cursor, _of_media, _OF_MEDIA, {"id": id, "preview": preview})


# The preview of an image is made from its file.
_OF_MEDIA = Prepared("""select w.kind, m.id, w.url, a.host, m.kind, m.remote_key, f.original, f.preview, f.retry_at,
        coalesce(f.is_missing, false), f.used_at
    from media m join posts p on p.id = m.post_id join accounts a on a.id = m.account_id
    cross join lateral (select case when %(preview)s and m.kind <> 'image' then 'preview' else 'media' end as kind,
        case when %(preview)s and m.kind <> 'image' then m.remote_preview_url else m.remote_url end as url) w
    left join remote_files f on f.media_id = m.id and f.kind = w.kind
    where m.id = %(id)s and w.url is not null and m.state = 'ready' and p.deleted_at is null and a.deleted_at is null
        and a.suspended_at is null and a.host is not null""")


def _of_media(kind: str, id: int, url: str, host: str, media: str, key: str | None, *files: Any) -> SharedFile:
    return SharedFile(RemoteFileKind(kind), id, url, host, MediaKind(media), key, CopiedFiles(*files))


@frozen
class Claim:
    """A claim to make a copy, whose files have names that begin with `stem`."""

    id: int
    stem: str


def claim(cursor: Cursor, *, file: SharedFile, stem: str, until: datetime, now: datetime, again: bool = False) -> Claim | None:
    """Claim the copying of a file until that time; None if another process does it, or it has just failed.

    A file of which there is a copy is copied `again` only.
    """
    params = {"id": file.id, "kind": file.kind, "stem": stem, "until": until, "now": now, "again": again}
    return fetch_one(cursor, Claim, _CLAIMS[_SOURCES[file.kind]], params)


_SOURCES = {
    RemoteFileKind.MEDIA: "media_id",
    RemoteFileKind.PREVIEW: "media_id",
    RemoteFileKind.EMOJI: "emoji_id",
    RemoteFileKind.AVATAR: "account_id",
    RemoteFileKind.HEADER: "account_id",
}
_UNIQUE = {"media_id": "(media_id, kind)", "emoji_id": "(emoji_id)", "account_id": "(account_id, kind)"}
_TABLES = {"media_id": "media", "emoji_id": "emojis", "account_id": "accounts"}
_CLAIMS = {
    column: Prepared(f"""insert into remote_files as f (stem, kind, {column}, lease_until, used_at)
        select %(stem)s, %(kind)s, s.id, %(until)s, %(now)s from {table} s where s.id = %(id)s
        on conflict {_UNIQUE[column]} where {column} is not null do update
        set lease_until = excluded.lease_until, retry_at = null, used_at = excluded.used_at
        where (f.lease_until is null or f.lease_until < %(now)s) and (f.retry_at is null or f.retry_at <= %(now)s)
            and ((f.original is null and f.preview is null) or %(again)s)
        returning f.id, f.stem""")
    for column, table in _TABLES.items()
}


def fail(cursor: Cursor, *, id: int, problem: str, is_missing: bool, retry_at: datetime) -> None:
    """Store that a copy could not be made, and when the next try may be. `is_missing`: there is no such file, or none that can be shown."""
    execute(cursor, _FAIL, {"id": id, "problem": problem[:300], "is_missing": is_missing, "retry_at": retry_at})


_FAIL = Prepared("""update remote_files set lease_until = null, retry_at = %(retry_at)s, is_missing = %(is_missing)s, problem = %(problem)s
    where id = %(id)s""")


def finish(cursor: Cursor, *, id: int, original: str | None, preview: str | None, bytes: int) -> bool:
    """Store the files of a copy, for which there is room. Return False if the claim was lost meanwhile: then nothing names the files."""
    return bool(execute(cursor, _FINISH, {"id": id, "original": original, "preview": preview, "bytes": bytes}))


_FINISH = Prepared("""update remote_files set original = %(original)s, preview = %(preview)s, bytes = %(bytes)s, lease_until = null,
    retry_at = null, problem = '' where id = %(id)s""")


def size(cursor: Cursor) -> int:
    """Return the bytes of all copies."""
    return int(fetch_value(cursor, "select bytes from remote_files_size"))


def touch(cursor: Cursor, *, kind: RemoteFileKind, id: int, now: datetime) -> None:
    """Store that somebody looks at a copy."""
    execute(cursor, _TOUCHES[_SOURCES[kind]], {"kind": kind, "id": id, "now": now})


_TOUCHES = {
    column: Prepared(f"update remote_files set used_at = %(now)s where {column} = %(id)s and kind = %(kind)s") for column in _TABLES
}


def make_room(cursor: Cursor, *, bytes: int, limit: int, keep: int) -> int:
    """Release copies, those that were not used for the longest time first, until so many bytes fit below the limit.

    Return how many were released. `keep` is the copy for which room is made. The transaction locks the size until it ends.
    """
    params = {"bytes": bytes, "limit": limit, "keep": keep}
    return len(_released(cursor, fetch_all(cursor, _evicted, _MAKE_ROOM, params)))


# `retained` are the bytes of copies that are released already, whose files will be deleted.
_MAKE_ROOM = Prepared(f"""
    with total as (select s.bytes + %(bytes)s - %(limit)s - coalesce((select sum(r.bytes) from remote_files r
            where r.media_id is null and r.emoji_id is null and r.account_id is null), 0) as excess
        from remote_files_size s for update of s),
    oldest as (
        select f.id, f.bytes, sum(f.bytes) over (order by f.is_image, f.used_at, f.id) as upto from (
            select id, bytes, used_at, kind in ('avatar', 'header') as is_image from remote_files
            where (select excess from total) > 0 and id <> %(keep)s and bytes > 0 and num_nonnulls(media_id, emoji_id, account_id) = 1
            order by (kind in ('avatar', 'header')), used_at limit {MAX_EVICTED}) f)
    select f.id, f.account_id, f.kind, f.original from remote_files f join oldest on oldest.id = f.id
    where oldest.upto - oldest.bytes < (select excess from total) for update of f""")


def release_old(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Release copies that were not used since that time; return the number of copies looked at, at most `limit`.

    Nobody is seen looking at a profile image: it counts as used when its account is heard of, which is noted here.
    """
    found = fetch_all(cursor, lambda known, *row: (bool(known), _evicted(*row)), _OLD, {"before": before, "limit": limit})
    known = [image.id for is_known, image in found if is_known]
    if known:
        execute(cursor, _NOTE_USE, {"ids": known})
    _released(cursor, [copy for is_known, copy in found if not is_known])
    return len(found)


# The index by use has two parts.
_OLD = Prepared("""select coalesce(r.fetched_at >= %(before)s, false), f.id, f.account_id, f.kind, f.original
    from (values (false), (true)) part (is_image) cross join lateral (
        select o.id from remote_files o where (o.kind in ('avatar', 'header')) = part.is_image and o.used_at < %(before)s
            and num_nonnulls(o.media_id, o.emoji_id, o.account_id) = 1
        order by o.used_at limit %(limit)s) old
    join remote_files f on f.id = old.id left join remote_actors r on r.account_id = f.account_id
    where f.used_at < %(before)s limit %(limit)s for update of f skip locked""")
_NOTE_USE = Prepared("""update remote_files f set used_at = r.fetched_at from remote_actors r
    where f.id = any(%(ids)s) and r.account_id = f.account_id""")


@frozen
class _Evicted:
    id: int
    account: AccountId | None
    kind: RemoteFileKind
    original: str | None


def _evicted(id: int, account: int | None, kind: str, original: str | None) -> _Evicted:
    return _Evicted(id, None if account is None else AccountId(account), RemoteFileKind(kind), original)


def _released(cursor: Cursor, evicted: list[_Evicted]) -> list[_Evicted]:
    """Part copies from what they are copies of: nothing shows them any more, and their files are to be deleted."""
    if evicted:
        execute(cursor, _RELEASE, {"ids": [each.id for each in evicted]})
    for each in evicted:
        if each.account is not None and each.original is not None:
            execute(cursor, _CLEAR_IMAGE[each.kind], {"account": each.account, "path": f"/media/{each.original}"})
    return evicted


_RELEASE = Prepared("""update remote_files set media_id = null, emoji_id = null, account_id = null, lease_until = null
    where id = any(%(ids)s)""")
_CLEAR_IMAGE = {
    kind: Prepared(f"""with forgotten as (update remote_actors set {kind}_copied_url = null where account_id = %(account)s)
        update accounts set {kind} = null where id = %(account)s and {kind} = %(path)s""")
    for kind in (RemoteFileKind.AVATAR, RemoteFileKind.HEADER)
}


def released(cursor: Cursor, *, limit: int, now: datetime) -> list[Claim]:
    """Return copies without a source, whose files are to be deleted, and then they."""
    return fetch_all(cursor, Claim, _RELEASED, {"limit": limit, "now": now})


_RELEASED = Prepared("""select id, stem from remote_files where media_id is null and emoji_id is null and account_id is null
    and coalesce(lease_until < %(now)s, true) order by id limit %(limit)s""")


def delete(cursor: Cursor, *, ids: Collection[int]) -> None:
    """Forget copies whose files are deleted."""
    execute(cursor, "delete from remote_files where id = any(%(ids)s)", {"ids": list(ids)})
