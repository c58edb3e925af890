"""The request as a route sees it: viewer, client address, parameters."""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from typing import Protocol
from urllib.parse import unquote, urlsplit

from attrs import define, field, frozen

from microblog.domain.rate_limits import LimitUsage
from microblog.model.accounts import Session, Viewer
from microblog.model.errors import Unauthenticated
from microblog.model.oauth import TokenContext
from microblog.web.http import csrf
from microblog.web.http.body_parsing import close_uploads, read_body, read_query
from microblog.web.http.client_address import Address
from microblog.web.http.cookies import SESSION, VISITOR, Cookie, CookieJar
from microblog.web.http.incoming import IncomingRequest
from microblog.web.http.params import Params
from microblog.web.http.route_options import Route

_LANGUAGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*")
_MAX_LANGUAGES = 20
MAX_NEXT_LENGTH = 8_192  # OAuth requests may have a redirect URI and a state of 2,000 characters each
_UNSAFE_PATH = re.compile(r"[\x00-\x20\x7f\\]")
_CROSS_ORIGIN = re.compile(r"/(?:api|\.well-known|nodeinfo)/|/oauth/(?:token|revoke|userinfo)/?\Z")


class Authenticator(Protocol):
    """Looks up sessions and tokens. None: unknown or expired.

    May raise Unauthenticated (revoked) or Forbidden (suspended, not confirmed) with its sentence.
    """

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """The viewer and session of a session token."""

    async def is_over(self, token: str) -> bool:
        """True if no session has this token, not even one of a suspended account."""

    async def by_bearer(self, token: str, *, address: str = "", pending: bool = False) -> TokenContext | None:
        """The app, scopes and viewer of an access token. `address`: the client's, which is stored now and then."""


@frozen
class SiteOrigin:
    """The public address of the site: `url` without a trailing slash, `host` with a port other than the default."""

    url: str
    host: str
    jar: CookieJar

    @classmethod
    def parse(cls, public_url: str) -> SiteOrigin:
        """Parse a URL such as `https://example.org`. Raises ValueError for anything else."""
        parts = urlsplit(public_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"{public_url} is not a valid site URL, such as https://example.org")
        return cls(f"{parts.scheme}://{parts.netloc.lower()}", parts.netloc.lower(), CookieJar(parts.scheme == "https"))

    @property
    def secure(self) -> bool:
        """True if the public URL is https."""
        return self.jar.secure


def is_cross_origin(path: str) -> bool:
    """True if scripts of all sites may access this path (CORS), whether or not it exists."""
    return _CROSS_ORIGIN.match(path) is not None


def next_path(target: str, default: str = "/") -> str:
    """`target` if it is a path of this site, else `default`. Prevents open redirects by `?next=`."""
    decoded = unquote(target)
    if not target.startswith("/") or len(target) > MAX_NEXT_LENGTH:
        return default
    for form in (target, decoded, unquote(decoded)):
        if form[1:2] in ("/", "\\") or _UNSAFE_PATH.search(form.partition("?")[0]) or urlsplit(form).netloc:
            return default
    return default if _UNSAFE_PATH.search(target) else target


