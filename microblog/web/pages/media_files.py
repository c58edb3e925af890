"""Serves uploaded files, limited to a few types that browsers never execute.

Addresses are unguessable and contents never change, but a file may be deleted or its owner suspended. Shared caches therefore revalidate
after an hour, and files of non-public posts are cached by the browser only. Large files are streamed, and range requests are supported.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO

from attrs import evolve, frozen
from twisted.internet.interfaces import IPullProducer, ITransport
from zope.interface import implementer

from microblog.domain.served_files import ServedFiles
from microblog.model.errors import NotFound
from microblog.web.http.body_sender import BodySender
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route

AT_ONCE = 256 * 1024  # bytes; larger files are sent piece by piece
PIECE = 64 * 1024
OPEN, NARROW = b"public, max-age=86400, s-maxage=3600, immutable", b"private, max-age=300"
POLICY = b"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
_NAME = re.compile(r"[0-9a-f]{32}(?:-small)?\.([a-z0-9]{3,4})")
_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mp3": "audio/mpeg",
}
_FOR_ALL = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Accept-Ranges": "bytes"}
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
    found = _RANGE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        span = ByteRange(max(0, size - int(found[2])), size)
    else:
        span = ByteRange(int(found[1]), min(size, int(found[2]) + 1) if found[2] else size)
    return span if span.start < span.end else None


@frozen
class MediaFiles:
    """Uploaded media files."""

    files: ServedFiles

    @route("GET", "/media/<name>", RouteOptions(body=0))
    async def show(self, request: Request, name: str) -> Response:
        """Serve an image, a video or an audio file."""
        known = _NAME.fullmatch(name)
        if known is None or known[1] not in _TYPES:
            raise NotFound("Not Found")
        cache = OPEN if await self.files.is_open(name) else NARROW
        answer = Response.data(b"", _TYPES[known[1]]).cached(cache, name).with_policy(POLICY).with_headers(_FOR_ALL)
        return answer if request.has(answer.etag) else _filled(request, answer, self.files.open(name))


def _filled(request: Request, answer: Response, file: BinaryIO) -> Response:
    """Add the file, or the requested range of it, to the response."""
    size = os.fstat(file.fileno()).st_size
    asked = byte_range(request.header("Range"), size)
    span = asked or ByteRange(0, size)
    if asked is not None:
        answer = evolve(answer, status=206).with_header("Content-Range", f"bytes {span.start}-{span.end - 1}/{size}")
    if span.length <= AT_ONCE:
        with file:
            file.seek(span.start)
            return evolve(answer, body=file.read(span.length))
    if request.method == "HEAD":
        file.close()
    return evolve(answer, protocol=FileProducer(file, span)).with_header("Content-Length", str(span.length))


@implementer(IPullProducer)
class FileProducer(BodySender):
    """Sends a part of a file with backpressure, then closes the connection."""

    def __init__(self, file: BinaryIO, span: ByteRange) -> None:
        self.file = file
        self.span = span
        self.unwritten = span.length

    def connectionMade(self) -> None:
        """Start producing."""
        assert self.transport is not None
        self.file.seek(self.span.start)
        _producing(self.transport, self)

    def resumeProducing(self) -> None:
        """Send the next chunk."""
        assert self.transport is not None
        piece = self.file.read(min(PIECE, self.unwritten))
        self.unwritten -= len(piece)
        if piece:
            self.transport.write(piece)
        if not piece or not self.unwritten:
            self.stopProducing()
            _producing(self.transport, None)
            self.transport.loseConnection()

    def stopProducing(self) -> None:
        """Close the file: the client disconnected or has received everything."""
        self.file.close()

    def connectionLost(self, reason: object = None) -> None:
        """Close the file."""
        self.file.close()


def _producing(transport: ITransport, producer: FileProducer | None) -> None:
    if producer is None:
        transport.unregisterProducer()  # type: ignore[attr-defined]  # every transport of a server is a consumer
    else:
        transport.registerProducer(producer, False)  # type: ignore[attr-defined]  # the same
