"""Numbers of attachments and names of their files, for administrators. All together read the whole table. And the size of all files."""

from __future__ import annotations

from datetime import datetime

from microblog.model.media import MediaKind
from microblog.model.media_usage import FileTotals
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value


def attachments_by_kind(cursor: Cursor) -> dict[MediaKind, int]:
    """Count the attachments that people here uploaded."""
    sql = "select kind, count(*)::int from media where remote_url is null group by kind order by kind"
    return dict(fetch_all(cursor, lambda kind, number: (MediaKind(kind), int(number)), sql))


def unattached(cursor: Cursor) -> int:
    """Count the uploads that nothing uses at the moment."""
    return int(fetch_value(cursor, "select count(*) from media where unattached_since is not null"))


def store(cursor: Cursor, *, totals: FileTotals, now: datetime) -> None:
    """Store the totals of the files of people here, as counted now."""
    execute(
        cursor,
        """insert into stored_media (files, bytes, counted_at) values (%(files)s, %(bytes)s, %(now)s)
           on conflict (id) do update set files = excluded.files, bytes = excluded.bytes, counted_at = excluded.counted_at""",
        {"files": totals.files, "bytes": totals.bytes, "now": now},
    )


def stored(cursor: Cursor) -> FileTotals | None:
    """Return the totals as last stored; None before the first time."""
    return fetch_one(cursor, lambda files, bytes: FileTotals(int(files), int(bytes)), "select files, bytes from stored_media")


def attachment_files(cursor: Cursor, *, after: int, limit: int) -> list[tuple[int, list[str]]]:
    """Return the next attachments of people here by id, each with the names of its files."""
    return fetch_all(
        cursor,
        lambda id, names: (int(id), [str(name) for name in names]),
        """select id, array_remove(array[original, preview], null) from media
           where id > %(after)s and remote_url is null order by id limit %(limit)s""",
        {"after": after, "limit": limit},
    )


def profile_image_files(cursor: Cursor, *, after: int, limit: int) -> list[tuple[int, list[str]]]:
    """Return the next accounts by id, here and elsewhere, each with the names of the files of avatar and header."""
    return fetch_all(
        cursor,
        lambda id, paths: (int(id), _names(paths)),
        """select id, array_remove(array[avatar, header], null) from accounts where id > %(after)s order by id limit %(limit)s""",
        {"after": after, "limit": limit},
    )


def card_image_files(cursor: Cursor, *, after: int, limit: int) -> list[tuple[int, list[str]]]:
    """Return the next link previews by id, each with the name of the file of its image, if it has one."""
    return fetch_all(
        cursor,
        lambda id, image: (int(id), _names([image])),
        "select id, image from cards where id > %(after)s order by id limit %(limit)s",
        {"after": after, "limit": limit},
    )


def emoji_files(cursor: Cursor, *, after: int, limit: int) -> list[tuple[int, list[str]]]:
    """Return the next custom emoji of this site by id, each with the names of its files."""
    return fetch_all(
        cursor,
        lambda id, names: (int(id), [str(name) for name in names]),
        "select id, array[file, still] from emojis where id > %(after)s and host is null order by id limit %(limit)s",
        {"after": after, "limit": limit},
    )


def site_image_files(cursor: Cursor, *, after: int, limit: int) -> list[tuple[int, list[str]]]:
    """Return the next files of pictures of the site by id, each with its name."""
    return fetch_all(
        cursor,
        lambda id, name: (int(id), [str(name)]),
        "select id, file from site_images where id > %(after)s order by id limit %(limit)s",
        {"after": after, "limit": limit},
    )


def _names(paths: list[str]) -> list[str]:
    return [path.removeprefix("/media/") for path in paths if path.startswith("/media/")]
