"""Server-sent events for our own pages, authenticated by the session cookie and for pages of this site only."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import orjson
from attrs import define, frozen

from microblog.domain.accounts import Accounts
from microblog.domain.posts import Posts
from microblog.domain.text.post_text import tag_key
from microblog.live.broadcaster import Broadcaster
from microblog.live.subscriber import CloseReason, ViewerInteractions
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import NotificationUpdate, UnreadUpdate, Update
from microblog.model.conversations import Conversation
from microblog.model.errors import Forbidden, Malformed, NotFound, Unauthenticated
from microblog.model.events import EventKind, Position
from microblog.model.filters import FilterContext, Match, is_hidden, warning_title
from microblog.model.ids import PostId
from microblog.model.notifications import Notification
from microblog.model.posts import NO_FLAGS, Post, PostFlags
from microblog.render.emojis import in_html
from microblog.render.html.post_html import collapse_behind_filters
from microblog.render.local_links import own_links
from microblog.render.site_view import SiteView
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.streaming.stream_connection import ConnectionLimiter, OpenStream, StreamIdentity

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
UNKNOWN = Position("", 0, 0)
CONTEXTS = {
    StreamKind.USER: FilterContext.HOME,
    StreamKind.NOTIFICATIONS: FilterContext.NOTIFICATIONS,
    StreamKind.PUBLIC: FilterContext.PUBLIC,
    StreamKind.LOCAL: FilterContext.PUBLIC,
    StreamKind.TAG: FilterContext.PUBLIC,
    StreamKind.LOCAL_TAG: FilterContext.PUBLIC,
    StreamKind.THREAD: FilterContext.THREAD,
    StreamKind.DIRECT: FilterContext.THREAD,
}


def event(name: str, data: bytes, position: object = None) -> bytes:
    """Encode one server-sent event. `data` must be one line."""
    id = b"" if position is None else b"id: %s\n" % str(position).encode("ascii")
    return b"event: %s\n%sdata: %s\n\n" % (name.encode("ascii"), id, data)


@frozen
class PageEncoder:
    """Encodes updates for our own scripts (static/live.js): posts, notifications and conversations as HTML, and unread counts.

    `member`: for logged-in users, else for visitors.
    """

    render_post: Callable[[Post, bool, PostFlags], str]
    render_notification: Callable[[Notification], str]
    render_conversation: Callable[[Conversation, str], str]
    member: bool
    context: FilterContext = FilterContext.HOME

    def variant(self, stream: Stream) -> Hashable:
        """Frames are the same for all streams."""
        return ("page", self.member)

    def personal(self, stream: Stream) -> bool:
        """True for the home stream, whose posts have the viewer's own flags."""
        return self.member and stream.kind is StreamKind.USER

    def frame(self, update: Update, stream: Stream, matches: Sequence[Match] = (), own: ViewerInteractions | None = None) -> bytes | None:
        """The update as one event whose id is the position, or None if the viewer's filters hide it."""
        context = FilterContext.NOTIFICATIONS if update.notification is not None else self.context
        if context is not FilterContext.THREAD and is_hidden(matches, context):
            return None
        if update.notification is not None:
            return event("notification", self._notification(update.notification), update.position)
        if update.unread is not None:
            return event(
                "badges", orjson.dumps(_counts(update.unread) | {"removed": update.removed and str(update.removed)}), update.position
            )
        if update.conversation is not None:
            return event("conversation", self._conversation(update.conversation, warning_title(matches, self.context)), update.position)
        if update.post is not None:
            name = "edit" if update.kind is EventKind.POST_EDITED else "update"
            return event(name, self._post(update.post, warning_title(matches, self.context), own), update.position)
        if update.kind is EventKind.POST_DELETED:
            return event("delete", b"%d" % (update.post_id or 0), update.position)
        return _announced(update)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """Tell the page that the stream continues from `since`."""
        return None if since == UNKNOWN else event("resumed", b"{}", since)

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """Tell the page that events are missing and that it has to reload."""
        return event("gap", orjson.dumps({"oldest": str(oldest)}), head)

    def opening(self) -> bytes:
        """The first bytes, so that proxies and browsers see that the stream is open."""
        return b"retry: 2000\n:)\n\n"

    def heartbeat(self, position: Position | None) -> bytes:
        """A comment, or an event with the current position."""
        return b":thump\n\n" if position is None else event("beat", b"", position)

    def close_frame(self, reason: CloseReason, delay: float) -> bytes:
        """Tell the page whether and when to reconnect."""
        if reason is CloseReason.UNAUTHORIZED:
            return event("bye", b"{}")
        return event("restart", b"%d" % (delay * 1000)) if reason is CloseReason.RESTART else b""

    def _post(self, post: Post, title: str, own: ViewerInteractions | None) -> bytes:
        reply_to = None if post.reply_to is None else str(post.reply_to)
        html = self.render_post(post, self.member, own.flags if own else NO_FLAGS)
        html = collapse_behind_filters(html, title) if title else html
        return orjson.dumps({"id": str(post.id), "html": html, "at": post.created_at.isoformat(), "reply_to": reply_to})

    def _notification(self, update: NotificationUpdate) -> bytes:
        return orjson.dumps(
            {"id": str(update.notification.id), "html": self.render_notification(update.notification), **_counts(update.unread)}
        )

    def _conversation(self, conversation: Conversation, title: str) -> bytes:
        html, last = self.render_conversation(conversation, title), str(conversation.last.id)
        return orjson.dumps({"id": str(conversation.id), "html": html, "last": last, "unread": conversation.unread})


