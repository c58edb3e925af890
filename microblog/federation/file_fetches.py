"""Files of other servers, fetched one at a time: what may be fetched at all, by how many at once, and what the first bytes must be.

The content type that a server claims does not matter. A server that is slow takes a few places at most, all servers of one domain
half of them, and one that does not respond is left alone for a minute.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from io import BytesIO
from typing import BinaryIO
from urllib.parse import urljoin

from attrs import define, field, frozen

from microblog.coroutines import Semaphore
from microblog.domain import file_types
from microblog.federation.fetching import MAX_REDIRECTS, REDIRECTS, TEMPORARY
from microblog.federation.hosts import host_of, registered_domain
from microblog.federation.ports import RemoteServers
from microblog.federation.trust import TrustRules
from microblog.model.cards import FetchError
from microblog.model.media import MAX_IMAGE_BYTES, MAX_VIDEO_BYTES, Format
from microblog.model.remote_files import RemoteFileKind
from microblog.model.remote_requests import DownloadLimits, RemoteResponse

AT_ONCE, AT_ONCE_PER_HOST = 8, 2
AT_ONCE_PER_DOMAIN = 4
"""Transfers of all hosts in a domain: its owner has any number of them, and must not take every place."""
MAX_WAITING = 100  # files of one host, and of one domain
HOST_PAUSE = timedelta(minutes=1)
MAX_PAUSED = 10_000
PROFILE_IMAGE_BYTES, EMOJI_BYTES = 8 * 1024 * 1024, 2 * 1024 * 1024
IMAGE_S, FILM_S = 30.0, 120.0  # the longest transfer
_FILM = DownloadLimits(MAX_VIDEO_BYTES, FILM_S)
_IMAGES: Mapping[RemoteFileKind, DownloadLimits] = {
    RemoteFileKind.MEDIA: DownloadLimits(MAX_IMAGE_BYTES, IMAGE_S),
    RemoteFileKind.PREVIEW: DownloadLimits(MAX_IMAGE_BYTES, IMAGE_S),
    RemoteFileKind.AVATAR: DownloadLimits(PROFILE_IMAGE_BYTES, IMAGE_S),
    RemoteFileKind.HEADER: DownloadLimits(PROFILE_IMAGE_BYTES, IMAGE_S),
    RemoteFileKind.EMOJI: DownloadLimits(EMOJI_BYTES, IMAGE_S),
}


@frozen
class WantedFile:
    """A file of another server. `host` is the server of the account that shows it, which need not be that of the address."""

    kind: RemoteFileKind
    url: str
    host: str


@define(eq=False)
class FileFetches:
    """Fetches files. `rules` returns the rules of the site as they are now."""

    servers: RemoteServers
    rules: Callable[[], TrustRules]
    now: Callable[[], datetime]
    _all: Semaphore = field(init=False, factory=lambda: Semaphore(AT_ONCE))
    _shares: dict[str, Semaphore] = field(init=False, factory=dict)
    _paused: dict[str, datetime] = field(init=False, factory=dict)

    def is_rejected(self, wanted: WantedFile) -> bool:
        """True if no media of the account's server, or of the file's, are fetched or shown."""
        rules = self.rules()
        hosts = {wanted.host, host_of(wanted.url, rules.exempt) or ""}
        return any(rules.domains.rejects_media(host) for host in hosts)

    async def fetch(self, wanted: WantedFile, file: BinaryIO) -> Format:
        """Write the file of another server into `file`; return what it is. Raises FetchError."""
        found: list[Format] = []

        def limits(first: bytes) -> DownloadLimits:
            format = file_types.detect_type(BytesIO(first))
            if format is None or not (format.is_image or wanted.kind is RemoteFileKind.MEDIA):
                raise FetchError("This type of file is not shown.")
            found.append(format)
            return _IMAGES[wanted.kind] if format.is_image else _FILM

        if self.is_rejected(wanted):
            raise FetchError("No media of this server are shown.")
        url = wanted.url
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._download(url, file, limits)
            if response.status == 200:
                file.flush()
                return found[-1]
            if response.status not in REDIRECTS:
                raise FetchError(f"The server responded with status {response.status}.", permanent=response.status not in TEMPORARY)
            url = urljoin(url, response.headers.get("location", "")).partition("#")[0]
        raise FetchError("Too many redirects.")

    async def _download(self, url: str, file: BinaryIO, limits: Callable[[bytes], DownloadLimits]) -> RemoteResponse:
        rules = self.rules()
        host = host_of(url, rules.exempt) or ""
        if (reason := rules.check_id(url)) or rules.domains.rejects_media(host):
            raise FetchError(f"It may not be fetched: {reason or 'rejected media'}.")
        async with self._place(host):
            if self._paused.get(host, self.now()) > self.now():
                raise FetchError("The server has not responded a moment ago.", permanent=False)
            try:
                return await self.servers.download(url, file, limits)
            except FetchError as problem:
                if not problem.permanent:
                    self._pause(host)
                raise

    def _pause(self, host: str) -> None:
        if len(self._paused) >= MAX_PAUSED:
            self._paused.clear()
        self._paused[host] = self.now() + HOST_PAUSE

    @asynccontextmanager
    async def _place(self, host: str) -> AsyncIterator[None]:
        """Wait for a place among the transfers of the host, of its domain, and then among all. Raises FetchError if too many wait."""
        async with self._share(host, AT_ONCE_PER_HOST), self._share(f".{registered_domain(host)}", AT_ONCE_PER_DOMAIN), self._all:
            yield

    @asynccontextmanager
    async def _share(self, name: str, places: int) -> AsyncIterator[None]:
        share = self._shares.setdefault(name, Semaphore(places))
        if len(share.waiting) >= MAX_WAITING:
            raise FetchError("Too many files of this server are wanted.", permanent=False)
        try:
            async with share:
                yield
        finally:
            if share.tokens == share.limit and not share.waiting:
                self._shares.pop(name, None)
