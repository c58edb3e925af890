"""A page's stream position: every later event that is not on the page is on its stream."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred

from tests import make
from tests.fakes import result_of
from tests.live.test_event_log import CommittingDatabase
from tests.web.http_client import MemoryConnection, encode_request
from tests.web.live_site import LiveSite, open_live_site
from tests.web.visitor import Visitor


@define
class DelayedDatabase:
    """A database whose reads can be held back; results are from the moment of the query."""

    database: CommittingDatabase
    held: bool = False
    waiting: list[Callable[[], None]] = field(factory=list)

    async def run(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return await self.database.run(f, *args, **kwargs)

    async def read(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        found = await self.database.read(f, *args, **kwargs)
        if self.held:
            released: Deferred[None] = Deferred()
            self.waiting.append(lambda: released.callback(None))
            await released
        return found

    def release_some(self, count: int) -> None:
        """Release that many pending reads, in order."""
        for resume in self.waiting[:count]:
            self.waiting.remove(resume)
            resume()

    def release(self) -> None:
        """Release all reads, and hold none back any more."""
        self.held = False
        self.release_some(len(self.waiting))


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as site:
        yield site


@pytest.mark.parametrize("path", ["/home", "/local", "/@ada"])
def test_a_post_published_during_a_page_request_is_on_the_page_or_on_its_stream(live_site: LiveSite, path: str) -> None:
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    result_of(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    reader = bob if path == "/home" else Visitor(live_site.server)
    live_site.domain.invalidation_log.database = delayed = DelayedDatabase(live_site.database)
    for cached, reads in product((True, False), (0, 1, 2)):
        earlier, later = f"before {cached} {reads}", f"after {cached} {reads}"
        live_site.post(ada, earlier)
        for _ in range(2 * cached):
            reader.get(path)
        delayed.held, connection = True, MemoryConnection(live_site.server)
        connection.send(encode_request("GET", path, {"Cookie": "; ".join(f"{name}={value}" for name, value in reader.cookies.items())}))
        for _ in range(reads):
            delayed.release_some(1)
        result_of(live_site.database.run(make.post, live_site.viewer("ada"), later))
        live_site.process_events()
        delayed.release()
        page = connection.read().decode()
        [position] = re.findall(r'data-position="([^"]*)"', page)
        [stream] = re.findall(r'data-stream="([^"]*)"', page)
        received = live_site.listen(f"{stream}?since={position}", reader).read()
        assert earlier in page
        assert later in page or any(later in each.data for each in received)
