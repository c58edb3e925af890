"""A fake push service of a browser vendor, over HTTPS, and the apps that decrypt its messages."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import http_ece
import orjson
from attrs import define, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor as real
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.web.client import BrowserLikePolicyForHTTPS
from zope.interface import implementer

from microblog.adapters.push_client import PushClient
from microblog.domain.push.encryption import PushEncryptor
from microblog.domain.push.notifications import PushNotifications
from microblog.domain.push.vapid import Signer, point
from microblog.jobs.push_jobs import PushJobs
from microblog.model.push import PushTarget
from microblog.render.api.entities import Entities
from microblog.render.api.push import push_payload
from microblog.storage.database import Transactions
from tests.adapters.fake_web_server import FakeDnsReactor
from tests.certificates import create_certificates

HOST = "push.example.net"
ADDRESS = "93.184.216.34"


@frozen
class ReceivedPush:
    """A received message."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@implementer(IOpenSSLTrustRoot)
@frozen
class TrustRoot:
    """Trust root with one certificate authority."""

    file: Path

    def _addCACertsToContext(self, context: Any) -> None:
        context.load_verify_locations(str(self.file))


@define(eq=False)
class PushService:
    """A push service. It sends `responses` one after the other, then 201; a `silent` one never responds.

    It counts its connections and requests.
    """

    authority: Path
    port: int = 0
    responses: list[str] = field(factory=list)
    silent: bool = False
    received: list[ReceivedPush] = field(factory=list)
    connection_count: int = 0
    request_count: int = 0
    open: list[Any] = field(factory=list)

    def client(self, seconds: float = 20.0, *, address: str = ADDRESS) -> PushClient:
        """Return a push client for which the service's name resolves to the address, and the address leads to this machine."""
        reactor = FakeDnsReactor({HOST: [[address]]}, {address: ("127.0.0.1", self.port)})
        trust = BrowserLikePolicyForHTTPS(TrustRoot(self.authority))
        exceptions = frozenset({("127.0.0.1", self.port)})
        return PushClient(reactor, "microblog/1", seconds, exceptions=exceptions, trust=trust)


class _PushServiceProtocol(Protocol):
    factory: _PushServiceFactory
    transport: Any

    def connectionMade(self) -> None:
        self.data = b""
        self.factory.service.connection_count += 1
        self.factory.service.open.append(self)

    def connectionLost(self, reason: object = None) -> None:
        self.factory.service.open.remove(self)

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        [request, *lines] = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) < int(headers.get("content-length", "0")):
            return
        service = self.factory.service
        service.request_count += 1
        if service.silent:
            return
        response = service.responses.pop(0) if service.responses else "201 Created"
        if response.startswith("2"):
            service.received.append(ReceivedPush(request.split(" ")[1], headers, body))
        self.transport.write(f"HTTP/1.1 {response}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        self.transport.loseConnection()


class _PushServiceFactory(Factory):
    noisy = False
    protocol: Any = _PushServiceProtocol

    def __init__(self, service: PushService) -> None:
        self.service = service


@contextmanager
def run_push_service(directory: Path) -> Iterator[PushService]:
    """Run a push service."""
    certs = create_certificates(directory, HOST)
    service, reactor = PushService(certs.authority), real
    port = reactor.listenSSL(  # type: ignore[attr-defined]  # the module stands for the reactor
        0, _PushServiceFactory(service), DefaultOpenSSLContextFactory(str(certs.server), str(certs.server)), interface="127.0.0.1"
    )
    service.port = port.getHost().port
    yield service
    port.stopListening()
    for connection in list(service.open):
        connection.transport.abortConnection()


def build_push_jobs(database: Transactions, now: Callable[[], datetime], client: PushClient) -> PushJobs:
    """Return the push jobs of a site."""
    encryptor = PushEncryptor(Signer(b"s" * 32, "mailto:admin@example.org", now))
    return PushJobs(PushNotifications(database, now), partial(push_payload, Entities("https://example.org")), encryptor, client)


@define(eq=False)
class SubscribedApp:
    """An app that can decrypt its push messages."""

    standard: bool = True
    path: str = "/send/1"
    key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"0123456789abcdef"

    @property
    def target(self) -> PushTarget:
        """Return the app's subscription."""
        return PushTarget(f"https://{HOST}{self.path}", point(self.key), self.auth, self.standard)

    def read(self, posted: ReceivedPush) -> dict[str, Any]:
        """Return the decrypted content of a message."""
        if posted.headers["content-encoding"] == "aes128gcm":
            plain = http_ece.decrypt(posted.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        else:
            keys = dict(part.split("=", 1) for part in posted.headers["crypto-key"].split(";"))
            salt = posted.headers["encryption"].removeprefix("salt=")
            plain = http_ece.decrypt(
                posted.body, salt=_bytes(salt), private_key=self.key, dh=_bytes(keys["dh"]), auth_secret=self.auth, version="aesgcm"
            )
        message: dict[str, Any] = orjson.loads(plain)
        return message


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
