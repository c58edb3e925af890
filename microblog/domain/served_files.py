"""Files as they are served: only while something on the site shows them, and whether everybody may see that.

A file is known by its name alone, so the database says what it belongs to. That is asked once and remembered until the post or the
account changes: a file that is asked for again costs no query.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import BinaryIO

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.ports import MediaStore
from microblog.model.errors import NotFound
from microblog.model.media import FileUse
from microblog.storage import media
from microblog.storage.database import Transactions

REMEMBERED = 20_000  # names of files
CARDS_BRIEFLY = timedelta(minutes=5)  # nothing tells when a preview of a link goes


@define
class ServedFiles:
    """Opens files for readers."""

    database: Transactions
    media_store: MediaStore
    changes: InvalidationLog
    now: Callable[[], datetime]
    _known: DependencyCache[FileUse] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._known = DependencyCache(self.changes, self.now, REMEMBERED, "media_access")

    async def is_open(self, name: str) -> bool:
        """True if everybody may see what shows the file, false if only some may.

        Raises NotFound where nothing does: what was deleted, and whatever belongs to suspended and deleted accounts.
        """
        place = await self.changes.position()
        use = self._known.get(name, place)
        if use is None:
            use = await self.database.read(media.use_of, name=name)
            if use is not None and (rests := self._basis(use)) is not None:
                self._known.put(name, use, rests, place)
        if use is None or use.withheld:
            raise NotFound("Not Found")
        return use.is_open

    def open(self, name: str) -> BinaryIO:
        """The file. Raises NotFound if there is none."""
        return self.media_store.open(name)

    def _basis(self, use: FileUse) -> CacheDependencies | None:
        """What the use rests on; None where nothing would tell that it changed. A suspension is told to everything that is remembered."""
        if use.post is not None:
            return cache_keys.of_keys(cache_keys.of_post(use.post))
        if use.account is not None:
            return cache_keys.of_keys(cache_keys.of_account(use.account))
        return CacheDependencies(until=self.now() + CARDS_BRIEFLY) if use.is_card else None
