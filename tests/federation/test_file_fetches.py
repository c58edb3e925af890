"""Transfers of files: how many at a time, of whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, BinaryIO

import pytest
from attrs import Factory, define
from twisted.internet.defer import Deferred

from microblog.federation.file_fetches import AT_ONCE, AT_ONCE_PER_DOMAIN, AT_ONCE_PER_HOST, MAX_WAITING, FileFetches, WantedFile
from microblog.federation.hosts import host_of
from microblog.federation.trust import TrustRules
from microblog.model.cards import FetchError
from microblog.model.remote_files import RemoteFileKind
from microblog.model.remote_requests import DownloadLimits, RemoteResponse
from tests import files as samples
from tests.fakes import result_of
from tests.make import NOW


@define
class HangingServers:
    """Other servers that send nothing until they are told to."""

    asked: dict[str, Deferred[None]] = Factory(dict)

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> RemoteResponse:
        """Not used for files."""
        raise NotImplementedError

    async def download(self, url: str, file: BinaryIO, limits: Callable[[bytes], DownloadLimits]) -> RemoteResponse:
        """Respond with a picture, sometime."""
        self.asked[url] = Deferred()
        await self.asked[url]
        limits(samples.image("PNG").getvalue())
        return RemoteResponse(200, {}, b"")

    def respond(self) -> None:
        """Respond to all requests, and to those that come then."""
        while self.asked:
            self.asked.pop(next(iter(self.asked))).callback(None)


@pytest.fixture
def servers() -> HangingServers:
    return HangingServers()


@pytest.fixture
def fetches(servers: HangingServers) -> FileFetches:
    return FileFetches(servers, lambda: TrustRules("site.test"), lambda: NOW)


def begin(fetches: FileFetches, *urls: str) -> list[Deferred[Any]]:
    """Begin to fetch files."""
    wanted = [WantedFile(RemoteFileKind.MEDIA, url, host_of(url) or "") for url in urls]
    return [Deferred.fromCoroutine(fetches.fetch(each, BytesIO())) for each in wanted]


def test_a_host_takes_a_few_places(fetches: FileFetches, servers: HangingServers) -> None:
    reads = begin(fetches, *(f"https://evil.example/{number}" for number in range(10)))
    assert len(servers.asked) == AT_ONCE_PER_HOST
    servers.respond()
    assert all(read.called for read in reads)


def test_the_subdomains_of_one_owner_leave_places_for_others(fetches: FileFetches, servers: HangingServers) -> None:
    reads = begin(fetches, *(f"https://s{number % 10}.evil.example/{number}" for number in range(30)))
    assert len(servers.asked) == AT_ONCE_PER_DOMAIN <= AT_ONCE // 2
    others = [f"https://{name}.example/1" for name in "abcd"]
    reads += begin(fetches, *others)
    assert [*servers.asked][-4:] == others
    servers.respond()
    assert all(read.called for read in reads)


def test_all_together_are_limited_and_nobody_is_forgotten(fetches: FileFetches, servers: HangingServers) -> None:
    reads = begin(fetches, *(f"https://s{number}.example/1" for number in range(AT_ONCE)))
    reads += begin(fetches, *(f"https://a.d{number}.example/1" for number in range(AT_ONCE)))
    assert len(servers.asked) == AT_ONCE
    servers.respond()
    assert all(read.called for read in reads)
    assert not fetches._shares  # or they would be one more thing that others make this site remember


def test_a_queue_of_subdomains_is_limited_too(fetches: FileFetches, servers: HangingServers) -> None:
    reads = begin(fetches, *(f"https://s{number}.evil.example/1" for number in range(AT_ONCE_PER_DOMAIN + MAX_WAITING)))
    with pytest.raises(FetchError) as caught:
        result_of(fetches.fetch(WantedFile(RemoteFileKind.MEDIA, "https://one.more.evil.example/1", "x.example"), BytesIO()))
    assert not caught.value.permanent
    servers.respond()
    assert all(read.called for read in reads)
