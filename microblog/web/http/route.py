"""A route says what it needs, and cannot be written without.

    @frozen
    class PostPages:
        posts: Posts

        @route("POST", "/posts", Needs(viewer=Who.MEMBER, body=TEXT_FORM, rate=POSTING))
        async def publish(self, call: Call) -> Answer: ...

        @route("GET", "/posts/<id:post_id>", Needs())
        async def show(self, call: Call, post_id: int) -> Answer: ...

The decorator only notes; `Routes` mounts the methods of the finished objects, and the gate checks the needs before each call.
Converters in paths: `<id:x>` an id, `<username:x>` a user name, `<secret:x>` a token that is kept out of logs, and Werkzeug's own.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from enum import IntEnum
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from attrs import field, frozen

from microblog.domain.rate_limits import RateLimit
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route_docs import RouteDoc

SMALL_FORM = 64 * 1024
TEXT_FORM = 1024 * 1024
DATA_FORM = 4 * 1024 * 1024  # where a picture may come as a data: URI, all of the body
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

S = TypeVar("S")
P = ParamSpec("P")
Endpoint = Callable[Concatenate[S, Request, P], Coroutine[Any, Any, Response]]


class AccessLevel(IntEnum):
    """Who may call a route; each may do what those before it may. APP is an API token without a person."""

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
    """What a route needs.

    `scopes`: an API token must cover one of these; a route for ANYONE asks it only of who sends a token.
    `viewer_scopes`: on a route for ANYONE that needs no scope, a token that covers none of these is served what an anonymous reader gets.
    `body`: how many bytes the body may have; what exceeds it is refused while it arrives. `files`: how many it may have where it is a
    multipart form, for routes that take files.
    `csrf`: False only for unsafe routes that other sites may call on purpose (one-click unsubscribe).
    `cookieless`: True where visitors who are not logged in need no token: the form must still come from one of our pages.
    `api`: JSON errors, CORS, bearer tokens; cookies are not looked at. `bearer`: False where tokens are not looked at either, so that a
    client with a dead one can still get another. `counted`: False where a request
    has a rate of its own and does not count as one of the API's. `pending`: True where a token of somebody may be used whose address is
    not proved yet, or who is not let in yet. `keeps_opener`: True for the pages of a sign-in, which an app may have opened in a popup that
    has to report back to it: no Cross-Origin-Opener-Policy.
    `identify`: False where a page does not ask who calls: only the database knows that, and the page is there to say that it is away.
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

    def __attrs_post_init__(self) -> None:
        if (self.scopes or self.viewer_scopes) and not self.api:
            raise ValueError("Only API routes know scopes.")
        if self.viewer_scopes and (self.scopes or self.viewer is not AccessLevel.ANYONE):
            raise ValueError("Only a route for anyone, without scopes of its own, can do with an anonymous view.")


@frozen
class Route:
    """One entry of the route table. `name` is `Class.method`; `function` is the plain function, not yet bound to an object.

    `doc` tells programs what it reads and answers; pages have none.
    """

    method: str
    path: str
    needs: RouteOptions
    name: str
    function: Callable[..., Coroutine[Any, Any, Response]]
    doc: RouteDoc | None = None

    @property
    def safe(self) -> bool:
        """True if it only reads: then it may be cancelled when the client hangs up, and needs no form token."""
        return self.method in SAFE_METHODS

    @property
    def has_secret(self) -> bool:
        """True if its path holds a token, which no log may show."""
        return "<secret:" in self.path


class _Marked(Protocol):
    __name__: str
    microblog_routes: tuple[tuple[str, str, RouteOptions, RouteDoc | None], ...]


def route(method: str, path: str, needs: RouteOptions, doc: RouteDoc | None = None) -> Callable[[Endpoint[S, P]], Endpoint[S, P]]:
    """Note that a method answers `method path`. Several may be stacked; a GET also answers HEAD. Raises ValueError for nonsense."""
    if method not in METHODS or not path.startswith("/"):
        raise ValueError(f"{method} {path} is not a route.")

    def note(function: Endpoint[S, P]) -> Endpoint[S, P]:
        marked = cast("_Marked", function)
        marked.microblog_routes = ((method, path, needs, doc), *getattr(function, "microblog_routes", ()))
        return function

    return note


def routes_of(feature: type) -> Iterator[Route]:
    """The routes that a class declares, in the order of its body."""
    for name in dict.fromkeys(name for cls in reversed(feature.__mro__) for name in vars(cls)):
        function = getattr(feature, name, None)
        for method, path, needs, doc in getattr(function, "microblog_routes", ()):
            plain = cast("Callable[..., Coroutine[Any, Any, Response]]", function)
            yield Route(method, path, needs, f"{feature.__name__}.{name}", plain, doc)
