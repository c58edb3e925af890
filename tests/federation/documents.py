"""Documents of another server, b.example, and values of this one, a.example, for tests of readers and writers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from microblog.federation.documents.ids import SiteIds
from microblog.model.accounts import Account
from microblog.model.ids import AccountId

IDS = SiteIds("https://a.example")
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
LD_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
BO = "https://b.example/users/bo"
NOTE = f"{BO}/statuses/1"
AT = datetime(2026, 11, 29, 15, tzinfo=UTC)
PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"

AL = Account(AccountId(7), "al", "Al", "hi", "<p>hi</p>", AT, avatar="/media/x.webp")


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the document without some properties."""
    return {name: value for name, value in document.items() if name not in names}


def actor(**changes: Any) -> dict[str, Any]:
    """Return the document of an actor, as Mastodon writes it, with other properties."""
    key = {"id": f"{BO}#main-key", "owner": BO, "publicKeyPem": PEM}
    plain = {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": BO,
        "type": "Person",
        "preferredUsername": "bo",
        "name": "Bo",
        "summary": "<p>hi</p>",
        "url": "https://b.example/@bo",
        "inbox": f"{BO}/inbox",
        "outbox": f"{BO}/outbox",
        "followers": f"{BO}/followers",
        "following": f"{BO}/following",
        "endpoints": {"sharedInbox": "https://b.example/inbox"},
        "publicKey": key,
    }
    return {**plain, **changes}


def note(**changes: Any) -> dict[str, Any]:
    """Return a public note, with other properties."""
    plain = {
        "id": NOTE,
        "type": "Note",
        "content": "<p>hi</p>",
        "attributedTo": BO,
        "published": "2026-11-29T15:00:00Z",
        "url": "https://b.example/@bo/1",
        "to": [PUBLIC],
        "cc": [f"{BO}/followers"],
    }
    return {**plain, **changes}


def poll(*options: Any, **changes: Any) -> dict[str, Any]:
    """Return a poll with these options, two by default."""
    made = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": votes}} for name, votes in (("yes", 3), ("no", 1))
    ]
    return note(**{"type": "Question", "oneOf": list(options) or made, "endTime": "2026-11-30T00:00:00Z", **changes})


def activity(type: Any, object: Any, **changes: Any) -> dict[str, Any]:
    """Return an activity of Bo."""
    return {"id": "https://b.example/activities/1", "type": type, "actor": BO, "object": object, **changes}
