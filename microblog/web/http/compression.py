"""Responses with gzip, for clients that take it.

What is compressed must not tell a secret by its length (BREACH). Form tokens are masked afresh on each page (see csrf.py); and what a
member gets is sent as it is if another site's page caused the request, so that nobody can choose what stands beside a member's texts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache

from attrs import evolve

from microblog.web.http.csrf import comes_from_elsewhere
from microblog.web.http.request import Request
from microblog.web.http.response import HTML, JSON, Response

SMALLEST = 1_000  # bytes: less fits into one packet anyway
LARGEST = 512 * 1024  # more would hold up the reactor
LEVEL = 1  # of what is made for one client: half the time of the usual level, a tenth more bytes
LEVEL_KEPT = 6  # of what is kept for many
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
def is_packable(content_type: bytes) -> bool:
    """True for text; pictures, films and sound are compressed already."""
    return content_type in (HTML, JSON) or content_type.startswith(_OTHERS)


def may_pack(request: Request) -> bool:
    """True if the client takes gzip, and the length of the response tells nobody anything."""
    accepted = request.incoming.getHeader(b"Accept-Encoding")
    if accepted is None or not accepts_gzip(accepted.decode("latin-1")):
        return False
    if request.viewer is None or request.api:
        return True
    own = frozenset({request.host, request.origin.host})
    return not comes_from_elsewhere(request.header("Sec-Fetch-Site"), request.header("Origin"), own)


def packed(request: Request, answer: Response) -> Response:
    """The answer with its body compressed, where that is possible and worth it."""
    if not SMALLEST <= len(answer.body) <= LARGEST or not is_packable(answer.content_type):
        return answer
    if any(name == b"Content-Encoding" for name, _ in answer.headers) or not may_pack(request):
        return answer
    return with_packed(answer, zlib.compress(answer.body, LEVEL, wbits=31))


def with_packed(answer: Response, body: bytes) -> Response:
    """The answer with a body that is compressed already."""
    return evolve(answer, body=body, headers=(*answer.headers, _ENCODED))


def packed_piece(piece: bytes) -> bytes:
    """A piece of a body as deflate blocks that can stand between any others (RFC 1951)."""
    packer = zlib.compressobj(LEVEL_KEPT, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)


def stored_piece(piece: bytes) -> bytes:
    """A short piece as it is, as a deflate block between others."""
    return b"\0" + len(piece).to_bytes(2, "little") + (len(piece) ^ 0xFFFF).to_bytes(2, "little") + piece


def joined(pieces: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A gzip body from pieces: each as it is, and as deflate blocks."""
    check = size = 0
    parts = [_HEAD]
    for plain, blocks in pieces:
        check, size = zlib.crc32(plain, check), size + len(plain)
        parts.append(blocks)
    parts += (_END, check.to_bytes(4, "little"), size.to_bytes(4, "little"))
    return b"".join(parts)
