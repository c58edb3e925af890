"""The response of a route: a frozen value that the dispatcher encodes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import quote
from zlib import crc32

import orjson
from attrs import evolve, frozen
from twisted.internet.interfaces import IProtocol

from microblog.web.http.cookies import Cookie

HTML = b"text/html; charset=utf-8"
JSON = b"application/json; charset=utf-8"
TEXT = b"text/plain; charset=utf-8"

NO_STORE = b"private, no-store"
NO_CACHE = b"no-cache"
PUBLIC_BRIEFLY = b"max-age=15, public"
PUBLIC_A_WHILE = b"max-age=300, public, stale-while-revalidate=30, stale-if-error=86400"
FOR_EVER = b"public, max-age=31536000, immutable"

_UNSAFE_IN_HEADER = re.compile(rb"[\x00-\x1f\x7f]")
_HEADER_NAME = re.compile(rb"[A-Za-z0-9-]+")
_SAFE_IN_LOCATION = "!#$%&'()*+,/:;=?@[]~"


def _header(name: str, value: str | bytes) -> tuple[bytes, bytes]:
    raw_name, raw = name.encode("ascii"), value.encode("utf-8") if isinstance(value, str) else value
    if _UNSAFE_IN_HEADER.search(raw) or not _HEADER_NAME.fullmatch(raw_name):
        raise ValueError(f"The header {name!r} contains characters that would corrupt the response.")
    return raw_name, raw


@frozen
class Response:
    """A response. Build it with the class methods, then add to it with `with_...`; each gives a new value.

    `cache`: the Cache-Control header; None for the default by viewer. `policy`: the Content-Security-Policy; None for the default by
    content type. `protocol`: see `stream`.
    """

    status: int = 200
    body: bytes = b""
    content_type: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    cookies: tuple[Cookie, ...] = ()
    cache: bytes | None = None
    etag: bytes | None = None
    policy: bytes | None = None
    protocol: IProtocol | None = None

    @classmethod
    def html(cls, body: bytes | str, status: int = 200) -> Self:
        """An HTML page."""
        return cls(status, body.encode("utf-8") if isinstance(body, str) else body, HTML)

    @classmethod
    def json(cls, value: object, status: int = 200) -> Self:
        """`value` as JSON; bytes are JSON that is already encoded."""
        return cls(status, value if isinstance(value, bytes) else orjson.dumps(value), JSON)

    @classmethod
    def text(cls, body: str, status: int = 200) -> Self:
        """Plain text."""
        return cls(status, body.encode("utf-8"), TEXT)

    @classmethod
    def data(cls, body: bytes, content_type: str, *, download_as: str | None = None) -> Self:
        """Bytes of any type. `download_as`: file name under which a browser saves them instead of showing them."""
        response = cls(200, body, _header("Content-Type", content_type)[1])
        if download_as is None:
            return response
        name = quote(download_as, safe="")
        return response.with_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")

    @classmethod
    def redirect(cls, target: str, status: int = 303) -> Self:
        """Redirect to `target`. A target from user input has to pass through `Request.next_path` first."""
        location = quote(target, safe=_SAFE_IN_LOCATION)
        return cls(status, headers=(_header("Location", location),), cache=NO_STORE)

    @classmethod
    def empty(cls, status: int = 204) -> Self:
        """No body."""
        return cls(status)

    @classmethod
    def stream(cls, protocol: IProtocol, *, content_type: str = "text/event-stream", status: int = 200) -> Self:
        """Hand the connection to `protocol` after the head of the response is written (status 101: without Content-Type).

        Then `protocol.makeConnection(transport)` is called with the bare transport; later data goes to its `dataReceived`, and
        `connectionLost` is called when the client disconnects. The body ends with the connection; it is not chunked.
        """
        kind = b"" if status == 101 else _header("Content-Type", content_type)[1]
        return cls(status, content_type=kind, cache=b"no-store", protocol=protocol)

    def with_header(self, name: str, value: str | bytes) -> Self:
        """Add a header. Raises ValueError for control characters."""
        return evolve(self, headers=(*self.headers, _header(name, value)))

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Add several headers."""
        return evolve(self, headers=(*self.headers, *(_header(name, value) for name, value in headers.items())))

    def with_cookie(self, name: str, value: str, max_age: int | None = None) -> Self:
        """Set a cookie. Prefix, Secure, HttpOnly and SameSite are added by the dispatcher."""
        return evolve(self, cookies=(*self.cookies, Cookie(name, value, max_age)))

    def without_cookie(self, name: str) -> Self:
        """Delete a cookie."""
        return self.with_cookie(name, "", 0)

    def cached(self, cache: bytes, etag: str | None = None) -> Self:
        """Set Cache-Control and, if given, a weak ETag, by which the dispatcher responds with 304."""
        return evolve(self, cache=cache, etag=None if etag is None else b'W/"' + _header("ETag", etag)[1].replace(b'"', b"") + b'"')

    def tagged(self) -> Self:
        """Add a weak ETag of the body."""
        return evolve(self, etag=b'W/"%x-%08x"' % (len(self.body), crc32(self.body)))

    def with_policy(self, policy: bytes) -> Self:
        """Set the Content-Security-Policy, instead of the default for the content type (see web/http/headers.py)."""
        return evolve(self, policy=policy)
