"""A small site of its own for the tests of the floor: a few routes, people with tokens, a clock that is moved by hand."""

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
    """Somebody."""
    return Viewer(Account(AccountId(number), f"user{number}", "", "", "", NOW), role)


APP = App(AppId(1), "app", "Test", None, (), ("read", "write"), NOW)


def access(number: int, who: Viewer | None, *scopes: str) -> TokenContext:
    """What a token stands for."""
    return TokenContext(TokenId(number), APP, frozenset(scopes), who)


@define
class KnownPeople:
    """An `Authenticator` of few people, which counts how often it is asked."""

    asked: int = 0
    cookies: dict[str, Viewer] = field(factory=lambda: {"ada": viewer(1), "mod": viewer(2, Role.MODERATOR), "admin": viewer(3, Role.ADMIN)})
    tokens: dict[str, TokenContext] = field(
        factory=lambda: {
            "reader": access(11, viewer(1), "read"),
            "writer": access(12, viewer(1), "read", "write:statuses"),
            "app": access(13, None, "read"),
        }
    )

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """See `Authenticator.by_cookie`."""
        self.asked += 1
        found = self.cookies.get(token)
        return (found, Session(SessionId(5), found.id, NOW, NOW, NOW, "", "")) if found else None

    async def is_over(self, token: str) -> bool:
        """See `Authenticator.is_over`."""
        return token not in self.cookies

    async def by_bearer(self, token: str, *, pending: bool = False) -> TokenContext | None:
        """See `Authenticator.by_bearer`."""
        self.asked += 1
        return self.tokens.get(token)


class Parrot(Protocol):
    """Says back what it hears, and remembers its end."""

    lost = False

    def connectionMade(self) -> None:
        """Say hello."""
        assert self.transport is not None
        self.transport.write(b"hello;")

    def dataReceived(self, data: bytes) -> None:
        """Say it back."""
        assert self.transport is not None
        self.transport.write(b"<" + data + b">")

    def connectionLost(self, reason: object = None) -> None:
        """Remember."""
        self.lost = True


@define(eq=False)
class Rooms:
    """The routes. `waiting` are the Deferreds that slow routes wait for; `done` what they did after."""

    waiting: list[Deferred[str]] = field(factory=list)
    done: list[str] = field(factory=list)
    parrot: Parrot = field(factory=Parrot)

    @route("GET", "/", RouteOptions())
    async def front(self, call: Request) -> Response:
        return Response.html(f"hello {call.viewer.account.username if call.viewer else 'stranger'}")

    @route("GET", "/form", RouteOptions())
    async def form(self, call: Request) -> Response:
        return Response.html(call.csrf)

    @route("POST", "/form", RouteOptions(body=1_000))
    async def sent(self, call: Request) -> Response:
        return Response.html(call.fields.text("text"))

    @route("POST", "/go", RouteOptions(csrf=False))
    async def go(self, call: Request) -> Response:
        return Response.redirect(call.next_path())

    @route("GET", "/mine", RouteOptions(viewer=AccessLevel.MEMBER))
    async def mine(self, call: Request) -> Response:
        return Response.html(call.member.account.username)

    @route("POST", "/mine", RouteOptions(viewer=AccessLevel.MEMBER, body=1024 * 1024))
    async def write_mine(self, call: Request) -> Response:
        return Response.redirect("/mine").with_cookie("session", "fresh", 60)

    @route("GET", "/moderation", RouteOptions(viewer=AccessLevel.MODERATOR))
    async def moderation(self, call: Request) -> Response:
        return Response.html("reports")

    @route("GET", "/administration", RouteOptions(viewer=AccessLevel.ADMIN))
    async def administration(self, call: Request) -> Response:
        return Response.html("settings")

    @route("GET", "/posts/<id:post_id>", RouteOptions())
    async def post(self, call: Request, post_id: int) -> Response:
        return Response.html(str(post_id)).cached(b"no-cache", "v1")

    @route("GET", "/tags/<tag>", RouteOptions())
    async def tag(self, call: Request, tag: str) -> Response:
        return Response.html(tag)

    @route("GET", "/confirm/<secret:token>", RouteOptions())
    async def confirm(self, call: Request, token: str) -> Response:
        return Response.html("confirmed")

    @route("GET", "/slow", RouteOptions())
    async def slow(self, call: Request) -> Response:
        return await self._wait("read")

    @route("POST", "/slow", RouteOptions(csrf=False))
    async def slow_command(self, call: Request) -> Response:
        answer = await self._wait("command")
        self.done.append(f"for {call.network} {call.secure} {call.fields.text('text')}")
        return answer

    async def _wait(self, what: str) -> Response:
        self.waiting.append(Deferred())
        word = await self.waiting[-1]
        self.done.append(what)
        return Response.html(word)

    @route("GET", "/stream", RouteOptions())
    async def stream(self, call: Request) -> Response:
        return Response.stream(self.parrot)

    @route("GET", "/bug", RouteOptions())
    async def bug(self, call: Request) -> Response:
        raise RuntimeError("secret detail")

    @route("GET", "/full", RouteOptions())
    async def full(self, call: Request) -> Response:
        raise OSError(errno.ENOSPC, "No space left on device")

    @route("GET", "/down", RouteOptions())
    async def down(self, call: Request) -> Response:
        raise Unavailable(retry_after=7)

    @route("POST", "/invalid", RouteOptions(csrf=False))
    async def invalid(self, call: Request) -> Response:
        raise Invalid({"name": "Name is taken"}, codes={"name": "ERR_TAKEN"})

    @route("GET", "/twice", RouteOptions(rate=TWICE))
    async def twice(self, call: Request) -> Response:
        return Response.html(call.network)

    @route("GET", "/where", RouteOptions())
    async def where(self, call: Request) -> Response:
        return Response.json({"address": str(call.address), "secure": call.secure, "languages": call.languages()})


