"""Activities on their way to other servers."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.ids import AccountId


class OutgoingKind(StrEnum):
    """Kind of an activity of this site's actors. The values are stored."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ANNOUNCE = "announce"
    UNDO_ANNOUNCE = "undo_announce"
    LIKE = "like"
    UNDO_LIKE = "undo_like"
    FOLLOW = "follow"
    UNDO_FOLLOW = "undo_follow"
    ACCEPT_FOLLOW = "accept_follow"
    REJECT_FOLLOW = "reject_follow"
    BLOCK = "block"
    UNDO_BLOCK = "undo_block"
    UPDATE_ACTOR = "update_actor"
    UPDATE_KEYS = "update_keys"  # an Update of the actor, which other servers accept by its former key
    DELETE_ACTOR = "delete_actor"
    REJECT_QUOTE = "reject_quote"
    VOTE = "vote"
    FLAG = "flag"
    MOVE = "move"
    ADD = "add"
    REMOVE = "remove"
    FORWARD = "forward"  # what an actor of another server did


@frozen
class LocalActor:
    """An account of this site that acts. One that was deleted may still have something to send."""

    id: AccountId
    username: str
    is_deleted: bool = False


@frozen
class OutgoingActivity:
    """An activity to store. `account_id` is the actor, None for the instance actor; `body` is its JSON.

    Deliveries of what is for followers only carry the digest of the actor's followers on their host.
    """

    kind: OutgoingKind
    account_id: AccountId | None
    body: str = field(repr=False)
    followers_only: bool = False


@frozen
class Recipient:
    """A remote account that an activity is meant for: its id and its inboxes. `shared_inbox` is empty if its server has none."""

    id: str
    inbox: str
    shared_inbox: str = ""


@frozen
class Inbox:
    """An inbox of another server, and the host that it belongs to."""

    host: str
    url: str


@frozen
class Delivery:
    """One activity for one inbox. `actor` signs it, None stands for the instance actor. `body` is its JSON."""

    id: int
    activity_id: int
    actor: LocalActor | None
    kind: OutgoingKind
    inbox: str
    tries: int
    body: str = field(repr=False)
    followers_only: bool = False

    @property
    def actor_id(self) -> AccountId | None:
        """The id of the actor."""
        return None if self.actor is None else self.actor.id


@frozen
class HostState:
    """Record of the deliveries to a host. `failures`: consecutive ones; `failed_days`: the days of those.

    Nothing is delivered until `paused_until`, and nothing is queued any more from `dead_since` until an activity arrives from there.
    """

    failures: int = 0
    failed_days: tuple[date, ...] = ()
    last_error: str = ""
    paused_until: datetime | None = None
    dead_since: datetime | None = None


@frozen
class DeliveryCounts:
    """Deliveries that wait, when the oldest one was made, and hosts: known ones, those to which deliveries fail, and dead ones."""

    waiting: int
    oldest: datetime | None
    known: int
    slow: int
    dead: int


@frozen
class HostSummary:
    """A host for the administrator: what waits for it, and how deliveries to it went."""

    host: str
    waiting: int
    failures: int
    paused_until: datetime | None
    dead_since: datetime | None
    last_error: str


class HostFilter(StrEnum):
    """Filter of the administrator's list of hosts: all, with a rule, allowed, with failing deliveries, dead, or with waiting deliveries."""

    ALL = "all"
    RULES = "rules"
    ALLOWED = "allowed"
    SLOW = "slow"
    DEAD = "dead"
    WAITING = "waiting"


@frozen
class HostDetails:
    """A host for the administrator's list. `oldest`: when the oldest delivery that waits was made; `seen_at`: its last activity.

    `software` is its name with the version; empty if it is not known.
    """

    host: str
    accounts: int
    waiting: int
    oldest: datetime | None
    seen_at: datetime | None
    failures: int
    paused_until: datetime | None
    dead_since: datetime | None
    last_error: str
    is_allowed: bool
    software: str
