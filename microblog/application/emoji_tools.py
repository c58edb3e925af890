"""Construction of what the command line needs of custom emoji, without a running site."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from attrs import frozen

from microblog.adapters.emoji_archive import EmojiArchive, write_archive
from microblog.application.federation import in_thread
from microblog.application.media_storage import media_store
from microblog.application.services import now
from microblog.config import Settings
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.custom_emojis import MAX_BYTES, CustomEmojis
from microblog.domain.emoji_import import EmojiImport, ImportCounts
from microblog.model.emojis import ImportOptions
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
        emojis = CustomEmojis(database, media_store(settings, reactor), InvalidationLog(database), now)
        return cls(emojis, EmojiImport(emojis, in_thread(reactor), report))

    async def import_archive(self, path: Path, options: ImportOptions) -> ImportCounts:
        """Import an archive."""
        with path.open("rb") as file:
            return await self.imports.run(EmojiArchive(file, MAX_BYTES), options)

    async def export_archive(self, path: Path, category: str | None) -> int:
        """Write the emoji of this site, or those of a category, into a new archive; return their number."""
        found = await self.imports.exported(category)
        with tempfile.TemporaryDirectory(prefix="microblog-emoji-") as directory:
            copies = {name: Path(directory, str(number)) for number, (name, _) in enumerate(found)}
            for number, (name, each) in enumerate(found, 1):
                async with self.emojis.media_store.files.on_disk(each.emoji.path.rpartition("/")[2]) as file:
                    shutil.copyfile(file, copies[name])
                self.imports.report("Emoji", number, len(found))
            return write_archive(path, ((name, copy.read_bytes()) for name, copy in copies.items()))
