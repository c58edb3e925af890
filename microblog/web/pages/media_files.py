"""Serves uploaded files, limited to a few types that browsers never execute.

Addresses are unguessable and contents never change, but a file may be deleted or its owner suspended. Shared caches therefore revalidate
after an hour, and files of non-public posts are cached by the browser only. Large files are streamed, and range requests are supported.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO

from attrs import evolve, frozen

from microblog.domain.ports import FileStore, ServedFile
from microblog.domain.served_files import ServedFiles
from microblog.model.errors import NotFound
from microblog.model.media import MEDIA_TYPES, FileLink
from microblog.web.http.file_body import ByteRange, byte_range, with_file
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route

PUBLIC_CACHE, PRIVATE_CACHE = b"public, max-age=86400, s-maxage=3600, immutable", b"private, max-age=300"
POLICY = (
    b"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox"
)
_NAME = re.compile(r"[0-9a-f]{32}(?:-small|-[0-9]{1,2})?\.([a-z0-9]{3,4})")
HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Accept-Ranges": "bytes"}


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
    span = byte_range(request.header("Range"), size)
    if span is None:
        return with_file(request, response, file, ByteRange(0, size))
    response = evolve(response, status=206).with_header("Content-Range", f"bytes {span.start}-{span.end - 1}/{size}")
    return with_file(request, response, file, span)
