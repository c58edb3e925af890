"""The head of a response: status line, policies and caching, encoded once as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus

from attrs import frozen

from microblog.domain.rate_limits import LimitUsage
from microblog.web.http.compression import is_packable
from microblog.web.http.request import Request
from microblog.web.http.response import HTML, JSON, NO_CACHE, NO_STORE, PUBLIC_BRIEFLY, Response

_SOURCES = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    b"connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE_POLICY = _SOURCES + b"; form-action 'self'"
CONSENT_POLICY = _SOURCES  # the consent page's form ends in a redirect to an application, often with a scheme of its own
API_POLICY = b"default-src 'none'; frame-ancestors 'none'; form-action 'none'"

_EVERYWHERE = b"X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
_PAGES = (
    _EVERYWHERE + b"X-Frame-Options: DENY\r\n"
    b"Permissions-Policy: accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
    b"midi=(), payment=(), usb=(), browsing-topics=()\r\n"
)
_ISOLATED = b"Cross-Origin-Opener-Policy: same-origin\r\n"
_TRANSPORT_SECURITY = b"Strict-Transport-Security: max-age=31536000\r\n"
_CORS = (
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: Link, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id\r\n"
)
_ALL_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
NO_BODY = frozenset({101, 204, 304})
_REQUESTABLE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_, ")


@lru_cache(maxsize=128)
def status_line(status: int) -> bytes:
    """The first line of a response, with its end."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("ascii")


@lru_cache(maxsize=64)
def _policies(content_type: bytes, policy: bytes | None, vary: bytes, secure: bool, keeps_opener: bool) -> bytes:
    page = content_type == HTML
    block = _PAGES if page else _EVERYWHERE
    if page and not keeps_opener:
        block += _ISOLATED
    block += b"Content-Security-Policy: " + (policy or (PAGE_POLICY if page else API_POLICY)) + b"\r\n"
    block += vary
    if secure:
        block += _TRANSPORT_SECURITY
    return (b"Content-Type: " + content_type + b"\r\n" if content_type else b"") + block


def _vary(answer: Response, request: Request) -> bytes:
    cors = _CORS if request.cross_origin else b""
    if request.api:
        return cors + b"Vary: Accept-Encoding, Authorization, Origin\r\n"
    for_all = answer.content_type not in (HTML, JSON) and answer.cache is not None and b"public" in answer.cache
    if for_all:
        said = any(name == b"Vary" for name, _ in answer.headers)
        return cors + b"Vary: Accept-Encoding\r\n" if is_packable(answer.content_type) and not said else cors
    return cors + b"Vary: Accept, Accept-Encoding, Accept-Language, Cookie\r\n"


def _cache(answer: Response, request: Request) -> bytes:
    if request.personal or request.cookies or answer.cookies:
        return NO_STORE
    if answer.cache is not None:
        return answer.cache
    if request.viewer is not None or request.access is not None or (answer.status >= 300 and answer.status != 304):
        return NO_STORE
    return PUBLIC_BRIEFLY if request.api and request.method == "GET" else NO_CACHE


@lru_cache(maxsize=64)
def _reset_header(reset: int) -> bytes:
    return datetime.fromtimestamp(reset, UTC).strftime("X-RateLimit-Reset: %Y-%m-%dT%H:%M:%S.%fZ\r\n").encode("ascii")


def limit_headers(count: LimitUsage) -> Iterable[bytes]:
    """How much of the most exhausted limit is left, as API clients read it."""
    yield b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\n" % (count.rate.limit, count.remaining)
    yield _reset_header(count.reset)


def preflight(request: Request) -> Response:
    """The answer to a browser that asks whether another site's script may call the API: it may, with any method and any header."""
    wanted = request.incoming.getHeader(b"Access-Control-Request-Headers") or b""
    if not _REQUESTABLE.issuperset(wanted) or len(wanted) > 1_024:
        wanted = b"Authorization, Content-Type, Idempotency-Key"
    told = {"Access-Control-Allow-Methods": _ALL_METHODS, "Access-Control-Max-Age": "86400"}
    return Response.empty(200).with_headers(told).with_header("Access-Control-Allow-Headers", wanted)


@frozen
class HeaderEncoder:
    """Encodes heads for one site. `secure`: its public URL is https."""

    secure: bool

    def encode(self, answer: Response, request: Request, date: bytes) -> bytes:
        """Everything before the body, with the empty line. `date` is an IMF-fixdate."""
        keeps_opener = request.route is not None and request.route.needs.keeps_opener
        policies = _policies(answer.content_type, answer.policy, _vary(answer, request), self.secure, keeps_opener)
        parts = [status_line(answer.status), policies]
        parts += (b"Date: ", date, b"\r\nX-Request-Id: ", request.incoming.id.encode("ascii"))
        parts += (b"\r\nCache-Control: ", _cache(answer, request), b"\r\n")
        if answer.protocol is None and answer.status not in NO_BODY:
            parts.append(b"Content-Length: %d\r\n" % len(answer.body))
        if answer.etag is not None:
            parts += (b"ETag: ", answer.etag, b"\r\n")
        for name, value in answer.headers:
            parts += (name, b": ", value, b"\r\n")
        for cookie in (*answer.cookies, *request.cookies):
            parts += (b"Set-Cookie: ", request.origin.jar.encode(cookie), b"\r\n")
        if request.limit_usage is not None:
            parts.extend(limit_headers(request.limit_usage))
        if answer.status != 101 and not request.incoming.persistent_after(answer):
            parts.append(b"Connection: close\r\n")
        parts.append(b"\r\n")
        return b"".join(parts)
