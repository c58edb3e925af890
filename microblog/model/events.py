"""The event log: what happened, in commit order. Everything live is read from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.errors import Malformed


class EventKind(StrEnum):
    """What can happen. Each says which of the event's columns it fills."""

    # account: author, post; data: visibility, boost_of, boost_author, reply_to, reply_to_account, thread, language, tags, mentions
    POST_PUBLISHED = "post.published"
    POST_EDITED = "post.edited"  # as above
    POST_DELETED = "post.deleted"  # as above; and one per boost of it that went too, with visibility, boost_of and boost_author alone
    NOTIFIED = "notified"  # account: who is told, subject: by whom, post; data: notification (id), kind
    CONVERSATION_CHANGED = "conversation.changed"  # account: whose, post: its last; data: conversation (id), mentions (the others in it)
    BADGES_CHANGED = "badges.changed"  # account: who has read or removed something; data: removed (a conversation's id), if that is what
    NOTIFICATIONS_MERGED = "notifications.merged"  # account: whose, because what was kept back is told now
    FOLLOWED = "followed"  # account: follower, subject: followee; data: boosts (bool), languages (list, null: all)
    UNFOLLOWED = "unfollowed"  # account: follower, subject: followee
    BLOCKED = "blocked"  # account: who blocks, subject: whom
    UNBLOCKED = "unblocked"
    MUTED = "muted"  # account: who mutes, subject: whom; data: until (ISO time; without it, for good)
    UNMUTED = "unmuted"
    LIST_CHANGED = "list.changed"  # account: whose; data: list (id), policy, exclusive, added and removed (ids of members), or deleted=true
    TAG_FOLLOWED = "tag.followed"  # account: who; data: tag (its folded key)
    TAG_UNFOLLOWED = "tag.unfollowed"
    FILTERS_CHANGED = "filters.changed"  # account: whose
    SESSION_ENDED = "session.ended"  # account: whose; data: session (id), or all=true for every session
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - not a secret. account: whose, if anybody's; data: token (id), or all=true for all of them
    ACCOUNT_CHANGED = "account.changed"  # account: whose name, picture, role or state changed
    ACCOUNT_DISABLED = "account.disabled"  # account: who may not log in any more
    ACCOUNT_SUSPENDED = "account.suspended"  # account: who
    ACCOUNT_DELETED = "account.deleted"  # account: who
    ANNOUNCED = "announced"  # data: announcement (id)
    ANNOUNCEMENT_REACTED = "announcement.reacted"  # data: announcement (id), name (of the emoji, whose count changed)
    ANNOUNCEMENT_WITHDRAWN = "announcement.withdrawn"  # data: announcement (id), because it was deleted or is over
    UNKNOWN = "unknown"  # whatever a newer release of ours has written


LARGEST = 2**63 - 1  # what PostgreSQL numbers rows with


@frozen(order=True)
class Position:
    """A place in the log of one epoch: after the event with this transaction id and row id.

    Clients are told its `text`, which is opaque (live/position_encoding.py); where there is none, the numbers.
    """

    epoch: str
    xid: int
    id: int
    text: str = field(default="", eq=False, order=False, repr=False)

    def __str__(self) -> str:
        return self.text or f"{self.epoch}.{self.xid}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position that `str()` gave where there is no text. Raises Malformed for anything else."""
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isalnum() and len(part) <= 20 for part in parts):
            raise Malformed("This is no position in the event log.")
        epoch, xid, identifier = parts
        if not (xid.isdigit() and identifier.isdigit()) or max(int(xid), int(identifier)) > LARGEST:
            raise Malformed("This is no position in the event log.")
        return cls(epoch, int(xid), int(identifier))


@frozen
class Event:
    """One thing that was committed. `data` holds only JSON values."""

    position: Position
    kind: EventKind
    account_id: int | None
    subject_id: int | None
    post_id: int | None
    data: Mapping[str, object]
    at: datetime
