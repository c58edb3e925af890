"""Delivery of e-mails to a mail server, by twisted.mail.

Each e-mail has its own connection and one deadline for everything, which bounds the cost of a slow server. An e-mail is refused for good
only by a response about the e-mail itself. A wrong password, missing TLS or a full queue defers it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from io import BytesIO
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.mail.smtp import SUCCESS, ESMTPSender, ESMTPSenderFactory, SMTPClientError, SMTPDeliveryError
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from microblog.adapters.tls_errors import explained
from microblog.model.emails import DeliveryResult, DeliveryStatus, Envelope

DEADLINE_S = 90.0  # seconds for one e-mail, from the host look-up to the last response
RESPONSE_S = 45.0  # seconds for one response (RFC 5321 section 4.5.3.2 allows minutes, for servers that relay at once)
QUIT_S = 5.0
MAX_LINES = 200  # of responses in one connection
_LOGIN_ERRORS = frozenset({530, 534, 535, 538})  # RFC 4954, section 6: about our login, not about the recipient
_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # contains nothing that could end the SMTP command
_PORTS = {"smtp": 587, "smtps": 465}


class Tls(StrEnum):
    """Use of TLS with the mail server."""

    REQUIRED = "required"
    OPPORTUNISTIC = "opportunistic"  # if the server offers it, and with a valid certificate
    OFF = "off"


@frozen
class MailServer:
    """A mail server. `implicit`: TLS from the first byte instead of STARTTLS."""

    host: str
    port: int
    implicit: bool = False
    tls: Tls = Tls.REQUIRED
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, tls: Tls) -> MailServer:
        """Parse `smtp://user:password@host:587` or `smtps://host`."""
        parts = urlsplit(url)
        return cls(
            parts.hostname or "",
            parts.port or _PORTS[parts.scheme],
            parts.scheme == "smtps",
            tls,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


class _SinglePiece(BytesIO):
    """A file that is read in one piece: twisted.mail doubles dots at the start of lines, but misses them at the start of a piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return all remaining bytes."""
        del size
        return super().read()


class Sender(ESMTPSender):
    """Protocol of one delivery."""

    factory: DeliveryFactory
    transport: Any
    debug = False  # otherwise error messages would contain the password
    _lines = 0

    def lineReceived(self, line: bytes) -> None:
        """Handle a line; close the connection to a server that sends too many."""
        self._lines += 1
        if self._lines > MAX_LINES:
            self.transport.abortConnection()
            return
        ESMTPSender.lineReceived(self, line)

    def esmtpState_starttls(self, code: int, resp: bytes) -> None:
        """Start TLS, and drop input that arrived in clear text after the server's consent (as in CVE-2011-0411)."""
        LineReceiver.clearLineBuffer(self)
        ESMTPSender.esmtpState_starttls(self, code, resp)

    def sentMail(self, code: int, resp: bytes, accepted: int, addresses: list[Any], log: Any) -> None:
        """Record the server's final response."""
        self.factory.final_response = _response_text(code, resp)
        ESMTPSender.sentMail(self, code, resp, accepted, addresses, log)

    def sendError(self, exc: Exception) -> None:
        """Handle an error; only the first one counts."""
        if self.factory.sendFinished:
            self.transport.abortConnection()
        else:
            ESMTPSender.sendError(self, exc)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the factory that the connection is closed."""
        ESMTPSender.connectionLost(self, reason)
        self.factory.lost(reason)


class DeliveryFactory(ESMTPSenderFactory):
    """Factory of one delivery's protocol. Endpoints do not notify a factory of lost connections, so the protocol does."""

    protocol = Sender
    noisy = False

    def __init__(self, mail: SmtpTransport, envelope: Envelope, done: Deferred[Any]) -> None:
        server = mail.server
        is_needed = server.tls is Tls.REQUIRED or (server.tls is Tls.OPPORTUNISTIC and bool(server.username))  # no password in clear text
        ESMTPSenderFactory.__init__(
            self,
            server.username.encode() or None,
            server.password.encode() or None,
            envelope.sender,
            envelope.recipient,
            _SinglePiece(envelope.message.replace(b"\r\n", b"\n")),
            done,
            retries=0,
            timeout=mail.response_timeout,
            contextFactory=None if server.tls is Tls.OFF else optionsForClientTLS(server.host),
            heloFallback=not is_needed,
            requireAuthentication=bool(server.username),
            requireTransportSecurity=is_needed and not server.implicit,
        )
        self.domain = mail.helo.encode("ascii", "replace")
        self.final_response = ""
        self.is_closed = False
        self.sender: Any = None

    def buildProtocol(self, addr: Any) -> Any:
        """Build and store the protocol."""
        self.sender = ESMTPSenderFactory.buildProtocol(self, addr)
        return self.sender

    def lost(self, reason: Failure) -> None:
        """Fail the delivery unless it is decided."""
        self.is_closed = True
        if not self.sendFinished:
            self.sendFinished = True
            self.result.errback(reason)


