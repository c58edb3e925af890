"""Tests of revocation in a site of two processes: streams of the revoked session or token close in both, and no others."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest
from attrs import define, field, frozen

from microblog.live.subscriber import CloseReason
from microblog.model.accounts import Account
from microblog.model.ids import AccountId, AppId
from microblog.web.streaming.websocket import CODES, close_frame
from tests import make
from tests.acceptance.administration import administrator, open_database
from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.acceptance.test_sign_in import ALL_SCOPES, out_of_band_code, register_app
from tests.fakes import result_of
from tests.web.socket_client import frame

pytestmark = pytest.mark.acceptance

CLOSE_TIMEOUT_S = 15.0  # long enough for a busy machine, and well before the periodic check of credentials
REVOKED = close_frame(*CODES[CloseReason.UNAUTHORIZED])
CLOSE = frame(8, REVOKED[2:4])  # the reply of a client
_numbers = count(1)


@define(eq=False)
class OpenStream:
    """An open stream that a thread reads: its data and the time of its end."""

    connection: socket.socket
    data: bytes = b""
    ended_at: float | None = None
    thread: threading.Thread = field(init=False)

    @classmethod
    def open(cls, site: SiteProcess, path: str, *headers: str) -> OpenStream:
        connection = socket.create_connection(("127.0.0.1", site.port), 30)
        connection.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{site.port}", *headers, "", ""]).encode())
        stream = cls(connection)
        stream.thread = threading.Thread(target=stream._read, daemon=True)
        stream.thread.start()
        return stream

    def _read(self) -> None:
        self.connection.settimeout(None)
        try:
            while chunk := self.connection.recv(65_536):
                self.data += chunk
                if self.data.endswith(REVOKED):
                    self.connection.sendall(CLOSE)
        except OSError:
            pass
        self.ended_at = time.monotonic()
        self.connection.close()

    def has(self, text: str) -> bool:
        """Return True if this text has been received."""
        return text.encode() in self.data

    @property
    def is_open(self) -> bool:
        """Return True if it was accepted and has not ended."""
        return self.ended_at is None and self.data[9:12] in (b"101", b"200")


@frozen
class TwoProcesses:
    """Two processes on one database: users act in the first and have their streams in the second."""

    first: SiteProcess
    second: SiteProcess

    def account(self, username: str) -> AccountId:
        """Return the id of the user's account."""
        with open_database(self.first) as database:
            account: Account = result_of(database.read(make.account_named, username))
        return account.id

    def token(self, username: str) -> str:
        """Return a new API token of the user, for an app of its own."""
        with administrator(self.first) as services:
            return result_of(services.tokens.issue(self.account(username), "read")).text

    def suspend(self, username: str) -> None:
        """Suspend the user, as a command does in a third process."""
        with administrator(self.first) as services:
            result_of(services.account_admin.suspend(self.account(username)))

    def delete_app(self, id: AppId) -> None:
        """Delete an app, as a command does in a third process."""
        with administrator(self.first) as services:
            result_of(services.tokens.delete_app(id))


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[TwoProcesses]:
    directory = tmp_path_factory.mktemp("two")
    common = {"database_url": new_database(), "rate_limits": "off", "registration": "open"}
    with ExitStack() as stack:
        sites = []
        for name in ("first", "second"):
            (directory / name).mkdir()
            sites.append(stack.enter_context(site_process(directory / name, **common)))
            sites[-1].settings["public_url"] = sites[0].url
            sites[-1].launch()
        for each in sites:
            each.wait()
        yield TwoProcesses(sites[0], sites[1])
        for each in sites:
            each.stop()  # closes the remaining streams


@define(eq=False)
class UserWithDevices:
    """A user with two browser sessions and an app."""

    processes: TwoProcesses
    name: str = field(factory=lambda: f"person{next(_numbers)}")
    browser: SiteClient = field(init=False)
    other_browser: SiteClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.browser, self.other_browser = SiteClient(self.processes.first), SiteClient(self.processes.first)
        self.browser.sign_up(self.name)
        form = {"csrf": self.other_browser.fetch_csrf_token("/login"), "name": self.name, "password": PASSWORD}
        assert self.other_browser.request("POST", "/login", form)[0] == 303
        self.other_browser.fetch_csrf_token("/home")

    def submit(self, path: str, **fields: str) -> None:
        """Submit a form in the first browser."""
        status, _, body = self.browser.request("POST", path, {"csrf": self.browser.csrf_token, **fields})
        assert status == 303, body

    def open_streams(self) -> UserStreams:
        """Open one stream of each kind in the second process; all are open when this returns."""
        bearer = f"Authorization: Bearer {self.processes.token(self.name)}"
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        streams = UserStreams(
            OpenStream.open(self.processes.second, "/live/home", cookie_header(self.browser)),
            OpenStream.open(self.processes.second, "/live/home", cookie_header(self.other_browser)),
            OpenStream.open(self.processes.second, "/api/v1/streaming?stream=user", bearer, *upgrade),
            OpenStream.open(self.processes.second, "/api/v1/streaming/user", bearer),
        )
        assert wait_until(lambda: all(each.has("\r\n\r\n") for each in streams.all)), "all response heads must have arrived"
        assert self.browser.publish("Hello", self.name) is not None
        assert wait_until(lambda: all(each.has("Hello") for each in streams.all)), [each.data for each in streams.all]
        return streams


