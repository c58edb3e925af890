"""Response bodies from files: small ones in memory, larger ones sent piece by piece."""

from __future__ import annotations

import re
from typing import BinaryIO

from attrs import evolve, frozen
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from microblog.web.http.body_sender import BodySender
from microblog.web.http.request import Request
from microblog.web.http.response import Response

MAX_UNSTREAMED = 256 * 1024  # bytes; larger files are sent piece by piece
CHUNK_SIZE = 64 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@frozen
class ByteRange:
    """The bytes from `start` up to, but not including, `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.end - self.start


def byte_range(header: str | None, size: int) -> ByteRange | None:
    """Parse a Range header with a single range (RFC 9110, section 14.2). None if it is invalid or not satisfiable."""
    match = _RANGE.fullmatch(header or "")
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        span = ByteRange(max(0, size - int(match[2])), size)
    else:
        span = ByteRange(int(match[1]), min(size, int(match[2]) + 1) if match[2] else size)
    return span if span.start < span.end else None


def with_file(request: Request, response: Response, file: BinaryIO, span: ByteRange) -> Response:
    """Add these bytes of the file to the response, which closes it."""
    if span.length <= MAX_UNSTREAMED:
        with file:
            file.seek(span.start)
            return evolve(response, body=file.read(span.length))
    if request.method == "HEAD":
        file.close()
    return evolve(response, protocol=FileProducer(file, span)).with_header("Content-Length", str(span.length))


@implementer(IPullProducer)
class FileProducer(BodySender):
    """Sends a part of a file with backpressure, then closes the connection."""

    def __init__(self, file: BinaryIO, span: ByteRange) -> None:
        self.file = file
        self.span = span
        self.unwritten = span.length

    def connectionMade(self) -> None:
        """Start producing."""
        self.file.seek(self.span.start)
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Send the next chunk."""
        chunk = self.file.read(min(CHUNK_SIZE, self.unwritten))
        self.unwritten -= len(chunk)
        if chunk:
            self.transport.write(chunk)
        if not chunk or not self.unwritten:
            self.stopProducing()
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def stopProducing(self) -> None:
        """Close the file: the client disconnected or has received everything."""
        self.file.close()

    def connectionLost(self, reason: object = None) -> None:
        """Close the file."""
        self.file.close()
