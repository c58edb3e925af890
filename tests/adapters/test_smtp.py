"""Handing letters to a real mail server: over TLS, with a login, and to servers that defer, refuse, hang, drip and hang up."""

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
from tests.certificates import Certificates, certificates
from tests.mail_server import MailServer, mail_server

pytestmark = pytest.mark.acceptance
USER, PASSWORD = "site@example.org", "pä:ss/w@rd"
LOGIN = {USER: PASSWORD}


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as running:
        yield running


@pytest.fixture(scope="module")
def starttls(tmp_path_factory: pytest.TempPathFactory, signed: Certificates) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail"), tls="starttls", certificate=str(signed.server), users=LOGIN) as running:
        yield running


@pytest.fixture(scope="module")
def implicit(tmp_path_factory: pytest.TempPathFactory, signed: Certificates) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail"), tls="implicit", certificate=str(signed.server)) as running:
        yield running


@pytest.fixture
def trust(signed: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(signed.authority))


def office(port: int, tls: Tls = Tls.OFF, *, deadline: float = 10.0, answer: float = 10.0) -> SmtpTransport:
    return SmtpTransport(SmtpServer("localhost", port, tls=tls), reactor, "site.test", deadline, answer)


def letter(to: str = "ann@example.org", body: bytes = b"Hello\r\n") -> Envelope:
    return Envelope("bounces@site.test", to, "<1@site.test>", b"Subject: Hello\r\nMessage-ID: <1@site.test>\r\n\r\n" + body)


def with_login(made: SmtpTransport, password: str = PASSWORD) -> SmtpTransport:
    made.server = evolve(made.server, username=USER, password=password)
    return made


async def handed_in(server: MailServer, envelope: Envelope, made: SmtpTransport | None = None) -> DeliveryResult:
    return await (made or office(server.port)).deliver(envelope)


@pytest.mark.usefixtures("trust")
async def test_a_letter_goes_by_starttls_with_a_login(starttls: MailServer) -> None:
    receipt = await with_login(office(starttls.port, Tls.REQUIRED)).deliver(letter("starttls@example.org"))
    assert receipt == DeliveryResult(DeliveryStatus.SENT, "250 2.0.0 Taken over")
    taken = starttls.taken()[-1]
    assert (taken.sender, taken.recipient, taken.raw) == ("bounces@site.test", "starttls@example.org", letter().message)


@pytest.mark.usefixtures("trust")
async def test_a_letter_goes_by_tls_from_the_first_byte(implicit: MailServer) -> None:
    made = office(implicit.port, Tls.REQUIRED)
    made.server = evolve(made.server, implicit=True)
    assert (await made.deliver(letter())).status is DeliveryStatus.SENT
    assert len(implicit.taken()) == 1


@pytest.mark.parametrize("tls", [Tls.REQUIRED, Tls.OPPORTUNISTIC])
async def test_a_server_that_nobody_vouches_for_gets_neither_letter_nor_password(starttls: MailServer, tls: Tls) -> None:
    before = len(starttls.taken())
    receipt = await with_login(office(starttls.port, tls)).deliver(letter())
    assert receipt.status is DeliveryStatus.DEFERRED
    assert "certificate" in receipt.response.lower()
    assert len(starttls.taken()) == before