@define
class SmtpTransport:
    """A `MailTransport` to a mail server. `helo` is the name of this machine. Times are in seconds."""

    server: MailServer
    reactor: Any
    helo: str
    deadline: float = DEADLINE_S
    response_timeout: float = RESPONSE_S

    @property
    def description(self) -> str:
        """See `MailTransport`."""
        return f"{self.server.host}:{self.server.port}"

    async def deliver(self, envelope: Envelope) -> DeliveryResult:
        """See `MailTransport`."""
        if not _ADDRESS.fullmatch(envelope.recipient):
            return DeliveryResult(DeliveryStatus.REFUSED, "The recipient's address is not valid.")
        done: Deferred[Any] = Deferred()
        return await self.converse(DeliveryFactory(self, envelope, done), done)

    async def converse(self, factory: DeliveryFactory, done: Deferred[Any]) -> DeliveryResult:
        """Connect, and return the result once `done` fires or the deadline is over. Raises nothing but CancelledError."""
        connecting = self._endpoint().connect(factory)
        connecting.addErrback(lambda failure: None if factory.sendFinished else factory.lost(failure))
        try:
            await done.addTimeout(self.deadline, cast("IReactorTime", self.reactor))
        except SMTPDeliveryError as error:
            return delivery_result(error)
        except SMTPClientError as problem:
            return DeliveryResult(DeliveryStatus.DEFERRED, _response_text(problem.code, problem.resp))
        except TimeoutError:
            return DeliveryResult(DeliveryStatus.DEFERRED, f"The mail server took longer than {self.deadline:g} seconds.")
        except CancelledError:
            raise
        except Exception as problem:
            return DeliveryResult(DeliveryStatus.DEFERRED, explained(problem))
        else:
            return DeliveryResult(DeliveryStatus.SENT, factory.final_response)
        finally:
            self._end(factory, connecting)

    def _end(self, factory: DeliveryFactory, connecting: Deferred[Any]) -> None:
        """Close the connection: after a moment for QUIT if the server responded, else at once."""
        grace = QUIT_S if factory.final_response else 0.0
        factory.sendFinished = True
        connecting.cancel()

        def hang_up() -> None:
            transport = getattr(factory.sender, "transport", None)
            if transport is not None and not factory.is_closed:
                transport.abortConnection()

        self.reactor.callLater(grace, hang_up)

    def _endpoint(self) -> IStreamClientEndpoint:
        plain = HostnameEndpoint(self.reactor, self.server.host, self.server.port, timeout=self.response_timeout)
        if not self.server.implicit:
            return plain
        secured: IStreamClientEndpoint = wrapClientTLS(optionsForClientTLS(self.server.host), plain)
        return secured


def delivery_result(error: SMTPDeliveryError) -> DeliveryResult:
    """Return the result of a server's response. Only a response about the recipient or the content is a permanent rejection."""
    replies = cast("list[tuple[bytes, int, bytes]]", error.addresses or [])
    code, resp = error.code, error.resp
    for _, reply_code, reply in replies:
        if reply_code not in SUCCESS:
            code, resp = reply_code, reply
    is_permanent = 500 <= code < 600 and code not in _LOGIN_ERRORS and bool(replies)
    return DeliveryResult(DeliveryStatus.REFUSED if is_permanent else DeliveryStatus.DEFERRED, _response_text(code, resp))


def _response_text(code: int, resp: bytes | str) -> str:  # twisted.mail has its own text if the server accepted no recipient
    text = resp.decode("utf-8", "replace") if isinstance(resp, bytes) else resp
    return f"{code} {text}" if code > 0 else text