@frozen
class UserStreams:
    """The open streams of a user."""

    browser: OpenStream
    other_browser: OpenStream
    socket: OpenStream
    events: OpenStream

    @property
    def all(self) -> list[OpenStream]:
        return [self.browser, self.other_browser, self.socket, self.events]


def cookie_header(browser: SiteClient) -> str:
    return "Cookie: " + "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def assert_closes(revoke: Callable[[], object], closing: list[OpenStream], remaining: list[OpenStream]) -> None:
    """Call `revoke`; the streams in `closing` must end within CLOSE_TIMEOUT_S, the `remaining` ones must stay open."""
    revoke()
    revoked_at = time.monotonic()
    assert wait_until(lambda: all(each.ended_at is not None for each in closing), CLOSE_TIMEOUT_S), [each.is_open for each in closing]
    print(f"closed after {max((each.ended_at or revoked_at) - revoked_at for each in closing):.3f} s")
    assert all(each.is_open for each in remaining)


def test_logging_out_closes_the_streams_of_that_session(processes: TwoProcesses) -> None:
    ada, bob = UserWithDevices(processes), UserWithDevices(processes)
    ada_streams, bob_streams = ada.open_streams(), bob.open_streams()
    assert_closes(
        lambda: ada.submit("/logout"),
        [ada_streams.browser],
        [ada_streams.other_browser, ada_streams.socket, ada_streams.events, *bob_streams.all],
    )
    assert ada_streams.browser.has("event: bye")


def test_changing_the_password_closes_all_streams_but_those_of_the_current_session(processes: TwoProcesses) -> None:
    ada, bob = UserWithDevices(processes), UserWithDevices(processes)
    ada_streams, bob_streams = ada.open_streams(), bob.open_streams()
    change = {"current": PASSWORD, "password": "another horse battery"}
    assert_closes(
        lambda: ada.submit("/settings/password", **change),
        [ada_streams.other_browser, ada_streams.socket, ada_streams.events],
        [ada_streams.browser, *bob_streams.all],
    )
    assert ada_streams.socket.data.endswith(REVOKED)


def test_revoking_other_sessions_closes_their_streams(processes: TwoProcesses) -> None:
    ada = UserWithDevices(processes)
    ada_streams = ada.open_streams()
    assert_closes(
        lambda: ada.submit("/settings/sessions/revoke-others"),
        [ada_streams.other_browser],
        [ada_streams.browser, ada_streams.socket, ada_streams.events],
    )


def test_suspension_closes_all_streams(processes: TwoProcesses) -> None:
    ada, bob = UserWithDevices(processes), UserWithDevices(processes)
    ada_streams, bob_streams = ada.open_streams(), bob.open_streams()
    assert_closes(lambda: processes.suspend(ada.name), ada_streams.all, bob_streams.all)


def test_revoking_a_token_by_app_or_user_closes_its_streams(processes: TwoProcesses) -> None:
    ada = UserWithDevices(processes)
    ada_streams = ada.open_streams()
    client = register_app(processes.first)
    client.log_in(
        code=out_of_band_code(ada.browser, client.auth_request_url(scopes=ALL_SCOPES, allow_http=True)), scopes=ALL_SCOPES, allow_http=True
    )
    app_stream = OpenStream.open(processes.second, "/api/v1/streaming/user", f"Authorization: Bearer {client.access_token}")
    assert wait_until(lambda: app_stream.is_open)
    assert_closes(lambda: client.revoke_access_token(allow_http=True), [app_stream], ada_streams.all)
    [id] = set(re.findall(r"/settings/apps/(\d+)/revoke", ada.browser.request("GET", "/settings/apps")[2]))
    assert_closes(
        lambda: ada.submit(f"/settings/apps/{id}/revoke"),
        [ada_streams.socket, ada_streams.events],
        [ada_streams.browser, ada_streams.other_browser],
    )


def test_deleting_an_app_closes_its_streams(processes: TwoProcesses) -> None:
    ada = UserWithDevices(processes)
    ada_streams = ada.open_streams()
    [id] = set(re.findall(r"/settings/apps/(\d+)/revoke", ada.browser.request("GET", "/settings/apps")[2]))
    assert_closes(
        lambda: processes.delete_app(AppId(int(id))),
        [ada_streams.socket, ada_streams.events],
        [ada_streams.browser, ada_streams.other_browser],
    )


def test_deleting_an_account_closes_all_its_streams(processes: TwoProcesses) -> None:
    ada = UserWithDevices(processes)
    ada_streams = ada.open_streams()
    assert_closes(lambda: ada.submit("/settings/delete", password=PASSWORD), ada_streams.all, [])
