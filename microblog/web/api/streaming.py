"""The streaming API: one WebSocket for any number of streams, or server-sent events for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import orjson
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred

from microblog.domain.lists import Lists
from microblog.domain.scopes import covers
from microblog.domain.text.post_text import tag_key
from microblog.live.broadcaster import Broadcaster
from microblog.live.topics import Stream, StreamKind
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden, Malformed, NotFound, Problem, Unauthenticated
from microblog.model.events import Position
from microblog.model.ids import ListId
from microblog.render.api.schemas import ANY, FLAG, ID, TEXT
from microblog.web.api.stream_encoding import PayloadEncoder, SseEncoder, WebSocketEncoder
from microblog.web.http.authorization import bearer_token
from microblog.web.http.cookies import SESSION
from microblog.web.http.errors import status_of
from microblog.web.http.request import Authenticator, Request
from microblog.web.http.response import NO_STORE, Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc
from microblog.web.streaming.sse import UNKNOWN, EventStream, since_of
from microblog.web.streaming.stream_connection import ConnectionLimiter, StreamIdentity
from microblog.web.streaming.websocket import (
    TOO_MUCH,
    CloseCode,
    NotWebSocket,
    WebSocket,
    accepted,
    check_handshake,
    offered_protocol,
    text_frame,
)

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"}, counted=False)
READ_NOTICES = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:notifications"}, counted=False)
SINCE = Param("since", TEXT, "Tell first what came after this position, the id of an event.")
ONLY_MEDIA = Param("only_media", FLAG, "Leave out what has no media.")
TAG = Param("tag", TEXT, "The tag, without #.", required=True)
LIST = Param("list", ID, "The list's id.", required=True)

PUBLIC = {
    "public": (StreamKind.PUBLIC, False),
    "public:local": (StreamKind.PUBLIC, False),
    "public:remote": (StreamKind.REMOTE, False),
    "public:media": (StreamKind.PUBLIC, True),
    "public:local:media": (StreamKind.PUBLIC, True),
    "public:remote:media": (StreamKind.REMOTE, True),
}
MISSING, INVALID = "Missing access token", "Invalid access token"
LONGEST_TAG = 500
MOST_LOOKED_UP = 64  # lists of one socket that the feed does not know; more than anybody has
MOST_UNHEARD = 128  # messages that wait, of a client that does not wait for answers


class UnknownStream(Malformed):
    """There is no stream of that name."""

    sentence = "Unknown stream type"


class NotYourList(Unauthenticated):
    """There is no such list of theirs."""

    sentence = "Not authorized to stream this list"


class OutOfScope(Unauthenticated):
    """The token is for other things."""

    sentence = "Access token does not have the required scopes"


@frozen
class Listener:
    """Whose streams these are; `scopes` is what the token allows, None where somebody is logged in and may read everything."""

    account: int
    scopes: frozenset[str] | None = None

    def may(self, scope: str) -> bool:
        """True if the token covers the scope."""
        return self.scopes is None or covers(self.scopes, scope)


def stream_of(name: str, params: Mapping[str, Any], listener: Listener) -> Stream:
    """The stream that a client calls so. Raises UnknownStream, Malformed where it needs more to be named, OutOfScope."""
    if not listener.may("read:notifications" if name == StreamKind.NOTIFICATIONS else "read:statuses"):
        raise OutOfScope
    if name in PUBLIC:
        kind, media = PUBLIC[name]
        return Stream(kind, media=media, name=name, label=(name,))
    if name in ("hashtag", "hashtag:local"):
        tag = str(params.get("tag") or "").strip().removeprefix("#")[:LONGEST_TAG]
        if not tag:
            raise Malformed("Missing tag name parameter")
        return Stream(StreamKind.TAG, tag_key(tag), name=name, label=(name, tag))
    if name == StreamKind.LIST:
        id = str(params.get("list") or "")
        if not id:
            raise Malformed("Missing list name parameter")
        if not (id.isascii() and id.isdecimal() and len(id) < 20):
            raise NotYourList
        return Stream(StreamKind.LIST, int(id), name=name, label=(name, id))
    return _own(name, listener)


def _own(name: str, listener: Listener) -> Stream:
    if name == StreamKind.USER:
        notices = listener.account if listener.may("read:notifications") else None
        return Stream(StreamKind.USER, listener.account, notices, name=name, label=(name,))
    if name in (StreamKind.NOTIFICATIONS, StreamKind.DIRECT):
        return Stream(StreamKind(name), listener.account, name=name, label=(name,))
    raise UnknownStream


def position_of(value: object, feed: Broadcaster) -> Position | None:
    """The position that a client gave; UNKNOWN for what is none."""
    if not value:
        return None
    try:
        return feed.read_position(str(value))
    except Malformed:
        return UNKNOWN


@define(eq=False)
class Multiplexed(WebSocket):
    """A socket on which streams are subscribed to by messages. `first` is what the handshake's address asked for.

    `owned` raises NotYourList for lists that are not the listener's.
    """

    listener: Listener
    first: Mapping[str, Any]
    positions: list[bool]
    owned: Callable[[int], Awaitable[object]]
    _ready: bool = field(default=False, init=False)
    _looked_up: int = field(default=0, init=False)
    _unheard: list[tuple[str, Position]] = field(factory=list, init=False)

    def admitted(self) -> None:
        """Listen to what was asked for by now."""
        first, self.first = self.first, {}
        self._answer_on({"type": "subscribe", **first} if first.get("stream") else {})

    def said(self, text: str) -> None:
        """A message of the client. Those that come while one is being answered wait: they are answered in their order."""
        self._unheard.append((text, self.feed.position))
        if self._ready:
            self._answer_on({})
        elif len(self._unheard) > MOST_UNHEARD:
            self.close(CloseCode.POLICY, TOO_MUCH)

    def _answer_on(self, message: Mapping[str, Any]) -> None:
        Deferred.fromCoroutine(self._answer_all(message)).addErrback(self._failed)

    async def _answer_all(self, message: Mapping[str, Any]) -> None:
        """Answer this one, and then all that wait. Each asks for what happens from when it came."""
        self._ready = False
        await self._answer(message, self.asked)
        while self._unheard and self.socket is not None:
            text, asked = self._unheard.pop(0)
            await self._answer(_message(text), asked)
        self._ready = True

    async def _answer(self, message: Mapping[str, Any], asked: Position) -> None:
        try:
            if message.get("type") == "subscribe":
                await self._begin(message, asked)
            elif message.get("type") == "unsubscribe":
                self.feed.unsubscribe(self.subscriber, stream_of(_name(message), message, self.listener))
        except Problem as problem:
            self._refuse(problem)

    async def _begin(self, message: Mapping[str, Any], asked: Position) -> None:
        stream, since = stream_of(_name(message), message, self.listener), position_of(message.get("since"), self.feed)
        circle = self.subscriber.circle
        if stream.kind is StreamKind.LIST and (circle is None or stream.of not in circle.lists):
            self._looked_up += 1
            if self._looked_up > MOST_LOOKED_UP:
                self.close(CloseCode.POLICY, TOO_MUCH)
                return
            await self.owned(int(stream.of))  # it may be so new that the feed has not heard of it
        if since is not None:
            self.positions.append(True)
        self.feed.subscribe(self.subscriber, stream, since, asked)

    def _refuse(self, problem: Problem) -> None:
        if self.socket is not None:
            self.offer(text_frame(orjson.dumps({"error": problem.sentence, "status": status_of(problem)})))


def _message(text: str) -> Mapping[str, Any]:
    """What a client said; nothing where that is no message, which gets no answer."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}


