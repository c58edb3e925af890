"""Disk usage of media, and deletion of what nothing needs, for administrators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain.attachments import UNATTACHED_LIFETIME, delete_unattached
from microblog.domain.ports import FileStore
from microblog.model.media_usage import FileTotals, MediaUsage, StoredFile
from microblog.storage import media, media_usage
from microblog.storage.database import Transactions

BATCH = 500
YOUNG = timedelta(days=1)
"""Younger files are kept although nothing refers to them: a file is written before the row that names it is committed."""


@frozen
class MediaAdmin:
    """Administrative commands about media. `on_part` is called after each part of the storage, with the number of all, to show progress."""

    database: Transactions
    files: FileStore
    now: Callable[[], datetime]
    on_part: Callable[[int], None] = lambda total: None

    async def usage(self) -> MediaUsage:
        """Return the numbers of attachments and the stored files."""
        own, copies = await self._totals()
        by_kind = await self.database.read(media_usage.attachments_by_kind)
        return MediaUsage(by_kind, await self.database.read(media_usage.unattached), own, copies)

    async def count(self) -> None:
        """Count the stored files of people here, and keep the result for `media_usage.stored`."""
        own, _ = await self._totals()
        await self.database.run(media_usage.store, totals=own, now=self.now())

    async def prune_uploads(self) -> None:
        """Delete uploads that no post has used for a day; their files are deleted by jobs, or by `prune_files`."""
        before = self.now() - UNATTACHED_LIFETIME
        while await self.database.run(delete_unattached, before=before, limit=BATCH):
            pass

    async def prune_files(self, *, only_count: bool = False) -> FileTotals:
        """Delete files of people here that nothing refers to and that are older than a day; return what was deleted, or would be."""
        totals = FileTotals()
        async for found in self._parts():
            for file in await self._unused(found):
                if not only_count:
                    await self.files.delete([file.name])
                totals = totals.plus(file)
        return totals

    async def _unused(self, found: list[StoredFile]) -> list[StoredFile]:
        old = {file.name: file for file in found if not file.is_copy and file.changed_at < self.now() - YOUNG}
        names = list(old)
        unused = [await self.database.read(media.unused_files, names=names[start : start + BATCH]) for start in range(0, len(names), BATCH)]
        return [old[name] for part in unused for name in part]

    async def _totals(self) -> tuple[FileTotals, FileTotals]:
        """Return the totals of the files of people here, and of copies."""
        own, copies = FileTotals(), FileTotals()
        async for found in self._parts():
            for file in found:
                own, copies = (own, copies.plus(file)) if file.is_copy else (own.plus(file), copies)
        return own, copies

    async def _parts(self) -> AsyncIterator[list[StoredFile]]:
        parts = await self.files.parts()
        for part in parts:
            yield await self.files.files(part)
            self.on_part(len(parts))
