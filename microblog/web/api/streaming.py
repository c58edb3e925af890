"""The streaming API (https://docs.joinmastodon.org/methods/streaming/): a WebSocket for many streams, or server-sent events for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import orjson
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred

from microblog.domain.lists import Lists
from microblog.live.broadcaster import Broadcaster
from microblog.live.topics import StreamKind
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden, Malformed, NotFound, Problem, Unauthenticated
from microblog.model.events import Position
from microblog.model.ids import ListId
from microblog.render.api.schemas import ANY, FLAG, ID, TEXT
from microblog.web.api.stream_encoding import PayloadEncoder, SseEncoder, WebSocketEncoder
from microblog.web.api.stream_names import Listener, NotYourList, stream_of
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
    TOO_MANY_MESSAGES,
    CloseCode,
    NotWebSocket,
    WebSocket,
    accepted,
    check_handshake,
    offered_protocol,
    text_frame,
)

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"}, counted=False)
READ_NOTIFICATIONS = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:notifications"}, counted=False)
SINCE = Param("since", TEXT, "Send events after this position (the id of an event) first.")
ONLY_MEDIA = Param("only_media", FLAG, "Only posts with media.")
TAG = Param("tag", TEXT, "The hashtag, without #.", required=True)
LIST = Param("list", ID, "The ID of the list.", required=True)

MISSING, INVALID = "Missing access token", "Invalid access token"
MAX_LIST_LOOKUPS = 64  # per connection, of lists that are not in the viewer state yet
MAX_PENDING_MESSAGES = 128  # of one connection


def position_of(value: object, feed: Broadcaster) -> Position | None:
    """The position that a client sent: None if there is none, UNKNOWN if it cannot be read."""
    if not value:
        return None
    try:
        return feed.read_position(str(value))
    except Malformed:
        return UNKNOWN


@define(eq=False)
class Multiplexed(WebSocket):
    """A WebSocket on which messages subscribe to streams. `first`: the subscription in the handshake's URL.

    `check_list` raises NotYourList for lists that are not the listener's.
    """

    listener: Listener
    first: Mapping[str, Any]
    positions: list[bool]
    check_list: Callable[[int], Awaitable[object]]
    _ready: bool = field(default=False, init=False)
    _list_lookups: int = field(default=0, init=False)
    _pending: list[tuple[str, Position]] = field(factory=list, init=False)

    def admitted(self) -> None:
        """Subscribe to what was requested so far."""
        first, self.first = self.first, {}
        self._start_handling({"type": "subscribe", **first} if first.get("stream") else {})

    def message_received(self, text: str) -> None:
        """Handle a message, in order: it waits while an earlier one is handled."""
        self._pending.append((text, self.feed.position))
        if self._ready:
            self._start_handling({})
        elif len(self._pending) > MAX_PENDING_MESSAGES:
            self.close(CloseCode.POLICY, TOO_MANY_MESSAGES)

    def _start_handling(self, message: Mapping[str, Any]) -> None:
        Deferred.fromCoroutine(self._handle_pending(message)).addErrback(self._failed)

    async def _handle_pending(self, message: Mapping[str, Any]) -> None:
        """Handle this message, then all pending ones. Each subscribes from the position at which it arrived."""
        self._ready = False
        await self._handle(message, self.requested_at)
        while self._pending and self.socket is not None:
            text, requested_at = self._pending.pop(0)
            await self._handle(_message(text), requested_at)
        self._ready = True

    async def _handle(self, message: Mapping[str, Any], requested_at: Position) -> None:
        try:
            if message.get("type") == "subscribe":
                await self._subscribe(message, requested_at)
            elif message.get("type") == "unsubscribe":
                self.feed.unsubscribe(self.subscriber, stream_of(_name(message), message, self.listener))
        except Problem as problem:
            self._refuse(problem)

    async def _subscribe(self, message: Mapping[str, Any], requested_at: Position) -> None:
        stream, since = stream_of(_name(message), message, self.listener), position_of(message.get("since"), self.feed)
        viewer_state = self.subscriber.viewer_state
        if stream.kind is StreamKind.LIST and (viewer_state is None or stream.of not in viewer_state.lists):
            self._list_lookups += 1
            if self._list_lookups > MAX_LIST_LOOKUPS:
                self.close(CloseCode.POLICY, TOO_MANY_MESSAGES)
                return
            await self.check_list(int(stream.of))  # it may be newer than the viewer state
        if since is not None:
            self.positions.append(True)
        self.feed.subscribe(self.subscriber, stream, since, requested_at)

    def _refuse(self, problem: Problem) -> None:
        if self.socket is not None:
            self.offer(text_frame(orjson.dumps({"error": problem.sentence, "status": status_of(problem)})))


def _message(text: str) -> Mapping[str, Any]:
    """The message as a mapping; empty if it is not a JSON object, which is ignored."""
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
    """The streaming endpoints for API clients."""

    feed: Broadcaster
    payloads: PayloadEncoder
    authenticator: Authenticator
    lists: Lists
    limiter: ConnectionLimiter

    @route(
        "GET",
        "/api/v1/streaming/health",
        RouteOptions(api=True, bearer=False),
        RouteDoc("Check if the server is alive", TEXT, content_type="text/plain"),
    )
    async def health(self, request: Request) -> Response:
        """OK, or status 503 if the feed is stalled."""
        healthy = self.feed.healthy()
        return evolve(Response.text("OK" if healthy else "The feed is stalled."), status=200 if healthy else 503, cache=NO_STORE)

    @route(
        "GET",
        "/api/v1/streaming",
        RouteOptions(api=True, bearer=False, counted=False),
        RouteDoc(
            "Open a WebSocket connection",
            TEXT,
            query=(Param("stream", TEXT, "The stream to subscribe to at once."), SINCE),
            also=((101, ANY),),
            errors=(401, 426),
        ),
    )
    async def socket(self, request: Request) -> Response:
        """Open a WebSocket, on which the client subscribes to any number of streams."""
        try:
            check_handshake(request)
        except NotWebSocket as problem:
            return Response.json({"error": problem.sentence}, 426).with_headers({"Upgrade": "websocket", "Sec-WebSocket-Version": "13"})
        await self.limiter.check_rate(request)
        try:
            listener = await self._identify(request)
        except Unauthenticated as problem:
            return Response.empty(401).with_header("X-Error-Message", problem.sentence)
        self.feed.check_limit(listener.account)
        count_open = await self.limiter.reserve(request)
        first = {name: request.fields.value(name, max=1_000) for name in ("stream", "tag", "list", "since")}
        positions: list[bool] = []
        encoder = WebSocketEncoder(self.payloads, lambda: bool(positions))
        check_list = partial(self._check_list, request.member)
        return accepted(
            request, Multiplexed(self.feed, encoder, StreamIdentity.of(request), count_open, listener, first, positions, check_list)
        )

    async def _identify(self, request: Request) -> Listener:
        """The account of the token in the header, URL or subprotocol; without a token, that of the browser session."""
        token = bearer_token(request) or offered_protocol(request)
        if token is None:
            return await self._identify_browser(request)
        try:
            access = await self.authenticator.by_bearer(token, address=str(request.address))
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
        if request.header("Origin") != request.origin.url:  # pages of other sites must not use our cookies
            raise Forbidden("This stream is for pages of this site only.")
        found = await self.authenticator.by_cookie(cookie)
        if found is None or found[0].pending:
            raise Unauthenticated(INVALID)
        request.viewer, request.session = found
        return Listener(request.viewer.id)

    @route(
        "GET",
        "/api/v1/streaming/user",
        READ,
        RouteDoc("Watch your home timeline and notifications", TEXT, query=(SINCE,), content_type="text/event-stream"),
    )
    async def user(self, request: Request) -> Response:
        """Events of the home timeline, and notifications."""
        return await self._events(request, "user")

    @route(
        "GET",
        "/api/v1/streaming/user/notification",
        READ_NOTIFICATIONS,
        RouteDoc("Watch your notifications", TEXT, content_type="text/event-stream"),
    )
    async def notifications(self, request: Request) -> Response:
        """Notifications only."""
        return await self._events(request, "user:notification")

    @route(
        "GET",
        "/api/v1/streaming/public",
        READ,
        RouteDoc("Watch the federated timeline", TEXT, (ONLY_MEDIA, SINCE), content_type="text/event-stream"),
    )
    async def public(self, request: Request) -> Response:
        """All public posts that are known, of this site and of others."""
        return await self._events(request, _with_media(request, "public"))

    @route(
        "GET",
        "/api/v1/streaming/public/local",
        READ,
        RouteDoc("Watch the local timeline", TEXT, (ONLY_MEDIA, SINCE), content_type="text/event-stream"),
    )
    async def local(self, request: Request) -> Response:
        """Public posts of this site."""
        return await self._events(request, _with_media(request, "public:local"))

    @route(
        "GET",
        "/api/v1/streaming/public/remote",
        READ,
        RouteDoc("Watch for remote statuses", TEXT, (ONLY_MEDIA, SINCE), content_type="text/event-stream"),
    )
    async def remote(self, request: Request) -> Response:
        """Public posts of other sites, as far as they are known."""
        return await self._events(request, _with_media(request, "public:remote"))

    @route(
        "GET",
        "/api/v1/streaming/hashtag",
        READ,
        RouteDoc("Watch the public timeline for a hashtag", TEXT, (TAG, SINCE), content_type="text/event-stream"),
    )
    async def tag(self, request: Request) -> Response:
        """Public posts with a tag."""
        return await self._events(request, "hashtag")

    @route(
        "GET",
        "/api/v1/streaming/hashtag/local",
        READ,
        RouteDoc("Watch the local timeline for a hashtag", TEXT, (TAG, SINCE), content_type="text/event-stream"),
    )
    async def local_tag(self, request: Request) -> Response:
        """Local public posts with a tag."""
        return await self._events(request, "hashtag:local")

    @route("GET", "/api/v1/streaming/list", READ, RouteDoc("Watch for list updates", TEXT, (LIST, SINCE), content_type="text/event-stream"))
    async def list(self, request: Request) -> Response:
        """Posts of the members of one of the user's lists."""
        return await self._events(request, "list")

    @route(
        "GET",
        "/api/v1/streaming/direct",
        READ,
        RouteDoc("Watch for direct messages", TEXT, query=(SINCE,), content_type="text/event-stream"),
    )
    async def direct(self, request: Request) -> Response:
        """Conversations of the user."""
        return await self._events(request, "direct")

    async def _events(self, request: Request, name: str) -> Response:
        await self.limiter.check_rate(request)
        listener = Listener(request.member.id, request.access.scopes if request.access else None)
        params = {field: request.fields.value(field, max=1_000) for field in ("tag", "list")}
        stream, since = stream_of(name, params, listener), since_of(request, self.feed)
        if stream.kind is StreamKind.LIST:
            await self._check_list(request.member, int(stream.of))
        self.feed.check_limit(listener.account)
        encoder = SseEncoder(self.payloads, since is not None)
        count_open = await self.limiter.reserve(request)
        response = Response.stream(EventStream(self.feed, encoder, StreamIdentity.of(request), count_open, stream, since))
        return response.cached(b"private, no-store").with_header("X-Accel-Buffering", "no")

    async def _check_list(self, viewer: Viewer, id: int) -> None:
        try:
            await self.lists.one(viewer, ListId(id))
        except NotFound as problem:
            raise NotYourList from problem


def _with_media(request: Request, name: str) -> str:
    return f"{name}:media" if request.fields.flag("only_media") else name
