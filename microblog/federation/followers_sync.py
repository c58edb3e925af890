"""Digests that keep the followers of an account alike on both sides (FEP-8fcf), and their header `Collection-Synchronization`.

A sender adds the digest of its followers on the receiver's host to each followers-only post. Where it differs from the follows that the
receiver knows, the receiver fetches the list and repairs its own, so that nobody gets private posts who does not follow any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from re import fullmatch

from attrs import frozen

from microblog.federation.hosts import host_of
from microblog.federation.signatures import parse_parameters
from microblog.federation.signed_requests import MalformedSignature, VerifiedSignature

HEADER = "Collection-Synchronization"
_BYTES = sha256().digest_size


def followers_digest(uris: Iterable[str]) -> str:
    """Return the exclusive or of the SHA-256 of all URIs, each once, as hexadecimal digits: zeros if there are none."""
    combined = 0
    for uri in set(uris):
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

    def is_credible(self, signature: VerifiedSignature, followers: str, exempt: frozenset[str] = frozenset()) -> bool:
        """True if the actor who signed the request signed this header too, and speaks of its own `followers` on its own host."""
        host = host_of(signature.actor, exempt)
        return (
            HEADER.lower() in signature.covered
            and self.collection == followers != ""
            and host is not None
            and host_of(self.url, exempt) == host
        )

    def repair(self, listed: Iterable[str], followers: Iterable[str], site_host: str) -> FollowersRepair:
        """Return what makes both sides alike. `listed`: what the sender's list has; `followers`: ids of accounts here that follow it.

        Nobody is removed unless the list is the one of the digest: it may be cut off, or have changed meanwhile. Ids of other hosts are
        nobody's business here.
        """
        here = {uri for uri in listed if host_of(uri, frozenset({site_host})) == site_host}
        known = frozenset(followers)
        is_whole = followers_digest(here) == self.digest
        return FollowersRepair(frozenset(known - here) if is_whole else frozenset(), frozenset(here - known))


@frozen
class FollowersRepair:
    """Ids of accounts here: those whose follow is removed here, and those for whom an Undo of a follow is sent, as they follow no more."""

    removed: frozenset[str]
    undone: frozenset[str]
