"""Copies of avatars and headers of other servers, made by a job when an account becomes known or changes them."""

from __future__ import annotations

import secrets

from attrs import frozen

from microblog.domain.profile_images import SIZES
from microblog.federation.file_fetches import WantedFile
from microblog.federation.remote_files import LEASE, RemoteFiles, is_permanent
from microblog.model.cards import FetchError
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId
from microblog.model.jobs import RetryLater
from microblog.model.remote_files import RemoteFileKind
from microblog.storage import remote_files, remote_images
from microblog.storage.database import Cursor
from microblog.storage.remote_images import PROFILE_IMAGES, ProfileImageUrls

JOB = "federation.profile_images"


@frozen
class ProfileImageCopies:
    """Copies profile images into the cache of files of other servers. Until then, an account has the default images."""

    files: RemoteFiles

    async def copy(self, account: AccountId) -> None:
        """Copy the images of an account that have changed. Raises RetryLater if its server does not respond."""
        urls = await self.files.database.read(remote_images.urls, account=account)
        problems = [await self._update(account, kind, urls) for kind in PROFILE_IMAGES if urls is not None and urls.changed(kind)]
        if failed := next(filter(None, problems), None):
            raise RetryLater(str(failed)) from failed

    async def _update(self, account: AccountId, kind: RemoteFileKind, urls: ProfileImageUrls) -> FetchError | None:
        """Show the new image. Return why that has to be tried again."""
        url = urls.url(kind)
        if url is None:
            await self.files.database.run(remote_images.remove, kind=kind, account=account)
            return None
        try:
            await self._copy(account, WantedFile(kind, url, urls.host))
        except (FetchError, Invalid) as problem:
            self.files.stats.count(problem)
            if isinstance(problem, FetchError) and not is_permanent(problem):
                return problem
            await self.files.database.run(remote_images.note, kind=kind, account=account, url=url)
        return None

    async def _copy(self, account: AccountId, wanted: WantedFile) -> None:
        stem, now, store = secrets.token_hex(16), self.files.now(), self.files.media_store.files
        id = await self.files.database.run(remote_images.reserve, kind=wanted.kind, stem=stem, until=now + LEASE, now=now)
        is_kept = False
        try:
            file = await self._fetched(wanted, stem)

            def show(cursor: Cursor, size: int) -> bool:
                shown = remote_images.show(cursor, id=id, kind=wanted.kind, account=account, url=wanted.url, file=file)
                return shown and remote_files.finish(cursor, id=id, original=file, preview=None, bytes=size)

            is_kept = await self.files.keep(show, [file], id)
            self.files.stats.fetched += is_kept
        finally:
            if not is_kept:
                await store.delete(await store.names_with_stem(stem))
                await self.files.database.run(remote_files.delete, ids=[id])

    async def _fetched(self, wanted: WantedFile, stem: str) -> str:
        """Fetch and convert an image; return the name of the file. Raises FetchError or Invalid."""
        store, name = self.files.media_store, f"{stem}-download"
        try:
            with store.files.create(name) as file:
                format = await self.files.fetches.fetch(wanted, file)
                return await store.cropped(file, format, stem, SIZES[wanted.kind])
        finally:
            await store.files.discard(name)
