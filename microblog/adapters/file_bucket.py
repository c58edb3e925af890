"""Media files in a bucket of an object storage.

The directory of this machine is before it: programs make files there, and a file that is (still, or again) in the directory is taken from
there. So files can move between the two while the site runs, in any order. Browsers get links to the bucket, never its contents through
this process; who may have a link is decided at each request.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from attrs import define, field, frozen

from microblog.adapters.file_directory import COPIED, COPIES, DirectoryFileStore, InThread, place_of
from microblog.adapters.s3_bucket import BucketError, Checksums, S3Bucket
from microblog.model.errors import NotFound, Unavailable
from microblog.model.media import COPY_TYPES, FileLink
from microblog.model.media_usage import StoredFile

CACHE_CONTROL = "public, max-age=86400, s-maxage=3600, immutable"
"""As for files that the site serves itself: a CDN asks again after an hour whether a file was deleted."""
SHARED_LINK_MAX_AGE = 3_600
SEEN_S, MAX_SEEN = 3_600.0, 20_000
CHECK_S = 30.0
UNAVAILABLE = "The storage of images, video and audio does not respond. Please try again later."

T = TypeVar("T")


@frozen
class Links:
    """Addresses for browsers. `public_url`: where everybody can read the bucket, or None. `seconds`: how long other links work."""

    bucket: S3Bucket
    public_url: str | None
    seconds: int

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of all links."""
        urls = {urlsplit(self.link("00", is_open=is_open).url) for is_open in (True, False)}
        return tuple(sorted({f"{url.scheme}://{url.netloc}" for url in urls}))

    def link(self, name: str, *, is_open: bool) -> FileLink:
        """Return a link to a file. Only files that everybody may see get one that does not expire."""
        if is_open and self.public_url is not None:
            return FileLink(f"{self.public_url}/{place_of(name)}", SHARED_LINK_MAX_AGE, is_shared=True)
        return FileLink(self.bucket.link(place_of(name), self.seconds), self.seconds // 2, is_shared=False)


@define
class BucketFileStore:
    """A `FileStore` in a bucket behind a directory. `keeps_local`: new files stay in the directory.

    `in_thread` does requests, bounded in number.
    """

    directory: DirectoryFileStore
    links: Links
    in_thread: InThread
    keeps_local: bool = False
    clock: Callable[[], float] = time.monotonic
    _seen: OrderedDict[str, float] = field(init=False, factory=OrderedDict)
    _checked: tuple[float, str] | None = field(init=False, default=None)

    @property
    def bucket(self) -> S3Bucket:
        """The bucket."""
        return self.links.bucket

    def working_path(self, name: str) -> Path:
        """Return the path in the directory."""
        return self.directory.working_path(name)

    def create(self, name: str) -> BinaryIO:
        """Create a working file to write, and to read again."""
        return self.directory.create(name)

    async def rename(self, name: str, new_name: str) -> None:
        """Rename a working file."""
        await self.directory.rename(name, new_name)

    async def publish(self, names: Iterable[str]) -> None:
        """Move working files into the bucket, after all of them are there."""
        if self.keeps_local:
            return
        paths = {name: self.directory.path(name) for name in names}
        await self._ask(lambda: [upload(self.bucket, name, path) for name, path in paths.items()])
        await self.directory.delete(paths)

    async def discard(self, stem: str) -> None:
        """Delete the working files that begin with the stem."""
        await self.directory.discard(stem)

    async def store(self, file: BinaryIO, name: str) -> None:
        """Store a file unchanged."""
        if self.keeps_local:
            await self.directory.store(file, name)
        else:
            await self._ask(lambda: self.bucket.put(place_of(name), file, media_type(name), CACHE_CONTROL))

    @asynccontextmanager
    async def on_disk(self, name: str) -> AsyncIterator[Path]:
        """Yield the path of a stored file, or of a temporary copy. Raises NotFound."""
        if self.directory.path(name).is_file():
            yield self.directory.path(name)
            return
        copy = self.working_path(f"{name}-{secrets.token_hex(4)}")
        try:
            if await self._ask(lambda: self.bucket.get(place_of(name), copy)) is None:
                raise NotFound("Not Found")
            yield copy
        finally:
            await self.directory.delete([copy.name])

    async def serve(self, name: str, *, is_open: bool) -> BinaryIO | FileLink:
        """Open the file in the directory, or return a link to it in the bucket. Raises NotFound."""
        try:
            return await self.directory.serve(name, is_open=is_open)
        except NotFound:
            if name.startswith(COPIED):  # the rows of these may outlive them: backups and migrations leave them out
                await self._require(name)
            return self.links.link(name, is_open=is_open)

    async def _require(self, name: str) -> None:
        """Raise NotFound unless the bucket has the file, or had it a while ago."""
        now = self.clock()
        if self._seen.get(name, 0.0) > now:
            return
        if await self._ask(lambda: self.bucket.head(place_of(name))) is None:
            raise NotFound("Not Found")
        self._seen[name] = now + SEEN_S
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)

    async def names_with_stem(self, stem: str) -> list[str]:
        """Return the names of the files, here and there, that begin with the stem."""
        stored = await self._ask(lambda: self.bucket.objects(place_of(stem)))
        return sorted({*await self.directory.names_with_stem(stem), *(each.key.rpartition("/")[2] for each in stored)})

    async def size(self, names: Iterable[str]) -> int:
        """Return the bytes of these files together. Missing ones count nothing."""
        sizes = {name: await self.directory.size([name]) for name in names}

        def size() -> int:
            found = [self.bucket.head(place_of(name)) for name, size in sizes.items() if not size]
            return sum(each.bytes for each in found if each)

        return sum(sizes.values()) + await self._ask(size)

    async def delete(self, names: Iterable[str]) -> None:
        """Delete these files, here and there. Missing ones are ignored."""
        wanted = list(names)
        await self.directory.delete(wanted)
        for name in wanted:
            self._seen.pop(name, None)
            await self._ask(partial(self.bucket.delete, place_of(name)))

    @property
    def link_origins(self) -> tuple[str, ...]:
        """The origins of links to files."""
        return self.links.origins

    async def problem(self) -> str:
        """Return why the bucket cannot be read; empty if it can. It is asked at most twice a minute."""
        now = self.clock()
        if self._checked is None or now - self._checked[0] >= CHECK_S:
            self._checked = now, f"{self.bucket.address}: it does not respond."  # also while it hangs, so that one request does at most
            try:
                await self.in_thread(self.bucket.check)
                self._checked = now, ""
            except BucketError as problem:
                self._checked = now, str(problem)
        return self._checked[1]

    async def parts(self) -> list[str]:
        """Return the names of the directories, here and there."""

        return sorted({*await self.directory.parts(), *await self._ask(lambda: bucket_parts(self.bucket))})

    async def files(self, part: str) -> list[StoredFile]:
        """Return the files of a directory, each once."""
        here = {file.name: file for file in await self.directory.files(part)}
        there = {file.name: file for file in await self._ask(lambda: bucket_files(self.bucket, part))}
        return list((there | here).values())

    async def _ask(self, work: Callable[[], T]) -> T:
        try:
            result: T = await self.in_thread(work)
        except BucketError as problem:
            raise Unavailable(UNAVAILABLE, retry_after=60) from problem
        return result


def media_type(name: str) -> str:
    """Return the Content-Type of a stored file by its name."""
    return COPY_TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def bucket_parts(bucket: S3Bucket) -> list[str]:
    """Return the names of the directories with files."""
    copies = [f"{COPIES}/{name}" for name in bucket.directories(f"{COPIES}/")]
    return [*(name for name in bucket.directories("") if name != COPIES), *copies]


def bucket_files(bucket: S3Bucket, part: str) -> list[StoredFile]:
    """Return the files of a directory."""
    is_copy, found = part.startswith(f"{COPIES}/"), bucket.objects(f"{part}/")
    return [StoredFile(each.key.rpartition("/")[2], each.bytes, each.changed_at, is_copy=is_copy) for each in found]


def upload(bucket: S3Bucket, name: str, path: Path) -> Checksums:
    """Store a file of this machine in the bucket; return its checksums."""
    with path.open("rb") as file:
        return bucket.put(place_of(name), file, media_type(name), CACHE_CONTROL)
