"""Names of streams in the streaming API, as requested by clients with a token or a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from microblog.domain.scopes import covers
from microblog.domain.text.post_text import tag_key
from microblog.live.topics import Stream, StreamKind
from microblog.model.errors import Malformed, Unauthenticated

PUBLIC = {
    "public": (StreamKind.PUBLIC, False),
    "public:local": (StreamKind.LOCAL, False),
    "public:remote": (StreamKind.REMOTE, False),
    "public:media": (StreamKind.PUBLIC, True),
    "public:local:media": (StreamKind.LOCAL, True),
    "public:remote:media": (StreamKind.REMOTE, True),
}
MAX_TAG_LENGTH = 500


class UnknownStream(Malformed):
    """Unknown stream name."""

    sentence = "Unknown stream type"


class NotYourList(Unauthenticated):
    """The list does not exist, or belongs to another account."""

    sentence = "Not authorized to stream this list"


class OutOfScope(Unauthenticated):
    """The token does not have the scope of the stream."""

    sentence = "Access token does not have the required scopes"


@frozen
class Listener:
    """The account that streams. `scopes` are those of its token; None for a browser session, which may read everything."""

    account: int
    scopes: frozenset[str] | None = None

    def covers(self, scope: str) -> bool:
        """True if the token covers the scope."""
        return self.scopes is None or covers(self.scopes, scope)


def stream_of(name: str, params: Mapping[str, Any], listener: Listener) -> Stream:
    """The stream of a name and its parameters. Raises UnknownStream, OutOfScope, or Malformed for a missing parameter."""
    if not listener.covers("read:notifications" if name == StreamKind.NOTIFICATIONS else "read:statuses"):
        raise OutOfScope
    if name in PUBLIC:
        kind, media = PUBLIC[name]
        return Stream(kind, media=media, name=name, label=(name,))
    if name in (StreamKind.TAG, StreamKind.LOCAL_TAG):
        tag = str(params.get("tag") or "").strip().removeprefix("#")[:MAX_TAG_LENGTH]
        if not tag:
            raise Malformed("Missing tag name parameter")
        return Stream(StreamKind(name), tag_key(tag), name=name, label=(name, tag))
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
        notifications = listener.account if listener.covers("read:notifications") else None
        return Stream(StreamKind.USER, listener.account, notifications, name=name, label=(name,))
    if name in (StreamKind.NOTIFICATIONS, StreamKind.DIRECT):
        return Stream(StreamKind(name), listener.account, name=name, label=(name,))
    raise UnknownStream
