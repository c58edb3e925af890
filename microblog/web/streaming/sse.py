"""The live feed of our own pages: server-sent events, authenticated by the session's cookie, for pages of this site only."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import orjson
from attrs import define, frozen

from microblog.domain.accounts import Accounts
from microblog.domain.posts import Posts
from microblog.domain.text.post_text import tag_key
from microblog.live.broadcaster import Broadcaster
from microblog.live.subscriber import CloseReason, Own
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import NotificationUpdate, UnreadUpdate, Update
from microblog.model.conversations import Conversation
from microblog.model.errors import Forbidden, Malformed
from microblog.model.events import EventKind, Position
from microblog.model.filters import FilterContext, Match, is_hidden, warning
from microblog.model.ids import PostId
from microblog.model.notifications import Notification
from microblog.model.posts import Post, PostFlags
from microblog.render.html.post_html import folded
from microblog.render.local_links import own_links
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.streaming.stream_connection import ConnectionLimiter, OpenStream, StreamIdentity

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
UNKNOWN = Position("", 0, 0)
NO_FLAGS = PostFlags()
CONTEXTS = {
    StreamKind.USER: FilterContext.HOME,
    StreamKind.NOTIFICATIONS: FilterContext.NOTIFICATIONS,
    StreamKind.PUBLIC: FilterContext.PUBLIC,
    StreamKind.TAG: FilterContext.PUBLIC,
    StreamKind.THREAD: FilterContext.THREAD,
    StreamKind.DIRECT: FilterContext.THREAD,
}


def event(name: str, data: bytes, position: object = None) -> bytes:
    """One event on the wire. `data` is one line."""
    id = b"" if position is None else b"id: %s\n" % str(position).encode("ascii")
    return b"event: %s\n%sdata: %s\n\n" % (name.encode("ascii"), id, data)


@frozen
class PageEncoder:
    """News as our own scripts read it (static/live.js): posts, notifications, conversations as ready HTML, and how much is unread.

    For all members, or visitors.
    """

    article: Callable[[Post, bool, PostFlags], str]
    note: Callable[[Notification], str]
    talk: Callable[[Conversation, str], str]
    member: bool
    context: FilterContext = FilterContext.HOME

    def variant(self, stream: Stream) -> Hashable:
        """Whatever the stream, it is the same bytes."""
        return ("page", self.member)

    def personal(self, stream: Stream) -> bool:
        """True for home: boosts of what the viewer has seen before come there."""
        return self.member and stream.kind is StreamKind.USER

    def frame(self, news: Update, stream: Stream, matches: Sequence[Match] = (), own: Own | None = None) -> bytes | None:
        """The news as one event; its id is the position. What the viewer's filters leave out there is not told."""
        context = FilterContext.NOTIFICATIONS if news.notice is not None else self.context
        if context is not FilterContext.THREAD and is_hidden(matches, context):
            return None
        if news.notice is not None:
            return event("notification", self._notice(news.notice), news.position)
        if news.badges is not None:
            return event("badges", orjson.dumps(_numbers(news.badges) | {"removed": news.removed and str(news.removed)}), news.position)
        if news.conversation is not None:
            return event("conversation", self._talk(news.conversation, warning(matches, self.context)), news.position)
        if news.post is not None:
            name = "edit" if news.kind is EventKind.POST_EDITED else "update"
            return event(name, self._post(news.post, warning(matches, self.context), own), news.position)
        if news.kind is EventKind.POST_DELETED:
            return event("delete", b"%d" % (news.post_id or 0), news.position)
        return _announced(news)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """What follows came after that position."""
        return None if since == UNKNOWN else event("resumed", b"{}", since)

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """Something is missing: the page has to be read anew."""
        return event("gap", orjson.dumps({"oldest": str(oldest)}), head)

    def opening(self) -> bytes:
        """At once, so that proxies and browsers see that the stream is open."""
        return b"retry: 2000\n:)\n\n"

    def heartbeat(self, position: Position | None) -> bytes:
        """A comment, or up to where the page has been told."""
        return b":thump\n\n" if position is None else event("beat", b"", position)

    def close_frame(self, ending: CloseReason, delay: float) -> bytes:
        """Whether and when to come back."""
        if ending is CloseReason.UNAUTHORIZED:
            return event("bye", b"{}")
        return event("restart", b"%d" % (delay * 1000)) if ending is CloseReason.RESTART else b""

    def _post(self, post: Post, title: str, own: Own | None) -> bytes:
        answers = None if post.reply_to is None else str(post.reply_to)
        html = self.article(post, self.member, own.flags if own else NO_FLAGS)
        html = folded(html, title) if title else html
        return orjson.dumps({"id": str(post.id), "html": html, "at": post.created_at.isoformat(), "reply_to": answers})

    def _notice(self, notice: NotificationUpdate) -> bytes:
        return orjson.dumps({"id": str(notice.notification.id), "html": self.note(notice.notification), **_numbers(notice.badges)})

    def _talk(self, conversation: Conversation, title: str) -> bytes:
        html, last = self.talk(conversation, title), str(conversation.last.id)
        return orjson.dumps({"id": str(conversation.id), "html": html, "last": last, "unread": conversation.unread})


