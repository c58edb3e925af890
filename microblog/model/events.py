"""Values of the event log, which records changes in commit order and feeds all live updates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.errors import Malformed
from microblog.model.ids import MAX_ID


class EventKind(StrEnum):
    """The kind of an event. The comments say which columns of the event are set."""

    # account: author; post; data: visibility, boost_of, boost_author, reply_to, reply_to_account, thread, language, tags, mentions,
    # remote, parent_unknown, unresolved (other servers get it with the next kind), restored (its deletion was undone)
    POST_PUBLISHED = "post.published"
    POST_ADDRESSED = "post.addressed"  # as above; whom it mentions was looked up
    POST_EDITED = "post.edited"  # as above
    POST_DELETED = "post.deleted"  # as above; one more per deleted boost of it, with only visibility, boost_of and boost_author
    NOTIFIED = "notified"  # account: recipient, subject: sender; post; data: notification (id), kind
    CONVERSATION_CHANGED = (
        "conversation.changed"  # account: owner, post: its last; data: conversation (id), mentions (the other participants)
    )
    BADGES_CHANGED = "badges.changed"  # account: owner, who read or removed something; data: removed (a conversation's id), if removed
    NOTIFICATIONS_MERGED = "notifications.merged"  # account: recipient, whose filtered notifications were accepted
    FOLLOWED = "followed"  # account: follower, subject: followee; data: boosts (bool), languages (list, null: all)
    UNFOLLOWED = "unfollowed"  # account: follower, subject: followee
    # account: follower of another server, subject: followee, who ended the follow or rejected the request; data: follow (id), activity_uri
    FOLLOW_REJECTED = "follow.rejected"
    FOLLOW_REQUESTED = "follow.requested"  # account: follower, subject: followee on another server; data: follow (id)
    FOLLOW_WITHDRAWN = "follow.withdrawn"  # as above; the follow or the request ended
    # account: who favourited; subject: author on another server; post; data: favourite (id), uri (of the post)
    FAVOURITED = "favourited"
    UNFAVOURITED = "unfavourited"  # as above
    VOTED = "voted"  # account: voter; subject: author on another server; post; data: option (its text), uri (of the post)
    POLL_COUNTED = "poll.counted"  # account: author; post: its poll has other counts, another end, or has ended
    # account: who asks, of another server; subject: author; post; data: request (id), quote (id of the post that quotes)
    QUOTE_REQUESTED = "quote.requested"
    PINNED = "pinned"  # account: author; post
    UNPINNED = "unpinned"  # as above
    TAG_FEATURED = "tag.featured"  # account: owner of the profile; data: tag (its case-folded key), name
    TAG_UNFEATURED = "tag.unfeatured"  # as above
    BLOCKED = "blocked"  # account: blocker, subject: blocked account
    UNBLOCKED = "unblocked"  # as above; data: block (its id), told (bool: the server of the account knows of it)
    MUTED = "muted"  # account: muter, subject: muted account; data: until (ISO time; absent: indefinitely)
    UNMUTED = "unmuted"
    DOMAIN_BLOCKED = "domain.blocked"  # account: blocker; data: domain
    DOMAIN_UNBLOCKED = "domain.unblocked"
    REPORT_FORWARDED = "report.forwarded"  # subject: reported account of another server; data: report (id)
    LIST_CHANGED = "list.changed"  # account: owner; data: list (id), policy, exclusive, added and removed (ids of members), or deleted=true
    TAG_FOLLOWED = "tag.followed"  # account: follower; data: tag (its case-folded key)
    TAG_UNFOLLOWED = "tag.unfollowed"
    FILTERS_CHANGED = "filters.changed"  # account: owner
    SESSION_ENDED = "session.ended"  # account: owner; data: session (id), or all=true for every session
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - not a secret. account: owner, None for app tokens; data: token (id), or all=true
    ACCOUNT_CHANGED = "account.changed"  # account: its name, avatar, role or state changed
    ACCOUNT_DISABLED = "account.disabled"  # account: its owner cannot log in any more
    ACCOUNT_SUSPENDED = "account.suspended"  # account
    ACCOUNT_DELETED = "account.deleted"  # account
    ACCOUNT_MOVED = "account.moved"  # account: of this site, subject: the account that its owner uses from now on; data: move (id)
    KEYS_REPLACED = "keys.replaced"  # account: of this site, None for the site's own actor: its key for other servers is a new one
    ANNOUNCED = "announced"  # data: announcement (id)
    ANNOUNCEMENT_REACTED = "announcement.reacted"  # data: announcement (id), name (the emoji whose count changed)
    ANNOUNCEMENT_WITHDRAWN = "announcement.withdrawn"  # data: announcement (id), which was deleted or has expired
    DOMAIN_RULES_CHANGED = "domain_rules.changed"  # the site's rules for other servers, or the accounts that they hide
    IP_BLOCKS_CHANGED = "ip_blocks.changed"  # the addresses and networks that are blocked
    SITE_SETTINGS_CHANGED = "site_settings.changed"  # name, descriptions, sign-ups and rules of the site
    UNKNOWN = "unknown"  # an event of a newer release


@frozen(order=True)
class Position:
    """A position in the event log of one epoch: after the event with this transaction id and row id.

    Clients receive its opaque `text` (live/position_encoding.py), or the numbers if there is none.
    """

    epoch: str
    xid: int
    id: int
    text: str = field(default="", eq=False, order=False, repr=False)

    def __str__(self) -> str:
        return self.text or f"{self.epoch}.{self.xid}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Parse the result of `str()` of a position without a text. Raises Malformed for anything else."""
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isalnum() and len(part) <= 20 for part in parts):
            raise Malformed("This is not a position in the event log.")
        epoch, xid, identifier = parts
        if not (xid.isdigit() and identifier.isdigit()) or max(int(xid), int(identifier)) > MAX_ID:
            raise Malformed("This is not a position in the event log.")
        return cls(epoch, int(xid), int(identifier))


@frozen
class Event:
    """One committed event. `data` holds only JSON values."""

    position: Position
    kind: EventKind
    account_id: int | None
    subject_id: int | None
    post_id: int | None
    data: Mapping[str, object]
    at: datetime
