"""What can be listened to, and which of it news belongs to. Pure.

A reader listens to streams; a stream is one or two topics; news belongs to topics. Home has a topic for each reader, not for each author:
whose homes a post belongs to is found from the connected viewers (viewer_state.py).
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
EVERYBODY: Topic = ("everybody", 0)  # what the site tells all who are logged in


class StreamKind(StrEnum):
    """The kinds, by the names that API clients know; the last three are for our own pages. Nobody posts to REMOTE here."""

    USER = "user"
    NOTIFICATIONS = "user:notification"
    PUBLIC = "public"
    REMOTE = "public:remote"
    TAG = "hashtag"
    LIST = "list"
    DIRECT = "direct"
    AUTHOR = "author"
    AUTHOR_POSTS = "author:posts"
    THREAD = "thread"


@frozen
class Stream:
    """Something to listen to. `of` is whose (an account's id), the tag's folded key, the list's or conversation's id; 0 for the public one.

    With `notices`, what that account is told comes along in the same order, so that one position serves for both. With `media`, posts
    without any are left out. `name` is what a client calls it, and `label` what it is told with each news: the name, and the tag as it was
    asked for.
    """

    kind: StreamKind
    of: int | str = 0
    notices: int | None = None
    media: bool = False
    name: str = ""
    label: tuple[str, ...] = field(default=(), eq=False)
    topics: tuple[Topic, ...] = field(init=False, eq=False)

    @topics.default
    def _topics(self) -> tuple[Topic, ...]:
        if self.kind is StreamKind.NOTIFICATIONS:
            return (notices_of(int(self.of)),)
        own = (home_of(int(self.of)), EVERYBODY) if self.kind is StreamKind.USER else ((self.kind, self.of),)
        return own if self.notices is None else (*own, notices_of(self.notices))


def home_of(account: int) -> Topic:
    """The home timeline of one account."""
    return ("home", account)


def notices_of(account: int) -> Topic:
    """What one account is told."""
    return ("notices", account)


def topics_of(news: Update) -> Iterator[Topic]:
    """Where the news belongs, home timelines apart."""
    if news.kind in (EventKind.NOTIFIED, EventKind.BADGES_CHANGED, EventKind.NOTIFICATIONS_MERGED):
        yield notices_of(news.author)
    elif news.kind is EventKind.CONVERSATION_CHANGED:
        yield (StreamKind.DIRECT, news.author)
    elif news.kind is EventKind.FILTERS_CHANGED:
        yield home_of(news.author)
    elif news.kind in ANNOUNCEMENTS:
        yield EVERYBODY
    elif news.kind in POSTS:
        yield (StreamKind.AUTHOR, news.author)
        if not news.answers_another:
            yield (StreamKind.AUTHOR_POSTS, news.author)
        if news.boost_of is None:
            yield from _of_original(news)


def _of_original(news: Update) -> Iterator[Topic]:
    if news.visibility is Visibility.PUBLIC:
        if not news.answers_another:
            yield (StreamKind.PUBLIC, 0)
        for tag in news.tags:
            yield (StreamKind.TAG, tag)
    if news.thread is not None:
        yield (StreamKind.THREAD, news.thread)
