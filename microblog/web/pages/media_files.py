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

from microblog.domain.ports import FileStore, ServedFile
from microblog.domain.served_files import ServedFiles
from microblog.model.errors import NotFound
from microblog.model.media import MEDIA_TYPES, FileLink
from microblog.web.http.body_sender import BodySender
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route

MAX_UNSTREAMED = 256 * 1024  # bytes; larger files are sent piece by piece
CHUNK_SIZE = 64 * 1024
PUBLIC_CACHE, PRIVATE_CACHE = b"public, max-age=86400, s-maxage=3600, immutable", b"private, max-age=300"
POLICY = (
    b"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox"
)
_NAME = re.compile(r"[0-9a-f]{32}(?:-small|-[0-9]{1,2})?\.([a-z0-9]{3,4})")
HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Accept-Ranges": "bytes"}
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


@frozen
class MediaFiles:
    """Uploaded media files."""

    files: ServedFiles

    @route("GET", "/media/<name>", RouteOptions(body=0))
    async def show(self, request: Request, name: str) -> Response:
        """Serve an image, a video or an audio file."""
        match = _NAME.fullmatch(name)
        if match is None or match[1] not in MEDIA_TYPES:
            raise NotFound("Not Found")
        return await served(request, self.files.files, name, is_open=await self.files.is_open(name))


async def served(request: Request, files: FileStore, name: str, *, is_open: bool) -> Response:
    """Return the response with a file for somebody who may see it. `is_open`: everybody may. Raises NotFound."""
    cache = PUBLIC_CACHE if is_open else PRIVATE_CACHE
    response = Response.data(b"", MEDIA_TYPES[name.rpartition(".")[2]]).cached(cache, name).with_policy(POLICY).with_headers(HEADERS)
    return response if request.has(response.etag) else with_served(request, response, await files.serve(name, is_open=is_open))


def with_served(request: Request, response: Response, served: ServedFile) -> Response:
    """Add the file to the response, or return a redirect to it, which a browser may reuse as long as the link."""
    if not isinstance(served, FileLink):
        return _with_file(request, response, served)
    scope = "public" if served.is_shared else "private"
    return Response.redirect(served.url, 302).cached(f"{scope}, max-age={served.max_age}".encode("ascii")).with_headers(HEADERS)


def _with_file(request: Request, response: Response, file: BinaryIO) -> Response:
    """Add the file, or the requested range of it, to the response."""
    size = os.fstat(file.fileno()).st_size
    requested = byte_range(request.header("Range"), size)
    span = requested or ByteRange(0, size)
    if requested is not None:
        response = evolve(response, status=206).with_header("Content-Range", f"bytes {span.start}-{span.end - 1}/{size}")
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
        assert self.transport is not None
        self.file.seek(self.span.start)
        _set_producer(self.transport, self)

    def resumeProducing(self) -> None:
        """Send the next chunk."""
        assert self.transport is not None
        chunk = self.file.read(min(CHUNK_SIZE, self.unwritten))
        self.unwritten -= len(chunk)
        if chunk:
            self.transport.write(chunk)
        if not chunk or not self.unwritten:
            self.stopProducing()
            _set_producer(self.transport, None)
            self.transport.loseConnection()

    def stopProducing(self) -> None:
        """Close the file: the client disconnected or has received everything."""
        self.file.close()

    def connectionLost(self, reason: object = None) -> None:
        """Close the file."""
        self.file.close()


def _set_producer(transport: ITransport, producer: FileProducer | None) -> None:
    if producer is None:
        transport.unregisterProducer()  # type: ignore[attr-defined]  # every transport of a server is a consumer
    else:
        transport.registerProducer(producer, False)  # type: ignore[attr-defined]  # the same
