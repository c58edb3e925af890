"""Encoding of response heads: status line, security policies, caching and CORS."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus

from attrs import field, frozen

from microblog.domain.rate_limits import LimitUsage
from microblog.web.http.compression import is_compressible
from microblog.web.http.request import Request
from microblog.web.http.response import HTML, JSON, NO_CACHE, NO_STORE, PUBLIC_BRIEFLY, Response

_SOURCES = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    b"connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE_POLICY = _SOURCES + b"; form-action 'self'"
CONSENT_POLICY = _SOURCES  # the consent form redirects to an app, often with a custom URL scheme
API_POLICY = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

_EVERYWHERE = b"X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
_PAGES = (
    _EVERYWHERE + b"X-Frame-Options: DENY\r\n"
    b"Permissions-Policy: accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
    b"midi=(), payment=(), usb=(), browsing-topics=()\r\n"
)
_ISOLATED = b"Cross-Origin-Opener-Policy: same-origin\r\n"
_TRANSPORT_SECURITY = b"Strict-Transport-Security: max-age=31536000\r\n"
_TRANSPORT_SECURITY_BELOW = b"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
_CORS = (
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: Link, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id\r\n"
)
_ALL_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
NO_BODY = frozenset({101, 204, 304})
_REQUESTABLE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_, ")


@lru_cache(maxsize=128)
def status_line(status: int) -> bytes:
    """The status line of a response, with its line end."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("ascii")


@frozen(eq=False)  # hashed for each response
class _SitePolicy:
    """Additions of the settings to the policies: the line about TLS, and origins of media besides the site's, each after a space."""

    transport_security: bytes
    media_origins: bytes

    def with_media(self, policy: bytes) -> bytes:
        """Return a page's policy that permits media from these origins."""
        for directive in (b"img-src 'self'", b"media-src 'self'"):
            policy = policy.replace(directive, directive + self.media_origins)
        return policy


@lru_cache(maxsize=64)
def _policies(content_type: bytes, policy: bytes | None, vary: bytes, site: _SitePolicy, keeps_opener: bool) -> bytes:
    page = content_type == HTML
    block = _PAGES if page else _EVERYWHERE
    if page and not keeps_opener:
        block += _ISOLATED
    policy = policy or (PAGE_POLICY if page else API_POLICY)
    block += b"Content-Security-Policy: " + (site.with_media(policy) if page else policy) + b"\r\n"
    block += vary + site.transport_security
    return (b"Content-Type: " + content_type + b"\r\n" if content_type else b"") + block


def _vary(response: Response, request: Request) -> bytes:
    cors = _CORS if request.cross_origin else b""
    if request.api:
        return cors + b"Vary: Accept-Encoding, Authorization, Origin\r\n"
    public = response.content_type not in (HTML, JSON) and response.cache is not None and b"public" in response.cache
    if public:
        has_vary = any(name == b"Vary" for name, _ in response.headers)
        return cors + b"Vary: Accept-Encoding\r\n" if is_compressible(response.content_type) and not has_vary else cors
    return cors + b"Vary: Accept, Accept-Encoding, Accept-Language, Cookie\r\n"


def _cache(response: Response, request: Request) -> bytes:
    if request.personal or request.cookies or response.cookies:
        return NO_STORE
    if response.cache is not None:
        return response.cache
    if request.viewer is not None or request.access is not None or (response.status >= 300 and response.status != 304):
        return NO_STORE
    return PUBLIC_BRIEFLY if request.api and request.method == "GET" else NO_CACHE


@lru_cache(maxsize=64)
def _reset_header(reset: int) -> bytes:
    return datetime.fromtimestamp(reset, UTC).strftime("X-RateLimit-Reset: %Y-%m-%dT%H:%M:%S.%fZ\r\n").encode("ascii")


def limit_headers(usage: LimitUsage) -> Iterable[bytes]:
    """The X-RateLimit headers, for the most exhausted limit of the request."""
    yield b"X-RateLimit-Limit: %d\r\nX-RateLimit-Remaining: %d\r\n" % (usage.rate.limit, usage.remaining)
    yield _reset_header(usage.reset)


def preflight(request: Request) -> Response:
    """The response to a CORS preflight: scripts of all sites may use the API, with any method and header."""
    requested = request.incoming.getHeader(b"Access-Control-Request-Headers") or b""
    if not _REQUESTABLE.issuperset(requested) or len(requested) > 1_024:
        requested = b"Authorization, Content-Type, Idempotency-Key"
    headers = {"Access-Control-Allow-Methods": _ALL_METHODS, "Access-Control-Max-Age": "86400"}
    return Response.empty(200).with_headers(headers).with_header("Access-Control-Allow-Headers", requested)


@frozen
class HeaderEncoder:
    """Encodes response heads. `secure`: the public URL is https. `subdomains`: so are all names below its host (HSTS).

    `media_origins`: where media are besides the site's own origin.
    """

    secure: bool
    subdomains: bool = False
    media_origins: Collection[str] = ()
    _site: _SitePolicy = field(init=False)

    @_site.default
    def _of_site(self) -> _SitePolicy:
        transport_security = (_TRANSPORT_SECURITY_BELOW if self.subdomains else _TRANSPORT_SECURITY) if self.secure else b""
        return _SitePolicy(transport_security, "".join(f" {origin}" for origin in self.media_origins).encode("ascii"))

    def policies(self, content_type: bytes) -> bytes:
        """The lines of a response without a route: Content-Type and the security policies for it."""
        return _policies(content_type, None, b"", self._site, False)

    def encode(self, response: Response, request: Request, date: bytes) -> bytes:
        """The head, including the empty line. `date` is an IMF-fixdate."""
        keeps_opener = request.route is not None and request.route.options.keeps_opener
        policies = _policies(response.content_type, response.policy, _vary(response, request), self._site, keeps_opener)
        parts = [status_line(response.status), policies]
        parts += (b"Date: ", date, b"\r\nX-Request-Id: ", request.incoming.id.encode("ascii"))
        parts += (b"\r\nCache-Control: ", _cache(response, request), b"\r\n")
        if response.protocol is None and response.status not in NO_BODY:
            parts.append(b"Content-Length: %d\r\n" % len(response.body))
        if response.etag is not None:
            parts += (b"ETag: ", response.etag, b"\r\n")
        for name, value in response.headers:
            parts += (name, b": ", value, b"\r\n")
        for cookie in (*response.cookies, *request.cookies):
            parts += (b"Set-Cookie: ", request.origin.jar.encode(cookie), b"\r\n")
        if request.limit_usage is not None:
            parts.extend(limit_headers(request.limit_usage))
        if response.status != 101 and not request.incoming.persistent_after(response):
            parts.append(b"Connection: close\r\n")
        parts.append(b"\r\n")
        return b"".join(parts)
