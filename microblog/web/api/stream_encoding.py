"""News as Mastodon's clients read it: the payload is made once, and framed once for each name under which somebody listens."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import orjson
from attrs import frozen

from microblog.live.subscriber import CloseReason, Own
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import ANNOUNCEMENTS, Update
from microblog.model.events import EventKind, Position
from microblog.model.filters import FilterContext, Match, is_hidden
from microblog.model.ids import AccountId
from microblog.model.posts import Post
from microblog.render.api.conversations import conversation_entity
from microblog.render.api.entities import Entities
from microblog.render.api.filters import filtered
from microblog.render.api.reports import reaction_entity, streamed_announcement
from microblog.render.api.status_json import StatusJsonCache
from microblog.web.streaming.sse import UNKNOWN, event
from microblog.web.streaming.websocket import text_frame

PERSONAL = frozenset({StreamKind.USER, StreamKind.NOTIFICATIONS, StreamKind.LIST, StreamKind.DIRECT})
"""The streams on which posts say how the viewer stands to them."""
ANYBODY = Own(0)
"""A viewer who has nothing to do with a post."""

Payload = tuple[str, bytes]
"""The event's name, and what it says."""

NAMES = {
    EventKind.POST_PUBLISHED: "update",
    EventKind.POST_EDITED: "status.update",
    EventKind.NOTIFIED: "notification",
    EventKind.CONVERSATION_CHANGED: "conversation",
    EventKind.FILTERS_CHANGED: "filters_changed",
    EventKind.NOTIFICATIONS_MERGED: "notifications_merged",
    EventKind.ANNOUNCED: "announcement",
    EventKind.ANNOUNCEMENT_REACTED: "announcement.reaction",
    EventKind.ANNOUNCEMENT_WITHDRAWN: "announcement.delete",
}


@frozen
class PayloadEncoder:
    """Encodes news, once for all viewers who have nothing to do with the post and whose filters it does not match."""

    statuses: StatusJsonCache

    def of(self, news: Update, stream: Stream, matches: Sequence[Match], own: Own | None) -> Payload | None:
        """What is told of the news; None if nothing is: home is without what the viewer's filters hide there, as it is when it is read."""
        if matches and stream.kind is StreamKind.USER and news.notice is None and is_hidden(matches, FilterContext.HOME):
            return None
        told = partial(self._status, matches=matches, own=own or ANYBODY if stream.kind in PERSONAL else None)
        if matches or own:
            return self._made(news, told)
        key = ("payload", stream.kind in PERSONAL)
        kept = news.frames.get(key)
        made = self._made(news, told) if kept is None else (_name(news), kept)
        if made is not None:
            news.frames[key] = made[1]
        return made

    def _made(self, news: Update, told: Callable[[Post], bytes]) -> Payload | None:
        name = _name(news)
        if news.notice is not None:
            notification = news.notice.notification
            status = None if notification.post is None else told(notification.post)
            return name, orjson.dumps(self.statuses.entities.notification(notification, status))
        if news.conversation is not None:
            last = told(news.conversation.last)
            return name, orjson.dumps(conversation_entity(self.statuses.entities, news.conversation, last))
        if news.post is not None:
            return name, told(news.post)
        if news.kind in ANNOUNCEMENTS:
            return name, _announced(self.statuses.entities, news)
        if news.kind is EventKind.POST_DELETED:
            return name, b"%d" % (news.post_id or 0)
        if news.kind is EventKind.NOTIFICATIONS_MERGED:
            return name, b"1"
        return (name, b"") if news.kind is EventKind.FILTERS_CHANGED else None

    def _status(self, post: Post, matches: Sequence[Match], own: Own | None) -> bytes:
        if own is not None:
            return self.statuses.encoded(post, AccountId(own.account), own.flags, filtered(matches))
        encoded = self.statuses.encoded(post)
        return encoded[:-1] + b',"filtered":' + filtered(matches) + b"}" if matches else encoded


