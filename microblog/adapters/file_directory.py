"""Media files in a directory of this machine, which all processes of the site share.

Files are in directories named by their first two characters; copies of files of other servers have a directory of their own, which is not
in backups. A file has its place from the beginning, so that publishing it costs nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from attrs import frozen

from microblog.model.errors import NotFound
from microblog.model.media_usage import StoredFile

COPIED, COPIES = "r", "remote"  # first letter of the names of copies, and their directory
_CHUNK = 1024 * 1024

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


def place_of(name: str) -> str:
    """Return the path of a file below the directory, or below the prefix of a bucket."""
    return f"{COPIES}/{name[1:3]}/{name}" if name.startswith(COPIED) else f"{name[:2]}/{name}"


def copy_to(path: Path, file: BinaryIO) -> None:
    """Write all of the file to the path."""
    file.seek(0)
    with path.open("wb") as copy:
        shutil.copyfileobj(file, copy, _CHUNK)


@frozen
class DirectoryFileStore:
    """A `FileStore` in `directory`. `in_thread` does disk access."""

    directory: Path
    in_thread: InThread

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self.directory / place_of(name)

    def working_path(self, name: str) -> Path:
        """Return the path of a file that is about to be made. Its directory exists."""
        path = self.path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def create(self, name: str) -> BinaryIO:
        """Create a working file to write, and to read again."""
        return self.working_path(name).open("w+b")

    async def rename(self, name: str, new_name: str) -> None:
        """Rename a working file."""
        path, new_path = self.path(name), self.working_path(new_name)
        await self.in_thread(lambda: path.rename(new_path))

    async def publish(self, names: Iterable[str]) -> None:
        """Do nothing: the files are in their place."""

    async def discard(self, stem: str) -> None:
        """Delete the files that begin with the stem."""
        await self.delete(await self.names_with_stem(stem))

    async def store(self, file: BinaryIO, name: str) -> None:
        """Store a file unchanged."""
        path = self.working_path(name)
        await self.in_thread(lambda: copy_to(path, file))

    @asynccontextmanager
    async def on_disk(self, name: str) -> AsyncIterator[Path]:
        """Yield the path of a stored file. Raises NotFound."""
        path = self.path(name)
        if not path.is_file():
            raise NotFound("Not Found")
        yield path

    async def serve(self, name: str, *, is_open: bool) -> BinaryIO:
        """Open a stored file. Raises NotFound."""
        try:
            return self.path(name).open("rb")
        except OSError as cause:
            raise NotFound("Not Found") from cause

    async def names_with_stem(self, stem: str) -> list[str]:
        """Return the names of the files that begin with the stem."""
        return sorted(path.name for path in self.path(stem).parent.glob(f"{stem}*"))

    async def size(self, names: Iterable[str]) -> int:
        """Return the bytes of these files together. Missing ones count nothing."""
        paths = [self.path(name) for name in names]
        size: int = await self.in_thread(lambda: sum(path.stat().st_size for path in paths if path.exists()))
        return size

    async def delete(self, names: Iterable[str]) -> None:
        """Delete these files. Missing ones are ignored."""
        paths = [self.path(name) for name in names]

        def unlink() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        if paths:
            await self.in_thread(unlink)

    @property
    def link_origins(self) -> tuple[str, ...]:
        """No origins: all files are served from here."""
        return ()

    async def problem(self) -> str:
        """Return an empty text: the disk has a check of its own."""
        return ""

    async def parts(self) -> list[str]:
        """Return the names of the directories with files."""
        found: list[str] = await self.in_thread(lambda: sorted(self._parts()))
        return found

    async def files(self, part: str) -> list[StoredFile]:
        """Return the files of a directory. They may appear and disappear meanwhile."""
        found: list[StoredFile] = await self.in_thread(lambda: list(self._files(part)))
        return found

    def _parts(self) -> Iterator[str]:
        for parent, prefix in ((self.directory, ""), (self.directory / COPIES, f"{COPIES}/")):
            if parent.is_dir():
                yield from (f"{prefix}{path.name}" for path in parent.iterdir() if path.is_dir() and path.name != COPIES)

    def _files(self, part: str) -> Iterator[StoredFile]:
        if not (self.directory / part).is_dir():
            return
        for path in (self.directory / part).iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            is_copy = part.startswith(f"{COPIES}/")
            yield StoredFile(path.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC), is_copy=is_copy)
