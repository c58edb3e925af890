"""Encoders of updates for streaming API clients.

A payload is encoded once, and framed once for each stream name that clients subscribed by.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import orjson
from attrs import frozen

from microblog.live.subscriber import CloseReason, ViewerInteractions
from microblog.live.topics import Stream, StreamKind
from microblog.live.updates import ANNOUNCEMENTS, Update
from microblog.model.events import EventKind, Position
from microblog.model.filters import FilterContext, Match, is_hidden
from microblog.model.ids import AccountId
from microblog.model.posts import Post
from microblog.render.api.conversations import conversation_entity
from microblog.render.api.entities import Entities
from microblog.render.api.filters import encode_filter_results
from microblog.render.api.reports import reaction_entity, streamed_announcement
from microblog.render.api.status_json import StatusJsonCache
from microblog.web.streaming.sse import UNKNOWN, event
from microblog.web.streaming.websocket import text_frame

PERSONAL = frozenset({StreamKind.USER, StreamKind.NOTIFICATIONS, StreamKind.LIST, StreamKind.DIRECT})
"""Streams whose posts carry the viewer's own flags, such as `favourited`."""
ANYBODY = ViewerInteractions(0)
"""A viewer without any relation to a post."""

Payload = tuple[str, bytes]
"""Name of an event and its payload."""

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
    """Encodes updates, once for all viewers that have no relation to the post and whose filters do not match it."""

    statuses: StatusJsonCache

    def of(self, update: Update, stream: Stream, matches: Sequence[Match], own: ViewerInteractions | None) -> Payload | None:
        """Name and payload of an update; None if it is not sent, for example if the viewer's home filters hide it."""
        if matches and stream.kind is StreamKind.USER and update.notification is None and is_hidden(matches, FilterContext.HOME):
            return None
        encode = partial(self._status, matches=matches, own=own or ANYBODY if stream.kind in PERSONAL else None)
        if matches or own:
            return self._encode(update, encode)
        key = ("payload", stream.kind in PERSONAL)
        cached = update.frames.get(key)
        payload = self._encode(update, encode) if cached is None else (_name(update), cached)
        if payload is not None:
            update.frames[key] = payload[1]
        return payload

    def _encode(self, update: Update, encode: Callable[[Post], bytes]) -> Payload | None:
        name = _name(update)
        if update.notification is not None:
            notification = update.notification.notification
            status = None if notification.post is None else encode(notification.post)
            return name, orjson.dumps(self.statuses.entities.notification(notification, status))
        if update.conversation is not None:
            last = encode(update.conversation.last)
            return name, orjson.dumps(conversation_entity(self.statuses.entities, update.conversation, last))
        if update.post is not None:
            return name, encode(update.post)
        if update.kind in ANNOUNCEMENTS:
            return name, _announced(self.statuses.entities, update)
        if update.kind is EventKind.POST_DELETED:
            return name, b"%d" % (update.post_id or 0)
        if update.kind is EventKind.NOTIFICATIONS_MERGED:
            return name, b"1"
        return (name, b"") if update.kind is EventKind.FILTERS_CHANGED else None

    def _status(self, post: Post, matches: Sequence[Match], own: ViewerInteractions | None) -> bytes:
        if own is not None:
            return self.statuses.encoded(post, AccountId(own.account), own.flags, encode_filter_results(matches))
        encoded = self.statuses.encoded(post)
        return encoded[:-1] + b',"filtered":' + encode_filter_results(matches) + b"}" if matches else encoded


def _announced(entities: Entities, update: Update) -> bytes:
    """An announcement, the count of one of its reactions, or its id if it was deleted."""
    announcement = update.announcement
    if announcement is None:
        return b"%d" % (update.announcement_id or 0)
    entity = (
        streamed_announcement(entities, announcement)
        if update.kind is EventKind.ANNOUNCED
        else reaction_entity(announcement, update.reaction)
    )
    return orjson.dumps(entity)


def _name(update: Update) -> str:
    return NAMES.get(update.kind, "delete")


