"""Comparison of the media files that the database names with those that are stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from attrs import frozen

from microblog.domain.ports import FileStore
from microblog.storage import media, media_usage
from microblog.storage.database import Cursor, Transactions

BATCH = 1_000


class _NamesAfter(Protocol):
    def __call__(self, cursor: Cursor, *, after: int, limit: int) -> list[tuple[int, list[str]]]:
        """Return the next rows by id with the names of their files."""


QUERIES: tuple[_NamesAfter, ...] = (
    media_usage.attachment_files,
    media_usage.profile_image_files,
    media_usage.card_image_files,
    media_usage.emoji_files,
    media_usage.site_image_files,
)


@frozen
class VerifiedFiles:
    """The number of files that the database names, and the names of those that are missing or empty."""

    named: int
    missing: tuple[str, ...]


@frozen
class MediaVerification:
    """Finds files that are missing. Copies of files of other servers are fetched again, so they do not count.

    `on_part` is called after each part of the storage, with the number of all.
    """

    database: Transactions
    files: FileStore
    on_part: Callable[[int], None] = lambda total: None

    async def run(self) -> VerifiedFiles:
        """Compare. A file that appears or disappears meanwhile is not reported: what seems to be missing is looked at again."""
        stored = await self._stored()
        named, suspects = 0, list[str]()
        async for name in self._named():
            named += 1
            if name not in stored:
                suspects.append(name)
        return VerifiedFiles(named, tuple(sorted(await self._missing(suspects))))

    async def _stored(self) -> set[str]:
        parts, stored = await self.files.parts(), set[str]()
        for part in parts:
            stored.update(file.name for file in await self.files.files(part) if file.bytes)
            self.on_part(len(parts))
        return stored

    async def _named(self) -> AsyncIterator[str]:
        for query in QUERIES:
            after = 0
            while rows := await self.database.read(query, after=after, limit=BATCH):
                for name in (name for _, names in rows for name in names):
                    yield name
                after = rows[-1][0]

    async def _missing(self, names: Sequence[str]) -> list[str]:
        absent = [name for name in names if not await self.files.size([name])]
        batches = [absent[start : start + BATCH] for start in range(0, len(absent), BATCH)]
        unused = {name for batch in batches for name in await self.database.read(media.unused_files, names=batch)}
        return [name for name in absent if name not in unused]
