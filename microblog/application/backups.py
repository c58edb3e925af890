"""Backups of a site: created while it runs, restored with comparison, and verified on a temporary database.

Blocking, because the programs that do the work are; called in a thread. Raises BackupError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from microblog import __version__
from microblog.adapters import backup_archive
from microblog.adapters.backup_archive import BackupError, check_format
from microblog.adapters.media_backup import BucketSource, DirectorySource, MediaBackup, MediaSource
from microblog.application.media_storage import open_bucket
from microblog.config import Settings
from microblog.model.progress import Report, unreported
from microblog.storage.database import Connection, DatabaseError, connect
from microblog.storage.schema_check import missing_migrations
from microblog.storage.table_checksums import TableChecksum, checksums, export_snapshot, has_tables

__all__ = ["BackupError", "BackupPlace", "back_up", "check_format", "restore", "verify"]


_WithMedia = Callable[[MediaBackup, Mapping[str, Any], Path, Report], None]


@frozen
class BackupPlace:
    """The file of a backup, and the directory with its media if they are not in the file."""

    file: Path
    media: Path | None = None


def back_up(url: str, settings: Settings, place: BackupPlace, made_at: str, report: Report = unreported) -> dict[str, Any]:
    """Write a backup of one moment to a new file and return its table of contents."""
    if place.file.exists():
        raise BackupError(f"{place.file} already exists.")
    with _connected(url) as connection, connection.cursor() as cursor:
        database = backup_archive.Source(url, export_snapshot(cursor), connection.server_version)
        tables = {name: attrs.asdict(checksum) for name, checksum in checksums(cursor, report).items()}
        about: dict[str, Any] = {"version": __version__, "made_at": made_at, "tables": tables}
        if place.media is not None:
            about["media"] = MediaBackup(place.media).add(_media_sources(settings), report)
        return backup_archive.write(place.file, database, settings.data_dir, about, report)


def _media_sources(settings: Settings) -> list[MediaSource]:
    here: list[MediaSource] = [DirectorySource(settings.data_dir / "media")]
    return here if settings.s3_bucket is None else [*here, BucketSource(open_bucket(settings, settings.s3_bucket))]


def restore(url: str, data_dir: Path, place: BackupPlace, report: Report = unreported) -> dict[str, Any]:
    """Restore a backup into an empty database and data directory, and return its table of contents.

    Every row is compared with the backup. The next start of the site migrates an older backup. Raises UnusableDatabase for a backup of a
    newer version.
    """
    return _restore(url, data_dir, place, report, MediaBackup.restore)


def verify(url: str, data_dir: Path, place: BackupPlace, report: Report = unreported) -> dict[str, Any]:
    """Restore into a temporary database and directory. Also raises BackupError if the backup has no accounts."""
    contents = _restore(url, data_dir, place, report, lambda media, files, _, report: media.check(files, report))
    if not contents["tables"].get("accounts", {}).get("rows"):
        raise BackupError(f"{place.file} contains no accounts: it was probably taken from the wrong database.")
    return contents


def _restore(url: str, data_dir: Path, place: BackupPlace, report: Report, with_media: _WithMedia) -> dict[str, Any]:
    archive, contents = backup_archive.open_archive(place.file, report)
    with archive:
        media = _media_of(place, contents)
        with _connected(url) as connection, connection.cursor() as cursor:
            if has_tables(cursor):
                raise BackupError(
                    "The database is not empty: a backup can only be restored into an empty database. If an earlier restore was "
                    "interrupted, drop and create the database first."
                )
        with backup_archive.unpack(archive, data_dir, report) as dump:
            if media is not None:
                with_media(media, contents["media"], backup_archive.media_directory(dump), report)
            report("Database", 0, 1)
            backup_archive.restore_database(dump, url)
            report("Database", 1, 1)
            missing_migrations(url)  # raises for a backup of a newer version
            _compare(url, contents["tables"], report)
        return contents


def _media_of(place: BackupPlace, contents: Mapping[str, Any]) -> MediaBackup | None:
    if "media" not in contents:
        return None
    if place.media is None:
        raise BackupError(f"The media of {place.file} are in a directory of their own: name it with --media.")
    return MediaBackup(place.media)


def _compare(url: str, tables: Mapping[str, Any], report: Report) -> None:
    with _connected(url) as connection, connection.cursor() as cursor:
        found = checksums(cursor, report)
    expected = {name: TableChecksum(**checksum) for name, checksum in tables.items()}
    differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    if differing:
        raise BackupError(f"The restored data differs from the backup in these tables: {', '.join(differing)}.")


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    try:
        with closing(connect(url)) as connection:
            yield connection
    except DatabaseError as cause:
        raise BackupError(f"Database error: {' '.join(str(cause).split())}") from cause
