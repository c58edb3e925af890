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

from microblog.domain.rate_limits import Limits, MemoryCounter, Per, Rate
from microblog.model.accounts import Account, Role, Session, Viewer
from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.ids import AccountId, AppId, SessionId, TokenId
from microblog.model.oauth import Access, App
from microblog.web.http.authorization import Gate
from microblog.web.http.client_address import Proxies
from microblog.web.http.dispatcher import Site
from microblog.web.http.errors import Errors
from microblog.web.http.request import Call, Origin
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.server import Server

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TWICE = Rate("twice", 2, 60, Per.NETWORK)


def viewer(number: int, role: Role = Role.USER) -> Viewer:
    """Somebody."""
    return Viewer(Account(AccountId(number), f"user{number}", "", "", "", NOW), role)


APP = App(AppId(1), "app", "Test", None, (), ("read", "write"), NOW)


def access(number: int, who: Viewer | None, *scopes: str) -> Access:
    """What a token stands for."""
    return Access(TokenId(number), APP, frozenset(scopes), who)


@define
class KnownPeople:
    """An `Authenticator` of few people, which counts how often it is asked."""

    asked: int = 0
    cookies: dict[str, Viewer] = field(factory=lambda: {"ada": viewer(1), "mod": viewer(2, Role.MODERATOR), "admin": viewer(3, Role.ADMIN)})
    tokens: dict[str, Access] = field(
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

    async def by_bearer(self, token: str, *, pending: bool = False) -> Access | None:
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

    @route("GET", "/", Needs())
    async def front(self, call: Call) -> Answer:
        return Answer.html(f"hello {call.viewer.account.username if call.viewer else 'stranger'}")

    @route("GET", "/form", Needs())
    async def form(self, call: Call) -> Answer:
        return Answer.html(call.csrf)

    @route("POST", "/form", Needs(body=1_000))
    async def sent(self, call: Call) -> Answer:
        return Answer.html(call.fields.text("text"))

    @route("POST", "/go", Needs(csrf=False))
    async def go(self, call: Call) -> Answer:
        return Answer.redirect(call.next_path())

    @route("GET", "/mine", Needs(viewer=Who.MEMBER))
    async def mine(self, call: Call) -> Answer:
        return Answer.html(call.member.account.username)

    @route("POST", "/mine", Needs(viewer=Who.MEMBER, body=1024 * 1024))
    async def write_mine(self, call: Call) -> Answer:
        return Answer.redirect("/mine").with_cookie("session", "fresh", 60)

    @route("GET", "/moderation", Needs(viewer=Who.MODERATOR))
    async def moderation(self, call: Call) -> Answer:
        return Answer.html("reports")

    @route("GET", "/administration", Needs(viewer=Who.ADMIN))
    async def administration(self, call: Call) -> Answer:
        return Answer.html("settings")

    @route("GET", "/posts/<id:post_id>", Needs())
    async def post(self, call: Call, post_id: int) -> Answer:
        return Answer.html(str(post_id)).cached(b"no-cache", "v1")

    @route("GET", "/tags/<tag>", Needs())
    async def tag(self, call: Call, tag: str) -> Answer:
        return Answer.html(tag)

    @route("GET", "/confirm/<secret:token>", Needs())
    async def confirm(self, call: Call, token: str) -> Answer:
        return Answer.html("confirmed")

    @route("GET", "/slow", Needs())
    async def slow(self, call: Call) -> Answer:
        return await self._wait("read")

    @route("POST", "/slow", Needs(csrf=False))
    async def slow_command(self, call: Call) -> Answer:
        answer = await self._wait("command")
        self.done.append(f"for {call.network} {call.secure} {call.fields.text('text')}")
        return answer

    async def _wait(self, what: str) -> Answer:
        self.waiting.append(Deferred())
        word = await self.waiting[-1]
        self.done.append(what)
        return Answer.html(word)

    @route("GET", "/stream", Needs())
    async def stream(self, call: Call) -> Answer:
        return Answer.stream(self.parrot)

    @route("GET", "/bug", Needs())
    async def bug(self, call: Call) -> Answer:
        raise RuntimeError("secret detail")

    @route("GET", "/full", Needs())
    async def full(self, call: Call) -> Answer:
        raise OSError(errno.ENOSPC, "No space left on device")

    @route("GET", "/down", Needs())
    async def down(self, call: Call) -> Answer:
        raise Unavailable(retry_after=7)

    @route("POST", "/invalid", Needs(csrf=False))
    async def invalid(self, call: Call) -> Answer:
        raise Invalid({"name": "Name is taken"}, codes={"name": "ERR_TAKEN"})

    @route("GET", "/twice", Needs(rate=TWICE))
    async def twice(self, call: Call) -> Answer:
        return Answer.html(call.network)

    @route("GET", "/where", Needs())
    async def where(self, call: Call) -> Answer:
        return Answer.json({"address": str(call.address), "secure": call.secure, "languages": call.languages()})


class Api:
    """Routes for programs."""

    @route("GET", "/api/v1/echo", Needs(api=True))
    @route("POST", "/api/v1/echo", Needs(api=True, body=100_000))
    @route("DELETE", "/api/v1/echo", Needs(api=True))
    async def echo(self, call: Call) -> Answer:
        return Answer.json(_plain(call.fields.tree))

    @route("GET", "/api/v1/lists", Needs(api=True, viewer=Who.MEMBER, scopes={"read:lists"}))
    async def lists(self, call: Call) -> Answer:
        return Answer.json([])

    @route("POST", "/api/v1/statuses", Needs(api=True, viewer=Who.MEMBER, scopes={"write:statuses"}))
    async def publish(self, call: Call) -> Answer:
        return Answer.json({"text": call.fields.text("status")})

    @route("GET", "/api/v1/app", Needs(api=True, viewer=Who.APP))
    async def app(self, call: Call) -> Answer:
        return Answer.json({})

    @route("GET", "/api/v1/gone", Needs(api=True))
    async def gone(self, call: Call) -> Answer:
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

    server: Server
    site: Site
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
    counting = Limits(MemoryCounter(clock.seconds), lambda: datetime.fromtimestamp(clock.seconds(), UTC), limits)
    site = Site([rooms, Api(), *features], origin=Origin.parse(public_url), gate=Gate(people, counting), errors=Errors())
    made = Server(site, clock, proxies=Proxies.parse(proxies), access_log=log.append, **server)
    made.startFactory()
    return House(made, site, rooms, people, clock, log)
