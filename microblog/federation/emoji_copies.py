"""Copies of other servers' custom emoji as emoji of this site, made by administrators."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.custom_emojis import CustomEmojis
from microblog.federation.remote_files import RemoteFiles
from microblog.model.emojis import CustomEmoji, EmojiDraft
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId


@frozen
class EmojiCopies:
    """Makes the copies."""

    emojis: CustomEmojis
    files: RemoteFiles

    async def copy(self, id: int, shortcode: str = "", category: str = "", by: AccountId | None = None) -> CustomEmoji:
        """Add another server's emoji to those of this site, by default with its own shortcode.

        Raises NotFound if it is of this site or its picture is gone, Unavailable if that cannot be fetched now, and Invalid (fields
        shortcode, category, image).
        """
        found = await self.emojis.one(id)
        if found.host is None:
            raise NotFound
        draft = await self.emojis.available(EmojiDraft(shortcode or found.emoji.shortcode, category))
        copy = await self.files.emoji(id)
        copy.close()
        async with self.files.media_store.files.on_disk(copy.name) as path:
            with path.open("rb") as file:
                return await self.emojis.copy(draft, file, by)