@frozen
class WebSocketEncoder:
    """Encodes WebSocket text frames that name their stream.

    Clients that sent a position (`extended()`) also get this server's own events, which Mastodon does not have.
    """

    payloads: PayloadEncoder
    extended: Callable[[], bool]

    def variant(self, stream: Stream) -> Hashable:
        """The stream's name as it was requested: frames differ by it."""
        return ("socket", stream.label)

    def personal(self, stream: Stream) -> bool:
        """True for streams with the viewer's own flags."""
        return stream.kind in PERSONAL

    def frame(self, update: Update, stream: Stream, matches: Sequence[Match] = (), own: ViewerInteractions | None = None) -> bytes | None:
        """The update as one WebSocket frame, or None if it is not sent."""
        payload = self.payloads.of(update, stream, matches, own)
        if payload is None:
            return None
        name, data = payload
        return _framed(stream.label, name, data.decode() if data else None, update.position)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """Tell the client that the stream continues from `since`."""
        return None if since == UNKNOWN else _framed(stream.label, "resumed", "", since)

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """Tell the client that events are missing, so that it reloads the timeline. Only for clients that sent a position."""
        return _framed(stream.label, "gap", orjson.dumps({"oldest": str(oldest)}).decode(), head) if self.extended() else None

    def opening(self) -> bytes:
        """No bytes: the response to the handshake is enough."""
        return b""

    def heartbeat(self, position: Position | None) -> bytes:
        """The current position. Pings are sent by the connection itself."""
        return b"" if position is None or not self.extended() else _framed((), "beat", None, position)

    def close_frame(self, reason: CloseReason, delay: float) -> bytes:
        """Tell the client how many milliseconds to wait before it reconnects."""
        if reason is not CloseReason.RESTART or not self.extended():
            return b""
        return _framed((), "restart", str(round(delay * 1000)), None)


def _framed(label: Sequence[str], name: str, payload: str | None, position: Position | None) -> bytes:
    message: dict[str, object] = {"stream": label, "event": name}
    if payload is not None:
        message["payload"] = payload
    if position is not None:
        message["id"] = str(position)
    return text_frame(orjson.dumps(message))


@frozen
class SseEncoder:
    """Encodes server-sent events. `extended`: the client sent a position, so it also gets this server's own events."""

    payloads: PayloadEncoder
    extended: bool

    def variant(self, stream: Stream) -> Hashable:
        """Frames differ between streams with and without the viewer's flags."""
        return ("events", stream.kind in PERSONAL)

    def personal(self, stream: Stream) -> bool:
        """True for streams with the viewer's own flags."""
        return stream.kind in PERSONAL

    def frame(self, update: Update, stream: Stream, matches: Sequence[Match] = (), own: ViewerInteractions | None = None) -> bytes | None:
        """The update as one event whose id is the position, or None if it is not sent."""
        payload = self.payloads.of(update, stream, matches, own)
        return None if payload is None else event(payload[0], payload[1] or b"{}", update.position)

    def resumed(self, stream: Stream, since: Position) -> bytes | None:
        """Tell the client that the stream continues from `since`."""
        return None if since == UNKNOWN else event("resumed", b"{}", since)

    def gap(self, stream: Stream, head: Position, oldest: Position) -> bytes | None:
        """Tell the client that events are missing, so that it reloads the timeline. Only for clients that sent a position."""
        return event("gap", orjson.dumps({"oldest": str(oldest)}), head) if self.extended else None

    def opening(self) -> bytes:
        """The first comment, as Mastodon sends it."""
        return b":)\n"

    def heartbeat(self, position: Position | None) -> bytes:
        """A comment, or an event with the position for clients that sent one."""
        return b":thump\n" if position is None or not self.extended else event("beat", b"{}", position)

    def close_frame(self, reason: CloseReason, delay: float) -> bytes:
        """Tell the client how many milliseconds to wait before it reconnects."""
        return event("restart", b"%d" % (delay * 1000)) if reason is CloseReason.RESTART and self.extended else b""