def _announced(news: Update) -> bytes | None:
    """An announcement as ready HTML, or that it is gone. The pages show no reactions."""
    if news.kind is EventKind.ANNOUNCED and news.announcement is not None:
        made = news.announcement
        return event("announcement", orjson.dumps({"id": str(made.id), "html": own_links(made.html)}), news.position)
    if news.kind is EventKind.ANNOUNCEMENT_WITHDRAWN:
        return event("withdrawn", b"%d" % (news.announcement_id or 0), news.position)
    return None


def _numbers(badges: UnreadUpdate) -> dict[str, object]:
    return {"unread": badges.unread, "messages": badges.messages}


@define(eq=False)
class EventStream(OpenStream):
    """One response of server-sent events: one stream, from now on or from after the position `since`."""

    stream: Stream
    since: Position | None

    def admitted(self) -> None:
        """Listen."""
        self.feed.subscribe(self.subscriber, self.stream, self.since, self.asked)


@frozen
class Streams:
    """What the pages of this site listen to. `article`, `note` and `talk` make the HTML of a post, a notification, a conversation."""

    feed: Broadcaster
    article: Callable[[Post, bool, PostFlags], str]
    note: Callable[[Notification], str]
    talk: Callable[[Conversation, str], str]
    accounts: Accounts
    posts: Posts
    places: ConnectionLimiter

    @route("GET", "/live/home", MEMBER)
    async def home(self, request: Request) -> Response:
        """The viewer's home timeline."""
        return await self._stream(request, StreamKind.USER, request.member.id)

    @route("GET", "/live/notifications", MEMBER)
    async def notifications(self, request: Request) -> Response:
        """What the viewer is told, which comes with every other stream too."""
        return await self._stream(request, StreamKind.NOTIFICATIONS, request.member.id)

    @route("GET", "/live/conversations", MEMBER)
    async def conversations(self, request: Request) -> Response:
        """The viewer's direct conversations."""
        return await self._stream(request, StreamKind.DIRECT, request.member.id)

    @route("GET", "/live/local", RouteOptions())
    async def local(self, request: Request) -> Response:
        """All public posts of this site."""
        return await self._stream(request, StreamKind.PUBLIC, 0)

    @route("GET", "/live/tags/<name>", RouteOptions())
    async def tag(self, request: Request, name: str) -> Response:
        """Public posts with a tag."""
        return await self._stream(request, StreamKind.TAG, tag_key(name))

    @route("GET", "/live/@<username:username>", RouteOptions())
    async def author(self, request: Request, username: str) -> Response:
        """What somebody posts and boosts, without replies to others."""
        account = await self.accounts.by_username(username)
        return await self._stream(request, StreamKind.AUTHOR_POSTS, account.id)

    @route("GET", "/live/posts/<id:post_id>", RouteOptions())
    async def thread(self, request: Request, post_id: int) -> Response:
        """The conversation of a post that the viewer may see."""
        post = await self.posts.one(request.viewer, PostId(post_id))
        return await self._stream(request, StreamKind.THREAD, post.original.thread_id or post.original.id)

    async def _stream(self, request: Request, kind: StreamKind, of: int | str) -> Response:
        self._refuse_strangers(request)
        await self.places.check_rate(request)
        reader = StreamIdentity.of(request)
        self.feed.expect(reader.account)
        dialect = PageEncoder(self.article, self.note, self.talk, reader.account is not None, CONTEXTS.get(kind, FilterContext.ACCOUNT))
        opened = await self.places.reserve(request)
        protocol = EventStream(self.feed, dialect, reader, opened, Stream(kind, of, reader.account), since_of(request, self.feed))
        return Response.stream(protocol).cached(b"no-store, no-transform").with_header("X-Accel-Buffering", "no")

    def _refuse_strangers(self, request: Request) -> None:
        """Another site's page must not even hold connections with our visitors' cookies."""
        origin, site = request.header("Origin"), request.header("Sec-Fetch-Site")
        if (origin is not None and origin != request.origin.url) or site not in (None, "same-origin", "none"):
            raise Forbidden("This stream is for pages of this site only.")


def since_of(request: Request, feed: Broadcaster) -> Position | None:
    """From where on to tell: a browser that reconnects by itself says so in a header, which is newer than the address."""
    given = request.header("Last-Event-ID") or request.fields.value("since", max=100)
    if not given:
        return None
    try:
        return feed.read_position(given)
    except Malformed:
        return UNKNOWN
