"""A backup as one file: a ZIP archive with a database dump, the site's files, and a table of contents.

    database.dump   pg_dump's custom format, which is compressed
    files/...       files outside the database: media, saved e-mails, the secret key
    backup.json     the table of contents, written last: an archive without it is incomplete

With "media" in the table of contents, media are in a directory of their own (media_backup.py) instead.

Everything here is synchronous and may take long: it is called in a thread.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import psycopg2.extensions
from attrs import frozen

from microblog.adapters.postgres_files import package_directory
from microblog.model.progress import Report, unreported

FORMAT, WITHOUT_MEDIA = 1, 2
BACKED_UP = ("media", "mail", "secret_key")  # parts of the data directory to back up; the rest is the database's or can be regenerated
LEFT_OUT = ("media", "remote")  # copies of files of other servers, which are fetched again
_CONTENTS, _DUMP, _FILES = "backup.json", "database.dump", "files"
_CHUNK = 1 << 20  # bytes
_MAX_PREAMBLE_LINES = 100
# Servers before PostgreSQL 17 do not know this setting, and nothing depends on it: the default is the same.
_NEWER_SETTING = b"SET transaction_timeout = 0;"


class BackupError(Exception):
    """The backup cannot be created or used; the message gives the reason."""


class _ProgramEnded(Exception):
    """The program ended before it had read all input."""


@frozen
class Source:
    """A database snapshot. `version` is the server version, such as 180006."""

    url: str
    snapshot: str
    version: int


def write(target: Path, source: Source, data_dir: Path, about: Mapping[str, Any], report: Report = unreported) -> dict[str, Any]:
    """Write a backup of the database and the site's files, and return its table of contents. The file appears when it is complete.

    Files that are deleted meanwhile are skipped. Raises BackupError, OSError.
    """
    if target.exists():
        raise BackupError(f"{target} already exists.")
    try:
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600: it holds all secrets of the site
    except OSError as problem:
        raise BackupError(f"{target} cannot be written: {problem.strerror}") from problem
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            report("Database", 0, 1)
            _dump(archive, source)
            report("Database", 1, 1)
            format = WITHOUT_MEDIA if "media" in about else FORMAT
            files = list(_add_files(archive, data_dir, report, [name for name in BACKED_UP if name not in about]))
            contents = {"format": format, **about, "files": files}
            archive.writestr(_CONTENTS, json.dumps(contents))
        os.link(part, target)  # unlike rename, it never replaces a file that another process created meanwhile
    except FileExistsError:
        raise BackupError(f"{target} already exists.") from None
    finally:
        os.unlink(part)
    return contents


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
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - a program of the system
        if f" {release}." in version.stdout:
            return found
    return None


def _program(name: str) -> str:
    """Return the embedded server's program, which reads dumps of all earlier versions."""
    return str(package_directory() / "pginstall" / "bin" / name)


def _add_files(archive: zipfile.ZipFile, data_dir: Path, report: Report, entries: Sequence[str]) -> Iterator[str]:
    paths = sorted(_site_files(data_dir, entries))
    for number, path in enumerate(paths, 1):
        report("Files", number, len(paths))
        name = f"{_FILES}/{path.relative_to(data_dir).as_posix()}"
        try:
            source = path.open("rb")
        except FileNotFoundError:
            continue
        with source, archive.open(name, "w", force_zip64=True) as into:
            shutil.copyfileobj(source, into, _CHUNK)
        yield name


def _site_files(data_dir: Path, entries: Sequence[str]) -> Iterator[Path]:
    for name in entries:
        entry = data_dir / name
        for path in entry.rglob("*") if entry.is_dir() else [entry]:
            is_left_out = path.relative_to(data_dir).parts[: len(LEFT_OUT)] == LEFT_OUT
            if not is_left_out and path.is_file() and not path.is_symlink():
                yield path