class Api:
    """Routes for programs."""

    @route("GET", "/api/v1/echo", RouteOptions(api=True))
    @route("POST", "/api/v1/echo", RouteOptions(api=True, body=100_000))
    @route("DELETE", "/api/v1/echo", RouteOptions(api=True))
    async def echo(self, call: Request) -> Response:
        return Response.json(_plain(call.fields.tree))

    @route("GET", "/api/v1/lists", RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:lists"}))
    async def lists(self, call: Request) -> Response:
        return Response.json([])

    @route("POST", "/api/v1/statuses", RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}))
    async def publish(self, call: Request) -> Response:
        return Response.json({"text": call.fields.text("status")})

    @route("GET", "/api/v1/app", RouteOptions(api=True, viewer=AccessLevel.APP))
    async def app(self, call: Request) -> Response:
        return Response.json({})

    @route("GET", "/api/v1/gone", RouteOptions(api=True))
    async def gone(self, call: Request) -> Response:
        raise NotFound


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node if isinstance(node, (str, int, float, bool, type(None))) else f"file {node.filename}"


@define(eq=False)
class House:
    """Everything together."""

    server: HttpServer
    site: Dispatcher
    rooms: Rooms
    people: KnownPeople
    clock: Clock
    log: list[str]


def house(
    public_url: str = "https://site.test",
    *,
    proxies: tuple[str, ...] = (),
    limits: bool = False,
    features: Sequence[object] = (),
    **server: Any,
) -> House:
    """A site on a clock, with more `features` where they are given."""
    clock = Clock()
    clock.advance(NOW.timestamp())
    rooms, people, log = Rooms(), KnownPeople(), list[str]()
    counting = RateLimiter(MemoryCounter(clock.seconds), lambda: datetime.fromtimestamp(clock.seconds(), UTC), limits)
    site = Dispatcher(
        [rooms, Api(), *features], origin=SiteOrigin.parse(public_url), authorizer=Authorizer(people, counting), errors=Errors()
    )
    made = HttpServer(site, clock, proxies=Proxies.parse(proxies), access_log=log.append, **server)
    made.startFactory()
    return House(made, site, rooms, people, clock, log)
