"""Backups of a site: created while it runs, restored with comparison, and verified on a temporary database.

Blocking, because the programs that do the work are; called in a thread. Raises BackupError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs

from microblog import __version__
from microblog.adapters import backup_archive
from microblog.adapters.backup_archive import BackupError, check_format
from microblog.model.progress import Report, unreported
from microblog.storage.database import Connection, DatabaseError, connect
from microblog.storage.schema_check import missing_migrations
from microblog.storage.table_checksums import TableChecksum, checksums, export_snapshot, has_tables

__all__ = ["BackupError", "back_up", "check_format", "restore", "verify"]


def back_up(url: str, data_dir: Path, target: Path, made_at: str, report: Report = unreported) -> dict[str, Any]:
    """Write a backup of one moment to a new file and return its table of contents."""
    with _connected(url) as connection, connection.cursor() as cursor:
        database = backup_archive.Source(url, export_snapshot(cursor), connection.server_version)
        tables = {name: attrs.asdict(checksum) for name, checksum in checksums(cursor, report).items()}
        about = {"version": __version__, "made_at": made_at, "tables": tables}
        return backup_archive.write(target, database, data_dir, about, report)


def restore(url: str, data_dir: Path, source: Path, report: Report = unreported) -> dict[str, Any]:
    """Restore a backup into an empty database and data directory, and return its table of contents.

    Every row is compared with the backup. The next start of the site migrates an older backup. Raises UnusableDatabase for a backup of a
    newer version.
    """
    archive, contents = backup_archive.open_archive(source, report)
    with archive:
        with _connected(url) as connection, connection.cursor() as cursor:
            if has_tables(cursor):
                raise BackupError("The database is not empty: a backup can only be restored into an empty database.")
        with backup_archive.unpack(archive, data_dir, report) as dump:
            report("Database", 0, 1)
            backup_archive.restore_database(dump, url)
            report("Database", 1, 1)
            missing_migrations(url)  # raises for a backup of a newer version
            _compare(url, contents["tables"], report)
        return contents


def verify(url: str, data_dir: Path, source: Path, report: Report = unreported) -> dict[str, Any]:
    """Restore into a temporary database and directory. Also raises BackupError if the backup has no accounts."""
    contents = restore(url, data_dir, source, report)
    if not contents["tables"].get("accounts", {}).get("rows"):
        raise BackupError(f"{source} contains no accounts: it was probably taken from the wrong database.")
    return contents


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
