"""Actors of other servers as they are stored."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.federation import ActorEndpoints, ActorKind


@frozen
class ActorCounts:
    """Numbers that an actor's own server tells; None if it does not."""

    followers: int | None = None
    following: int | None = None
    posts: int | None = None


@frozen
class StoredKey:
    """A public key of an actor, as PEM (SubjectPublicKeyInfo)."""

    id: str
    pem: str


@frozen
class ActorToStore:
    """An actor as it is stored: the account as it is shown, with its texts cleaned, and what other servers need.

    The id of `account` does not matter: that of a known actor stays.
    """

    account: Account
    kind: ActorKind
    endpoints: ActorEndpoints
    keys: tuple[StoredKey, ...] = ()
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None
    avatar_url: str | None = None
    header_url: str | None = None
    counts: ActorCounts = ActorCounts()


@frozen
class KnownKey:
    """A stored key, and the actor that it belongs to. `suspended`: nothing new is taken from the actor."""

    id: str
    pem: str
    account_id: int
    owner: str
    fetched_at: datetime
    suspended: bool
