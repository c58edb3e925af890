"""Compression of responses with gzip.

The length of a compressed response must not reveal a secret (BREACH). Form tokens have a new mask on each page (see csrf.py). Responses
to logged-in users are not compressed if a page of another site caused the request, since it could choose text to compress next to theirs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache

from attrs import evolve

from microblog.web.http.csrf import is_cross_site
from microblog.web.http.request import Request
from microblog.web.http.response import HTML, JSON, Response

SMALLEST = 1_000  # bytes: less fits into one packet
LARGEST = 512 * 1024  # bytes: more would block the reactor for too long
LEVEL = 1  # for responses to one client: half the time of level 6, a tenth more bytes
LEVEL_CACHED = 6  # for cached responses
_OTHERS = (b"text/", b"application/json", b"application/atom+xml", b"application/rss+xml", b"application/xrd+xml", b"application/jrd+json")
_ENCODED = (b"Content-Encoding", b"gzip")
_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # RFC 1952: deflate, no name, no time, from an unknown system
_END = b"\x03\0"  # RFC 1951: a last block with nothing in it


@lru_cache(256)
def accepts_gzip(header: str | None) -> bool:
    """True if an Accept-Encoding header allows gzip."""
    for item in (header or "").lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


@lru_cache(64)
def is_compressible(content_type: bytes) -> bool:
    """True for text; images, video and audio are compressed already."""
    return content_type in (HTML, JSON) or content_type.startswith(_OTHERS)


def may_compress(request: Request) -> bool:
    """True if the client accepts gzip, and the length of the response reveals nothing."""
    accepted = request.incoming.getHeader(b"Accept-Encoding")
    if accepted is None or not accepts_gzip(accepted.decode("latin-1")):
        return False
    if request.viewer is None or request.api:
        return True
    own_hosts = frozenset({request.host, request.origin.host})
    return not is_cross_site(request.header("Sec-Fetch-Site"), request.header("Origin"), own_hosts)


def packed(request: Request, response: Response) -> Response:
    """Compress the body of a response if that is possible and worthwhile."""
    if not SMALLEST <= len(response.body) <= LARGEST or not is_compressible(response.content_type):
        return response
    if any(name == b"Content-Encoding" for name, _ in response.headers) or not may_compress(request):
        return response
    return with_compressed_body(response, zlib.compress(response.body, LEVEL, wbits=31))


def with_compressed_body(response: Response, body: bytes) -> Response:
    """The response with an already compressed body."""
    return evolve(response, body=body, headers=(*response.headers, _ENCODED))


def compressed_piece(piece: bytes) -> bytes:
    """Compress a piece of a body to deflate blocks that can be joined with others (RFC 1951)."""
    packer = zlib.compressobj(LEVEL_CACHED, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)


def stored_piece(piece: bytes) -> bytes:
    """A short piece as a stored (uncompressed) deflate block."""
    return b"\0" + len(piece).to_bytes(2, "little") + (len(piece) ^ 0xFFFF).to_bytes(2, "little") + piece


def joined(pieces: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Build a gzip body from pieces, each given as plain bytes and as deflate blocks."""
    check = size = 0
    parts = [_HEAD]
    for plain, blocks in pieces:
        check, size = zlib.crc32(plain, check), size + len(plain)
        parts.append(blocks)
    parts += (_END, check.to_bytes(4, "little"), size.to_bytes(4, "little"))
    return b"".join(parts)
