"""HTTP client for other servers of the federation: documents, and deliveries to inboxes, over persistent connections.

The hosts are named by strangers, so requests are guarded like those for any link. One call is one request: redirects are followed by the
caller, who has to sign each request anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO
from urllib.parse import urlsplit

import treq.client
from attrs import define, field
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.web.client import ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from microblog.adapters.file_download import save_body
from microblog.adapters.http_fetcher import UncompressedAgent, read_body
from microblog.adapters.ssrf_guard import PersistentConnections, SsrfGuard
from microblog.model.cards import FetchError
from microblog.model.remote_requests import DownloadLimits, RemoteResponse

MAX_BODY = 1024 * 1024  # bytes, the most that Mastodon reads of a document
CONNECTIONS_PER_HOST = 2
MAX_DOWNLOAD, MAX_DOWNLOAD_S = 100 * 1024 * 1024, 150.0
FIRST_RESPONSE_S = 10.0  # until the headers of a file have arrived
IDLE_S = 4.0  # below the five seconds after which a server in Node.js closes an idle connection
_CLOSED = (ConnectionDone, ConnectionLost)


@define
class FederationClient(SsrfGuard):
    """Sends requests. `agent` is the User-Agent; http is allowed for `exceptions` only.

    `seconds` limits a whole exchange, `patience` the seconds until the response to a GET begins. That to a delivery may take longer: the
    other server may have to fetch a key first.
    """

    agent: str
    seconds: float = 30.0
    patience: float = 10.0
    _connections: PersistentConnections = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connections = self.persistent_connections(MAX_BODY, CONNECTIONS_PER_HOST, IDLE_S)

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> RemoteResponse:
        """Send one request and return the response of any status. Raises FetchError if there is none, or if it is longer than 1 MB."""
        self._check(url)
        return await self.with_timeout(self.seconds, self._send(method, url, headers, body))

    async def download(self, url: str, file: BinaryIO, limits: Callable[[bytes], DownloadLimits]) -> RemoteResponse:
        """Fetch a file and write it to `file`. Return the response without its body; only one with status 200 is written.

        `limits` decides by the first bytes how long the file may be and take, and may raise FetchError to refuse it. Raises FetchError.
        """
        self._check(url)
        return await self.with_timeout(MAX_DOWNLOAD_S, self._download(url, file, limits))

    async def _download(self, url: str, file: BinaryIO, limits: Callable[[bytes], DownloadLimits]) -> RemoteResponse:
        transfer = self.transfer_limit(MAX_DOWNLOAD)
        client = treq.client.HTTPClient(UncompressedAgent(transfer.agent()))
        sent = Headers({"User-Agent": [self.agent], "Accept": ["*/*"]})
        try:
            requested = client.get(url, headers=sent, allow_redirects=False, unbuffered=True)
            response = await self.limited(FIRST_RESPONSE_S, requested)
            if response.code == 200:
                await save_body(response, file, limits, MAX_DOWNLOAD, self.reactor)
                transfer.require_whole(response)
            return RemoteResponse(response.code, _headers(response), b"")
        finally:
            transfer.close()

    async def stop(self) -> None:
        """Close idle connections."""
        await self._connections.closeCachedConnections()  # type: ignore[no-untyped-call]  # Twisted's

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as problem:
            raise FetchError("This is not a valid web address.") from problem
        excepted = parts.scheme == "http" and any(port == allowed for _, allowed in self.exceptions)
        if not (parts.scheme == "https" or excepted) or not parts.hostname or "@" in parts.netloc:
            raise FetchError("This is not an https address.")

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> RemoteResponse:
        try:
            return await self._exchange(method, url, headers, body)
        except ResponseNeverReceived as problem:
            # The server may have closed an idle connection in the same moment. Deliveries may be repeated: they are recognised by their id.
            if not all(reason.check(*_CLOSED) for reason in problem.reasons):
                raise
            return await self._exchange(method, url, headers, body)

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> RemoteResponse:
        exchange = self._connections.exchange()
        client = treq.client.HTTPClient(UncompressedAgent(exchange.agent()))
        sent = Headers({"User-Agent": [self.agent], **{name: [value] for name, value in headers.items()}})
        try:
            requested = client.request(method, url, headers=sent, data=body or None, allow_redirects=False, unbuffered=True)
            response = await (self.limited(self.patience, requested) if method == "GET" else requested)
            received = await read_body(response, MAX_BODY, whole=True)
            exchange.require_whole(response)
            return RemoteResponse(response.code, _headers(response), received)
        except BaseException:  # cancellation too
            exchange.abort()
            raise


def _headers(response: IResponse) -> dict[str, str]:
    found = response.headers.getAllRawHeaders()
    return {
        name.decode("ascii", "replace").lower(): ", ".join(value.decode("utf-8", "replace") for value in values) for name, values in found
    }