@define(eq=False)
class Request:
    """A request that is being handled. `route` is None if none matched.

    `log_position`: position in the invalidation log at or after which the viewer was read.
    `cookies` are set with any response. `personal`: the response contains something that must not be stored, such as a form token.
    """

    incoming: IncomingRequest
    origin: SiteOrigin
    route: Route | None = None
    viewer: Viewer | None = None
    session: Session | None = None
    access: TokenContext | None = None
    log_position: int = 0
    limit_usage: LimitUsage | None = None
    cookies: list[Cookie] = field(factory=list)
    personal: bool = False
    _fields: Params | None = None
    _visitor: str | None = None

    @property
    def member(self) -> Viewer:
        """The viewer, for routes that need one. Raises Unauthenticated if there is none."""
        if self.viewer is None:
            raise Unauthenticated("Please log in first.")
        return self.viewer

    @property
    def method(self) -> str:
        """GET, POST ..."""
        return self.incoming.method_name

    @property
    def path(self) -> str:
        """The decoded path."""
        return self.incoming.path_text

    @property
    def url(self) -> str:
        """The public absolute URL of this request, without its query."""
        return self.origin.url + self.incoming.raw_path.decode("ascii")

    @property
    def path_and_query(self) -> str:
        """The encoded path and query, as used in `?next=`."""
        return self.incoming.uri.decode("ascii")

    @property
    def id(self) -> str:
        """The request id in the log and in X-Request-Id."""
        return self.incoming.id

    @property
    def address(self) -> Address:
        """The client's address, also behind trusted proxies."""
        return self.incoming.address

    @property
    def network(self) -> str:
        """The client's network, as rate limits count it: an IPv4 address or an IPv6 /64."""
        return self.incoming.network

    @property
    def secure(self) -> bool:
        """True if the client uses TLS, to us or to a trusted proxy."""
        return self.incoming.secure

    @property
    def host(self) -> str:
        """The Host header, lower case."""
        return self.incoming.host_name

    def header(self, name: str) -> str | None:
        """The (last) value of a request header."""
        return self.incoming.getHeader(name)

    def has(self, etag: bytes | None) -> bool:
        """True if If-None-Match contains this entity tag (RFC 9110, section 13.1.2)."""
        sent_etags = self.incoming.getHeader(b"If-None-Match")
        if etag is None or sent_etags is None:
            return False
        return etag.removeprefix(b"W/") in (tag.strip().removeprefix(b"W/") for tag in sent_etags.split(b","))

    def cookie(self, name: str) -> str | None:
        """The value of one of our cookies."""
        return self.origin.jar.read(self.incoming.getHeader(b"Cookie"), name)

    @property
    def body(self) -> bytes:
        """The raw body."""
        return self.incoming.body

    @property
    def fields(self) -> Params:
        """The parameters of query and body; the body takes precedence. Raises Malformed, Invalid or TooLarge."""
        if self._fields is None:
            self._fields = self.parse()
        return self._fields

    def parse(self) -> Params:
        """Parse the parameters. Thread-safe: it only reads."""
        tree = read_query(self.incoming.query)
        body = self.incoming.file or self.incoming.body
        if body and not (self.route and self.route.options.signed):
            tree = {**tree, **read_body(body, self.header("Content-Type") or "")}
        return Params(tree)

    def close(self) -> None:
        """Close uploaded files."""
        if self.incoming.file is not None:
            self.incoming.file.close()
        if self._fields is not None:
            close_uploads(self._fields.tree)

    def is_repeated(self, name: str) -> bool:
        """True if a parameter was sent more than once: in one place, or in query and body with different values."""
        if self.fields.is_repeated(name):
            return True
        query = Params(read_query(self.incoming.query))
        return query.is_repeated(name) or (query.has(name) and query.value(name) != self.fields.value(name))

    def set_fields(self, fields: Params) -> None:
        """Use these parsed parameters."""
        self._fields = fields

    @property
    def api(self) -> bool:
        """True if responses, including errors, are for API clients: an API route, or an unknown path of the API."""
        return self.route.options.api if self.route else self.cross_origin

    @property
    def cross_origin(self) -> bool:
        """True if scripts of all sites may read the response."""
        return is_cross_origin(self.path)

    @property
    def wants_json(self) -> bool:
        """True if the response should be JSON: an API route, or `Accept: application/json` of our own scripts."""
        if self.api:
            return True
        accept = self.incoming.getHeader(b"Accept")
        return accept is not None and b"application/json" in accept and b"text/html" not in accept

    def languages(self) -> tuple[str, ...]:
        """The client's languages by preference, lower case (`en-gb`): `?lang=` before Accept-Language."""
        header = (self.header("Accept-Language") or "")[:1_024]
        found = [_LANGUAGE.fullmatch(item) for item in header.split(",")[:_MAX_LANGUAGES]]
        weighted = [(-float(match.group(2) or 1), match.group(1).lower()) for match in found if match]
        chosen = _LANGUAGE.fullmatch(self.fields.value("lang", max=32)) if b"lang=" in self.incoming.query else None
        return ((chosen.group(1).lower(),) if chosen else ()) + tuple(tag for weight, tag in sorted(weighted, key=lambda w: w[0]) if weight)

    def next_path(self, default: str = "/") -> str:
        """The path to redirect to, from the parameter `next`: always a path of this site."""
        return next_path(self.fields.value("next"), default)

    @property
    def csrf_secret(self) -> str | None:
        """The secret of form tokens: the session token, or the visitor cookie if nobody is logged in."""
        return self.cookie(SESSION) if self.session else self._visitor or self.cookie(VISITOR)

    @property
    def csrf(self) -> str:
        """A token for the hidden input `csrf` of a form. Marks the response as personal; the first one of a visitor sets a cookie."""
        self.personal = True
        secret = self.csrf_secret
        if secret is None:
            secret = self._visitor = urlsafe_b64encode(os.urandom(18)).decode("ascii")
            self.cookies.append(Cookie(VISITOR, secret))
        return csrf.token_for(secret)
