"""A backup as one file: a ZIP archive with the database as pg_dump writes it, the site's files, and a list of what is in it.

    database.dump   pg_dump's custom format, which is compressed
    files/...       what the site keeps beside the database: media, letters, its secret key
    backup.json     the list, written last: an archive without it is no whole backup

Everything here is synchronous and may take long: it is called in a thread.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import psycopg2.extensions
from attrs import frozen

from microblog.adapters.postgres_files import package_directory

FORMAT = 1
KEPT = ("media", "mail", "secret_key")  # parts of the data directory to back up; the rest is the database's or can be regenerated
_LIST, _DUMP, _FILES = "backup.json", "database.dump", "files"
_CHUNK = 1 << 20  # bytes
_MAX_PREAMBLE_LINES = 100  # lines
# Servers before PostgreSQL 17 do not know this setting, and nothing depends on it: the default is the same.
_TOO_NEW = b"SET transaction_timeout = 0;"


class BackupError(Exception):
    """The backup cannot be created or used; the message gives the reason."""


class _Ended(Exception):
    """The program ended before it had read all input."""


@frozen
class Source:
    """A database snapshot. `version` is the server version, such as 180006."""

    url: str
    snapshot: str
    version: int


def write(target: Path, source: Source, data_dir: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write a backup of the database and the site's files, and return its table of contents. The file appears when it is complete.

    Files that are deleted meanwhile are skipped. Raises BackupError, OSError.
    """
    if target.exists():
        raise BackupError(f"{target} exists already.")
    try:
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600: it holds all secrets of the site
    except OSError as problem:
        raise BackupError(f"{target} cannot be written: {problem.strerror}") from problem
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            _dump(archive, source)
            listed = {"format": FORMAT, **about, "files": list(_add_files(archive, data_dir))}
            archive.writestr(_LIST, json.dumps(listed))
        os.link(part, target)  # unlike rename, it never replaces a file that another process created meanwhile
    except FileExistsError:
        raise BackupError(f"{target} exists already.") from None
    finally:
        os.unlink(part)
    return listed


