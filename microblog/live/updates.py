"""Updates: events prepared for delivery. An update is prepared once, not once per recipient."""

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
WITH_POST = frozenset({EventKind.POST_PUBLISHED, EventKind.POST_EDITED})
PERSONAL = frozenset({EventKind.NOTIFIED, EventKind.CONVERSATION_CHANGED, EventKind.BADGES_CHANGED})
"""Delivered to one account only; their content is loaded."""
ANNOUNCEMENT_SHOWN = frozenset({EventKind.ANNOUNCED, EventKind.ANNOUNCEMENT_REACTED})
"""Delivered to all viewers who are logged in; their content is loaded."""
ANNOUNCEMENTS = ANNOUNCEMENT_SHOWN | {EventKind.ANNOUNCEMENT_WITHDRAWN}
_NO_HOSTS: frozenset[str] = frozenset()
LOADED = WITH_POST | PERSONAL | ANNOUNCEMENT_SHOWN
"""Kinds whose content is loaded from the database."""


@frozen
class UnreadUpdate:
    """Numbers of unread notifications and conversations."""

    unread: int = 0
    messages: int = 0


@frozen
class NotificationUpdate:
    """A notification with its recipient's unread counts."""

    notification: Notification
    unread: UnreadUpdate = UnreadUpdate()


def _number(value: object) -> int | None:
    """Parse an id that is a number or a string."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) else None


def _visibility(value: object) -> Visibility | None:
    return Visibility(value) if isinstance(value, str) and value in set(Visibility) else None


def _hosts(post: Post | None, notice: NotificationUpdate | None, conversation: Conversation | None) -> frozenset[str]:
    """Return the other servers of the accounts that are shown with a post, notification or conversation."""
    hosts = set[str | None]()
    if post is not None:
        hosts = {post.author.host, post.original.author.host, post.reply_to_host}
    if notice is not None:
        hosts.add(notice.notification.account.host)
    if conversation is not None:
        hosts.add(conversation.last.author.host)
    return frozenset(host for host in hosts if host is not None) or _NO_HOSTS


def _items(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


@define(eq=False)
class Update:
    """An event and, once `loaded`, the current state of the post, notification, conversation or unread counts; None if it was deleted.

    `frames` caches encoded frames by variant; None if the encoder skips the update. `flags` has the interactions of those viewers who are
    about to receive it. `owner` is the author of the post shown. The rules of delivery ask these for each viewer, so they are stored:
    `open_by`, the authors who alone can hide the post, by blocking the viewer (None: its visibility is narrower), `shown`, all accounts
    in it, and once it is loaded `hosts`, the other servers of these.
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
    parent_unknown: bool = False
    here: bool = True
    language: str | None = None
    tags: tuple[str, ...] = ()
    mentions: frozenset[int] = frozenset()
    notification_id: int | None = None
    conversation_id: int | None = None
    removed: int | None = None
    announcement_id: int | None = None
    reaction: str = ""
    loaded: bool = False
    post: Post | None = None
    notification: NotificationUpdate | None = None
    conversation: Conversation | None = None
    unread: UnreadUpdate | None = None
    announcement: Announcement | None = None
    frames: dict[Hashable, bytes | None] = field(factory=dict)
    flags: Mapping[int, PostFlags] = field(factory=dict)
    owner: int = 0
    entry: tuple[int, int] = field(init=False)
    open_by: tuple[int, ...] | None = field(init=False)
    shown: tuple[int, ...] = field(init=False)
    hosts: frozenset[str] = field(init=False, default=frozenset())

    @entry.default
    def _entry(self) -> tuple[int, int]:
        """Timeline entry: its id, and the id of the post that it shows."""
        post = self.post_id or 0
        return post, self.boost_of or post

    @shown.default
    def _shown(self) -> tuple[int, ...]:
        return tuple(id for id in (self.author, self.reply_to_account, self.boost_author) if id is not None)

    @open_by.default
    def _open_by(self) -> tuple[int, ...] | None:
        if self.visibility is None or not self.visibility.is_open:
            return None
        if self.boost_of is None:
            return (self.author,)
        original = None if self.post is None else self.post.boost
        if original is None:  # it is being deleted, or was not loaded: only the event says what it boosts
            return (self.author, self.boost_author or 0)
        return (self.author, original.author.id) if original.visibility.is_open else None

    @classmethod
    def of(cls, event: Event) -> Self:
        """Build the update of an event. Missing fields are left empty, so that a malformed event does not stop the broadcaster."""
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
            parent_unknown=data.get("parent_unknown") is True,
            here=data.get("remote") is not True,
            language=str(data["language"]) if data.get("language") else None,
            tags=tuple(map(str, _items(data.get("tags")))),
            mentions=frozenset(filter(None, map(_number, _items(data.get("mentions"))))),
            notification_id=_number(data.get("notification")),
            conversation_id=_number(data.get("conversation")),
            removed=_number(data.get("removed")),
            announcement_id=_number(data.get("announcement")),
            reaction=str(data.get("name", "")),
            loaded=event.kind not in LOADED,
        )

    @property
    def replies_to_other(self) -> bool:
        """True for a reply to another account, as opposed to a thread of the author's own posts."""
        return self.parent_unknown or (self.reply_to_account is not None and self.reply_to_account != self.author)

    @property
    def last_post_id(self) -> int | None:
        """Id of the post that represents a conversation; it may be older than the one that changed the conversation."""
        return None if self.conversation is None else self.conversation.last.id

    @property
    def shown_post(self) -> Post | None:
        """Post that is shown with the update, once it is loaded."""
        if self.notification is not None:
            return self.notification.notification.post
        return self.post if self.conversation is None else self.conversation.last

    @property
    def deliverable(self) -> bool:
        """False if the content was deleted or its author suspended."""
        if self.kind in WITH_POST:
            return self.post is not None
        if self.kind in ANNOUNCEMENT_SHOWN:
            return self.announcement is not None
        return self.kind not in PERSONAL or any(one is not None for one in (self.notification, self.conversation, self.unread))

    def load(
        self,
        post: Post | None,
        notice: NotificationUpdate | None,
        conversation: Conversation | None = None,
        badges: UnreadUpdate | None = None,
        announcement: Announcement | None = None,
    ) -> None:
        """Store the loaded content."""
        suspended = post is not None and (post.author.suspended_at or post.original.author.suspended_at)
        self.post, self.notification, self.conversation = None if suspended else post, notice, conversation
        self.unread, self.announcement, self.loaded = badges, announcement, True
        self.owner = 0 if self.shown_post is None else self.shown_post.original.author.id
        self.hosts = _hosts(post, notice, conversation)
        self.open_by = self._open_by()

    def forget(self) -> None:
        """Drop content that may be outdated; it is loaded again when needed."""
        if self.kind in LOADED:
            self.post, self.notification, self.conversation, self.unread, self.announcement = None, None, None, None, None
            self.loaded = False
            self.frames.clear()
            self.flags, self.owner = {}, 0
            self.open_by = self._open_by()
