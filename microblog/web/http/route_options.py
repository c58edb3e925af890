"""Routes with their requirements and options, as `web/http/route.py` declares them and the `Authorizer` checks them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from enum import IntEnum
from typing import Any

from attrs import field, frozen

from microblog.domain.rate_limits import RateLimit
from microblog.web.http.response import Response
from microblog.web.http.route_docs import RouteDoc

SMALL_FORM = 64 * 1024
TEXT_FORM = 1024 * 1024
DATA_FORM = 4 * 1024 * 1024  # forms in which an image may be sent as a data: URI
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class AccessLevel(IntEnum):
    """Access level that a route requires. Each level includes the lower ones. APP: an app token without a user."""

    ANYONE = 0
    APP = 1
    MEMBER = 2
    MODERATOR = 3
    ADMIN = 4


def _scopes(given: Iterable[str]) -> frozenset[str]:
    return frozenset(given)


def _rates(given: RateLimit | Iterable[RateLimit]) -> tuple[RateLimit, ...]:
    return (given,) if isinstance(given, RateLimit) else tuple(given)


@frozen
class RouteOptions:
    """Requirements and options of a route.

    `scopes`: an access token must cover one of these; on a route for ANYONE only if a token is sent.
    `viewer_scopes`: on a route for ANYONE without `scopes`, a token that covers none of these is treated as anonymous.
    `body`: maximum size of the body in bytes; a larger one is refused while it arrives. `files`: the maximum for multipart forms, on routes
    that accept files.
    `csrf`: False only for unsafe routes that are meant to be called from elsewhere (one-click unsubscribe).
    `cookieless`: True if visitors who are not logged in need no form token; the form must still come from one of our pages.
    `api`: JSON errors, CORS, bearer tokens; cookies are ignored. `bearer`: False to ignore the Authorization header, so that a client with
    a revoked token can get a new one. `counted`: False if the route has its own rate limit and does not count as an API request.
    `pending`: True if accounts that are not confirmed or approved yet may use it. `keeps_opener`: True for log-in pages, which an app may
    open in a popup that reports back to it: no Cross-Origin-Opener-Policy.
    `document`: the path of the ActivityPub document of the page, with the names of the route's arguments in braces; a request that prefers
    it is redirected there if the site federates.
    `signed`: the request is signed by an actor of another server; with a signature, a large body is accepted without a log-in.
    It has no parameters: the route reads it after the signature.
    `identify`: False if a page must not look up the session: the health page has to work without the database.
    """

    viewer: AccessLevel = AccessLevel.ANYONE
    scopes: frozenset[str] = field(default=frozenset(), converter=_scopes)
    viewer_scopes: frozenset[str] = field(default=frozenset(), converter=_scopes)
    body: int = SMALL_FORM
    files: int = 0
    rate: tuple[RateLimit, ...] = field(default=(), converter=_rates)
    csrf: bool = True
    cookieless: bool = False
    api: bool = False
    bearer: bool = True
    counted: bool = True
    pending: bool = False
    keeps_opener: bool = False
    identify: bool = True
    document: str = ""
    signed: bool = False

    def __attrs_post_init__(self) -> None:
        if (self.scopes or self.viewer_scopes) and not self.api:
            raise ValueError("Only API routes can have scopes.")
        if self.viewer_scopes and (self.scopes or self.viewer is not AccessLevel.ANYONE):
            raise ValueError("viewer_scopes are only allowed on routes for anyone, without scopes.")


@frozen
class Route:
    """One entry of the route table. `name` is `Class.method`; `function` is the plain function, not yet bound to an object.

    `doc` documents it in OpenAPI; pages have none.
    """

    method: str
    path: str
    options: RouteOptions
    name: str
    function: Callable[..., Coroutine[Any, Any, Response]]
    doc: RouteDoc | None = None

    @property
    def safe(self) -> bool:
        """True if it only reads: then it is cancelled when the client disconnects, and needs no form token."""
        return self.method in SAFE_METHODS

    @property
    def has_secret(self) -> bool:
        """True if its path contains a token, which must not be logged."""
        return "<secret:" in self.path
