"""Activities on their way to other servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.ids import AccountId, PostId


class OutgoingKind(StrEnum):
    """What an actor of this site did. The values are stored."""

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
    DELETE_ACTOR = "delete_actor"
    FLAG = "flag"
    MOVE = "move"
    ADD = "add"
    REMOVE = "remove"


@frozen
class OutgoingActivity:
    """An activity that has no deliveries yet. `account_id` is the actor, None for the instance actor.

    `data` has what cannot be looked up any more when the activity is sent, by names that depend on the kind.
    """

    id: int
    kind: OutgoingKind
    account_id: AccountId | None
    post_id: PostId | None
    data: Mapping[str, object]
    created_at: datetime


@frozen
class Inbox:
    """An inbox of another server, and the host that it belongs to."""

    host: str
    url: str


@frozen
class Delivery:
    """One activity for one inbox. `account_id` is the actor that signs it, None for the instance actor. `body` is its JSON."""

    id: int
    activity_id: int
    account_id: AccountId | None
    kind: OutgoingKind
    inbox: str
    tries: int
    body: str = field(repr=False)


@frozen
class HostState:
    """How deliveries to a host went. `failures`: consecutive ones; `failed_days`: the days of those.

    Nothing is delivered until `paused_until`, and nothing is queued any more from `dead_since` until an activity arrives from there.
    """

    failures: int = 0
    failed_days: tuple[date, ...] = ()
    last_error: str = ""
    paused_until: datetime | None = None
    dead_since: datetime | None = None
