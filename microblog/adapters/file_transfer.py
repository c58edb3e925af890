"""Copies of media files from the directory of this machine to a bucket, and back, compared by size and checksum."""

from __future__ import annotations

import secrets
from pathlib import Path

from attrs import frozen

from microblog.adapters.file_bucket import bucket_files, bucket_parts, upload
from microblog.adapters.file_directory import DirectoryFileStore, InThread, place_of
from microblog.adapters.s3_bucket import BucketError, Checksums, S3Bucket, StoredObject
from microblog.model.media_usage import StoredFile, TransferResult


@frozen
class UploadTransfer:
    """Copies files of the directory into the bucket."""

    directory: DirectoryFileStore
    bucket: S3Bucket
    in_thread: InThread

    async def parts(self) -> list[str]:
        """Return the directories of the source."""
        return await self.directory.parts()

    async def files(self, part: str) -> list[StoredFile]:
        """Return the files of a directory of the source."""
        return await self.directory.files(part)

    async def copy(self, name: str, *, dry_run: bool) -> TransferResult:
        """Copy a file unless the bucket has it, and compare what is stored then. Raises BucketError."""
        result: TransferResult = await self.in_thread(lambda: self._copy(name, dry_run=dry_run))
        return result

    async def remove(self, name: str) -> None:
        """Delete a file of the source."""
        await self.directory.delete([name])

    def _copy(self, name: str, *, dry_run: bool) -> TransferResult:
        try:
            here = _checksums(self.directory.path(name))
            if _is_same(self.bucket.head(place_of(name)), here):
                return TransferResult.PRESENT
            if not dry_run:
                upload(self.bucket, name, self.directory.path(name))
        except FileNotFoundError:
            return TransferResult.GONE
        if not dry_run and not _is_same(self.bucket.head(place_of(name)), here):
            raise BucketError(f"{self.bucket.address}: {name} is not what was sent.")
        return TransferResult.COPIED


@frozen
class DownloadTransfer:
    """Copies files of the bucket into the directory."""

    directory: DirectoryFileStore
    bucket: S3Bucket
    in_thread: InThread

    async def parts(self) -> list[str]:
        """Return the directories of the source."""
        found: list[str] = await self.in_thread(lambda: bucket_parts(self.bucket))
        return found

    async def files(self, part: str) -> list[StoredFile]:
        """Return the files of a directory of the source."""
        found: list[StoredFile] = await self.in_thread(lambda: bucket_files(self.bucket, part))
        return found

    async def copy(self, name: str, *, dry_run: bool) -> TransferResult:
        """Copy a file unless the directory has it, and compare it before it gets its name. Raises BucketError."""
        result: TransferResult = await self.in_thread(lambda: self._copy(name, dry_run=dry_run))
        return result

    async def remove(self, name: str) -> None:
        """Delete a file of the source."""
        await self.in_thread(lambda: self.bucket.delete(place_of(name)))

    def _copy(self, name: str, *, dry_run: bool) -> TransferResult:
        there, path = self.bucket.head(place_of(name)), self.directory.working_path(name)
        if there is None:
            return TransferResult.GONE
        if path.exists() and _is_same(there, _checksums(path)):
            return TransferResult.PRESENT
        if not dry_run:
            self._download(name, there, path)
        return TransferResult.COPIED

    def _download(self, name: str, there: StoredObject, path: Path) -> None:
        part = path.with_name(f"{name}-{secrets.token_hex(4)}")
        try:
            received = self.bucket.get(place_of(name), part)
            if received is None or not _is_same(there, received):
                raise BucketError(f"{self.bucket.address}: {name} has changed, or is not what was stored.")
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)


def _checksums(path: Path) -> Checksums:
    with path.open("rb") as file:
        return Checksums.of(file)


def _is_same(there: StoredObject | None, here: Checksums) -> bool:
    """Compare by checksum, or only by size if another program stored the object without one."""
    return there is not None and there.bytes == here.bytes and there.sha256 in ("", here.sha256)