def _announced(update: Update) -> bytes | None:
    """An announcement as HTML, or the id of a deleted one. Pages show no reactions."""
    if update.kind is EventKind.ANNOUNCED and update.announcement is not None:
        announcement = update.announcement
        html = in_html(own_links(announcement.html), announcement.emojis)
        return event("announcement", orjson.dumps({"id": str(announcement.id), "html": html}), update.position)
    if update.kind is EventKind.ANNOUNCEMENT_WITHDRAWN:
        return event("withdrawn", b"%d" % (update.announcement_id or 0), update.position)
    return None


def _counts(unread: UnreadUpdate) -> dict[str, object]:
    return {"unread": unread.unread, "messages": unread.messages}


@define(eq=False)
class EventStream(OpenStream):
    """A response of server-sent events: one stream, from now on or after the position `since`."""

    stream: Stream
    since: Position | None

    def admitted(self) -> None:
        """Subscribe to the stream."""
        self.feed.subscribe(self.subscriber, self.stream, self.since, self.requested_at)


def check_federated(site: SiteView, request: Request) -> None:
    """Raise a Problem unless there is a federated timeline, and the viewer may see it on pages."""
    if not site.federates:
        raise NotFound
    _check_others(site, request)


def _check_others(site: SiteView, request: Request) -> None:
    """Raise a Problem unless the viewer may see what is from other servers on pages: visitors only if the site shows it to them."""
    if site.hides_others_from(request.viewer):
        raise Unauthenticated("Please log in first.")


@frozen
class Streams:
    """Streams for the pages of this site. The three `render_...` functions return HTML."""

    feed: Broadcaster
    render_post: Callable[[Post, bool, PostFlags], str]
    render_notification: Callable[[Notification], str]
    render_conversation: Callable[[Conversation, str], str]
    accounts: Accounts
    posts: Posts
    limiter: ConnectionLimiter
    site: SiteView

    @route("GET", "/live/home", MEMBER)
    async def home(self, request: Request) -> Response:
        """The viewer's home timeline."""
        return await self._stream(request, StreamKind.USER, request.member.id)

    @route("GET", "/live/notifications", MEMBER)
    async def notifications(self, request: Request) -> Response:
        """The viewer's notifications, which are also part of every other stream."""
        return await self._stream(request, StreamKind.NOTIFICATIONS, request.member.id)

    @route("GET", "/live/conversations", MEMBER)
    async def conversations(self, request: Request) -> Response:
        """The viewer's direct conversations."""
        return await self._stream(request, StreamKind.DIRECT, request.member.id)

    @route("GET", "/live/local", RouteOptions())
    async def local(self, request: Request) -> Response:
        """All public posts of this site."""
        return await self._stream(request, StreamKind.LOCAL, 0)

    @route("GET", "/live/federated", RouteOptions())
    async def federated(self, request: Request) -> Response:
        """All public posts that are known, of this site and of others."""
        check_federated(self.site, request)
        return await self._stream(request, StreamKind.PUBLIC, 0)

    @route("GET", "/live/tags/<name>", RouteOptions())
    async def tag(self, request: Request, name: str) -> Response:
        """Public posts with a tag."""
        kind = StreamKind.LOCAL_TAG if self.site.hides_others_from(request.viewer) else StreamKind.TAG
        return await self._stream(request, kind, tag_key(name))

    @route("GET", "/live/@<username:username>", RouteOptions())
    async def author(self, request: Request, username: str) -> Response:
        """Posts and boosts of an account, without replies to others."""
        account = await self.accounts.by_acct(username)
        if account.host is not None:
            _check_others(self.site, request)
        return await self._stream(request, StreamKind.AUTHOR_POSTS, account.id)

    @route("GET", "/live/posts/<id:post_id>", RouteOptions())
    async def thread(self, request: Request, post_id: int) -> Response:
        """The thread of a post that the viewer may see."""
        post = await self.posts.one(request.viewer, PostId(post_id))
        if post.original.uri is not None:
            _check_others(self.site, request)
        return await self._stream(request, StreamKind.THREAD, post.original.thread_id or post.original.id)

    async def _stream(self, request: Request, kind: StreamKind, of: int | str) -> Response:
        self._check_origin(request)
        await self.limiter.check_rate(request)
        identity = StreamIdentity.of(request)
        self.feed.check_limit(identity.account)
        encoder = PageEncoder(
            self.render_post,
            self.render_notification,
            self.render_conversation,
            identity.account is not None,
            CONTEXTS.get(kind, FilterContext.ACCOUNT),
        )
        count_open = await self.limiter.reserve(request)
        protocol = EventStream(self.feed, encoder, identity, count_open, Stream(kind, of, identity.account), since_of(request, self.feed))
        return Response.stream(protocol).cached(b"no-store, no-transform").with_header("X-Accel-Buffering", "no")

    def _check_origin(self, request: Request) -> None:
        """Raise Forbidden for pages of other sites, which must not open connections with our visitors' cookies."""
        origin, site = request.header("Origin"), request.header("Sec-Fetch-Site")
        if (origin is not None and origin != request.origin.url) or site not in (None, "same-origin", "none"):
            raise Forbidden("This stream is for pages of this site only.")


def since_of(request: Request, feed: Broadcaster) -> Position | None:
    """The position to continue from. Last-Event-ID of a reconnecting browser is newer than the one in the URL."""
    text = request.header("Last-Event-ID") or request.fields.value("since", max=100)
    if not text:
        return None
    try:
        return feed.read_position(text)
    except Malformed:
        return UNKNOWN
