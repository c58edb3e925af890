"""Other servers in memory: what each address answers, and what was asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, BinaryIO

import orjson
from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from microblog.federation.actor_keys import ActorKeys
from microblog.federation.documents.ids import SiteIds
from microblog.federation.fetching import Fetcher, SignedRequests
from microblog.federation.keys import KeySealer
from microblog.federation.trust import TrustRules
from microblog.model.cards import FetchError
from microblog.model.remote_requests import DownloadLimits, RemoteResponse
from tests.fakes import RolledBackDatabase
from tests.make import NOW

JSON = "application/activity+json"
SITE = SiteIds("https://site.test")


@frozen
class SentRequest:
    """A request that left this site."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@define(eq=False)
class Internet:
    """Servers by address. A document that is no response is sent as ActivityPub JSON; `down` hosts do not respond."""

    documents: dict[str, Any] = field(factory=dict)
    down: set[str] = field(factory=set)
    requests: list[SentRequest] = field(factory=list)

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> RemoteResponse:
        """See `RemoteServers.send`."""
        self.requests.append(SentRequest(method, url, headers, body))
        if url.split("/")[2] in self.down:
            raise FetchError("The connection was refused.", permanent=False)
        found = self.documents.get(url)
        if isinstance(found, list):
            found = found.pop(0)
        if isinstance(found, Deferred):
            found = await found
        if found is None:
            return RemoteResponse(404 if method == "GET" else 202, {}, b"")
        if isinstance(found, bytes):
            found = RemoteResponse(200, {"content-type": "text/plain"}, found)
        return found if isinstance(found, RemoteResponse) else RemoteResponse(200, {"content-type": JSON}, orjson.dumps(found))

    async def download(self, url: str, file: BinaryIO, limits: Callable[[bytes], DownloadLimits]) -> RemoteResponse:
        """See `RemoteServers.download`. A document may be the bytes of a file."""
        response = await self.send("GET", url, {})
        if response.status == 200:
            if len(response.body) > limits(response.body[:64]).bytes:
                raise FetchError("The file is too long.")
            file.write(response.body)
        return response

    @property
    def asked(self) -> list[str]:
        """The addresses that were asked for."""
        return [request.url for request in self.requests]


def redirect(target: str) -> RemoteResponse:
    """Return a redirect."""
    return RemoteResponse(302, {"location": target}, b"")


async def at_once(work: Callable[[], Any]) -> Any:
    """Run work for a thread in this one."""
    return work()


def build_keys(db: RolledBackDatabase) -> ActorKeys:
    """Return the key pairs of this site."""
    return ActorKeys(db, KeySealer(b"s" * 32), SITE, at_once, lambda: NOW)


def build_fetcher(db: RolledBackDatabase, internet: Internet, now: Callable[[], Any] = lambda: NOW) -> Fetcher:
    """Return a fetcher of this site."""
    in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = at_once
    return Fetcher(SignedRequests(internet, build_keys(db), in_thread, now), lambda: TrustRules(SITE.host))
