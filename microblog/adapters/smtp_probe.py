"""A connection to the mail server that logs in and hands over no e-mail: for checks of the site's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.mail.smtp import ESMTPSender

from microblog.adapters.smtp import DeliveryFactory, Sender, SmtpTransport
from microblog.model.emails import DeliveryStatus, Envelope

_NO_EMAIL = Envelope("", "", "", b"")


@frozen
class SmtpProbe:
    """Result of a connection. `problem` is empty if an e-mail could be handed over now.

    `extensions` are those of the last EHLO response (RFC 5321, section 4.1.1.1), upper case, such as AUTH with its mechanisms.
    """

    problem: str
    secured: bool
    logged_in: bool
    extensions: Mapping[str, str]


class _ProbeSender(Sender):
    """Protocol that ends the connection where an e-mail would begin."""

    factory: _ProbeFactory

    def tryTLS(self, code: int, resp: bytes, items: Mapping[bytes, bytes | None]) -> None:
        """Remember what the server offers, and go on."""
        self.factory.extensions = {
            name.decode("ascii", "replace").upper(): (text or b"").decode("ascii", "replace") for name, text in items.items()
        }
        self.factory.secured = ISSLTransport.providedBy(self.transport)
        ESMTPSender.tryTLS(self, code, resp, items)

    def getMailFrom(self) -> None:
        """Report success. Returning no sender makes the base class send QUIT."""
        self.factory.succeeded()


class _ProbeFactory(DeliveryFactory):
    """Factory of a probe's protocol."""

    protocol = _ProbeSender

    def __init__(self, mail: SmtpTransport, done: Deferred[Any]) -> None:
        DeliveryFactory.__init__(self, mail, _NO_EMAIL, done)
        self.extensions: Mapping[str, str] = {}
        self.secured = False

    def succeeded(self) -> None:
        """Decide the result, and leave the connection a moment for QUIT."""
        self.final_response = "The mail server is ready."
        self.sendFinished = True
        self.result.callback(None)


async def probe(mail: SmtpTransport) -> SmtpProbe:
    """Connect, say EHLO, start TLS and log in as for an e-mail, and end the connection. Raises nothing: a failure is the result."""
    done: Deferred[Any] = Deferred()
    factory = _ProbeFactory(mail, done)
    result = await mail.converse(factory, done)
    is_ready = result.status is DeliveryStatus.SENT
    problem = "" if is_ready else f"{mail.description}: {result.response}"
    return SmtpProbe(problem, factory.secured, is_ready and bool(mail.server.username), factory.extensions)
