"""A site that commits, and clients of its event streams."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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
from tests.fakes import external_services, quick_passwords, result_of, run_notification_jobs, take_notification_jobs
from tests.live.test_event_log import CommittingDatabase
from tests.web.http_client import HttpResponse, MemoryConnection, encode_request, parse_responses
from tests.web.visitor import HOST, PASSWORD, SynchronousReactor, Visitor


@define
class ServerSentEvent:
    """A server-sent event."""

    name: str
    data: str
    id: str = ""

    @property
    def json(self) -> dict[str, object]:
        events: dict[str, object] = json.loads(self.data)
        return events


def parse_events(body: bytes) -> list[ServerSentEvent]:
    """Parse the events in a piece of a stream, without comments, heartbeats and settings."""
    events = []
    for block in body.decode().split("\n\n"):
        values = dict(field.split(": ", 1) for field in block.split("\n") if ": " in field)
        if values.get("event", "beat") != "beat":
            events.append(ServerSentEvent(values["event"], values["data"], values.get("id", "")))
    return events


@define(eq=False)
class LiveSite:
    """A site that commits, with its broadcaster. `more` are other settings."""

    connection_url: str
    data_dir: Path
    limited: bool = False
    more: Mapping[str, str] = field(factory=dict)
    reactor: SynchronousReactor = field(factory=SynchronousReactor)
    database: CommittingDatabase = field(init=False)
    domain: Domain = field(init=False)
    broadcaster: Broadcaster = field(init=False)
    server: HttpServer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reactor.advance(make.NOW.timestamp())
        environment = {"public_url": f"http://{HOST}", "data_dir": str(self.data_dir), "registration": "open"}
        environment["rate_limits"] = "on" if self.limited else "off"
        environment |= self.more
        settings = load({f"MICROBLOG_{name.upper()}": value for name, value in environment.items()}, None)
        limits = RateLimiter(MemoryCounter(self.reactor.seconds), lambda: make.NOW, self.limited)
        self.database = CommittingDatabase(connect(self.connection_url))
        self.domain = Domain.on(settings, self.database, quick_passwords(), limits, external_services(self.data_dir))
        self.broadcaster = build_broadcaster(self.database, self.reactor)
        self.server = build_server(settings, self.reactor, self.domain, Frontend.of_this_release(), feed=self.broadcaster)
        result_of(self.broadcaster.start())

    def registered_user(self, username: str) -> Visitor:
        """Sign up a new user and return their browser."""
        visitor = Visitor(self.server)
        response = visitor.submit("/signup", username=username, email=f"{username}@example.org", password=PASSWORD)
        assert response.status == 303, response.text
        self.process_events()
        return visitor

    def viewer(self, username: str) -> Viewer:
        """Return the user as services see them."""
        with self.database.connection as connection, connection.cursor() as cursor:
            return Viewer(make.account_named(cursor, username))

    def token(self, username: str, scopes: str = "read") -> str:
        """Issue an API token."""
        return result_of(self.domain.tokens.issue(self.viewer(username).id, scopes, "Ticker")).text

    def post(self, visitor: Visitor, text: str, **fields: str) -> None:
        """Publish a post through the form, and broadcast it."""
        response = visitor.submit("/posts", page="/home", text=text, **fields)
        assert response.status == 303, response.text
        self.process_events()

    def process_events(self) -> None:
        """Run notification jobs and broadcast everything that was committed."""
        result_of(run_notification_jobs(self.database, result_of(self.database.run(take_notification_jobs))))
        self.broadcaster.wake()
        self.reactor.advance(0)

    def listen(self, path: str, visitor: Visitor | None = None, **headers: str) -> EventStream:
        """Open a stream."""
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())} if visitor else {}
        connection = MemoryConnection(self.server)
        environment = {name.replace("_", "-"): value for name, value in headers.items()}
        data = connection.send(encode_request("GET", path, cookie | environment))
        (response,) = parse_responses(data)
        self.reactor.advance(0)
        return EventStream(connection, response, response.body)


@define(eq=False)
class EventStream:
    """The client's end of an open event stream."""

    connection: MemoryConnection
    response: HttpResponse
    unread: bytes = b""

    def read(self) -> list[ServerSentEvent]:
        """Return the events since the last read."""
        received, self.unread = self.unread + self.connection.read(), b""
        return parse_events(received)


@contextmanager
def open_live_site(database_url: str, data_dir: Path, *, limited: bool = False, **more: str) -> Iterator[LiveSite]:
    """Build a live site and stop its broadcaster afterwards. `limited`: with rate limits; `more`: other settings."""
    site = LiveSite(database_url, data_dir, limited, more=more)
    yield site
    site.broadcaster.stop()
    site.database.connection.close()
