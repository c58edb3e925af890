"""Blocked e-mail addresses in their canonical form, so that an address with other dots or another tag is blocked too."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from attrs import frozen

from microblog.model.ids import CanonicalEmailBlockId


@frozen
class CanonicalEmailBlock:
    """A blocked address. `suspended`: username of the account whose suspension blocks it; None if it was blocked by itself."""

    id: CanonicalEmailBlockId
    hash: str
    created_at: datetime
    suspended: str | None = None


def canonical_email(email: str) -> str:
    """Return the address in lower case, without the dots of its local part and without what follows a plus there."""
    local, _, host = email.lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{host}"


def canonical_email_hash(email: str) -> str:
    """Return the SHA-256 of the canonical address, in hexadecimal digits, as on Mastodon."""
    return sha256(canonical_email(email).encode()).hexdigest()
