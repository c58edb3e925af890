"""Tests of revocation in a site of two processes: streams of the revoked session or token close in both, and no others."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest
from attrs import define, field, frozen

from microblog.adapters.postgres_files import dsn
from microblog.application.services import now
from microblog.domain.tokens import Tokens
from microblog.live.subscriber import CloseReason
from microblog.storage.database import connect
from microblog.web.streaming.websocket import CODES, close_frame
from tests import make
from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.acceptance.site_process import SiteProcess, environment, site_process, wait_until
from tests.acceptance.test_sign_in import ALL_SCOPES, out_of_band_code, register_app
from tests.fakes import done
from tests.live.test_event_log import CommittingDatabase
from tests.servers import Server
from tests.web.socket_client import frame

pytestmark = pytest.mark.acceptance

CLOSES_S = 15.0  # long enough for a busy machine, and well before streams are looked through without any reason
REVOKED = close_frame(*CODES[CloseReason.UNAUTHORIZED])
CLOSE = frame(8, REVOKED[2:4])  # a client answers so
_numbers = count(1)


@define(eq=False)
class Listening:
    """An open stream in a thread: keeps what came, and when it ended."""

    line: socket.socket
    data: bytes = b""
    ended_at: float | None = None
    thread: threading.Thread = field(init=False)

    @classmethod
    def open(cls, place: SiteProcess, path: str, *headers: str) -> Listening:
        line = socket.create_connection(("127.0.0.1", place.port), 30)
        line.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{place.port}", *headers, "", ""]).encode())
        made = cls(line)
        made.thread = threading.Thread(target=made._read, daemon=True)
        made.thread.start()
        return made

    def _read(self) -> None:
        self.line.settimeout(None)
        try:
            while more := self.line.recv(65_536):
                self.data += more
                if self.data.endswith(REVOKED):
                    self.line.sendall(CLOSE)
        except OSError:
            pass
        self.ended_at = time.monotonic()
        self.line.close()

    def has(self, text: str) -> bool:
        """True once something of that kind has come."""
        return text.encode() in self.data

    @property
    def is_open(self) -> bool:
        """True if it was accepted and has not ended."""
        return self.ended_at is None and self.data[9:12] in (b"101", b"200")


@frozen
class Two:
    """Two processes on one database: people do things in the first, and listen in the second."""

    first: SiteProcess
    second: SiteProcess
    database_url: str

    def token(self, username: str) -> str:
        """An API token of somebody, of an app of its own."""
        with closing(connect(self.database_url)) as connection:
            with connection, connection.cursor() as cursor:
                account = make.named(cursor, username)
            return done(Tokens(CommittingDatabase(connection), now).issue(account.id, "read")).text

    def run(self, *command: str) -> str:
        """A command of the administrator, in a process of its own."""
        program = str(Path(sys.executable).with_name("microblog"))
        settings = environment(database_url=self.database_url, data_dir=str(self.first.data_dir))
        ran = subprocess.run([program, *command], env=settings, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    directory = tmp_path_factory.mktemp("two")
    with ExitStack() as stack:
        server = stack.enter_context(Server.below(directory / "postgres"))
        common = {"database_url": dsn(server.sockets, "postgres"), "rate_limits": "off", "registration": "open"}
        sites = []
        for name in ("first", "second"):
            (directory / name).mkdir()
            sites.append(stack.enter_context(site_process(directory / name, **common)))
            sites[-1].settings["public_url"] = sites[0].url
            sites[-1].start()
        yield Two(sites[0], sites[1], common["database_url"])
        for each in sites:
            each.stop()  # which ends what is still open


@define(eq=False)
class Person:
    """Somebody with a browser, another browser, and an app."""

    two: Two
    name: str = field(factory=lambda: f"person{next(_numbers)}")
    browser: SiteClient = field(init=False)
    other: SiteClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.browser, self.other = SiteClient(self.two.first), SiteClient(self.two.first)
        self.browser.sign_up(self.name)
        form = {"csrf": self.other.fetch_csrf_token("/login"), "name": self.name, "password": PASSWORD}
        assert self.other.request("POST", "/login", form)[0] == 303
        self.other.fetch_csrf_token("/home")

    def submit(self, path: str, **fields: str) -> None:
        """Send a form from the first browser."""
        status, _, body = self.browser.request("POST", path, {"csrf": self.browser.csrf_token, **fields})
        assert status == 303, body

    def listen(self) -> Streams:
        """All ways to listen, in the second process; they are open when this returns."""
        bearer = f"Authorization: Bearer {self.two.token(self.name)}"
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        streams = Streams(
            Listening.open(self.two.second, "/live/home", cookie(self.browser)),
            Listening.open(self.two.second, "/live/home", cookie(self.other)),
            Listening.open(self.two.second, "/api/v1/streaming?stream=user", bearer, *upgrade),
            Listening.open(self.two.second, "/api/v1/streaming/user", bearer),
        )
        assert wait_until(lambda: all(each.has("\r\n\r\n") for each in streams.all)), "their heads have come"
        assert self.browser.publish("Hello", self.name) is not None
        assert wait_until(lambda: all(each.has("Hello") for each in streams.all)), [each.data for each in streams.all]
        return streams


@frozen
class Streams:
    """What one person has open."""

    browser: Listening
    other: Listening
    socket: Listening
    events: Listening

    @property
    def all(self) -> list[Listening]:
        return [self.browser, self.other, self.socket, self.events]


def cookie(visitor: SiteClient) -> str:
    return "Cookie: " + "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())


def closes(act: Callable[[], object], ending: list[Listening], staying: list[Listening]) -> None:
    """After that the ones end by themselves, and the others do not."""
    act()
    at = time.monotonic()
    assert wait_until(lambda: all(each.ended_at is not None for each in ending), CLOSES_S), [each.is_open for each in ending]
    print(f"closed after {max((each.ended_at or at) - at for each in ending):.3f} s")
    assert all(each.is_open for each in staying)


def test_logging_out_closes_what_that_browser_has_open(two: Two) -> None:
    ada, bob = Person(two), Person(two)
    mine, others = ada.listen(), bob.listen()
    closes(lambda: ada.submit("/logout"), [mine.browser], [mine.other, mine.socket, mine.events, *others.all])
    assert mine.browser.has("event: bye")


def test_a_changed_password_closes_everything_but_the_browser_in_which_it_was_changed(two: Two) -> None:
    ada, bob = Person(two), Person(two)
    mine, others = ada.listen(), bob.listen()
    change = {"current": PASSWORD, "password": "another horse battery"}
    closes(lambda: ada.submit("/settings/password", **change), [mine.other, mine.socket, mine.events], [mine.browser, *others.all])
    assert mine.socket.data.endswith(REVOKED)


def test_another_browser_that_is_signed_out_in_the_settings_is_closed(two: Two) -> None:
    ada = Person(two)
    mine = ada.listen()
    closes(lambda: ada.submit("/settings/sessions/revoke-others"), [mine.other], [mine.browser, mine.socket, mine.events])


def test_suspension_closes_everything(two: Two) -> None:
    ada, bob = Person(two), Person(two)
    mine, others = ada.listen(), bob.listen()
    closes(lambda: two.run("user", "suspend", ada.name), mine.all, others.all)


def test_a_token_that_its_app_revokes_and_one_that_its_owner_takes_back_close_their_streams(two: Two) -> None:
    ada = Person(two)
    mine = ada.listen()
    program = register_app(two.first)
    program.log_in(
        code=out_of_band_code(ada.browser, program.auth_request_url(scopes=ALL_SCOPES, allow_http=True)), scopes=ALL_SCOPES, allow_http=True
    )
    own = Listening.open(two.second, "/api/v1/streaming/user", f"Authorization: Bearer {program.access_token}")
    assert wait_until(lambda: own.is_open)
    closes(lambda: program.revoke_access_token(allow_http=True), [own], mine.all)
    [id] = set(re.findall(r"/settings/apps/(\d+)/revoke", ada.browser.request("GET", "/settings/apps")[2]))
    closes(lambda: ada.submit(f"/settings/apps/{id}/revoke"), [mine.socket, mine.events], [mine.browser, mine.other])


def test_an_app_that_is_deleted_takes_its_streams_along(two: Two) -> None:
    ada = Person(two)
    mine = ada.listen()
    [id] = set(re.findall(r"/settings/apps/(\d+)/revoke", ada.browser.request("GET", "/settings/apps")[2]))
    closes(lambda: two.run("app", "delete", id), [mine.socket, mine.events], [mine.browser, mine.other])


def test_a_deleted_account_has_nothing_open(two: Two) -> None:
    ada = Person(two)
    mine = ada.listen()
    closes(lambda: ada.submit("/settings/delete", password=PASSWORD), mine.all, [])
