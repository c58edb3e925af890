"""Streams that clients can subscribe to, and topics that updates belong to. Pure.

A client subscribes to streams; a stream consists of one or two topics. A home timeline has one topic per viewer, not per author: the home
timelines that a post belongs to are found from the connected viewers' relations (viewer_state.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TypeAlias

from attrs import field, frozen

from microblog.live.updates import ANNOUNCEMENTS, POSTS, Update
from microblog.model.events import EventKind
from microblog.model.posts import Visibility

Topic: TypeAlias = tuple[str, int | str]
EVERYONE: Topic = ("everybody", 0)  # announcements, for all viewers who are logged in


class StreamKind(StrEnum):
    """Kinds of streams by their names in the Mastodon API; the last three are for this site's own pages.

    LOCAL, REMOTE and LOCAL_TAG have the posts of this site, or of others, that are on PUBLIC and TAG.
    """

    USER = "user"
    NOTIFICATIONS = "user:notification"
    PUBLIC = "public"
    LOCAL = "public:local"
    REMOTE = "public:remote"
    TAG = "hashtag"
    LOCAL_TAG = "hashtag:local"
    LIST = "list"
    DIRECT = "direct"
    AUTHOR = "author"
    AUTHOR_POSTS = "author:posts"
    THREAD = "thread"


@frozen
class Stream:
    """A stream. `of` is the account id, the hashtag's folded key, or the list or conversation id; 0 for public timelines.

    `notifications` is an account whose notifications are included in the same order, so that one position serves both. With `media`, posts
    without attachments are skipped. `name` is the client's name of the stream, `label` is sent with each update: the name and the hashtag
    as requested.
    """

    kind: StreamKind
    of: int | str = 0
    notifications: int | None = None
    media: bool = False
    name: str = ""
    label: tuple[str, ...] = field(default=(), eq=False)
    topics: tuple[Topic, ...] = field(init=False, eq=False)

    @topics.default
    def _topics(self) -> tuple[Topic, ...]:
        if self.kind is StreamKind.NOTIFICATIONS:
            return (notifications_of(int(self.of)),)
        own = (home_of(int(self.of)), EVERYONE) if self.kind is StreamKind.USER else ((self.kind, self.of),)
        return own if self.notifications is None else (*own, notifications_of(self.notifications))


def home_of(account: int) -> Topic:
    """Return the topic of the account's home timeline."""
    return ("home", account)


def notifications_of(account: int) -> Topic:
    """Return the topic of the account's notifications."""
    return ("notices", account)


def topics_of(update: Update) -> Iterator[Topic]:
    """Yield the topics of an update, except home timelines."""
    if update.kind in (EventKind.NOTIFIED, EventKind.BADGES_CHANGED, EventKind.NOTIFICATIONS_MERGED):
        yield notifications_of(update.author)
    elif update.kind is EventKind.CONVERSATION_CHANGED:
        yield (StreamKind.DIRECT, update.author)
    elif update.kind is EventKind.FILTERS_CHANGED:
        yield home_of(update.author)
    elif update.kind in ANNOUNCEMENTS:
        yield EVERYONE
    elif update.kind in POSTS:
        yield (StreamKind.AUTHOR, update.author)
        if not update.replies_to_other:
            yield (StreamKind.AUTHOR_POSTS, update.author)
        if update.boost_of is None:
            yield from _of_original(update)


def _of_original(update: Update) -> Iterator[Topic]:
    if update.visibility is Visibility.PUBLIC:
        if not update.replies_to_other:
            yield (StreamKind.PUBLIC, 0)
            yield (StreamKind.LOCAL if update.here else StreamKind.REMOTE, 0)
        for tag in update.tags:
            yield (StreamKind.TAG, tag)
            if update.here:
                yield (StreamKind.LOCAL_TAG, tag)
    if update.thread is not None:
        yield (StreamKind.THREAD, update.thread)
