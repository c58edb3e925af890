"""HTTP/1.1 on the wire, stricter than Twisted: what is read, how much of it, and how long we wait.

Twisted (26.10) resets its timer with each byte, reads bodies without a limit, and takes requests with no or two Host headers and with
folded lines. Here every request has one deadline for its head and one for its body, a body is refused while it arrives, and what two
parsers could read differently is refused (RFC 9112 sections 2.2, 3.2, 5.2, 6.3 and 11.2). There is no HTTP/2.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from attrs import frozen
from twisted.internet.interfaces import IProtocol, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import http

from microblog.web.network import UNKNOWN, Address, forwarded_chain, network_of, parse_address
from microblog.web.spool import Spool

if TYPE_CHECKING:
    from microblog.web.answer import Answer
    from microblog.web.server import Server

_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_LINGER_BYTES = 4 * 1024 * 1024


@frozen
class Patience:
    """How long we wait, in seconds. A body has `body` plus one second for each `body_rate` bytes that it may have."""

    head: float = 15
    body: float = 30
    body_rate: int = 32 * 1024
    idle: float = 75
    linger: float = 2
    abort: float = 15


class Request(http.Request):
    """A request as it arrives. What is costly to know is looked at only when somebody asks.

    A body that is too large for memory is in `file`, which the call closes, and `body` is empty.
    """

    channel: Channel
    content: Spool | None
    id = ""
    began = 0.0
    query = b""
    raw_path = b""
    path_text = ""
    method_name = ""
    label = ""
    body = b""
    file: BinaryIO | None = None
    gone: Callable[[], None] | None = None
    _address: Address | None = None
    _network: str | None = None
    _secure: bool | None = None

    def parseCookies(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing: the call reads the one cookie it wants."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Make room for the body."""
        self.content = Spool(self.channel.server.budget) if length is None or length else None

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a piece of the body, unless it is too much."""
        if self.content is not None:
            self.content.write(data)
            self.channel.exceeds(self.content.size)

    def release(self) -> None:
        """Give back what the body took from the server's budget."""
        content, self.content = self.content, None
        if content is not None and self.file is None:
            content.close()
        elif content is not None:
            content.release()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete: hand it to the site."""
        self.method, self.uri, self.clientproto = command, path, version
        self.method_name = command.decode("ascii")
        self.raw_path, _, self.query = path.partition(b"?")
        self.path = self.raw_path
        if self.content is not None:
            self.body, self.file = self.content.data, self.content.file
        self.id = self.channel.server.request_id(self._given_id())
        self.channel.server.site.render(self)

    def _given_id(self) -> str | None:
        """The id that a trusted proxy gave this request."""
        given = self.getHeader("X-Request-Id")
        return given if given and self.channel.peer_is_proxy and _REQUEST_ID.fullmatch(given) else None

    @property
    def address(self) -> Address:
        """The client's address, seen through trusted proxies."""
        if self._address is None:
            if self.channel.peer_is_proxy:
                raw = self.requestHeaders.getRawHeaders
                chain = forwarded_chain(raw(b"X-Forwarded-For") or (), raw(b"Forwarded") or ())
                self._address = self.channel.server.proxies.client(self.channel.peer, chain)
            else:
                self._address = self.channel.server.proxies.client(self.channel.peer, ())
        return self._address

    @property
    def network(self) -> str:
        """The client's network as limits count it."""
        if self._network is None:
            self._network = network_of(self.address) if self.channel.peer_is_proxy else self.channel.peer_network
        return self._network

    @property
    def secure(self) -> bool:
        """True if the client came by TLS, to us or to a trusted proxy."""
        if self._secure is None:
            scheme = self.getHeader(b"X-Forwarded-Proto") if self.channel.peer_is_proxy else None
            self._secure = self.channel.isSecure() if scheme is None else scheme.split(b",")[0].strip().lower() == b"https"
        return self._secure

    @property
    def hung_up(self) -> bool:
        """True if nobody waits for the response any more."""
        return self._disconnected

    @property
    def host_name(self) -> str:
        """The Host header, lower case."""
        return (self.getHeader("Host") or "").lower()

    def persistent_after(self, answer: Answer) -> bool:
        """True if the connection stays open for more requests after this answer."""
        if answer.protocol is not None or self.channel.server.draining:
            self.channel.persistent = False
        return bool(self.channel.persistent)

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Write the whole response and be done. Only while the client has not hung up."""
        self.code, self.startedWriting, self.sentLength = status, 1, len(body)
        self.channel.transport.write(head + body if body else head)
        self.release()
        self.finish()

    def hand_over(self, status: int, head: bytes, protocol: IProtocol) -> None:
        """Write the head and give the connection to `protocol`. Only while the client has not hung up."""
        self.code = status
        self.release()
        self.channel.hand_over(self, head, protocol)

    def connectionLost(self, reason: Failure) -> None:
        """The client hung up before the response was written. Whoever still works for it may go on asking who it was."""
        self.release()
        self._address, self._network, self._secure = self.address, self.network, self.secure
        gone, self.gone = self.gone, None
        super().connectionLost(reason)
        if gone is not None:
            gone()


class Channel(http.HTTPChannel):
    """One connection. `due` is when it is closed if nothing changes: the server looks once a second; None waits for ever."""

    maxHeaders = 100  # noqa: N815 - Twisted's name
    totalHeadersSize = 16_384  # noqa: N815 - Twisted's name
    requestFactory = Request  # noqa: N815 - Twisted's name

    transport: Any  # a transport, consumer and producer at once, TCP, UNIX or TLS
    server: Server
    due: float | None = None
    peer: Address | None = None
    peer_is_proxy = False
    peer_network = ""
    taken: IProtocol | None = None
    refused = False
    _body_limit = 0
    _wire_limit = 0
    _lingered = 0
    _reading = False
    _closing = False

    def connectionMade(self) -> None:
        """A client connected: it has `patience.head` seconds to ask something."""
        self.timeOut = None
        super().connectionMade()
        self.peer = parse_address(getattr(self.transport.getPeer(), "host", None) or "")
        self.peer_is_proxy = self.server.proxies.trusts(self.peer)
        self.peer_network = network_of(self.peer or UNKNOWN)
        self.server.channels.add(self)
        self.due = self.server.seconds() + self.server.patience.head

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
        self.server.channels.discard(self)
        self.due = None
        super().connectionLost(reason)
        taken, self.taken = self.taken, None
        if taken is not None:
            taken.connectionLost(reason)

    # --- reading

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.taken is not None:
            self.taken.dataReceived(data)
        elif self.refused:
            self._lingered += len(data)
            if self._lingered > _LINGER_BYTES:
                self.transport.abortConnection()
        else:
            if not self._reading and not self._handlingRequest:
                self._reading = True
                self.due = self.server.seconds() + self.server.patience.head
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> bool | None:
        """One line of a head. True stops the reading, for a request that was refused."""
        if line[:1] in (b" ", b"\t"):
            self.refuse(400, "A header line may not be folded.")
        elif self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.refuse(431, "The head of this request is too large.")
        elif not self.refused:
            super().lineReceived(line)
        return True if self.refused else None

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """A line of the head is longer than all of it may be."""
        self.refuse(431, "The head of this request is too large.")

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        """The head is complete: refuse what is ambiguous or too large before the body comes."""
        request = cast("Request", self.requests[-1])
        fault = self._fault(request)
        if fault:
            self.refuse(400, fault)
            return
        self._body_limit = self._limit(request) if self.length != 0 else 0
        self._wire_limit = 8 * self._body_limit + 65_536
        if self.exceeds(self.length or 0):
            return
        if self.length != 0:
            patience = self.server.patience
            self.due = self.server.seconds() + patience.body + self._body_limit / patience.body_rate
        super().allHeadersReceived()

    def _limit(self, request: Request) -> int:
        kind = (request.getHeader(b"Content-Type") or b"").partition(b";")[0].strip().lower()
        return self.server.site.body_limit(self._command, self._path, kind == b"multipart/form-data")

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802 - Twisted's name
        """One header. False if it was refused."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a Content-Length of thousands of digits
            self.refuse(400, "The Content-Length is not a length.")
            return False

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:  # noqa: N802 - Twisted's name
        """True if the connection stays open after this request."""
        wishes = b",".join(request.requestHeaders.getRawHeaders(b"Connection") or ()).lower().split(b",")
        return version == b"HTTP/1.1" and b"close" not in (wish.strip() for wish in wishes)

    def _fault(self, request: Request) -> str | None:
        """What is wrong with the head, where two readers could understand different things. None if all is well."""
        hosts = request.requestHeaders.getRawHeaders(b"Host") or []
        if len(hosts) > 1 or (not hosts and self._version == b"HTTP/1.1"):
            return "There has to be exactly one Host header."
        if hosts and not _HOST.fullmatch(hosts[0]):
            return "The Host header is not a host."
        codings = [coding.lower() for coding in request.requestHeaders.getRawHeaders(b"Transfer-Encoding") or ()]
        if codings and (codings != [b"chunked"] or self._version == b"HTTP/1.0"):
            return "The only Transfer-Encoding is chunked."
        if not self._path.startswith(b"/"):
            return self._fault_of_absolute(hosts)
        return None if self._path.isascii() and b"#" not in self._path else "The address has characters that have to be encoded."

    def _fault_of_absolute(self, hosts: Sequence[bytes]) -> str | None:
        """Make `GET http://host/path` into the usual form (RFC 9112 section 3.2.2); `OPTIONS *` is about the front page."""
        absolute = _ABSOLUTE.fullmatch(self._path)
        if self._path == b"*" and self._command == b"OPTIONS":
            self._path = b"/"
        elif absolute and hosts and absolute.group(1).lower() == hosts[0].lower() and absolute.group(2).isascii():
            path = absolute.group(2)
            self._path = path if path.startswith(b"/") else b"/" + path
        else:
            return "This is not an address on this site."
        return None

    def rawDataReceived(self, data: bytes) -> None:
        """A piece of a body, or what follows while a request is being answered."""
        if self.taken is not None:
            self.taken.dataReceived(data)
            return
        if self.refused:
            return
        if not self._handlingRequest:
            self._wire_limit -= len(data)
            if self._wire_limit < 0 and self.length is None:
                self.refuse(413, "There is more around this body than in it.")
                return
        super().rawDataReceived(data)

    def exceeds(self, length: int) -> bool:
        """True, once it was refused, if a body of `length` bytes is too much for its route or for all that is being read now."""
        if self.refused:
            return True
        if length > self._body_limit:
            self.refuse(413, f"What was sent is larger than the {_size(self._body_limit)} that are accepted here.")
        elif length and self.server.budget.exceeded:
            self.refuse(503, "Too much is being sent to this site just now, please try again in a moment.")
        return self.refused

    def allContentReceived(self) -> None:
        """The request is complete."""
        if self.refused:
            return
        self._reading = False
        self.due = None
        cast("Request", self.requests[-1]).began = self.server.seconds()
        super().allContentReceived()

    def requestDone(self, request: http.Request) -> None:  # noqa: N802 - Twisted's name
        """A response was written: wait for the next request, or read the one that is already here."""
        self.due = self.server.seconds() + self.server.patience.idle
        super().requestDone(request)

    # --- ending

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        self.refuse(400, "This is not a request that can be understood.")

    def refuse(self, status: int, sentence: str) -> None:
        """Answer with an error and close. Reads on for a moment: a client that still writes would otherwise lose the answer."""
        if self.refused:
            return
        self.refused, self.persistent = True, False
        path = getattr(self, "_path", b"")
        self.transport.write(self.server.refusal(status, sentence, path, self.peer))
        for request in self.requests:
            request.release()
        self.due = self.server.seconds() + self.server.patience.linger
        close_writing = getattr(self.transport, "loseWriteConnection", None)
        if close_writing is None or ISSLTransport.providedBy(self.transport):
            self.loseConnection()
        else:
            close_writing()

    def expire(self) -> None:
        """The time is over: say so if we were waiting for the rest of a request; close; tear down what does not close."""
        if self.refused or self._closing:
            self.transport.abortConnection()
        elif self._reading:
            self.refuse(408, "The request did not arrive in time.")
        else:
            self._closing = True
            self.due = self.server.seconds() + self.server.patience.abort
            self.loseConnection()

    @property
    def busy(self) -> bool:
        """True while a request is being read or answered."""
        return bool(self.requests) and not self.refused

    def hand_over(self, request: Request, head: bytes, protocol: IProtocol) -> None:
        """From now on this connection is `protocol`'s; bytes that came early are given to it."""
        self.server.log(request)
        self.transport.write(head)
        self.transport.unregisterProducer()
        self.requests.remove(request)
        request.channel = None  # type: ignore[assignment]  # the request is over, as after finish()
        early, self._dataBuffer = b"".join(self._dataBuffer), []
        self.taken, self.due = protocol, None
        self.transport.resumeProducing()
        protocol.makeConnection(self.transport)
        if early:
            protocol.dataReceived(early)


def _size(bytes: int) -> str:
    """A limit as people read it."""
    return f"{bytes >> 20} MB" if bytes >= 1 << 20 else f"{bytes >> 10} kB"
