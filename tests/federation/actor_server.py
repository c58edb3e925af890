"""A server with one actor, made of the product's modules for signatures, for tests with another implementation."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import orjson
from attrs import define, evolve, field, frozen
from twisted.internet import reactor as real
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from microblog.adapters.federation_client import FederationClient
from microblog.federation.documents.ids import SiteIds
from microblog.federation.documents.read_actor import read_actor
from microblog.federation.documents.vocabulary import with_context
from microblog.federation.documents.write_actor import ActorDetails, write_actor
from microblog.federation.documents.write_parts import Json
from microblog.federation.keys import PublicKey, SigningKey, generate_private_pem, load_private_key, public_pem, read_public_key
from microblog.federation.signature_choice import SignatureChoices, SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest, SignatureFamily, VerifiedSignature
from microblog.federation.verification import read_claim
from microblog.model.accounts import Account
from microblog.model.errors import Problem
from microblog.model.federation import RemoteKey
from microblog.web.http.errors import status_of
from tests.federation.documents import AL

JSON = "application/activity+json"


@frozen
class Received:
    """A request with a signature, the proof of who signed it, if it was accepted, and the status of the response."""

    request: HttpRequest
    signature: VerifiedSignature | None
    status: int

    @property
    def family(self) -> SignatureFamily:
        """Return the family that the headers are of."""
        return SignatureFamily.CAVAGE if self.request.header("signature-input") is None else SignatureFamily.RFC_9421


@cache
def _private_pem() -> str:
    """Return the key of the actor of each server, because making one takes long."""
    return generate_private_pem()


@define(eq=False)
class ActorServer:
    """A server with the actor al. It answers activities with a signature of the family `refuse` with 401."""

    client: FederationClient
    refuse: SignatureFamily | None = None
    received: list[Received] = field(factory=list)
    choices: SignatureChoices = field(factory=SignatureChoices)
    origin: str = ""
    pem: str = field(factory=_private_pem)
    keys: dict[str, PublicKey] = field(factory=dict)
    account: Account = AL
    documents: dict[str, Json] = field(factory=dict)

    @property
    def actor(self) -> str:
        """Return the id of the actor."""
        return f"{self.origin}/users/al"

    @property
    def key(self) -> SigningKey:
        """Return the key of the actor."""
        return SigningKey(f"{self.actor}#main-key", load_private_key(self.pem))

    @property
    def ids(self) -> SiteIds:
        """Return the ids of the server."""
        return SiteIds(self.origin)

    def document(self, target: str) -> Json | None:
        """Return the document at a path, whose query does not matter; None if there is none."""
        path = target.partition("?")[0]
        if path == "/users/al":
            key = RemoteKey(self.key.id, self.actor, public_pem(self.key.key))
            return write_actor(self.account, ActorDetails((key,)), self.ids)
        return self.documents.get(path)

    def activity(self, **values: object) -> bytes:
        """Return an activity of the actor as JSON."""
        number = len(values) + int(datetime.now(UTC).timestamp() * 1_000_000)
        return orjson.dumps(with_context({"id": f"{self.actor}#{number}", "actor": self.actor, **values}))

    async def send(
        self,
        method: str,
        url: str,
        form: SignatureForm | None,
        body: bytes = b"",
        *,
        sent: bytes | None = None,
        key: SigningKey | None = None,
    ) -> int:
        """Send a signed request and return the status.

        `form` None: without a signature; `sent`: the body to send instead; `key`: the key to sign with instead.
        """
        content = (("Content-Type", JSON),) if method == "POST" else (("Accept", JSON),)
        request = HttpRequest(method, url, content, body)
        signature = {} if form is None else await deferToThread(sign, request, key or self.key, form, datetime.now(UTC))
        answer = await self.client.send(method, url, dict(content) | signature, body if sent is None else sent)
        return answer.status

    async def knock(self, method: str, url: str, body: bytes = b"") -> list[tuple[SignatureForm, int]]:
        """Send a request with the signatures that may help, one after the other; return them with their statuses."""
        request, tried = HttpRequest(method, url, body=body), list[tuple[SignatureForm, int]]()
        while (form := self.choices.next_form(request.authority, request, tried, datetime.now(UTC))) is not None:
            tried.append((form, await self.send(method, url, form, body)))
        if tried[-1][1] in (200, 202):
            self.choices.accepted(request.authority, tried[-1][0], datetime.now(UTC))
        return tried

    async def verify(self, request: HttpRequest, now: datetime | None = None) -> VerifiedSignature:
        """Return the proof of who signed a request. The key is fetched from its actor."""
        claim = read_claim(request, now or datetime.now(UTC))
        if claim.key_id not in self.keys:
            self.keys[claim.key_id] = await self._fetch_key(claim.key_id)
        return claim.verify(self.keys[claim.key_id])

    async def _fetch_key(self, key_id: str) -> PublicKey:
        url = key_id.partition("#")[0]
        headers = sign(HttpRequest("GET", url), self.key, SignatureForm.CAVAGE, datetime.now(UTC))
        document = orjson.loads((await self.client.send("GET", url, {"Accept": JSON} | headers)).body)
        actor = read_actor(document)
        [key] = [each for each in actor.keys if each.id == key_id]
        assert actor.id == url
        return read_public_key(key, url)

    async def respond(self, request: HttpRequest) -> int:
        """Verify the signature of a request, if it has one, and return the status of the response."""
        status = 404 if self.document(request.path) is None else 200
        if request.header("signature") is None:
            return status if request.method == "GET" else 401
        try:
            signature: VerifiedSignature | None = await self.verify(request)
            status = status if request.method == "GET" else 202
        except Problem as problem:
            signature, status = None, status_of(problem)
        received = Received(request, signature, status)
        if request.method == "POST" and received.family == self.refuse:
            received = evolve(received, signature=None, status=401)
        self.received.append(received)
        return received.status


class _Everything(Resource):
    isLeaf = True

    def __init__(self, actor_server: ActorServer) -> None:
        super().__init__()
        self.actor_server = actor_server

    def render(self, request: Any) -> int:
        """Respond with the actor, or with an empty body."""
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        )
        method, target, body = request.method.decode("latin-1"), request.uri.decode("latin-1"), request.content.read()
        received = HttpRequest.received(self.actor_server.origin, method, target, headers, body)
        waiting = Deferred.fromCoroutine(self.actor_server.respond(received))
        waiting.addCallback(partial(self._finish, request)).addErrback(request.processingFailed)
        return NOT_DONE_YET

    def _finish(self, request: Any, status: int) -> None:
        request.setResponseCode(status)
        request.setHeader("Content-Type", JSON)
        if request.method == b"GET" and status == 200:
            request.write(orjson.dumps(self.actor_server.document(request.uri.decode("latin-1"))))
        request.finish()


@contextmanager
def run_actor_server(peer_port: int) -> Iterator[ActorServer]:
    """Run a server on this process's reactor that may send requests to a port of 127.0.0.1."""
    reactor: Any = real
    server = ActorServer(FederationClient(reactor, "microblog/1", exceptions=frozenset({("127.0.0.1", peer_port)})))
    factory = WrappingFactory(Site(_Everything(server)))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    server.origin = f"http://127.0.0.1:{port.getHost().port}"
    yield server
    port.stopListening()
    Deferred.fromCoroutine(server.client.stop())
    for connection in list(factory.protocols):
        connection.transport.abortConnection()