def _dump(archive: zipfile.ZipFile, source: Source) -> None:
    pg_dump = _own_pg_dump(source.version // 10_000) or _program("pg_dump")
    command = (pg_dump, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={source.snapshot}")
    with _running(source.url, *command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        with archive.open(_DUMP, "w", force_zip64=True) as into:
            shutil.copyfileobj(program.stdout, into, _CHUNK)


def _own_pg_dump(release: int) -> str | None:
    """Return the pg_dump of the server's own major version if it is installed; only that one certainly knows the server's catalogue.

    (pg_dump 18 writes settings into dumps of 15.20 that no server accepts.)
    """
    for directory in (None, f"/usr/lib/postgresql/{release}/bin", f"/usr/pgsql-{release}/bin"):
        found = shutil.which("pg_dump", path=directory)
        if found is None:
            continue
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - a program of the system
        if f" {release}." in told.stdout:
            return found
    return None


def _program(name: str) -> str:
    """Return the embedded server's program, which reads dumps of all earlier versions."""
    return str(package_directory() / "pginstall" / "bin" / name)


def _add_files(archive: zipfile.ZipFile, data_dir: Path) -> Iterator[str]:
    for path in sorted(_kept(data_dir)):
        name = f"{_FILES}/{path.relative_to(data_dir).as_posix()}"
        try:
            source = path.open("rb")
        except FileNotFoundError:
            continue
        with source, archive.open(name, "w", force_zip64=True) as into:
            shutil.copyfileobj(source, into, _CHUNK)
        yield name


def _kept(data_dir: Path) -> Iterator[Path]:
    for name in KEPT:
        place = data_dir / name
        yield from (path for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file() and not path.is_symlink())


def opened(source: Path) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    """Return the open archive and its table of contents. Raises BackupError if it is invalid, damaged or of a later version."""
    with _read(source):
        archive = zipfile.ZipFile(source)
        listed = _listed(archive, source)
        damaged = archive.testzip() or next(iter({_DUMP, _LIST, *listed["files"]} ^ set(archive.namelist())), None)
    if damaged is not None:
        raise BackupError(f"{source} is damaged: {damaged} is not what was written.")
    return archive, listed


def glance(source: Path) -> None:
    """Raise BackupError if the file is obviously not a backup. Does not read the whole file."""
    with _read(source), zipfile.ZipFile(source) as archive:
        _listed(archive, source)


def _listed(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(archive.read(_LIST))
    if listed["format"] != FORMAT:
        raise BackupError(f"{source} was written by a later release: this program does not know its format {listed['format']}.")
    return listed


@contextmanager
def _read(source: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as problem:
        raise BackupError(f"{source} is no whole backup: {problem}") from problem
    except OSError as problem:
        raise BackupError(f"{source} cannot be read: {problem.strerror}") from problem


@contextmanager
def unpacked(archive: zipfile.ZipFile, data_dir: Path) -> Iterator[Path]:
    """Unpack the archive and yield the dump's path. The site's files are moved into place if the block succeeds. Raises BackupError."""
    taken = [name for name in KEPT if (data_dir / name).exists()]
    if taken:
        raise BackupError(f"{data_dir} has files of a site already ({', '.join(taken)}): restore into an empty data directory.")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_dir, prefix=".restoring-") as aside:
        for name in archive.namelist():
            _unpack(archive, name, Path(aside))
        yield Path(aside, _DUMP)
        for name in KEPT:
            if (entry := Path(aside, _FILES, name)).exists():
                entry.rename(data_dir / name)


def _unpack(archive: zipfile.ZipFile, name: str, aside: Path) -> None:
    parts = PurePosixPath(name).parts
    if name not in {_DUMP, _LIST} and (parts[0] != _FILES or ".." in parts or parts[1:2] not in [(kept,) for kept in KEPT]):
        raise BackupError(f"The backup names a file that is none of a site's: {name}")
    place = aside.joinpath(*parts)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with archive.open(name) as member, place.open("xb") as into:
        os.fchmod(into.fileno(), 0o600)
        shutil.copyfileobj(member, into, _CHUNK)


def restore_database(dump: Path, url: str) -> None:
    """Load a dump into an empty database, completely or not at all. Raises BackupError."""
    load = (_program("psql"), "--quiet", "--no-psqlrc", "--output=/dev/null", "--single-transaction", "--set=ON_ERROR_STOP=1")
    read = (_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(dump))
    with _running(url, *load, stdin=subprocess.PIPE) as loading, _running(None, *read, stdout=subprocess.PIPE) as reading:
        assert loading.stdin is not None
        assert reading.stdout is not None
        try:
            with loading.stdin as into:
                for number, line in enumerate(reading.stdout):
                    if number >= _MAX_PREAMBLE_LINES or line.strip() != _TOO_NEW:
                        into.write(line)
        except BrokenPipeError:
            raise _Ended from None


@contextmanager
def _running(url: str | None, *command: str, stdin: int | None = None, stdout: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a PostgreSQL program, with the password in its environment where other users cannot see it. Raises BackupError."""
    environment = dict(os.environ)
    target: list[str] = []
    if url is not None:
        parts = psycopg2.extensions.parse_dsn(url)
        environment["PGPASSWORD"] = parts.pop("password", environment.get("PGPASSWORD", ""))
        target = [f"--dbname={psycopg2.extensions.make_dsn(**parts)}"]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen([*command, *target], env=environment, stdin=stdin, stdout=stdout, stderr=said) as program,  # noqa: S603 - no shell
    ):
        try:
            yield program
        except _Ended:
            if program.stdin is None:  # the program that reads this one's output ended
                program.kill()
                raise
        except BaseException:
            program.kill()
            raise
        if program.wait():
            said.seek(0)
            raise BackupError(f"{Path(command[0]).name} failed: {' '.join(said.read().decode(errors='replace').split())[:500]}")
