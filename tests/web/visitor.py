"""The whole site on a database that is rolled back, and visitors with browsers without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

from attrs import define, evolve, field
from lxml import etree
from twisted.internet.task import Clock

from microblog.application import build_broadcaster
from microblog.application.federation import Federation
from microblog.application.server import Frontend, build_server
from microblog.application.services import Domain
from microblog.application.site import fixed_site_settings
from microblog.config import load
from microblog.domain.guessable_passwords import site_words
from microblog.domain.ports import MailHosts
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.federation.ports import RemoteServers
from microblog.model.accounts import Viewer
from microblog.model.health import HealthCheck, HealthReport
from microblog.storage.database import Cursor
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.route import Route
from microblog.web.http.server import HttpServer
from tests import make
from tests.fakes import RolledBackDatabase, SynchronousThreadPool, external_services, quick_passwords, result_of
from tests.files import multipart
from tests.web.http_client import FORM, HttpResponse, request

HOST = "site.test"
PASSWORD = "correct horse battery"
FRONTEND = Frontend.of_this_release()
CSRF_FIELD = re.compile(r'<input type="hidden" name="csrf" value="([^"]*)">')
PARSER = etree.HTMLParser(encoding="utf-8")


@define(eq=False)
class SiteFixture:
    """The whole site on one cursor, whose transaction is rolled back. `checks`: what it reports about its health."""

    cursor: Cursor
    server: HttpServer
    domain: Domain
    database: RolledBackDatabase
    federation: Federation | None = None
    checks: list[HealthCheck] = field(factory=list)

    @property
    def routes(self) -> tuple[Route, ...]:
        """The route table."""
        assert isinstance(self.server.site, Dispatcher)
        return self.server.site.routes.table

    def visitor(self) -> Visitor:
        """Return a logged-out visitor with a new browser."""
        return Visitor(self.server)

    def registered_user(self, username: str) -> Visitor:
        """Sign up a new user and return their browser."""
        visitor = self.visitor()
        response = visitor.submit("/signup", username=username, email=f"{username}@example.org", password=PASSWORD)
        assert (response.status, response.header("Location")) == (303, "/home"), response.text
        return visitor

    def viewer(self, username: str) -> Viewer:
        """Return the user as services see them."""
        return Viewer(make.account_named(self.cursor, username))


class SynchronousReactor(Clock):
    """A clock that also runs work for threads at once, in the calling thread."""

    def getThreadPool(self) -> SynchronousThreadPool:
        """Return a pool that runs work in the calling thread."""
        return SynchronousThreadPool()

    def callFromThread(self, f: Callable[..., object], *args: object) -> None:
        """Call it now."""
        f(*args)


def build_site(
    cursor: Cursor, data_dir: Path, servers: RemoteServers | None = None, mail_hosts: MailHosts | None = None, **settings: str
) -> SiteFixture:
    """Build a site. `settings`: names in lower case without the prefix, as in `max_characters="100"`. `servers`: all other servers.

    `mail_hosts`: the look-ups of mail hosts; None: there are none.
    """
    environment = {"public_url": f"http://{HOST}", "data_dir": str(data_dir), "registration": "open", **settings}
    config = load({f"MICROBLOG_{name.upper()}": value for name, value in environment.items()}, None)
    clock = SynchronousReactor()
    clock.advance(make.NOW.timestamp())
    limits = RateLimiter(MemoryCounter(clock.seconds), lambda: make.NOW, config.rate_limits)
    database = RolledBackDatabase(cursor)
    external = evolve(external_services(data_dir), mail_hosts=mail_hosts)
    domain = Domain.on(config, database, quick_passwords(site_words(fixed_site_settings(config).name, config.domain)), limits, external)
    feed = build_broadcaster(database, clock)
    result_of(feed.start())
    federation = Federation.on(config, clock, database, domain, servers)
    checks: list[HealthCheck] = []

    async def report() -> HealthReport:
        return HealthReport(checks)

    server = build_server(config, clock, domain, FRONTEND, feed=feed, federation=federation, health=report)
    return SiteFixture(cursor, server, domain, database, federation, checks)


@define(eq=False)
class Visitor:
    """A browser with cookies that follows no redirects and runs no scripts."""

    server: HttpServer
    cookies: dict[str, str] = field(factory=dict)

    def get(self, target: str, **headers: str) -> HttpResponse:
        """Send a GET request."""
        return self._request("GET", target, headers, None)

    def submit(self, target: str, page: str | None = None, **fields: str) -> HttpResponse:
        """Send a form to `target`, with the CSRF token of `page` (by default the target itself)."""
        return self.post(target, {"csrf": self.token(page or target), **fields})

    def post(self, target: str, fields: Mapping[str, str], **headers: str) -> HttpResponse:
        """Send a form with only these fields."""
        return self._request("POST", target, {"Content-Type": FORM, **headers}, urlencode(fields, errors="surrogatepass").encode())

    def upload(self, target: str, page: str, sent: Mapping[str, BytesIO], **fields: str) -> HttpResponse:
        """Send a form with files."""
        kind, body = multipart(sent, [("csrf", self.token(page)), *fields.items()])
        return self._request("POST", target, {"Content-Type": kind}, body)

    def token(self, page: str) -> str:
        """Return the CSRF token on a page, or an empty string."""
        found = CSRF_FIELD.search(self.get(page).text)
        return found[1] if found else ""

    def _request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = request(self.server, method, target, sent, body)
        for name, value in response.cookies().items():
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return response


def document(response: HttpResponse) -> etree._Element:
    """Parse a page."""
    return parse_html(response.text)


def parse_html(html: str) -> etree._Element:
    """Parse an HTML document or fragment into the tokens of browsers; elements that are left out are not added."""
    return etree.fromstring((html if html.strip() else "<html></html>").encode(), PARSER)


def main_text(response: HttpResponse) -> str:
    """Return the text of the page's main element, on one line."""
    [main] = document(response).xpath("//main")
    return " ".join("".join(main.itertext()).split())


def links(response: HttpResponse) -> list[str]:
    """Return the targets of the page's links."""
    return [str(target) for target in document(response).xpath("//a/@href")]
