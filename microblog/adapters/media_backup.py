"""A directory with the media of several backups, into which each backup copies only what is new.

    objects/ab/abcd...   the contents of a file, named by its SHA-256 checksum
    index.json           what the last backup found: path, size, time and checksum of each file, so that it is not read again

A backup's table of contents names its files with their checksums, so backups of different times share objects, and one that is damaged or
missing is noticed. Each backup sets the time of the objects that it needs: those that no backup of some time needed can be deleted by it.

Everything here is synchronous and may take long: it is called in a thread.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from attrs import frozen

from microblog.adapters.backup_archive import BackupError
from microblog.adapters.file_bucket import bucket_files, bucket_parts
from microblog.adapters.file_directory import COPIES, place_of
from microblog.adapters.s3_bucket import S3Bucket
from microblog.model.progress import Report, unreported

_INDEX = "index.json"


@frozen
class FoundFile:
    """A file to back up. `path` is relative to the media directory; `changed`: nanoseconds, together with `bytes` its version."""

    path: str
    bytes: int
    changed: int


class MediaSource(Protocol):
    """A place with media files."""

    def files(self) -> Iterator[FoundFile]:
        """Yield the files, without copies of files of other servers."""

    def fetch(self, path: str, target: Path) -> bool:
        """Write a file to the target; return False if it was deleted meanwhile."""


@frozen
class DirectorySource:
    """The media in the data directory."""

    directory: Path

    def files(self) -> Iterator[FoundFile]:
        """See `MediaSource`."""
        for path in sorted(self.directory.rglob("*")):
            relative = path.relative_to(self.directory)
            if relative.parts[0] == COPIES or path.is_symlink():
                continue
            with suppress(FileNotFoundError):
                if path.is_file():
                    status = path.stat()
                    yield FoundFile(relative.as_posix(), status.st_size, status.st_mtime_ns)

    def fetch(self, path: str, target: Path) -> bool:
        """See `MediaSource`."""
        try:
            shutil.copyfile(self.directory / path, target)
        except FileNotFoundError:
            return False
        return True


@frozen
class BucketSource:
    """The media in a bucket."""

    bucket: S3Bucket

    def files(self) -> Iterator[FoundFile]:
        """See `MediaSource`."""
        for part in bucket_parts(self.bucket):
            if not part.startswith(f"{COPIES}/"):
                for file in bucket_files(self.bucket, part):
                    yield FoundFile(place_of(file.name), file.bytes, int(file.changed_at.timestamp() * 1_000) * 1_000_000)

    def fetch(self, path: str, target: Path) -> bool:
        """See `MediaSource`."""
        return self.bucket.get(path, target) is not None


@frozen
class MediaBackup:
    """The directory. Tables of contents map paths to [bytes, SHA-256]."""

    directory: Path

    def add(self, sources: Sequence[MediaSource], report: Report = unreported) -> dict[str, list[Any]]:
        """Copy what is not there yet, and return the table of contents. A file of several sources is taken from the first."""
        with self._locked():
            index = self._index()
            found = [(source, file) for source in sources for file in source.files()]
            contents: dict[str, list[Any]] = {}
            try:
                for number, (source, file) in enumerate(found, 1):
                    if file.path not in contents and (checksum := self._add(source, file, index)):
                        contents[file.path] = [file.bytes, checksum]
                        index[file.path] = [file.bytes, file.changed, checksum]
                    report("Media", number, len(found))
            finally:
                self._write_index({path: index[path] for path in contents})
        return contents

    def _add(self, source: MediaSource, file: FoundFile, index: Mapping[str, Sequence[Any]]) -> str | None:
        """Return the checksum of the file, whose contents are in the directory then. None if the file does not exist any more."""
        *version, checksum = index.get(file.path, ("",))
        if version == [file.bytes, file.changed] and self._keep(checksum, file.bytes):
            return str(checksum)
        new = self.directory / f".new-{os.getpid()}"
        try:
            if not source.fetch(file.path, new):
                return None
            size, checksum = _measure(new)
            if size != file.bytes:
                return None  # it is being written, so that no row names it yet
            if not self._keep(checksum, size):
                self._object(checksum).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                new.chmod(0o600)
                new.rename(self._object(checksum))
        finally:
            new.unlink(missing_ok=True)
        return str(checksum)

    def _keep(self, checksum: str, size: int) -> bool:
        """Set the time of an object; return False if there is none of this size."""
        path = self._object(checksum)
        try:
            if path.stat().st_size != size:
                path.unlink()
                return False
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def check(self, contents: Mapping[str, Sequence[Any]], report: Report = unreported) -> None:
        """Read the contents of all files. Raises BackupError for the first that is missing or damaged."""
        for number, (path, (_, checksum)) in enumerate(contents.items(), 1):
            self._compare(path, checksum, self._object(checksum))
            report("Media", number, len(contents))

    def restore(self, contents: Mapping[str, Sequence[Any]], target: Path, report: Report = unreported) -> None:
        """Copy all files to a new directory, and compare them. Raises BackupError."""
        target.mkdir(mode=0o700)
        for number, (path, (_, checksum)) in enumerate(contents.items(), 1):
            if path.startswith("/") or ".." in PurePosixPath(path).parts:
                raise BackupError(f"The backup contains an unexpected file: {path}")
            file = target / path
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                shutil.copyfile(self._object(checksum), file)
                file.chmod(0o600)
            self._compare(path, checksum, file)
            report("Media", number, len(contents))

    def _compare(self, path: str, checksum: str, file: Path) -> None:
        damaged = f"{self._object(checksum)} ({path})"
        if not file.is_file():
            raise BackupError(f"{damaged} is missing.")
        if _measure(file)[1] != checksum:
            raise BackupError(f"{damaged} is damaged: delete it, and the next backup copies the file again.")

    def _object(self, checksum: str) -> Path:
        return self.directory / "objects" / checksum[:2] / checksum

    def _index(self) -> dict[str, Any]:
        try:
            index: dict[str, Any] = json.loads((self.directory / _INDEX).read_bytes())
        except (FileNotFoundError, ValueError):  # without it, files are read again
            return {}
        return index

    def _write_index(self, index: Mapping[str, Any]) -> None:
        part = self.directory / f".{_INDEX}"
        part.write_text(json.dumps(index))
        part.rename(self.directory / _INDEX)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.directory / ".lock").open("w")
        except OSError as problem:
            raise BackupError(f"{self.directory} cannot be written: {problem.strerror}") from problem
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as held:
                raise BackupError(f"Another backup writes to {self.directory} at the moment.") from held
            yield


def _measure(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 checksum of a file."""
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), checksum
