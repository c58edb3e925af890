"""Interfaces of what federation uses outside the database; the composition root chooses the adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO, Protocol

from microblog.model.remote_requests import DownloadLimits, RemoteResponse


class RemoteServers(Protocol):
    """HTTP client for other servers."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> RemoteResponse:
        """Send one request, within bounded time, and return the response of any status. Redirects are not followed.

        Raises FetchError if there is no response, if it is too long, or if the host must not be contacted.
        """

    async def download(self, url: str, file: BinaryIO, limits: Callable[[bytes], DownloadLimits]) -> RemoteResponse:
        """Fetch a file and write it to `file`, within bounded time. Return the response of any status, without its body.

        Only a file with status 200 is written. `limits` is given its first bytes, and may raise FetchError to refuse it. Redirects are
        not followed. Raises FetchError as `send` does, and if the file exceeds its limits.
        """
