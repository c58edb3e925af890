"""A page hands out the position from which on its stream tells more: what is not on the page came after it, however the page was made."""

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
from tests.fakes import done
from tests.live.test_event_log import CommittingDatabase
from tests.web.memory import Line, request
from tests.web.sample_data import Village, village_at
from tests.web.visitor import Visitor


@define
class Late:
    """A database that answers whoever looks when it is told to; what it says is from the moment at which it was asked."""

    database: CommittingDatabase
    held: bool = False
    waiting: list[Callable[[], None]] = field(factory=list)

    async def run(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return await self.database.run(f, *args, **kwargs)

    async def read(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        found = await self.database.read(f, *args, **kwargs)
        if self.held:
            answered: Deferred[None] = Deferred()
            self.waiting.append(lambda: answered.callback(None))
            await answered
        return found

    def answer(self, most: int) -> None:
        """Let so many that wait go on, in their order."""
        for go_on in self.waiting[:most]:
            self.waiting.remove(go_on)
            go_on()

    def release(self) -> None:
        """Let everybody go on, and nobody wait any more."""
        self.held = False
        self.answer(len(self.waiting))


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        yield made


@pytest.mark.parametrize("path", ["/home", "/local", "/@ada"])
def test_what_is_posted_while_a_page_is_being_answered_is_on_it_or_is_told(village: Village, path: str) -> None:
    ada, bob = village.resident("ada"), village.resident("bob")
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))
    reader = bob if path == "/home" else Visitor(village.server)
    village.domain.changes.database = late = Late(village.database)
    for kept, looks in product((True, False), (0, 1, 2)):
        earlier, later = f"before {kept} {looks}", f"after {kept} {looks}"
        village.post(ada, earlier)
        for _ in range(2 * kept):
            reader.get(path)
        late.held, line = True, Line(village.server)
        line.send(request("GET", path, {"Cookie": "; ".join(f"{name}={value}" for name, value in reader.cookies.items())}))
        for _ in range(looks):
            late.answer(1)
        done(village.database.run(make.post, village.viewer("ada"), later))
        village.happens()
        late.release()
        page = line.read().decode()
        [position] = re.findall(r'data-position="([^"]*)"', page)
        [stream] = re.findall(r'data-stream="([^"]*)"', page)
        told = village.listen(f"{stream}?since={position}", reader).read()
        assert earlier in page
        assert later in page or any(later in each.data for each in told)
