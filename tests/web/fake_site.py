"""A small site for the tests of `web.http`: a few routes, a fake authenticator, and a clock that is advanced by hand."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock

from microblog.domain.rate_limits import LimitScope, MemoryCounter, RateLimit, RateLimiter
from microblog.model.accounts import Account, Role, Session, Viewer
from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.ids import AccountId, AppId, SessionId, TokenId
from microblog.model.oauth import App, TokenContext
from microblog.web.http.authorization import Authorizer
from microblog.web.http.client_address import Proxies
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.request import Request, SiteOrigin
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.server import HttpServer

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TWICE = RateLimit("twice", 2, 60, LimitScope.NETWORK)


def viewer(number: int, role: Role = Role.USER) -> Viewer:
    """Return a viewer with that account id."""
    return Viewer(Account(AccountId(number), f"user{number}", "", "", "", NOW), role)


APP = App(AppId(1), "app", "Test", None, (), ("read", "write"), NOW)


def token_context(number: int, viewer: Viewer | None, *scopes: str) -> TokenContext:
    """Return what a token gives access to."""
    return TokenContext(TokenId(number), APP, frozenset(scopes), viewer)


@define
class FakeAuthenticator:
    """An `Authenticator` with three sessions and three tokens, which counts lookups."""

    lookups: int = 0
    cookies: dict[str, Viewer] = field(factory=lambda: {"ada": viewer(1), "mod": viewer(2, Role.MODERATOR), "admin": viewer(3, Role.ADMIN)})
    tokens: dict[str, TokenContext] = field(
        factory=lambda: {
            "reader": token_context(11, viewer(1), "read"),
            "writer": token_context(12, viewer(1), "read", "write:statuses"),
            "app": token_context(13, None, "read"),
        }
    )

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """See `Authenticator.by_cookie`."""
        self.lookups += 1
        found = self.cookies.get(token)
        return (found, Session(SessionId(5), found.id, NOW, NOW, NOW, "", "")) if found else None

    async def is_over(self, token: str) -> bool:
        """See `Authenticator.is_over`."""
        return token not in self.cookies

    async def by_bearer(self, token: str, *, address: str = "", pending: bool = False) -> TokenContext | None:
        """See `Authenticator.by_bearer`."""
        self.lookups += 1
        return self.tokens.get(token)


class EchoProtocol(Protocol):
    """Sends back what it receives, and records that the connection was lost."""

    lost = False

    def connectionMade(self) -> None:
        """Send a greeting."""
        assert self.transport is not None
        self.transport.write(b"hello;")

    def dataReceived(self, data: bytes) -> None:
        """Send it back."""
        assert self.transport is not None
        self.transport.write(b"<" + data + b">")

    def connectionLost(self, reason: object = None) -> None:
        """Record it."""
        self.lost = True


@define(eq=False)
class PageRoutes:
    """Page routes. `waiting`: the Deferreds that slow routes await; `done`: what those routes did afterwards."""

    waiting: list[Deferred[str]] = field(factory=list)
    done: list[str] = field(factory=list)
    echo: EchoProtocol = field(factory=EchoProtocol)

    @route("GET", "/", RouteOptions())
    async def front(self, request: Request) -> Response:
        return Response.html(f"hello {request.viewer.account.username if request.viewer else 'stranger'}")

    @route("GET", "/form", RouteOptions())
    async def form(self, request: Request) -> Response:
        return Response.html(request.csrf)

    @route("POST", "/form", RouteOptions(body=1_000))
    async def sent(self, request: Request) -> Response:
        return Response.html(request.fields.text("text"))

    @route("POST", "/go", RouteOptions(csrf=False))
    async def go(self, request: Request) -> Response:
        return Response.redirect(request.next_path())

    @route("GET", "/mine", RouteOptions(viewer=AccessLevel.MEMBER))
    async def mine(self, request: Request) -> Response:
        return Response.html(request.member.account.username)

    @route("POST", "/mine", RouteOptions(viewer=AccessLevel.MEMBER, body=1024 * 1024))
    async def write_mine(self, request: Request) -> Response:
        return Response.redirect("/mine").with_cookie("session", "fresh", 60)

    @route("GET", "/moderation", RouteOptions(viewer=AccessLevel.MODERATOR))
    async def moderation(self, request: Request) -> Response:
        return Response.html("reports")

    @route("GET", "/administration", RouteOptions(viewer=AccessLevel.ADMIN))
    async def administration(self, request: Request) -> Response:
        return Response.html("settings")

    @route("GET", "/posts/<id:post_id>", RouteOptions())
    async def post(self, request: Request, post_id: int) -> Response:
        return Response.html(str(post_id)).cached(b"no-cache", "v1")

    @route("GET", "/tags/<tag>", RouteOptions())
    async def tag(self, request: Request, tag: str) -> Response:
        return Response.html(tag)

    @route("GET", "/confirm/<secret:token>", RouteOptions())
    async def confirm(self, request: Request, token: str) -> Response:
        return Response.html("confirmed")

    @route("GET", "/slow", RouteOptions())
    async def slow(self, request: Request) -> Response:
        return await self._wait("read")

    @route("POST", "/slow", RouteOptions(csrf=False))
    async def slow_command(self, request: Request) -> Response:
        response = await self._wait("command")
        self.done.append(f"for {request.network} {request.secure} {request.fields.text('text')}")
        return response

    async def _wait(self, what: str) -> Response:
        self.waiting.append(Deferred())
        text = await self.waiting[-1]
        self.done.append(what)
        return Response.html(text)

    @route("GET", "/stream", RouteOptions())
    async def stream(self, request: Request) -> Response:
        return Response.stream(self.echo)

    @route("GET", "/bug", RouteOptions())
    async def bug(self, request: Request) -> Response:
        raise RuntimeError("secret detail")

    @route("GET", "/full", RouteOptions())
    async def full(self, request: Request) -> Response:
        raise OSError(errno.ENOSPC, "No space left on device")

    @route("GET", "/down", RouteOptions())
    async def down(self, request: Request) -> Response:
        raise Unavailable(retry_after=7)

    @route("POST", "/invalid", RouteOptions(csrf=False))
    async def invalid(self, request: Request) -> Response:
        raise Invalid({"name": "Name is taken"}, codes={"name": "ERR_TAKEN"})

    @route("GET", "/twice", RouteOptions(rate=TWICE))
    async def twice(self, request: Request) -> Response:
        return Response.html(request.network)

    @route("GET", "/where", RouteOptions())
    async def where(self, request: Request) -> Response:
        return Response.json({"address": str(request.address), "secure": request.secure, "languages": request.languages()})


class ApiRoutes:
    """API routes."""

    @route("GET", "/api/v1/echo", RouteOptions(api=True))
    @route("POST", "/api/v1/echo", RouteOptions(api=True, body=100_000))
    @route("DELETE", "/api/v1/echo", RouteOptions(api=True))
    async def echo(self, request: Request) -> Response:
        return Response.json(_plain(request.fields.tree))

    @route("GET", "/api/v1/lists", RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:lists"}))
    async def lists(self, request: Request) -> Response:
        return Response.json([])

    @route("POST", "/api/v1/statuses", RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}))
    async def publish(self, request: Request) -> Response:
        return Response.json({"text": request.fields.text("status")})

    @route("GET", "/api/v1/app", RouteOptions(api=True, viewer=AccessLevel.APP))
    async def app(self, request: Request) -> Response:
        return Response.json({})

    @route("GET", "/api/v1/gone", RouteOptions(api=True))
    async def gone(self, request: Request) -> Response:
        raise NotFound


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node if isinstance(node, (str, int, float, bool, type(None))) else f"file {node.filename}"


@define(eq=False)
class FakeSite:
    """The server, its parts, and its access log."""

    server: HttpServer
    dispatcher: Dispatcher
    routes: PageRoutes
    authenticator: FakeAuthenticator
    clock: Clock
    log: list[str]


def build_fake_site(
    public_url: str = "https://site.test",
    *,
    proxies: tuple[str, ...] = (),
    limits: bool = False,
    features: Sequence[object] = (),
    **server: Any,
) -> FakeSite:
    """Build the site, with the routes of `features` added."""
    clock = Clock()
    clock.advance(NOW.timestamp())
    routes, authenticator, log = PageRoutes(), FakeAuthenticator(), list[str]()
    rate_limiter = RateLimiter(MemoryCounter(clock.seconds), lambda: datetime.fromtimestamp(clock.seconds(), UTC), limits)
    dispatcher = Dispatcher(
        [routes, ApiRoutes(), *features],
        origin=SiteOrigin.parse(public_url),
        authorizer=Authorizer(authenticator, rate_limiter),
        errors=Errors(),
    )
    http_server = HttpServer(dispatcher, clock, proxies=Proxies.parse(proxies), access_log=log.append, **server)
    http_server.startFactory()
    return FakeSite(http_server, dispatcher, routes, authenticator, clock, log)
