"""Access to served media files: only while something on the site shows them, and whether it is public.

A file is known only by its name, so its post or account has to be looked up in the database. The result is cached until the post or
the account changes: a file that is requested again costs no query.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.ports import FileStore
from microblog.model.errors import NotFound
from microblog.model.media import FileUse
from microblog.storage import media
from microblog.storage.database import Transactions

CACHE_SIZE = 20_000  # names of files
CARD_MAX_AGE = timedelta(minutes=5)  # the deletion of a link preview is not in the invalidation log


@define
class ServedFiles:
    """Access to the files of a file store."""

    database: Transactions
    files: FileStore
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    _cache: DependencyCache[FileUse] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cache = DependencyCache(self.invalidation_log, self.now, CACHE_SIZE, "media_access")

    async def is_open(self, name: str) -> bool:
        """Return True if everyone may see the file, False if only some accounts may.

        Raises NotFound if nothing shows it: deleted media, and all media of suspended and deleted accounts.
        """
        position = await self.invalidation_log.position()
        use = self._cache.get(name, position)
        if use is None:
            use = await self.database.read(media.file_use, name=name)
            if use is not None and (dependencies := self._dependencies(use)) is not None:
                self._cache.put(name, use, dependencies, position)
        if use is None or use.withheld:
            raise NotFound("Not Found")
        return use.is_open

    def _dependencies(self, use: FileUse) -> CacheDependencies | None:
        """Return the cache dependencies of the use; None if changes of it would not be noticed.

        Suspensions, and changes of custom emoji and of pictures of the site, invalidate all cached uses.
        """
        if use.is_of_site:
            return CacheDependencies()
        if use.post is not None:
            return cache_keys.of_keys(cache_keys.of_post(use.post))
        if use.account is not None:
            return cache_keys.of_keys(cache_keys.of_account(use.account))
        return CacheDependencies(until=self.now() + CARD_MAX_AGE) if use.is_card else None
