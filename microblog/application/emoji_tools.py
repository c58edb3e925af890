"""Construction of what the command line needs of custom emoji, without a running site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from microblog.adapters.emoji_archive import EmojiArchive
from microblog.adapters.media_processing import DirectoryMediaStore
from microblog.application.services import now
from microblog.config import Settings
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.custom_emojis import MAX_BYTES, CustomEmojis
from microblog.domain.emoji_import import EmojiImport, ImportCounts, ImportOptions
from microblog.model.emojis import CustomEmoji
from microblog.model.progress import Report
from microblog.storage.database import Transactions


@frozen
class EmojiTools:
    """The emoji of this site, and their import from and export to archives."""

    emojis: CustomEmojis
    imports: EmojiImport

    @classmethod
    def on(cls, settings: Settings, reactor: Any, database: Transactions, report: Report) -> EmojiTools:
        """Build them."""
        store = DirectoryMediaStore.below(settings.data_dir / "media", reactor)
        emojis = CustomEmojis(database, store, InvalidationLog(database), now)
        return cls(emojis, EmojiImport(emojis, report))

    async def import_archive(self, path: Path, options: ImportOptions) -> ImportCounts:
        """Import an archive."""
        return await self.imports.run(EmojiArchive(path, MAX_BYTES), options)

    async def export_archive(self, path: Path, category: str | None) -> int:
        """Write the emoji of this site, or those of a category, into a new archive; return their number."""
        found = await self.imports.exported(category)
        return EmojiArchive(path, MAX_BYTES).write(self._files(found))

    def _files(self, found: list[tuple[str, CustomEmoji]]) -> Iterator[tuple[str, bytes]]:
        for number, (name, each) in enumerate(found, 1):
            with self.emojis.media_store.open(each.emoji.path.rpartition("/")[2]) as file:
                yield name, file.read()
            self.imports.report("Emoji", number, len(found))
