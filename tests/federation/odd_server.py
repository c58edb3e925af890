"""A server whose accounts sign what they send, and that answers in any way: with what a test puts at a path.

It runs on this process's reactor, so a test must not block while the site asks it for something.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
from attrs import define, field
from twisted.internet import reactor as real
from twisted.internet.defer import Deferred
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from microblog.adapters.federation_client import FederationClient
from microblog.federation.keys import AnyPrivateKey, SigningKey, public_pem
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from tests.federation.documents import PUBLIC
from tests.federation.remote_server import private_key

CONTEXT = "https://www.w3.org/ns/activitystreams"
JSON = "application/activity+json"
Answer = Callable[[Any], bytes | int]
"""What a `twisted.web` request is answered with: a body, or NOT_DONE_YET."""


@define(eq=False)
class OddServer:
    """The server. Each name is an account, at /users/NAME; `answers` by path come before its document. `key` signs for all of them."""

    target: str
    client: FederationClient
    answers: dict[str, Answer] = field(factory=dict)
    requests: list[HttpRequest] = field(factory=list)
    key: AnyPrivateKey = field(factory=private_key)
    port: int = 0
    _listening: Any = None
    _factory: Any = None
    _numbers: Iterator[int] = field(init=False, factory=lambda: count(1))

    @property
    def host(self) -> str:
        """The host, with its port."""
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """The URL, without a final slash."""
        return f"http://{self.host}"

    @property
    def fetched(self) -> list[str]:
        """The paths that were asked for."""
        return [request.path for request in self.requests if request.method == "GET"]

    @property
    def activities(self) -> list[Any]:
        """The activities that arrived."""
        return [orjson.loads(request.body) for request in self.requests if request.method == "POST"]

    def actor(self, name: str) -> str:
        """Return the id of an account."""
        return f"{self.origin}/users/{name}"

    def document(self, name: str, **values: object) -> dict[str, Any]:
        """Return the document of an account."""
        id = self.actor(name)
        key = {"id": f"{id}#main-key", "owner": id, "publicKeyPem": public_pem(self.key)}
        plain = {"id": id, "type": "Person", "preferredUsername": name, "inbox": f"{id}/inbox", "publicKey": key}
        return {
            "@context": CONTEXT,
            **plain,
            "endpoints": {"sharedInbox": f"{self.origin}/inbox"},
            "followers": f"{id}/followers",
            **values,
        }

    def note(self, name: str, content: str = "<p>hi</p>", **values: object) -> dict[str, Any]:
        """Return a new public post of an account."""
        id = f"{self.actor(name)}/statuses/{next(self._numbers)}"
        now = datetime.now(UTC).isoformat()
        plain = {"id": id, "type": "Note", "content": content, "attributedTo": self.actor(name), "published": now, "to": [PUBLIC]}
        return plain | {"cc": [f"{self.actor(name)}/followers"]} | values

    def activity(self, name: str, type: str, object: object, **values: object) -> bytes:
        """Return a new activity of an account, as JSON."""
        id = f"{self.actor(name)}#{next(self._numbers)}"
        return orjson.dumps({"@context": CONTEXT, "id": id, "type": type, "actor": self.actor(name), "object": object, **values})

    def signed(self, name: str, body: bytes, path: str = "/inbox", at: datetime | None = None) -> dict[str, str]:
        """Return the headers of a delivery to a path of the site."""
        content = (("Content-Type", JSON),)
        key = SigningKey(f"{self.actor(name)}#main-key", self.key)
        request = HttpRequest("POST", self.target + path, content, body)
        return dict(content) | sign(request, key, SignatureForm.CAVAGE, at or datetime.now(UTC))

    async def post(self, headers: Mapping[str, str], body: bytes, path: str = "/inbox") -> int:
        """Send a request to the site; return the status."""
        return (await self.client.send("POST", self.target + path, headers, body)).status

    async def deliver(self, name: str, body: bytes, path: str = "/inbox") -> int:
        """Deliver an activity of an account; return the status."""
        return await self.post(self.signed(name, body, path), body, path)

    def listen(self) -> None:
        """Begin to answer, at the same port as before."""
        reactor: Any = real
        self._factory = WrappingFactory(Site(_Everything(self)))
        self._listening = reactor.listenTCP(self.port, self._factory, interface="127.0.0.1")
        self.port = self._listening.getHost().port

    def close(self) -> Deferred[Any]:
        """Refuse and end all connections."""
        for connection in list(self._factory.protocols):
            connection.transport.abortConnection()
        closed: Deferred[Any] = self._listening.stopListening()
        return closed

    def respond(self, request: Any) -> bytes | int:
        """Record a request and answer it."""
        headers = request.requestHeaders.getAllRawHeaders()
        pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, values in headers for value in values)
        method, target = request.method.decode("latin-1"), request.uri.decode("latin-1")
        self.requests.append(HttpRequest.received(self.origin, method, target, pairs, request.content.read()))
        path = target.partition("?")[0]
        request.setHeader("Content-Type", JSON)
        if path in self.answers:
            return self.answers[path](request)
        if method == "POST":
            request.setResponseCode(202)
            return b""
        if path == "/.well-known/webfinger":
            name = request.args[b"resource"][0].decode().removeprefix("acct:").partition("@")[0]
            link = {"rel": "self", "type": JSON, "href": self.actor(name)}
            return orjson.dumps({"subject": f"acct:{name}@{self.host}", "links": [link]})
        _, _, name = path.partition("/users/")
        if name and "/" not in name:
            return orjson.dumps(self.document(name))
        request.setResponseCode(404)
        return b""


class _Everything(Resource):
    isLeaf = True

    def __init__(self, server: OddServer) -> None:
        super().__init__()
        self.odd_server = server

    def render(self, request: Any) -> bytes | int:
        """Answer a request."""
        return self.odd_server.respond(request)


def hangs(request: Any) -> int:
    """Never answer."""
    return NOT_DONE_YET


def redirects(location: str) -> Answer:
    """Redirect to another place."""

    def answer(request: Any) -> bytes:
        request.setResponseCode(302)
        request.setHeader("Location", location)
        return b""

    return answer


def document(value: object, type: str = JSON) -> Answer:
    """Answer with a JSON document, or with bytes."""

    def answer(request: Any) -> bytes:
        request.setHeader("Content-Type", type)
        return value if isinstance(value, bytes) else orjson.dumps(value)

    return answer


@contextmanager
def run_odd_server(target_port: int) -> Iterator[OddServer]:
    """Run a server that may send requests to the site at this port of 127.0.0.1."""
    client = FederationClient(real, "odd/1", exceptions=frozenset({("127.0.0.1", target_port)}))
    server = OddServer(f"http://127.0.0.1:{target_port}", client)
    server.listen()
    yield server
    server.close()
    Deferred.fromCoroutine(client.stop())
