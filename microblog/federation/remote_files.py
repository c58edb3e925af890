"""Copies of media and emoji of other servers: made when somebody looks at them, kept while there is space, and deleted after some days.

Media are never linked to directly, because their server would learn who looks at them. Many readers at once cause one fetch; after a
failure there is a pause. Images are encoded anew, films and recordings are kept as they are.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain.ports import MediaStore, ServedFile
from microblog.federation.file_fetches import FileFetches, WantedFile
from microblog.federation.waiting import after
from microblog.model.cards import FetchError
from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.media import ConvertedMedia, FileLink, Format, MediaKind
from microblog.model.remote_files import CopiedFiles, RemoteFileKind, SharedFile
from microblog.storage import emojis, remote_media
from microblog.storage import remote_files as rows
from microblog.storage.database import Cursor, Transactions
from microblog.storage.remote_files import MAX_EVICTED, Claim

LEASE = timedelta(minutes=10)  # longer than any transfer and conversion
WAIT_S, POLL_S = 20.0, 0.5  # the longest that a reader waits, and how often another process's copy is looked for
PAUSE, MISSING_PAUSE = timedelta(minutes=1), timedelta(minutes=15)
TOUCH_AFTER = timedelta(days=1)
BATCH = 200  # files that are deleted at once
_ENDINGS = {
    Format.MP4: {MediaKind.AUDIO: "m4a", None: "mp4"},
    Format.MATROSKA: {MediaKind.AUDIO: "weba", None: "webm"},
    Format.OGG: {MediaKind.VIDEO: "ogv", None: "ogg"},
}
_log = Logger()


@frozen
class CopyLimits:
    """Limits of all copies: bytes, and how long one is kept that nobody looks at."""

    bytes: int
    unused_for: timedelta


@frozen
class OpenCopy:
    """A copy to send. `name` is that of the file, which never changes its content. `is_open`: everybody may see it."""

    served: ServedFile
    name: str
    is_open: bool

    def close(self) -> None:
        """Close the file: it is not sent."""
        if not isinstance(self.served, FileLink):
            self.served.close()


@define
class CopyStats:
    """Counters of this process: copies that were made, files that are missing or cannot be shown, and failures."""

    fetched: int = 0
    missing: int = 0
    failed: int = 0

    def count(self, problem: Exception) -> None:
        """Count a file that could not be copied."""
        self.missing += is_permanent(problem)
        self.failed += not is_permanent(problem)


@frozen
class _Copied:
    files: CopiedFiles
    kind: MediaKind | None = None
    converted: ConvertedMedia | None = None

    @property
    def names(self) -> list[str]:
        return [name for name in (self.files.original, self.files.preview) if name]


@define(eq=False)
class RemoteFiles:
    """The copies of this site."""

    database: Transactions
    fetches: FileFetches
    media_store: MediaStore
    limits: CopyLimits
    reactor: IReactorTime
    now: Callable[[], datetime]
    stats: CopyStats = field(init=False, factory=CopyStats)
    _waiting: dict[str, list[Deferred[CopiedFiles]]] = field(init=False, factory=dict)

    async def media(self, id: int, key: str | None, *, small: bool) -> OpenCopy:
        """Open the file of an attachment, or a small version of it. Raises NotFound, or Unavailable if it cannot be fetched now."""
        shared = await self.database.read(rows.of_media, id=id, preview=small)
        if shared is None or (shared.key is not None and not secrets.compare_digest(shared.key, key or "")):
            raise NotFound("Not Found")
        return await self._open(shared, small=small)

    async def emoji(self, id: int) -> OpenCopy:
        """Open the picture of an emoji. Raises NotFound, or Unavailable if it cannot be fetched now."""
        shared = await self.database.read(emojis.shared_file, id=id)
        if shared is None:
            raise NotFound("Not Found")
        return await self._open(shared)

    async def _open(self, shared: SharedFile, *, small: bool = False) -> OpenCopy:
        if self.fetches.is_rejected(_wanted(shared)):
            raise NotFound("Not Found")
        files = shared.files or await self._wait_for(shared)
        try:
            return await self._opened(shared, files, small=small)
        except NotFound:  # the file is lost, or was evicted since
            return await self._opened(shared, await self._wait_for(shared, again=True), small=small)

    async def _opened(self, shared: SharedFile, files: CopiedFiles, *, small: bool) -> OpenCopy:
        name = files.preview if small else files.original
        if name is None:
            raise NotFound("Not Found")
        served = await self.media_store.files.serve(name, is_open=shared.is_open)
        if files.used_at is not None and self.now() - files.used_at > TOUCH_AFTER:
            Deferred.fromCoroutine(self.database.run(rows.touch, kind=shared.kind, id=shared.id, now=self.now())).addErrback(_report)
        return OpenCopy(served, name, shared.is_open)

    # --- One fetch for all readers

    async def _wait_for(self, shared: SharedFile, *, again: bool = False) -> CopiedFiles:
        self._refuse_in_pause(shared.files)
        reader: Deferred[CopiedFiles] = Deferred()
        readers = self._waiting.get(shared.name)
        if readers is not None:
            readers.append(reader)
        else:
            self._waiting[shared.name] = [reader]
            Deferred.fromCoroutine(self._copy(shared, again=again)).addBoth(self._tell_readers, shared.name)
        return await reader.addTimeout(WAIT_S, self.reactor, onTimeoutCancel=_too_slow)

    def _tell_readers(self, result: CopiedFiles | Failure, name: str) -> None:
        for reader in self._waiting.pop(name):
            if not reader.called:
                reader.callback(result)
        if isinstance(result, Failure) and not result.check(NotFound, Unavailable):
            _report(result)

    def _refuse_in_pause(self, files: CopiedFiles) -> None:
        """Raise the error of the last try, if no other is due."""
        if files.retry_at is None or files.retry_at <= self.now():
            return
        if files.is_missing:
            raise NotFound("Not Found")
        raise Unavailable(retry_after=int((files.retry_at - self.now()).total_seconds()) + 1)

    async def _copy(self, shared: SharedFile, *, again: bool) -> CopiedFiles:
        stem, now = f"r{secrets.token_hex(16)}", self.now()
        claim = await self.database.run(rows.claim, file=shared, stem=stem, until=now + LEASE, now=now, again=again)
        if claim is None:
            return await self._of_other_process(shared)
        try:
            if claim.stem != stem:
                await self._delete_with_stem(claim.stem)
            copied = await self._fetched(shared, claim.stem)
        except (FetchError, Invalid) as problem:
            await self._failed(shared, claim, problem)
            raise (NotFound("Not Found") if is_permanent(problem) else Unavailable(retry_after=60)) from problem
        except BaseException:
            await self._failed(shared, claim, FetchError("It could not be stored.", permanent=False))
            raise
        if not await self.keep(lambda cursor, size: self._finish(cursor, shared, claim, copied, size), copied.names, claim.id):
            raise Unavailable
        self.stats.fetched += 1
        return copied.files

    async def _of_other_process(self, shared: SharedFile) -> CopiedFiles:
        """Wait for the copy that another process makes."""
        for _ in range(int(WAIT_S / POLL_S)):
            found = await self._read_again(shared)
            if found is None:
                raise NotFound("Not Found")
            self._refuse_in_pause(found.files)
            if found.files:
                return found.files
            await after(self.reactor, POLL_S)
        raise Unavailable

    async def _read_again(self, shared: SharedFile) -> SharedFile | None:
        if shared.kind is RemoteFileKind.EMOJI:
            return await self.database.read(emojis.shared_file, id=shared.id)
        return await self.database.read(rows.of_media, id=shared.id, preview=shared.kind is RemoteFileKind.PREVIEW)

    # --- Fetching and storing

    async def _fetched(self, shared: SharedFile, stem: str) -> _Copied:
        """Fetch a file and convert it. Raises FetchError or Invalid."""
        name = f"{stem}-download"
        try:
            with self.media_store.files.create(name) as file:
                format = await self.fetches.fetch(_wanted(shared), file)
                if format.is_image:
                    return await self._converted(shared, file, stem, format)
            return await self._as_it_is(shared, name, stem, format)
        finally:
            await self.media_store.files.discard(name)

    async def _converted(self, shared: SharedFile, file: BinaryIO, stem: str, format: Format) -> _Copied:
        if shared.kind is RemoteFileKind.EMOJI:
            return _Copied(CopiedFiles(await self.media_store.small_image(file, format, stem)))
        if shared.kind is RemoteFileKind.PREVIEW:
            return _Copied(CopiedFiles(None, (await self.media_store.preview(file, format, stem)).preview))
        converted = await self.media_store.convert_image(file, format, stem)
        return _Copied(CopiedFiles(converted.original, converted.preview), MediaKind.IMAGE, converted)

    async def _as_it_is(self, shared: SharedFile, name: str, stem: str, format: Format) -> _Copied:
        kind = _film_kind(shared.media, format)
        endings = _ENDINGS.get(format, {None: format.value})
        stored = f"{stem}.{endings.get(kind, endings[None])}"
        await self.media_store.files.rename(name, stored)
        await self.media_store.files.publish([stored])
        return _Copied(CopiedFiles(stored), kind)

    async def keep(self, finish: Callable[[Cursor, int], bool], names: list[str], id: int) -> bool:
        """Make room for files, and let `finish` store them; if it returns False, they are not wanted any more and deleted."""
        size = await self.media_store.files.size(names)
        evicted, is_kept = await self.database.run(self._make_room, id, size, finish)
        if not is_kept:
            await self.media_store.files.delete(names)
        if evicted:
            await self.delete_released()
        return is_kept

    def _make_room(self, cursor: Cursor, id: int, size: int, finish: Callable[[Cursor, int], bool]) -> tuple[int, bool]:
        evicted = 0
        while released := rows.make_room(cursor, bytes=size, limit=self.limits.bytes, keep=id):
            evicted += released
            if released < MAX_EVICTED:
                break
        return evicted, finish(cursor, size)

    def _finish(self, cursor: Cursor, shared: SharedFile, claim: Claim, copied: _Copied, size: int) -> bool:
        files, converted = copied.files, copied.converted
        if shared.kind is RemoteFileKind.MEDIA and copied.kind is not None:
            frame, blurhash = (converted.size, converted.blurhash) if converted else (None, None)
            remote_media.store_found(cursor, id=shared.media_id, kind=copied.kind, size=frame, blurhash=blurhash)
        return rows.finish(cursor, id=claim.id, original=files.original, preview=files.preview, bytes=size)

    async def _failed(self, shared: SharedFile, claim: Claim, problem: Exception) -> None:
        is_missing = is_permanent(problem)
        self.stats.count(problem)
        try:
            await self._delete_with_stem(claim.stem)
        except Unavailable:  # the next try, or the eviction of the row, deletes them
            _log.failure("Files of a copy that could not be made are left.")

        def store(cursor: Cursor) -> None:
            retry_at = self.now() + (MISSING_PAUSE if is_missing else PAUSE)
            rows.fail(cursor, id=claim.id, problem=str(problem), is_missing=is_missing, retry_at=retry_at)
            if shared.kind is RemoteFileKind.MEDIA and isinstance(problem, Invalid):
                remote_media.mark_unknown(cursor, id=shared.media_id, problem=str(problem))

        await self.database.run(store)

    # --- Deletion

    async def delete_old(self) -> None:
        """Delete copies that nobody has looked at for some days, and those of what was deleted."""
        before = self.now() - self.limits.unused_for
        while await self.database.run(rows.release_old, before=before, limit=BATCH) >= BATCH:
            pass
        while await self.database.run(rows.make_room, bytes=0, limit=self.limits.bytes, keep=0) >= MAX_EVICTED:
            pass
        await self.delete_released()

    async def delete_released(self) -> None:
        """Delete the files of copies that nothing shows any more."""
        while claims := await self.database.read(rows.released, limit=BATCH, now=self.now()):
            for claim in claims:
                await self._delete_with_stem(claim.stem)
            await self.database.run(rows.delete, ids=[claim.id for claim in claims])

    async def _delete_with_stem(self, stem: str) -> None:
        await self.media_store.files.delete(await self.media_store.files.names_with_stem(stem))


def _wanted(shared: SharedFile) -> WantedFile:
    return WantedFile(shared.kind, shared.url, shared.host)


def is_permanent(problem: Exception) -> bool:
    """True if another try would fail as well."""
    return isinstance(problem, Invalid) or (isinstance(problem, FetchError) and problem.permanent)


def _film_kind(kind: MediaKind | None, format: Format) -> MediaKind:
    """Return what a file is that is no image: what its post says where both are possible."""
    if format in (Format.MP4, Format.MATROSKA):
        return kind if kind in (MediaKind.VIDEO, MediaKind.GIFV, MediaKind.AUDIO) else MediaKind.VIDEO
    if format is Format.OGG and kind is MediaKind.VIDEO:
        return MediaKind.VIDEO
    return MediaKind.AUDIO


def _too_slow(_: object, seconds: float) -> Any:
    raise Unavailable(retry_after=10)


def _report(failure: Failure) -> None:
    _log.failure("A copy of a file of another server could not be made or noted.", failure)
