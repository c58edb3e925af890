"""Private names of Twisted that this server relies on, each with the reason.

Twisted may change them in any release. So pyproject.toml excludes its next major version, and tests/test_twisted_private.py fails if one of
them is missing, has another meaning, or is used without a declaration here, or if a new Twisted uses a private name of one of our
subclasses.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection
from twisted.web import http


class TwistedHTTPChannel(http.HTTPChannel):
    """Twisted's HTTP/1.1 channel with the attributes that subclasses read and write.

    Two of its methods are overridden too, because Twisted has no public interface for them: `_finishRequestBody` (called after a chunked
    body) and `_respondToBadRequestAndDisconnect` (the response to an unparsable request).
    """

    _command: bytes
    """Method of the request whose head is being read."""
    _path: bytes
    """Target of the request as sent; subclasses replace it by a checked form."""
    _version: bytes
    """HTTP version of the request, such as b"HTTP/1.1"."""
    _receivedHeaderSize: int  # noqa: N815 - Twisted's name
    """Bytes of the head so far; 0 before the request line."""
    _handlingRequest: bool  # noqa: N815 - Twisted's name
    """True from the end of a request until its response is written."""
    _dataBuffer: list[bytes]  # noqa: N815 - Twisted's name
    """Bytes received while a request is being handled: they belong to the next request."""
    _buffer: bytes
    """Bytes not yet split into lines."""
    _waitingForTransport: bool  # noqa: N815 - Twisted's name
    """True while the transport asks to pause writing."""
    _networkProducer: Any  # noqa: N815 - Twisted's name
    """The transport as a producer: pausing it stops reading without notifying the channel."""


class TwistedRequest(http.Request):
    """Twisted's request with the attribute that subclasses read."""

    _disconnected: bool
    """True once the client has disconnected."""


def is_buffering(transport: Connection) -> bool:
    """True if written data is buffered in this process; then a write directly to the socket would overtake it."""
    return bool(transport.dataBuffer or transport._tempDataBuffer)


def buffered_bytes(transport: Connection) -> int:
    """Return the number of written bytes buffered in this process. Twisted has no public way to measure its buffer."""
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen
