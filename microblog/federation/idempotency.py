"""Keys by which a received activity is recognised, so that it has its effect once however often it is delivered. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256

from microblog.federation.hosts import host_of
from microblog.model.federation import Activity, ActivityKind

SEEN_FOR = timedelta(days=7)  # how long keys are kept
BY_ID = ("Follow", "Like", "EmojiReact", "Announce", "Block")


def activity_key(activity: Activity, signer: str, body: bytes, exempt: frozenset[str] = frozenset()) -> bytes:
    """Return the key of an activity, 32 bytes.

    Create and Delete are recognised by their object, so that two activities about one post are one; an Update also by itself, as a post is
    edited more than once. Everything else is recognised by its id. What has no id on the actor's own host is recognised by its bytes.
    The signer is part of the key: what somebody else forwards or forges must not take the place of the original.
    """
    own_id = _own(activity.id, activity.actor, exempt)
    own_object = _own(activity.object_id, activity.actor, exempt)
    if activity.kind in (ActivityKind.CREATE, ActivityKind.DELETE) and own_object:
        parts = (own_object, "")
    elif activity.kind is ActivityKind.UPDATE and own_object:
        parts = (own_object, own_id or sha256(body).hexdigest())
    else:
        parts = ("", own_id or sha256(body).hexdigest())
    return _key(signer, activity.actor, activity.type, parts)


def keys_of_what_is_taken_back(actor: str, uri: str) -> Iterable[str]:
    """Return the keys, as they are stored, of the actor's activities that an Undo or Delete of this id may be about."""
    yield _key(actor, actor, "Create", (uri, "")).hex()
    for type in BY_ID:
        yield _key(actor, actor, type, ("", uri)).hex()


def _key(signer: str, actor: str, type: str, parts: tuple[str, str]) -> bytes:
    return sha256("\0".join((signer, actor, type, *parts)).encode()).digest()


def _own(id: str | None, actor: str, exempt: frozenset[str]) -> str | None:
    """Return the id if it is on the actor's host: of ids elsewhere the actor knows nothing."""
    host = host_of(id, exempt)
    return id if host is not None and host == host_of(actor, exempt) else None