def _announced(entities: Entities, news: Update) -> bytes:
    """The announcement, the count of one of its reactions, or its id alone once it is gone."""
    made = news.announcement
    if made is None:
        return b"%d" % (news.announcement_id or 0)
    entity = streamed_announcement(entities, made) if news.kind is EventKind.ANNOUNCED else reaction_entity(made, news.reaction)
    return orjson.dumps(entity)


def _name(news: Update) -> str:
    return NAMES.get(news.kind, "delete")


@frozen
class WebSocketEncoder:
    """Text frames that name their stream. Only who has given a position (`told()`) is told more than Mastodon tells."""

    payloads: PayloadEncoder
    told: Callable[[], bool]

    def variant(self, stream: Stream) -> Hashable:
        """The bytes say which stream it is, as it was asked for."""
        return ("socket", stream.label)

    def personal(self, stream: Stream) -> bool:
        """True but for streams that everybody may have."""
        return stream.kind in PERSONAL

    def frame(self, news: Update, stream: Stream, matches: Sequence[Match] = (), own: Own | None = None) -> bytes | None:
        """The news, as one frame of WebSocket."""
        made = self.payloads.of(news, stream, matches, own)
        if made is None:
            return None
        name, payload = made
        return _framed(stream.label, name, payload.decode() if payload else None, news.position)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """What follows came after that position."""
        return None if since == UNKNOWN else _framed(stream.label, "resumed", "", since)

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """Something is missing: the timeline has to be read anew. Who gave no position is told only by that."""
        return _framed(stream.label, "gap", orjson.dumps({"oldest": str(oldest)}).decode(), head) if self.told() else None

    def opening(self) -> bytes:
        """Nothing: the answer to the handshake is enough."""
        return b""

    def heartbeat(self, position: Position | None) -> bytes:
        """Up to where the client has been told. Pings are the connection's own."""
        return b"" if position is None or not self.told() else _framed((), "beat", None, position)

    def close_frame(self, ending: CloseReason, delay: float) -> bytes:
        """When to come back, in milliseconds."""
        if ending is not CloseReason.RESTART or not self.told():
            return b""
        return _framed((), "restart", str(round(delay * 1000)), None)


def _framed(label: Sequence[str], name: str, payload: str | None, position: Position | None) -> bytes:
    said: dict[str, object] = {"stream": label, "event": name}
    if payload is not None:
        said["payload"] = payload
    if position is not None:
        said["id"] = str(position)
    return text_frame(orjson.dumps(said))


@frozen
class SseEncoder:
    """Server-sent events. With `told`, for a client that has given a position."""

    payloads: PayloadEncoder
    told: bool

    def variant(self, stream: Stream) -> Hashable:
        """Streams of everybody, and those of one viewer."""
        return ("events", stream.kind in PERSONAL)

    def personal(self, stream: Stream) -> bool:
        """True but for streams that everybody may have."""
        return stream.kind in PERSONAL

    def frame(self, news: Update, stream: Stream, matches: Sequence[Match] = (), own: Own | None = None) -> bytes | None:
        """The news as one event; its id is the position."""
        made = self.payloads.of(news, stream, matches, own)
        return None if made is None else event(made[0], made[1] or b"{}", news.position)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """What follows came after that position."""
        return None if since == UNKNOWN else event("resumed", b"{}", since)

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """Something is missing: the timeline has to be read anew. Who gave no position is told only by that."""
        return event("gap", orjson.dumps({"oldest": str(oldest)}), head) if self.told else None

    def opening(self) -> bytes:
        """As Mastodon begins."""
        return b":)\n"

    def heartbeat(self, position: Position | None) -> bytes:
        """A comment; with an event's id where the client knows what that is."""
        return b":thump\n" if position is None or not self.told else event("beat", b"{}", position)

    def close_frame(self, ending: CloseReason, delay: float) -> bytes:
        """When to come back, in milliseconds."""
        return event("restart", b"%d" % (delay * 1000)) if ending is CloseReason.RESTART and self.told else b""