def open_archive(source: Path, report: Report = unreported) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    """Return the open archive and its table of contents. Raises BackupError if it is invalid, damaged or of a later version."""
    with _read(source):
        archive = zipfile.ZipFile(source)
        contents = _contents(archive, source)
        damaged = _damaged(archive, report) or next(iter({_DUMP, _CONTENTS, *contents["files"]} ^ set(archive.namelist())), None)
    if damaged is not None:
        raise BackupError(f"{source} is damaged: {damaged} differs from the original.")
    return archive, contents


def _damaged(archive: zipfile.ZipFile, report: Report) -> str | None:
    """Return the name of the first file whose contents do not have their checksum; None if all have."""
    names = archive.namelist()
    for number, name in enumerate(names, 1):
        try:
            with archive.open(name) as member:
                while member.read(_CHUNK):
                    pass
        except zipfile.BadZipFile:
            return name
        report("Checksums", number, len(names))
    return None


def check_format(source: Path) -> None:
    """Raise BackupError if the file is obviously not a backup. Does not read the whole file."""
    with _read(source), zipfile.ZipFile(source) as archive:
        _contents(archive, source)


def _contents(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads(archive.read(_CONTENTS))
    if contents["format"] not in (FORMAT, WITHOUT_MEDIA):
        raise BackupError(f"{source} was created by a newer release: this version cannot read format {contents['format']}.")
    if ("media" in contents) != (contents["format"] == WITHOUT_MEDIA):
        raise KeyError("media")
    return contents


@contextmanager
def _read(source: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as problem:
        raise BackupError(f"{source} is not a complete backup: {problem}") from problem
    except OSError as problem:
        raise BackupError(f"{source} cannot be read: {problem.strerror}") from problem


@contextmanager
def unpack(archive: zipfile.ZipFile, data_dir: Path, report: Report = unreported) -> Iterator[Path]:
    """Unpack the archive and yield the dump's path. The site's files are moved into place if the block succeeds. Raises BackupError.

    The block may add media to `media_directory`.
    """
    existing = [name for name in BACKED_UP if (data_dir / name).exists()]
    if existing:
        raise BackupError(f"{data_dir} already contains files of a site ({', '.join(existing)}): restore into an empty data directory.")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_dir, prefix=".restoring-") as directory:
        names = archive.namelist()
        for number, name in enumerate(names, 1):
            _unpack(archive, name, Path(directory))
            report("Files", number, len(names))
        Path(directory, _FILES).mkdir(mode=0o700, exist_ok=True)
        yield Path(directory, _DUMP)
        for name in BACKED_UP:
            if (entry := Path(directory, _FILES, name)).exists():
                entry.rename(data_dir / name)


def media_directory(dump: Path) -> Path:
    """Return where media of an unpacked archive are, or have to be put."""
    return dump.parent / _FILES / "media"


def _unpack(archive: zipfile.ZipFile, name: str, directory: Path) -> None:
    parts = PurePosixPath(name).parts
    if name not in {_DUMP, _CONTENTS} and (parts[0] != _FILES or ".." in parts or parts[1:2] not in [(allowed,) for allowed in BACKED_UP]):
        raise BackupError(f"The backup contains an unexpected file: {name}")
    path = directory.joinpath(*parts)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with archive.open(name) as member, path.open("xb") as into:
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
                    if number >= _MAX_PREAMBLE_LINES or line.strip() != _NEWER_SETTING:
                        into.write(line)
        except BrokenPipeError:
            raise _ProgramEnded from None


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
        tempfile.TemporaryFile() as errors,
        subprocess.Popen([*command, *target], env=environment, stdin=stdin, stdout=stdout, stderr=errors) as program,  # noqa: S603 - no shell
    ):
        try:
            yield program
        except _ProgramEnded:
            if program.stdin is None:  # the program that reads this one's output ended
                program.kill()
                raise
        except BaseException:
            program.kill()
            raise
        if program.wait():
            errors.seek(0)
            raise BackupError(f"{Path(command[0]).name} failed: {' '.join(errors.read().decode(errors='replace').split())[:500]}")
