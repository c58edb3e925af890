"""Archives of emoji: zip and tar.gz files of pictures that are named like their shortcodes.

Nothing of an archive is written to the disk, so no path in it can do harm; only the last part of a name is used. An entry is unpacked no
further than a picture may be long, and a tar no further than its number of entries justifies.
"""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from io import SEEK_END, BytesIO
from pathlib import Path
from stat import S_IFMT, S_IFREG
from typing import BinaryIO, cast

from attrs import define, frozen

from microblog.model.emojis import ArchivedFile
from microblog.model.errors import Invalid

MAX_ENTRIES = 2_000
MAX_ARCHIVE_BYTES = 1_000_000_000
MAX_AHEAD, BYTES_PER_ENTRY = 16_000_000, 4_000_000  # that a tar may unpack to: before the next entry, and for each entry
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of others, zipfile unpacks 4 kB at once, which can be gigabytes
_ZIP, _GZIP = b"PK", b"\x1f\x8b"  # first bytes
_ENCRYPTED = 1  # bit of a zip entry's flags
# Raised for damaged archives. ValueError: invalid UTF-8 in names, negative positions. RuntimeError: unknown versions and encryption.
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, ValueError, gzip.BadGzipFile)


@frozen
class EmojiArchive:
    """An archive, whose first bytes say which kind it is. No more than `max_bytes` and one are read of a file in it."""

    archive: BinaryIO
    max_bytes: int

    def files(self) -> Iterator[ArchivedFile]:
        """Yield the files, in order. Raises Invalid (field file) for an unreadable or too large archive."""
        if self.archive.seek(0, SEEK_END) > MAX_ARCHIVE_BYTES:
            raise _invalid(f"The archive has more than {MAX_ARCHIVE_BYTES // 1_000_000:,} MB.")
        self.archive.seek(0)
        first = self.archive.read(2)
        self.archive.seek(0)
        if first not in (_ZIP, _GZIP):
            raise _invalid("The file is neither a zip nor a tar.gz archive.")
        try:
            yield from self._zipped() if first == _ZIP else self._tarred()
        except _BROKEN as problem:
            raise _invalid(f"The archive cannot be read: {problem}") from problem

    def _zipped(self) -> Iterator[ArchivedFile]:
        with zipfile.ZipFile(self.archive) as archive:
            members = archive.infolist()
            if len(members) > MAX_ENTRIES:
                raise _too_many()
            for member in members:
                if member.is_dir():
                    continue
                mode = S_IFMT(member.external_attr >> 16)  # 0 if the archive is not from Unix
                if mode not in (0, S_IFREG):
                    yield ArchivedFile(member.filename, problem="is no regular file")
                elif member.flag_bits & _ENCRYPTED:
                    yield ArchivedFile(member.filename, problem="is encrypted")
                elif member.compress_type not in _METHODS:
                    yield ArchivedFile(member.filename, problem="is compressed by another method than deflate")
                else:
                    yield self._unzipped(archive, member)

    def _unzipped(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> ArchivedFile:
        try:
            with archive.open(member) as file:
                return ArchivedFile(member.filename, file.read(self.max_bytes + 1))
        except (*_BROKEN, OSError) as problem:  # of a file on a disk: its position is negative
            return ArchivedFile(member.filename, problem=f"cannot be read: {problem}")

    def _tarred(self) -> Iterator[ArchivedFile]:
        with gzip.open(self.archive) as unpacked:
            bounded = _BoundedReader(cast("BinaryIO", unpacked), MAX_AHEAD)
            with tarfile.open(fileobj=cast("BinaryIO", bounded), mode="r|", errors="replace") as archive:
                for number, member in enumerate(archive, 1):
                    if number > MAX_ENTRIES:
                        raise _too_many()
                    bounded.left = min(bounded.left + BYTES_PER_ENTRY, MAX_AHEAD)
                    if member.isdir():
                        continue
                    file = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                    if file is None:
                        yield ArchivedFile(member.name, problem="is no regular file")
                    else:
                        yield ArchivedFile(member.name, file.read(self.max_bytes + 1))


@define
class _BoundedReader:
    """Reads at most `left` bytes. Raises Invalid for more."""

    file: BinaryIO
    left: int

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes."""
        found = self.file.read(size)
        self.left -= len(found)
        if self.left < 0:
            raise _invalid("The archive unpacks to too many bytes.")
        return found


def write_archive(path: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Write a new archive; return the number of files. Raises FileExistsError if there is one already. A failure leaves none behind."""
    with path.open("xb") as target:
        try:
            return _write_zip(target, files) if _is_zip(path.name) else _write_tar(target, files)
        except BaseException:
            path.unlink()
            raise


def _is_zip(name: str) -> bool:
    """True for a zip archive, False for a tar. Raises Invalid for other endings."""
    if name.lower().endswith(".zip"):
        return True
    if name.lower().endswith((".tar.gz", ".tgz")):
        return False
    raise _invalid("The name of the archive must end with .zip, .tar.gz or .tgz.")


def _write_zip(target: BinaryIO, files: Iterable[tuple[str, bytes]]) -> int:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
        return len(archive.infolist())


def _write_tar(target: BinaryIO, files: Iterable[tuple[str, bytes]]) -> int:
    number = 0
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
            number += 1
    return number


def _invalid(sentence: str) -> Invalid:
    return Invalid({"file": sentence}, sentence=sentence)


def _too_many() -> Invalid:
    return _invalid(f"The archive has more than {MAX_ENTRIES:,} entries.")
