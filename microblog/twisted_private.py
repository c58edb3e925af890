"""Private names of Twisted that this server relies on, each with the reason.

Twisted may change them in any release. Hence pyproject.toml excludes its next major version, and tests/test_twisted_private.py fails where
one of them is gone, means something else, or is used outside of what is declared here, and also where a new Twisted takes a private
name that a subclass of ours has already.
"""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.tcp import Connection
from twisted.logger import globalLogPublisher
from twisted.python.logfile import BaseLogFile
from twisted.web import http


class TwistedHTTPChannel(http.HTTPChannel):
    """Twisted's HTTP/1.1 channel with the attributes that subclasses read and write.

    Two methods of it are also overridden, because Twisted has no public place for what they do: `_finishRequestBody` (what follows a
    chunked body) and `_respondToBadRequestAndDisconnect` (the response to what cannot be parsed).
    """

    _command: bytes
    """Method of the request whose head is being read."""
    _path: bytes
    """Its target, as sent; written back in a checked form."""
    _version: bytes
    """Its version, such as b"HTTP/1.1"."""
    _receivedHeaderSize: int  # noqa: N815 - Twisted's name
    """Bytes of the head so far; 0 before the request line."""
    _handlingRequest: bool  # noqa: N815 - Twisted's name
    """True from the end of a request until its response is written."""
    _dataBuffer: list[bytes]  # noqa: N815 - Twisted's name
    """Bytes that came while a request is being handled: the next request's."""
    _buffer: bytes
    """Bytes that were not yet taken apart into lines."""
    _waitingForTransport: bool  # noqa: N815 - Twisted's name
    """True while the transport asks to write no more."""
    _networkProducer: Any  # noqa: N815 - Twisted's name
    """The transport as a producer: pausing it stops the reading without telling the channel."""


class TwistedRequest(http.Request):
    """Twisted's request with the attribute that subclasses read."""

    _disconnected: bool
    """True once the client hung up."""


def is_buffering(transport: Connection) -> bool:
    """True if something that was written waits in this process; then a write to the socket itself would overtake it."""
    return bool(transport.dataBuffer or transport._tempDataBuffer)


def buffered_bytes(transport: Connection) -> int:
    """How many bytes that were written wait in this process. Twisted has no public way to measure its buffer."""
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


def log_files() -> Iterator[BaseLogFile]:
    """The files that twistd's own log is written to; none where it goes to standard output or syslog. Twisted gives nobody its observer."""
    for observer in globalLogPublisher._observers:
        file = getattr(observer, "_outFile", None)
        if isinstance(file, BaseLogFile):
            yield file
