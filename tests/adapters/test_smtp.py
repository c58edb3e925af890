"""Tests of the SMTP transport with a real mail server: TLS, login, and servers that defer, refuse, hang or disconnect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve
from twisted.internet import reactor, task
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher

from microblog.adapters.smtp import MailServer as SmtpServer
from microblog.adapters.smtp import SmtpTransport, Tls
from microblog.model.emails import DeliveryResult, DeliveryStatus, Envelope
from tests.acceptance.site_process import free_port
from tests.certificates import Certificates, create_certificates
from tests.mail_server import MailServer, mail_server

pytestmark = pytest.mark.acceptance
USER, PASSWORD = "site@example.org", "pä:ss/w@rd"
LOGIN = {USER: PASSWORD}


@pytest.fixture(scope="module")
def certificate_files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return create_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as server:
        yield server


@pytest.fixture(scope="module")
def starttls(tmp_path_factory: pytest.TempPathFactory, certificate_files: Certificates) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail"), tls="starttls", certificate=str(certificate_files.server), users=LOGIN) as server:
        yield server


@pytest.fixture(scope="module")
def implicit(tmp_path_factory: pytest.TempPathFactory, certificate_files: Certificates) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail"), tls="implicit", certificate=str(certificate_files.server)) as server:
        yield server


@pytest.fixture
def trust(certificate_files: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_files.authority))


def build_transport(port: int, tls: Tls = Tls.OFF, *, deadline: float = 10.0, answer: float = 10.0) -> SmtpTransport:
    return SmtpTransport(SmtpServer("localhost", port, tls=tls), reactor, "site.test", deadline, answer)


def envelope(to: str = "ann@example.org", body: bytes = b"Hello\r\n") -> Envelope:
    return Envelope("bounces@site.test", to, "<1@site.test>", b"Subject: Hello\r\nMessage-ID: <1@site.test>\r\n\r\n" + body)


def with_login(transport: SmtpTransport, password: str = PASSWORD) -> SmtpTransport:
    transport.server = evolve(transport.server, username=USER, password=password)
    return transport


async def deliver(server: MailServer, message: Envelope, transport: SmtpTransport | None = None) -> DeliveryResult:
    return await (transport or build_transport(server.port)).deliver(message)


@pytest.mark.usefixtures("trust")
async def test_an_email_is_sent_by_starttls_with_a_login(starttls: MailServer) -> None:
    result = await with_login(build_transport(starttls.port, Tls.REQUIRED)).deliver(envelope("starttls@example.org"))
    assert result == DeliveryResult(DeliveryStatus.SENT, "250 2.0.0 Taken over")
    messages = starttls.received()[-1]
    assert (messages.sender, messages.recipient, messages.raw) == ("bounces@site.test", "starttls@example.org", envelope().message)


@pytest.mark.usefixtures("trust")
async def test_an_email_is_sent_by_implicit_tls(implicit: MailServer) -> None:
    transport = build_transport(implicit.port, Tls.REQUIRED)
    transport.server = evolve(transport.server, implicit=True)
    assert (await transport.deliver(envelope())).status is DeliveryStatus.SENT
    assert len(implicit.received()) == 1


@pytest.mark.parametrize("tls", [Tls.REQUIRED, Tls.OPPORTUNISTIC])
async def test_an_untrusted_server_gets_no_email_and_no_password(starttls: MailServer, tls: Tls) -> None:
    before = len(starttls.received())
    result = await with_login(build_transport(starttls.port, tls)).deliver(envelope())
    assert result.status is DeliveryStatus.DEFERRED
    assert "certificate" in result.response.lower()
    assert len(starttls.received()) == before


@pytest.mark.usefixtures("trust")
async def test_a_certificate_for_another_name_is_refused(starttls: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = create_certificates(tmp_path, "elsewhere.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.authority))
    with mail_server(tmp_path / "mail", tls="starttls", certificate=str(other.server)) as server:
        assert (await build_transport(server.port, Tls.REQUIRED).deliver(envelope())).status is DeliveryStatus.DEFERRED
        assert server.received() == []
    del starttls


async def test_an_email_is_deferred_if_required_tls_is_not_offered(plain: MailServer) -> None:
    before = len(plain.received())
    result = await build_transport(plain.port, Tls.REQUIRED).deliver(envelope())
    assert result.status is DeliveryStatus.DEFERRED
    assert "TLS" in result.response
    assert (await with_login(build_transport(plain.port, Tls.OPPORTUNISTIC)).deliver(envelope())).status is DeliveryStatus.DEFERRED
    assert len(plain.received()) == before


@pytest.mark.usefixtures("trust")
async def test_a_wrong_password_defers_the_email_and_is_never_logged(starttls: MailServer) -> None:
    events: list[LogEvent] = []
    observer = cast("ILogObserver", events.append)
    globalLogPublisher.addObserver(observer)
    try:
        result = await with_login(build_transport(starttls.port, Tls.REQUIRED), "canary-password").deliver(envelope())
    finally:
        globalLogPublisher.removeObserver(observer)
    assert result.status is DeliveryStatus.DEFERRED
    assert result.response.startswith("535")
    assert "canary" not in result.response + repr(events) + repr(with_login(build_transport(1), "canary-password"))
    assert "Y2FuYXJ5" not in result.response + repr(events)  # the same in base64


@pytest.mark.parametrize(
    ("recipient", "fate", "answer"),
    [
        ("refuse@example.org", DeliveryStatus.REFUSED, "550 5.1.1 No such mailbox"),
        ("spam@example.org", DeliveryStatus.REFUSED, "554 5.7.1 Looks like spam"),
        ("defer@example.org", DeliveryStatus.DEFERRED, "451 4.3.0 Try again later"),
        ("drop@example.org", DeliveryStatus.DEFERRED, ""),
        ("lose@example.org", DeliveryStatus.DEFERRED, ""),
        ("two words@example.org", DeliveryStatus.REFUSED, "The recipient's address is not valid"),
    ],
)
async def test_the_response_of_the_server_decides_the_status(plain: MailServer, recipient: str, fate: DeliveryStatus, answer: str) -> None:
    result = await deliver(plain, envelope(recipient))
    assert result.status is fate
    assert result.response.startswith(answer)
    assert result.response


@pytest.mark.parametrize("kind", ["hang", "drip"])
async def test_a_hanging_or_slow_server_times_out(plain: MailServer, kind: str) -> None:
    result = await deliver(plain, envelope(f"{kind}@example.org"), build_transport(plain.port, deadline=0.5))
    assert result == DeliveryResult(DeliveryStatus.DEFERRED, "The mail server took longer than 0.5 seconds.")


async def test_a_server_that_does_not_respond_times_out(plain: MailServer) -> None:
    result = await deliver(plain, envelope("hang@example.org"), build_transport(plain.port, answer=0.3))
    assert result.status is DeliveryStatus.DEFERRED
    assert "Timeout" in result.response


async def test_an_email_is_deferred_if_the_connection_is_refused() -> None:
    result = await build_transport(free_port()).deliver(envelope())
    assert result.status is DeliveryStatus.DEFERRED
    assert "refused" in result.response


async def test_cancelling_disconnects_and_delivers_nothing(plain: MailServer) -> None:
    before = len(plain.received())
    from twisted.internet.defer import CancelledError, Deferred

    work = Deferred.fromCoroutine(build_transport(plain.port).deliver(envelope("hang@example.org")))
    await task.deferLater(reactor, 0.2)
    work.cancel()
    with pytest.raises(CancelledError):
        await work
    assert len(plain.received()) == before


DOTS: list[Callable[[], bytes]] = [
    lambda: b".\r\n..\r\n.hidden\r\n",
    lambda: b"".join(b"x" * 60 + b"\r\n." + b"y" * (n % 7) + b"\r\n" for n in range(2000)),  # dots at every place of a 16 KiB piece
    lambda: b"\r\n.\r\nMAIL FROM:<eve@example.org>\r\n",
    lambda: b"x" * 900 + b"\r\n",
]


@pytest.mark.parametrize("body", DOTS)
async def test_lines_that_begin_with_dots_arrive_unchanged(plain: MailServer, body: Callable[[], bytes]) -> None:
    before = len(plain.received())
    assert (await deliver(plain, envelope("ann@example.org", body()))).status is DeliveryStatus.SENT
    [messages] = plain.received()[before:]
    assert messages.raw == envelope(body=body()).message


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.test", SmtpServer("mail.test", 587)),
        ("smtps://mail.test", SmtpServer("mail.test", 465, implicit=True)),
        ("smtp://a%40b:p%3Ass@[::1]:25", SmtpServer("::1", 25, username="a@b", password="p:ss")),
    ],
)
def test_an_smtp_url_is_parsed(url: str, server: SmtpServer) -> None:
    assert SmtpServer.parse(url, Tls.REQUIRED) == server
