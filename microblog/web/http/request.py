"""One request as a route sees it: who asks, from where, for what."""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Protocol
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
from microblog.web.http.params import Params

if TYPE_CHECKING:
    from microblog.web.http.incoming import IncomingRequest
    from microblog.web.http.route import Route

_LANGUAGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*")
_MOST_LANGUAGES = 20
LONGEST_NEXT = 8_192  # an app may send people here with an address and a state of 2,000 characters each
_UNSAFE_PATH = re.compile(r"[\x00-\x20\x7f\\]")
_CROSS_ORIGIN = re.compile(r"/(?:api|\.well-known|nodeinfo)/|/oauth/(?:token|revoke|userinfo)/?\Z")


class Authenticator(Protocol):
    """Finds out who somebody is. None: nobody, or not any more.

    May raise Unauthenticated (revoked) or Forbidden (suspended, not confirmed) with its sentence.
    """

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Whose browser has this session token."""

    async def is_over(self, token: str) -> bool:
        """True unless a session has this token, if only for when its account is let in again."""

    async def by_bearer(self, token: str, *, pending: bool = False) -> TokenContext | None:
        """What this API token stands for."""


@frozen
class SiteOrigin:
    """Where the site lives, as the public sees it: `url` without a slash at the end, `host` with the port where it is not the usual."""

    url: str
    host: str
    jar: CookieJar

    @classmethod
    def parse(cls, public_url: str) -> SiteOrigin:
        """From a URL such as `https://example.org`. Raises ValueError if it is none."""
        parts = urlsplit(public_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"{public_url} is not the address of a site, such as https://example.org")
        return cls(f"{parts.scheme}://{parts.netloc.lower()}", parts.netloc.lower(), CookieJar(parts.scheme == "https"))

    @property
    def secure(self) -> bool:
        """True if the public reaches the site by https."""
        return self.jar.secure


def is_cross_origin(path: str) -> bool:
    """True if scripts of every site may call this path, whether anything is served there or not."""
    return _CROSS_ORIGIN.match(path) is not None


def next_path(target: str, default: str = "/") -> str:
    """`target` if it is a path on this site, else `default`. Guards every redirect that a visitor can choose (`?next=`)."""
    decoded = unquote(target)
    if not target.startswith("/") or len(target) > LONGEST_NEXT:
        return default
    for form in (target, decoded, unquote(decoded)):
        if form[1:2] in ("/", "\\") or _UNSAFE_PATH.search(form.partition("?")[0]) or urlsplit(form).netloc:
            return default
    return default if _UNSAFE_PATH.search(target) else target


@define(eq=False)
class Request:
    """A request on its way through a route. `route` is None where nothing matched.

    `cookies` are set with the answer, whatever it is. `personal`: the answer has something that no cache may keep, such as a form token.
    """

    incoming: IncomingRequest
    origin: SiteOrigin
    route: Route | None = None
    viewer: Viewer | None = None
    session: Session | None = None
    access: TokenContext | None = None
    limit_usage: LimitUsage | None = None
    cookies: list[Cookie] = field(factory=list)
    personal: bool = False
    _fields: Params | None = None
    _visitor: str | None = None

    @property
    def member(self) -> Viewer:
        """The viewer, where the route needs one. Raises Unauthenticated if there is none all the same."""
        if self.viewer is None:
            raise Unauthenticated("Please log in first.")
        return self.viewer

    @property
    def method(self) -> str:
        """GET, POST ..."""
        return self.incoming.method_name

    @property
    def path(self) -> str:
        """The path as it was decoded for routing."""
        return self.incoming.path_text

    @property
    def url(self) -> str:
        """The public absolute URL of this request, without its query."""
        return self.origin.url + self.incoming.raw_path.decode("ascii")

    @property
    def path_and_query(self) -> str:
        """What was asked for, still encoded: what `?next=` wants."""
        return self.incoming.uri.decode("ascii")

    @property
    def id(self) -> str:
        """The request's id in log and X-Request-Id."""
        return self.incoming.id

    @property
    def address(self) -> Address:
        """The client's address, seen through trusted proxies."""
        return self.incoming.address

    @property
    def network(self) -> str:
        """The client's network as limits count it: an IPv4 address or an IPv6 /64."""
        return self.incoming.network

    @property
    def secure(self) -> bool:
        """True if the client came by TLS, here or at a trusted proxy."""
        return self.incoming.secure

    @property
    def host(self) -> str:
        """The Host header, lower case."""
        return self.incoming.host_name

    def header(self, name: str) -> str | None:
        """A request header's (last) value."""
        return self.incoming.getHeader(name)

    def has(self, etag: bytes | None) -> bool:
        """True if the client says that it has the response of this entity tag (RFC 9110, section 13.1.2)."""
        known = self.incoming.getHeader(b"If-None-Match")
        if etag is None or known is None:
            return False
        return etag.removeprefix(b"W/") in (tag.strip().removeprefix(b"W/") for tag in known.split(b","))

    def cookie(self, name: str) -> str | None:
        """The value of one of our cookies."""
        return self.origin.jar.read(self.incoming.getHeader(b"Cookie"), name)

    @property
    def body(self) -> bytes:
        """The raw body."""
        return self.incoming.body

    @property
    def fields(self) -> Params:
        """Query and body together; where both have a field the body's counts. Raises Malformed, Invalid or TooLarge."""
        if self._fields is None:
            self._fields = self.parse()
        return self._fields

    def parse(self) -> Params:
        """Read the fields anew. May run in a thread: it only reads."""
        tree = read_query(self.incoming.query)
        body = self.incoming.file or self.incoming.body
        if body:
            tree = {**tree, **read_body(body, self.header("Content-Type") or "")}
        return Params(tree)

    def close(self) -> None:
        """Close the files that came with it; nobody can read them any more."""
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

    def keep(self, fields: Params) -> None:
        """Use these fields from now on."""
        self._fields = fields

    @property
    def api(self) -> bool:
        """True if answers, errors too, are for programs: an API route, or an unknown path among those of the API."""
        return self.route.needs.api if self.route else self.cross_origin

    @property
    def cross_origin(self) -> bool:
        """True if scripts of every site may read the answer."""
        return is_cross_origin(self.path)

    @property
    def wants_json(self) -> bool:
        """True if the answer should be JSON: an API route, or a script of ours that asks with `Accept: application/json`."""
        if self.api:
            return True
        accept = self.incoming.getHeader(b"Accept")
        return accept is not None and b"application/json" in accept and b"text/html" not in accept

    def languages(self) -> tuple[str, ...]:
        """The client's languages, the best liked first, lower case (`en-gb`): `?lang=` before Accept-Language."""
        header = (self.header("Accept-Language") or "")[:1_024]
        found = [_LANGUAGE.fullmatch(item) for item in header.split(",")[:_MOST_LANGUAGES]]
        weighed = [(-float(match.group(2) or 1), match.group(1).lower()) for match in found if match]
        chosen = _LANGUAGE.fullmatch(self.fields.value("lang", max=32)) if b"lang=" in self.incoming.query else None
        return ((chosen.group(1).lower(),) if chosen else ()) + tuple(tag for weight, tag in sorted(weighed, key=lambda w: w[0]) if weight)

    def next_path(self, default: str = "/") -> str:
        """Where to go after this, as the field `next` says: always a path on this site."""
        return next_path(self.fields.value("next"), default)

    @property
    def csrf_secret(self) -> str | None:
        """What form tokens are keyed with: the session's token, or the visitor's cookie where nobody is logged in."""
        return self.cookie(SESSION) if self.session else self._visitor or self.cookie(VISITOR)

    @property
    def csrf(self) -> str:
        """A token for the hidden input `csrf` of a form. The first for a visitor sets a cookie, and no cache keeps the page."""
        self.personal = True
        secret = self.csrf_secret
        if secret is None:
            secret = self._visitor = urlsafe_b64encode(os.urandom(18)).decode("ascii")
            self.cookies.append(Cookie(VISITOR, secret))
        return csrf.token_for(secret)