@pytest.mark.usefixtures("trust")
async def test_a_certificate_for_another_name_is_none(starttls: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = certificates(tmp_path, "elsewhere.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.authority))
    with mail_server(tmp_path / "mail", tls="starttls", certificate=str(other.server)) as running:
        assert (await office(running.port, Tls.REQUIRED).deliver(letter())).status is DeliveryStatus.DEFERRED
        assert running.taken() == []
    del starttls


async def test_where_tls_is_required_and_not_offered_the_letter_waits(plain: MailServer) -> None:
    before = len(plain.taken())
    receipt = await office(plain.port, Tls.REQUIRED).deliver(letter())
    assert receipt.status is DeliveryStatus.DEFERRED
    assert "TLS" in receipt.response
    assert (await with_login(office(plain.port, Tls.OPPORTUNISTIC)).deliver(letter())).status is DeliveryStatus.DEFERRED
    assert len(plain.taken()) == before


@pytest.mark.usefixtures("trust")
async def test_a_wrong_password_is_the_sites_trouble_and_stands_nowhere(starttls: MailServer) -> None:
    events: list[LogEvent] = []
    observer = cast("ILogObserver", events.append)
    globalLogPublisher.addObserver(observer)
    try:
        receipt = await with_login(office(starttls.port, Tls.REQUIRED), "canary-password").deliver(letter())
    finally:
        globalLogPublisher.removeObserver(observer)
    assert receipt.status is DeliveryStatus.DEFERRED
    assert receipt.response.startswith("535")
    assert "canary" not in receipt.response + repr(events) + repr(with_login(office(1), "canary-password"))
    assert "Y2FuYXJ5" not in receipt.response + repr(events)  # the same in base64


@pytest.mark.parametrize(
    ("recipient", "fate", "answer"),
    [
        ("refuse@example.org", DeliveryStatus.REFUSED, "550 5.1.1 No such mailbox"),
        ("spam@example.org", DeliveryStatus.REFUSED, "554 5.7.1 Looks like spam"),
        ("defer@example.org", DeliveryStatus.DEFERRED, "451 4.3.0 Try again later"),
        ("drop@example.org", DeliveryStatus.DEFERRED, ""),
        ("lose@example.org", DeliveryStatus.DEFERRED, ""),
        ("two words@example.org", DeliveryStatus.REFUSED, "The address cannot be used"),
    ],
)
async def test_what_the_server_says_decides(plain: MailServer, recipient: str, fate: DeliveryStatus, answer: str) -> None:
    receipt = await handed_in(plain, letter(recipient))
    assert receipt.status is fate
    assert receipt.response.startswith(answer)
    assert receipt.response


@pytest.mark.parametrize("kind", ["hang", "drip"])
async def test_a_server_that_hangs_or_drips_holds_nobody_for_long(plain: MailServer, kind: str) -> None:
    receipt = await handed_in(plain, letter(f"{kind}@example.org"), office(plain.port, deadline=0.5))
    assert receipt == DeliveryResult(DeliveryStatus.DEFERRED, "The mail server took longer than 0.5 seconds.")


async def test_a_server_that_gives_no_answer_is_left(plain: MailServer) -> None:
    receipt = await handed_in(plain, letter("hang@example.org"), office(plain.port, answer=0.3))
    assert receipt.status is DeliveryStatus.DEFERRED
    assert "Timeout" in receipt.response


async def test_where_nobody_listens_the_letter_waits() -> None:
    receipt = await office(free_port()).deliver(letter())
    assert receipt.status is DeliveryStatus.DEFERRED
    assert "refused" in receipt.response


async def test_giving_up_hangs_up_and_hands_nothing_in(plain: MailServer) -> None:
    before = len(plain.taken())
    from twisted.internet.defer import CancelledError, Deferred

    work = Deferred.fromCoroutine(office(plain.port).deliver(letter("hang@example.org")))
    await task.deferLater(reactor, 0.2)
    work.cancel()
    with pytest.raises(CancelledError):
        await work
    assert len(plain.taken()) == before


DOTS: list[Callable[[], bytes]] = [
    lambda: b".\r\n..\r\n.hidden\r\n",
    lambda: b"".join(b"x" * 60 + b"\r\n." + b"y" * (n % 7) + b"\r\n" for n in range(2000)),  # dots at every place of a 16 KiB piece
    lambda: b"\r\n.\r\nMAIL FROM:<eve@example.org>\r\n",
    lambda: b"x" * 900 + b"\r\n",
]


@pytest.mark.parametrize("body", DOTS)
async def test_what_arrives_is_what_was_written_whatever_its_lines_begin_with(plain: MailServer, body: Callable[[], bytes]) -> None:
    before = len(plain.taken())
    assert (await handed_in(plain, letter("ann@example.org", body()))).status is DeliveryStatus.SENT
    [taken] = plain.taken()[before:]
    assert taken.raw == letter(body=body()).message


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.test", SmtpServer("mail.test", 587)),
        ("smtps://mail.test", SmtpServer("mail.test", 465, implicit=True)),
        ("smtp://a%40b:p%3Ass@[::1]:25", SmtpServer("::1", 25, username="a@b", password="p:ss")),
    ],
)
def test_a_url_says_where_the_server_is(url: str, server: SmtpServer) -> None:
    assert SmtpServer.parse(url, Tls.REQUIRED) == server
