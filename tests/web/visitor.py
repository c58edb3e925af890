"""The whole site on a database that is rolled back, and visitors with browsers without JavaScript: links, forms, cookies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import html5lib
from attrs import define, field
from lxml import etree
from twisted.internet.task import Clock

from microblog.application import build_broadcaster
from microblog.application.server import Frontend, build_server
from microblog.application.services import Domain
from microblog.config import load
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.model.accounts import Viewer
from microblog.storage.database import Cursor
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.route import Route
from microblog.web.http.server import HttpServer
from tests import make
from tests.fakes import Here, RolledBackDatabase, done, quick_passwords, world
from tests.files import multipart
from tests.web.memory import FORM, Reply, ask

HOST = "site.test"
PASSWORD = "correct horse battery"
LOOK = Frontend.of_this_release()


@define(eq=False)
class Town:
    """A site with all its rooms, on one cursor."""

    cursor: Cursor
    server: HttpServer
    domain: Domain
    database: RolledBackDatabase

    @property
    def routes(self) -> tuple[Route, ...]:
        """The route table."""
        assert isinstance(self.server.site, Dispatcher)
        return self.server.site.routes.table

    def visitor(self) -> Visitor:
        """Somebody with a fresh browser."""
        return Visitor(self.server)

    def resident(self, username: str) -> Visitor:
        """Somebody who has signed up just now."""
        visitor = self.visitor()
        reply = visitor.submit("/signup", username=username, email=f"{username}@example.org", password=PASSWORD)
        assert (reply.status, reply.header("Location")) == (303, "/home"), reply.text
        return visitor

    def viewer(self, username: str) -> Viewer:
        """The same person as services see them."""
        return Viewer(make.named(self.cursor, username))


class StillReactor(Clock):
    """A reactor whose time stands still and whose threads are the test's own."""

    def getThreadPool(self) -> Here:
        """Work is done before the call returns."""
        return Here()

    def callFromThread(self, f: Callable[..., object], *args: object) -> None:
        """Call it now."""
        f(*args)


def town(cursor: Cursor, data_dir: Path, **settings: str) -> Town:
    """Build one. `settings` are names in lower case without the prefix, as in `max_characters="100"`."""
    environment = {"public_url": f"http://{HOST}", "data_dir": str(data_dir), "registration": "open", **settings}
    read = load({f"MICROBLOG_{name.upper()}": value for name, value in environment.items()}, None)
    clock = StillReactor()
    clock.advance(make.NOW.timestamp())
    limits = RateLimiter(MemoryCounter(clock.seconds), lambda: make.NOW, read.rate_limits)
    database = RolledBackDatabase(cursor)
    domain = Domain.on(read, database, quick_passwords(), limits, world(data_dir))
    feed = build_broadcaster(database, clock)
    done(feed.start())
    return Town(cursor, build_server(read, clock, domain, LOOK, feed=feed), domain, database)


@define(eq=False)
class Visitor:
    """A browser that follows no redirect by itself and runs no script."""

    server: HttpServer
    cookies: dict[str, str] = field(factory=dict)

    def get(self, target: str, **headers: str) -> Reply:
        """Open an address."""
        return self._ask("GET", target, headers, None)

    def submit(self, target: str, page: str | None = None, **fields: str) -> Reply:
        """Send a form to `target`, with the token that `page` (else the target itself) has in its forms."""
        return self.post(target, {"csrf": self.token(page or target), **fields})

    def post(self, target: str, fields: Mapping[str, str], **headers: str) -> Reply:
        """Send these fields and nothing else."""
        return self._ask("POST", target, {"Content-Type": FORM, **headers}, urlencode(fields, errors="surrogatepass").encode())

    def upload(self, target: str, page: str, sent: Mapping[str, BytesIO], **fields: str) -> Reply:
        """Send a form with files."""
        kind, body = multipart(sent, [("csrf", self.token(page)), *fields.items()])
        return self._ask("POST", target, {"Content-Type": kind}, body)

    def token(self, page: str) -> str:
        """The form token on a page; empty if there is none."""
        found = document(self.get(page)).xpath("//input[@name='csrf']/@value")
        return str(found[0]) if found else ""

    def _ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        reply = ask(self.server, method, target, sent, body)
        for name, value in reply.cookies().items():
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return reply


def document(reply: Reply) -> etree._Element:
    """The page as a browser would read it."""
    return html5lib.parse(reply.text, treebuilder="lxml", namespaceHTMLElements=False)


def words(reply: Reply) -> str:
    """All text of the page's main part, on one line."""
    [main] = document(reply).xpath("//main")
    return " ".join("".join(main.itertext()).split())


def links(reply: Reply) -> list[str]:
    """Where the page's links lead."""
    return [str(target) for target in document(reply).xpath("//a/@href")]