def _name(message: Mapping[str, Any]) -> str:
    name = message.get("stream")
    return str(name[0] if isinstance(name, list) and name else name)


@frozen
class StreamingRoutes:
    """Both transports of the live feed, for API clients."""

    feed: Broadcaster
    payloads: PayloadEncoder
    authenticator: Authenticator
    lists: Lists
    places: ConnectionLimiter

    @route(
        "GET",
        "/api/v1/streaming/health",
        RouteOptions(api=True, bearer=False),
        RouteDoc("Whether the feed moves", TEXT, content_type="text/plain"),
    )
    async def health(self, request: Request) -> Response:
        """OK, or 503."""
        well = self.feed.healthy()
        return evolve(Response.text("OK" if well else "The feed does not move."), status=200 if well else 503, cache=NO_STORE)

    @route(
        "GET",
        "/api/v1/streaming",
        RouteOptions(api=True, bearer=False, counted=False),
        RouteDoc(
            "A WebSocket for any number of streams",
            TEXT,
            query=(Param("stream", TEXT, "Subscribe to this at once."), SINCE),
            also=((101, ANY),),
            errors=(401, 426),
        ),
    )
    async def socket(self, request: Request) -> Response:
        """Hands the connection over to WebSocket."""
        try:
            check_handshake(request)
        except NotWebSocket as problem:
            return Response.json({"error": problem.sentence}, 426).with_headers({"Upgrade": "websocket", "Sec-WebSocket-Version": "13"})
        await self.places.check_rate(request)
        try:
            listener = await self._identify(request)
        except Unauthenticated as problem:
            return Response.empty(401).with_header("X-Error-Message", problem.sentence)
        self.feed.expect(listener.account)
        opened = await self.places.reserve(request)
        first = {name: request.fields.value(name, max=1_000) for name in ("stream", "tag", "list", "since")}
        positions: list[bool] = []
        dialect = WebSocketEncoder(self.payloads, lambda: bool(positions))
        owned = partial(self._check_list, request.member)
        return accepted(request, Multiplexed(self.feed, dialect, StreamIdentity.of(request), opened, listener, first, positions, owned))

    async def _identify(self, request: Request) -> Listener:
        """Whose the token is that came in the header, the address or as subprotocol; without one, whose browser it is."""
        token = bearer_token(request) or offered_protocol(request)
        if token is None:
            return await self._identify_browser(request)
        try:
            access = await self.authenticator.by_bearer(token)
        except (Unauthenticated, Forbidden) as problem:
            raise Unauthenticated(INVALID) from problem
        if access is None or access.viewer is None:
            raise Unauthenticated(INVALID)
        request.access, request.viewer = access, access.viewer
        return Listener(access.viewer.id, access.scopes)

    async def _identify_browser(self, request: Request) -> Listener:
        cookie = request.cookie(SESSION)
        if cookie is None:
            raise Unauthenticated(MISSING)
        if request.header("Origin") != request.origin.url:  # another site's page may not use our visitors' cookies
            raise Forbidden("This stream is for pages of this site only.")
        found = await self.authenticator.by_cookie(cookie)
        if found is None or found[0].pending:
            raise Unauthenticated(INVALID)
        request.viewer, request.session = found
        return Listener(request.viewer.id)

    @route(
        "GET", "/api/v1/streaming/user", READ, RouteDoc("Home, and notifications", TEXT, query=(SINCE,), content_type="text/event-stream")
    )
    async def user(self, request: Request) -> Response:
        """What is new at home, and what the viewer is told."""
        return await self._events(request, "user")

    @route("GET", "/api/v1/streaming/user/notification", READ_NOTICES, RouteDoc("Notifications", TEXT, content_type="text/event-stream"))
    async def notifications(self, request: Request) -> Response:
        """What the viewer is told."""
        return await self._events(request, "user:notification")

    @route("GET", "/api/v1/streaming/public", READ, RouteDoc("Public posts", TEXT, (ONLY_MEDIA, SINCE), content_type="text/event-stream"))
    async def public(self, request: Request) -> Response:
        """All public posts."""
        return await self._events(request, _with_media(request, "public"))

    @route(
        "GET", "/api/v1/streaming/public/local", READ, RouteDoc("Public posts", TEXT, (ONLY_MEDIA, SINCE), content_type="text/event-stream")
    )
    async def local(self, request: Request) -> Response:
        """Public posts of this site, which are all."""
        return await self._events(request, _with_media(request, "public:local"))

    @route("GET", "/api/v1/streaming/public/remote", READ, RouteDoc("Posts of other sites", TEXT, content_type="text/event-stream"))
    async def remote(self, request: Request) -> Response:
        """Public posts of other sites, of which there are none."""
        return await self._events(request, _with_media(request, "public:remote"))

    @route("GET", "/api/v1/streaming/hashtag", READ, RouteDoc("Posts with a tag", TEXT, (TAG, SINCE), content_type="text/event-stream"))
    async def tag(self, request: Request) -> Response:
        """Public posts with a tag."""
        return await self._events(request, "hashtag")

    @route(
        "GET", "/api/v1/streaming/hashtag/local", READ, RouteDoc("Posts with a tag", TEXT, (TAG, SINCE), content_type="text/event-stream")
    )
    async def local_tag(self, request: Request) -> Response:
        """The same."""
        return await self._events(request, "hashtag:local")

    @route("GET", "/api/v1/streaming/list", READ, RouteDoc("A list", TEXT, (LIST, SINCE), content_type="text/event-stream"))
    async def list(self, request: Request) -> Response:
        """What the members of one of the viewer's lists post."""
        return await self._events(request, "list")

    @route("GET", "/api/v1/streaming/direct", READ, RouteDoc("Conversations", TEXT, query=(SINCE,), content_type="text/event-stream"))
    async def direct(self, request: Request) -> Response:
        """The viewer's conversations."""
        return await self._events(request, "direct")

    async def _events(self, request: Request, name: str) -> Response:
        await self.places.check_rate(request)
        listener = Listener(request.member.id, request.access.scopes if request.access else None)
        params = {field: request.fields.value(field, max=1_000) for field in ("tag", "list")}
        stream, since = stream_of(name, params, listener), since_of(request, self.feed)
        if stream.kind is StreamKind.LIST:
            await self._check_list(request.member, int(stream.of))
        self.feed.expect(listener.account)
        dialect = SseEncoder(self.payloads, since is not None)
        opened = await self.places.reserve(request)
        answer = Response.stream(EventStream(self.feed, dialect, StreamIdentity.of(request), opened, stream, since))
        return answer.cached(b"private, no-store").with_header("X-Accel-Buffering", "no")

    async def _check_list(self, viewer: Viewer, id: int) -> None:
        try:
            await self.lists.one(viewer, ListId(id))
        except NotFound as problem:
            raise NotYourList from problem


def _with_media(request: Request, name: str) -> str:
    return f"{name}:media" if request.fields.flag("only_media") else name
