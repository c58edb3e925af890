"""Digests that keep the followers of an account alike on both sides (FEP-8fcf), and their header `Collection-Synchronization`."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from re import fullmatch

from attrs import frozen

from microblog.federation.signatures import parse_parameters
from microblog.federation.signed_requests import MalformedSignature

HEADER = "Collection-Synchronization"
_BYTES = sha256().digest_size


def followers_digest(uris: Iterable[str]) -> str:
    """Return the exclusive or of the SHA-256 of all URIs as hexadecimal digits: zeros if there are none."""
    combined = 0
    for uri in uris:
        combined ^= int.from_bytes(sha256(uri.encode()).digest(), "big")
    return combined.to_bytes(_BYTES, "big").hex()


@frozen
class FollowersDigest:
    """A sender's claim which of its followers are on the receiver's host. `collection`: its followers; `url` lists those of the host."""

    collection: str
    url: str
    digest: str

    def header(self) -> str:
        """Return the value of the header."""
        return f'collectionId="{self.collection}", url="{self.url}", digest="{self.digest}"'

    @classmethod
    def parse(cls, header: str) -> FollowersDigest | None:
        """Return the claim in the header; None if it has none that could be understood."""
        try:
            found = parse_parameters(header)
        except MalformedSignature:
            return None
        digest = found.get("digest", "").lower()
        if not ("collectionid" in found and "url" in found and fullmatch(f"[0-9a-f]{{{2 * _BYTES}}}", digest)):
            return None
        return cls(found["collectionid"], found["url"], digest)
