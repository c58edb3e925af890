"""A site whose commands are really committed, and those who listen to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from microblog.application import build_broadcaster
from microblog.application.server import Frontend, build_server
from microblog.application.services import Domain
from microblog.config import load
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.live.broadcaster import Broadcaster
from microblog.model.accounts import Viewer
from microblog.storage.database import connect
from microblog.web.http.server import HttpServer
from tests import make
from tests.fakes import done, promised, quick_passwords, tell, world
from tests.live.test_event_log import CommittingDatabase
from tests.web.memory import Line, Reply, replies, request
from tests.web.visitor import HOST, PASSWORD, StillReactor, Visitor


@define
class Said:
    """One server-sent event."""

    name: str
    data: str
    id: str = ""

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.data)
        return found


def said(body: bytes) -> list[Said]:
    """The events in a piece of a stream; comments, beats and settings left out."""
    found = []
    for block in body.decode().split("\n\n"):
        values = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if values.get("event", "beat") != "beat":
            found.append(Said(values["event"], values["data"], values.get("id", "")))
    return found


@define(eq=False)
class Village:
    """A site whose commands are really committed, and its feed."""

    connection_url: str
    data_dir: Path
    limited: bool = False
    reactor: StillReactor = field(factory=StillReactor)
    database: CommittingDatabase = field(init=False)
    domain: Domain = field(init=False)
    feed: Broadcaster = field(init=False)
    server: HttpServer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reactor.advance(make.NOW.timestamp())
        given = {"public_url": f"http://{HOST}", "data_dir": str(self.data_dir), "registration": "open"}
        given["rate_limits"] = "on" if self.limited else "off"
        settings = load({f"MICROBLOG_{name.upper()}": value for name, value in given.items()}, None)
        limits = RateLimiter(MemoryCounter(self.reactor.seconds), lambda: make.NOW, self.limited)
        self.database = CommittingDatabase(connect(self.connection_url))
        self.domain = Domain.on(settings, self.database, quick_passwords(), limits, world(self.data_dir))
        self.feed = build_broadcaster(self.database, self.reactor)
        self.server = build_server(settings, self.reactor, self.domain, Frontend.of_this_release(), feed=self.feed)
        done(self.feed.start())

    def resident(self, username: str) -> Visitor:
        """Somebody who has signed up just now."""
        visitor = Visitor(self.server)
        reply = visitor.submit("/signup", username=username, email=f"{username}@example.org", password=PASSWORD)
        assert reply.status == 303, reply.text
        self.happens()
        return visitor

    def viewer(self, username: str) -> Viewer:
        """The same person as services see them."""
        with self.database.connection as connection, connection.cursor() as cursor:
            return Viewer(make.named(cursor, username))

    def token(self, username: str, scopes: str = "read") -> str:
        """An API token of somebody."""
        return done(self.domain.tokens.issue(self.viewer(username).id, scopes, "Ticker")).text

    def post(self, who: Visitor, text: str, **fields: str) -> None:
        """Write a post by the form, and let the feed see it."""
        reply = who.submit("/posts", page="/home", text=text, **fields)
        assert reply.status == 303, reply.text
        self.happens()

    def happens(self) -> None:
        """What is committed is told: to whom posts concern, and to whoever listens."""
        done(tell(self.database, done(self.database.run(promised))))
        self.feed.wake()
        self.reactor.advance(0)

    def listen(self, path: str, who: Visitor | None = None, **headers: str) -> Stream:
        """Open a stream."""
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in who.cookies.items())} if who else {}
        line = Line(self.server)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = line.send(request("GET", path, cookie | given))
        (opened,) = replies(data)
        self.reactor.advance(0)
        return Stream(line, opened, opened.body)


@define(eq=False)
class Stream:
    """An open stream, as its client has it."""

    line: Line
    opened: Reply
    unread: bytes = b""

    def read(self) -> list[Said]:
        """What was said since the last time."""
        came, self.unread = self.unread + self.line.read(), b""
        return said(came)


@contextmanager
def village_at(database_url: str, data_dir: Path, *, limited: bool = False) -> Iterator[Village]:
    """Build one; its feed ends with the test. If it is `limited`, nobody may ask too often."""
    made = Village(database_url, data_dir, limited)
    yield made
    made.feed.stop()
    made.database.connection.close()
