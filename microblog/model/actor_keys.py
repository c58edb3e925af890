"""Key pairs of this site's actors."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class StoredKeyPair:
    """A key pair as it is stored: the public key as PEM, the private one encrypted."""

    public_key: str
    private_key: bytes = field(repr=False)
