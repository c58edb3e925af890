"""Pictures of the site that administrators uploaded."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from microblog.model.media import Dimensions
from microblog.model.site_images import ImageFile, SiteImage, SiteImageKind
from microblog.storage.database import Cursor, execute, fetch_all, first_column


def stored(cursor: Cursor) -> dict[SiteImageKind, SiteImage]:
    """Return the pictures that the site has."""
    sql = "select kind, blurhash, file, width, height from site_images order by kind, id"
    rows = fetch_all(cursor, lambda *columns: columns, sql)
    return {SiteImageKind(kind): _image(list(files)) for kind, files in groupby(rows, key=lambda row: row[0])}


def _image(rows: list[tuple[Any, ...]]) -> SiteImage:
    files = tuple(ImageFile(name, Dimensions(width, height)) for _, _, name, width, height in rows)
    return SiteImage(files, rows[0][1])


def insert(cursor: Cursor, *, kind: SiteImageKind, image: SiteImage, now: datetime) -> None:
    """Store a picture, of which there must be none of its kind."""
    execute(
        cursor,
        """insert into site_images (kind, blurhash, created_at, file, width, height)
           select %(kind)s, %(blurhash)s, %(now)s, file, width, height
           from unnest(%(files)s::text[], %(widths)s::integer[], %(heights)s::integer[]) with ordinality f (file, width, height, place)
           order by place""",
        {
            "kind": kind.value,
            "blurhash": image.blurhash,
            "now": now,
            "files": [file.name for file in image.files],
            "widths": [file.size.width for file in image.files],
            "heights": [file.size.height for file in image.files],
        },
    )


def delete(cursor: Cursor, *, kind: SiteImageKind) -> list[str]:
    """Delete the picture of this kind; return the names of its files."""
    cursor.execute("delete from site_images where kind = %(kind)s returning file", {"kind": kind.value})
    return first_column(cursor.fetchall())
