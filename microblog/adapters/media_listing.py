"""The files that are on the disk, for administrators: they may differ from what the database knows, for example after a restore."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from microblog.adapters.media_processing import COPIES
from microblog.model.media_usage import StoredFile


@frozen
class MediaListing:
    """Lists the files of a `DirectoryMediaStore`, directory by directory. Sees files appear and disappear meanwhile."""

    directory: Path
    in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]

    async def parts(self) -> list[str]:
        """Return the names of the directories."""
        found: list[str] = await self.in_thread(lambda: sorted(self._parts()))
        return found

    async def files(self, part: str) -> list[StoredFile]:
        """Return the files of a directory."""
        found: list[StoredFile] = await self.in_thread(lambda: list(self._files(part)))
        return found

    def _parts(self) -> Iterator[str]:
        for parent, prefix in ((self.directory, ""), (self.directory / COPIES, f"{COPIES}/")):
            if parent.is_dir():
                yield from (f"{prefix}{path.name}" for path in parent.iterdir() if path.is_dir() and path.name != COPIES)

    def _files(self, part: str) -> Iterator[StoredFile]:
        for path in (self.directory / part).iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            is_copy = part.startswith(f"{COPIES}/")
            yield StoredFile(path.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC), is_copy=is_copy)
