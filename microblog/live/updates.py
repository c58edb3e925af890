"""News: an event, made ready to be told to whoever listens. What it costs to tell is paid once, not once per reader."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Self

from attrs import define, field, frozen

from microblog.model.announcements import Announcement
from microblog.model.conversations import Conversation
from microblog.model.events import Event, EventKind, Position
from microblog.model.notifications import Notification
from microblog.model.posts import Post, PostFlags, Visibility

POSTS = frozenset({EventKind.POST_PUBLISHED, EventKind.POST_EDITED, EventKind.POST_DELETED})
SHOWN = frozenset({EventKind.POST_PUBLISHED, EventKind.POST_EDITED})
PERSONAL = frozenset({EventKind.NOTIFIED, EventKind.CONVERSATION_CHANGED, EventKind.BADGES_CHANGED})
"""Told to one account alone, as it is then."""
ANNOUNCING = frozenset({EventKind.ANNOUNCED, EventKind.ANNOUNCEMENT_REACTED})
"""Told to everybody who is logged in, as the announcement is then."""
ANNOUNCEMENTS = ANNOUNCING | {EventKind.ANNOUNCEMENT_WITHDRAWN}
LOADED = SHOWN | PERSONAL | ANNOUNCING
"""What is told of these is looked up."""


@frozen
class UnreadUpdate:
    """How many notifications somebody has not read, and how many conversations."""

    unread: int = 0
    messages: int = 0


@frozen
class NotificationUpdate:
    """A notification as its receiver is told of it, with the numbers that it makes."""

    notification: Notification
    badges: UnreadUpdate = UnreadUpdate()


def _number(value: object) -> int | None:
    """An id, however it was written."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) else None


def _visibility(value: object) -> Visibility | None:
    return Visibility(value) if isinstance(value, str) and value in set(Visibility) else None


def _several(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


@define(eq=False)
class Update:
    """What the event says, and, once it is `loaded`, the post, notice, conversation or badges as they are now: None if that is gone by now.

    `frames` keeps each encoding that somebody needed; None there says that the encoding does not tell of this at all. `marks` says how
    those viewers stand to the post shown who are about to be told of it and have done something to it; `owner` wrote it.
    """

    position: Position
    kind: EventKind
    author: int
    subject: int | None
    post_id: int | None
    visibility: Visibility | None = None
    boost_of: int | None = None
    boost_author: int | None = None
    reply_to_account: int | None = None
    thread: int | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    mentions: frozenset[int] = frozenset()
    notice_id: int | None = None
    conversation_id: int | None = None
    removed: int | None = None
    announcement_id: int | None = None
    reaction: str = ""
    loaded: bool = False
    post: Post | None = None
    notice: NotificationUpdate | None = None
    conversation: Conversation | None = None
    badges: UnreadUpdate | None = None
    announcement: Announcement | None = None
    frames: dict[Hashable, bytes | None] = field(factory=dict)
    marks: Mapping[int, PostFlags] = field(factory=dict)
    owner: int = 0
    entry: tuple[int, int] = field(init=False)

    @entry.default
    def _entry(self) -> tuple[int, int]:
        """As an entry of a timeline: its id, and that of the post which it shows."""
        post = self.post_id or 0
        return post, self.boost_of or post

    @classmethod
    def of(cls, event: Event) -> Self:
        """The event's news. Fields that an event has not are left empty: an odd row must not stop the feed."""
        data = event.data
        return cls(
            event.position,
            event.kind,
            event.account_id or 0,
            event.subject_id,
            event.post_id,
            visibility=_visibility(data.get("visibility")),
            boost_of=_number(data.get("boost_of")),
            boost_author=_number(data.get("boost_author")),
            reply_to_account=_number(data.get("reply_to_account")),
            thread=_number(data.get("thread")),
            language=str(data["language"]) if data.get("language") else None,
            tags=tuple(map(str, _several(data.get("tags")))),
            mentions=frozenset(filter(None, map(_number, _several(data.get("mentions"))))),
            notice_id=_number(data.get("notification")),
            conversation_id=_number(data.get("conversation")),
            removed=_number(data.get("removed")),
            announcement_id=_number(data.get("announcement")),
            reaction=str(data.get("name", "")),
            loaded=event.kind not in LOADED,
        )

    @property
    def answers_another(self) -> bool:
        """True for a reply to somebody else; a thread that an author spins on alone is none."""
        return self.reply_to_account is not None and self.reply_to_account != self.author

    @property
    def last_said(self) -> int | None:
        """The post that a conversation is shown with, which may be older than the one that changed it."""
        return None if self.conversation is None else self.conversation.last.id

    @property
    def about(self) -> Post | None:
        """The post that it is told with, once it is loaded."""
        if self.notice is not None:
            return self.notice.notification.post
        return self.post if self.conversation is None else self.conversation.last

    @property
    def tellable(self) -> bool:
        """True unless what it speaks of is gone: deleted since, or its author suspended."""
        if self.kind in SHOWN:
            return self.post is not None
        if self.kind in ANNOUNCING:
            return self.announcement is not None
        return self.kind not in PERSONAL or any(one is not None for one in (self.notice, self.conversation, self.badges))

    def load(
        self,
        post: Post | None,
        notice: NotificationUpdate | None,
        conversation: Conversation | None = None,
        badges: UnreadUpdate | None = None,
        announcement: Announcement | None = None,
    ) -> None:
        """Note what was found for it."""
        gone = post is not None and (post.author.suspended_at or post.original.author.suspended_at)
        self.post, self.notice, self.conversation = None if gone else post, notice, conversation
        self.badges, self.announcement, self.loaded = badges, announcement, True
        self.owner = 0 if self.about is None else self.about.original.author.id

    def forget(self) -> None:
        """What was found may be otherwise by now: whoever is told of it later has to load it again."""
        if self.kind in LOADED:
            self.post, self.notice, self.conversation, self.badges, self.announcement = None, None, None, None, None
            self.loaded = False
            self.frames.clear()
            self.marks, self.owner = {}, 0
