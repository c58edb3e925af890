"""Fetching pages and images from URLs that users post: limited in time and size, and never from private networks."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urljoin, urlsplit

import treq.client
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from microblog.adapters import robots
from microblog.adapters.robots import Robots
from microblog.adapters.ssrf_guard import SsrfGuard
from microblog.model.cards import MAX_URL, FetchedPage, FetchError

MAX_REDIRECTS = 4
ROBOTS_BYTES = 512 * 1024  # RFC 9309, section 2.5
ROBOTS_CACHE_S = 3_600.0
MAX_CACHED_ROBOTS = 1_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


@define
class TreqFetcher(SsrfGuard):
    """Fetches URLs. `agent` is the User-Agent, whose first word is matched in robots.txt. `seconds` limits the whole fetch.

    `obeys_robots`: what robots.txt forbids is not fetched. A page that its owner asks to have fetched needs no permission.
    """

    agent: str
    seconds: float = 12.0
    obeys_robots: bool = field(default=True, kw_only=True)
    _robots: dict[str, tuple[float, Robots]] = field(factory=dict, init=False)

    async def get(self, url: str, *, types: Collection[str], max_bytes: int, whole: bool = False) -> FetchedPage:
        """Fetch the URL, if its content type is one of `types`, and robots.txt allows it or does not matter.

        A body longer than `max_bytes` bytes is cut off, or refused if `whole` is true. Raises FetchError.
        """
        return await self.with_timeout(self.seconds, self._fetch(url, types, max_bytes, whole))

    async def _fetch(self, url: str, types: Collection[str], max_bytes: int, whole: bool) -> FetchedPage:
        for _ in range(MAX_REDIRECTS + 1):
            parts = _checked(url)
            if self.obeys_robots and not (await self._robots_of(f"{parts.scheme}://{parts.netloc}")).allows(
                _target(parts.path, parts.query)
            ):
                raise FetchError("robots.txt does not allow fetching it.")
            page, target = await self._request_once(url, types, max_bytes, whole)
            if page is not None:
                return page
            url = target
        raise FetchError("Too many redirects.")

    async def _robots_of(self, origin: str) -> Robots:
        cached = self._robots.get(origin)
        if cached is not None and self.reactor.seconds() - cached[0] < ROBOTS_CACHE_S:
            return cached[1]
        found = await self._read_robots(origin + "/robots.txt")
        if len(self._robots) >= MAX_CACHED_ROBOTS:
            self._robots.clear()
        self._robots[origin] = self.reactor.seconds(), found
        return found

    async def _read_robots(self, url: str) -> Robots:
        """Fetch robots.txt. A missing file allows everything, an unreachable one forbids everything (RFC 9309, section 2.3.1)."""
        for _ in range(MAX_REDIRECTS + 1):
            _checked(url)
            try:
                page, target = await self._request_once(url, ("text/plain",), ROBOTS_BYTES, whole=False)
            except FetchError as problem:
                if not problem.permanent:
                    raise
                return robots.ALLOW_ALL
            if page is not None:
                return robots.parse(page.body.decode("utf-8", "replace"), self.agent.split("/")[0])
            url = target
        return robots.ALLOW_ALL

    async def _request_once(self, url: str, types: Collection[str], max_bytes: int, whole: bool) -> tuple[FetchedPage | None, str]:
        """Send one request. Return the page, or the URL that it redirects to."""
        limit = self.transfer_limit(max_bytes)
        client = treq.client.HTTPClient(UncompressedAgent(limit.agent()))
        headers = Headers({"User-Agent": [self.agent], "Accept": [", ".join(types)]})
        response = await client.get(url, headers=headers, allow_redirects=False, unbuffered=True)
        try:
            if response.code in _REDIRECTS:
                return None, _location(url, response)
            if response.code != 200:
                raise FetchError(f"The server responded with status {response.code}.", permanent=response.code not in _TEMPORARY)
            kind, charset = _content_type(response)
            if kind not in types:
                raise FetchError(f"Unsupported content type: {kind or 'unknown'}.")
            body = await read_body(response, max_bytes, whole)
            if whole:
                limit.require_whole(response)
            return FetchedPage(url, kind, charset, body), ""
        finally:
            limit.close()


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise FetchError("This is not a valid web address.") from problem
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > MAX_URL:
        raise FetchError("This is not a valid web address.")
    if "@" in parts.netloc:
        raise FetchError("The address contains a username.")
    return parts


def _target(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _location(url: str, response: IResponse) -> str:
    found: str = response.headers.getRawHeaders("location", [""])[0]
    if not found:
        raise FetchError("The redirect has no target.")
    return str(urljoin(url, found)).partition("#")[0]


def _content_type(response: IResponse) -> tuple[str, str]:
    kind, *parameters = response.headers.getRawHeaders("content-type", [""])[0].split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower(), value.strip().strip("\"'").lower()
    return kind.strip().lower(), ""


# --- Response bodies


@implementer(IAgent)
@frozen
class UncompressedAgent:
    """An agent that requests uncompressed bodies and refuses compressed ones, which could expand to any size."""

    agent: Agent

    async def _request(self, method: bytes, uri: bytes, headers: Headers | None, body: IBodyProducer | None) -> IResponse:
        sent = Headers(dict((headers or Headers()).getAllRawHeaders()))
        sent.setRawHeaders("accept-encoding", ["identity"])
        response: IResponse = await self.agent.request(method, uri, sent, body)
        if any(value.strip().lower() != "identity" for value in response.headers.getRawHeaders("content-encoding", [])):
            raise FetchError("The response is compressed, although an uncompressed one was requested.")
        return response

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - Twisted's
    ) -> Deferred[IResponse]:
        """See `IAgent`."""
        return Deferred.fromCoroutine(self._request(method, uri, headers, bodyProducer))


def read_body(response: IResponse, max_bytes: int, whole: bool) -> Deferred[bytes]:
    """Read the body up to `max_bytes`; cut off a longer one, or raise FetchError if `whole` is true."""
    collector = _BodyCollector(max_bytes, whole)
    response.deliverBody(collector)
    return collector.done


class _BodyCollector(Protocol):
    """Collects a body up to its limit."""

    def __init__(self, max_bytes: int, whole: bool) -> None:
        self.max_bytes, self.whole = max_bytes, whole
        self.done: Deferred[bytes] = Deferred()
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        """Collect bytes; finish at the limit."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > self.max_bytes and not self.done.called:
            if self.whole:
                self.done.errback(FetchError(f"The response is longer than {self.max_bytes} bytes."))
            else:
                self.done.callback(b"".join(self._parts)[: self.max_bytes])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Finish. A truncated page is accepted unless the whole body is required."""
        if self.done.called:
            return
        if self.whole and not reason.check(ResponseDone, PotentialDataLoss):
            self.done.errback(FetchError("The connection was lost.", permanent=False))
        else:
            self.done.callback(b"".join(self._parts))
