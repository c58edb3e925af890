"""Parts that both families of HTTP signatures share: the request, the claim that its signature makes, and the check of that claim.

A claim is read in two steps, so that a forged request costs no fetch: `verification.read_claim` refuses all that can be refused without a
key, `SignatureClaim.verify` compares the signature with the key that the caller has found for `SignatureClaim.key_id`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from microblog.federation.keys import PublicKey, verify_bytes
from microblog.model.errors import Malformed, Unauthenticated

CLOCK_SKEW = timedelta(hours=1)
LIFETIME = timedelta(minutes=5)  # of a signature that does not say when it expires
MAX_LIFETIME = timedelta(hours=12)
MAX_HEADER_LENGTH = 8_192  # of Signature and Signature-Input
MAX_COMPONENTS = 64
MAX_KEY_ID_LENGTH = 2_048

_CHARACTERS = '!"$->@-~'  # of a path: printable ASCII without # and ?
_URL = re.compile(rf"(?P<scheme>https?)://(?P<authority>[A-Za-z0-9._:\[\]-]+)(?P<path>/[{_CHARACTERS}]*)?(?P<query>\?[?{_CHARACTERS}]*)?")
_METHOD = re.compile(r"[A-Z]+")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class MissingSignature(Unauthenticated):
    """The request has no signature."""

    sentence = "This request must be signed."


class InvalidSignature(Unauthenticated):
    """The signature does not fit the request, the key or the time, or does not cover enough. The sentence says which."""

    sentence = "The signature of this request is not valid."


class MalformedSignature(Malformed):
    """A header that belongs to the signature cannot be parsed."""

    sentence = "The signature of this request could not be understood."


class SignatureFamily(StrEnum):
    """A standard for signatures of HTTP requests."""

    CAVAGE = "draft-cavage-http-signatures-12"
    RFC_9421 = "rfc9421"


@frozen
class HttpRequest:
    """A request that is to be signed or verified.

    `url` is absolute and has no fragment. That of a received request is the site's public URL and the request target as it was sent; its
    headers are decoded from Latin-1, and `body` is what arrived. Raises Malformed if the method or URL has other characters than it may.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    scheme: str = field(init=False)
    authority: str = field(init=False)
    path: str = field(init=False)
    query: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Split the URL without changing a character of path and query. `query` has its question mark, or is empty."""
        parts = _URL.fullmatch(self.url)
        if parts is None or not _METHOD.fullmatch(self.method):
            raise Malformed("The method or address of the request could not be understood.")
        scheme, authority = parts["scheme"], normal_authority(parts["scheme"], parts["authority"])
        for name, value in (("scheme", scheme), ("authority", authority), ("path", parts["path"] or "/"), ("query", parts["query"] or "")):
            object.__setattr__(self, name, value)

    @classmethod
    def received(cls, public_url: str, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes) -> HttpRequest:
        """Return a request to this site. Raises Malformed if the target is not a path with an optional query."""
        if not target.startswith("/"):
            raise Malformed("The method or address of the request could not be understood.")
        return cls(method, public_url.rstrip("/") + target, headers, body)

    def header(self, name: str) -> str | None:
        """Return the values of a header, joined as both standards join them; None if the request has no such header."""
        values = list(self._values(name))
        return ", ".join(values) if values else None

    def bounded_header(self, name: str) -> str | None:
        """Return `header(name)`. Raises MalformedSignature if it is longer than signatures are."""
        value = self.header(name)
        if value is not None and len(value) > MAX_HEADER_LENGTH:
            raise MalformedSignature(f"The header {name} is longer than {MAX_HEADER_LENGTH} characters.")
        return value

    def _values(self, name: str) -> Iterator[str]:
        wanted = name.lower()
        for other, value in self.headers:
            if other.lower() == wanted:
                if any(character in value for character in "\r\n\0"):
                    raise MalformedSignature("A header contains a line break.")
                yield value.strip(" \t")


@frozen
class VerifiedSignature:
    """The proof that the owner of a key made a request. `actor` is that owner; `covered` are the signed headers, in lower case."""

    key_id: str
    actor: str
    family: SignatureFamily
    covered: frozenset[str]


@frozen
class SignatureClaim:
    """A signature that is well formed, current, covers what it must, and is not verified yet.

    `bases`: the byte strings that may have been signed; one of them must be right. `algorithm` is empty if the key decides.
    """

    key_id: str
    family: SignatureFamily
    algorithm: str
    signature: bytes
    bases: tuple[bytes, ...]
    covered: frozenset[str]

    def verify(self, key: PublicKey) -> VerifiedSignature:
        """Return the proof that the owner of the key signed the request. Raises InvalidSignature."""
        if key.id != self.key_id:
            raise InvalidSignature("The signature was made with another key.")
        if authority_of(key.id) != authority_of(key.owner):
            raise InvalidSignature("The key belongs to an actor of another server.")
        if self.algorithm and self.algorithm.startswith("rsa") != isinstance(key.key, RSAPublicKey):
            raise InvalidSignature("The algorithm of the signature does not fit the key.")
        for base in self.bases:
            try:
                verify_bytes(key.key, self.signature, base)
            except WrongSignature:
                continue
            return VerifiedSignature(self.key_id, key.owner, self.family, self.covered)
        raise InvalidSignature


def normal_authority(scheme: str, authority: str) -> str:
    """Return a host with an optional port in lower case and without the default port."""
    return authority.lower().removesuffix(_DEFAULT_PORTS[scheme])


def authority_of(uri: str) -> str | None:
    """Return host and port of a URI, in lower case and without the default port; None if it is not of the web."""
    try:
        return HttpRequest("GET", uri.partition("#")[0]).authority
    except Malformed:
        return None


def checked_key_id(key_id: str) -> str:
    """Return the key id. Raises InvalidSignature if no key can be fetched there."""
    if len(key_id) > MAX_KEY_ID_LENGTH or authority_of(key_id) is None:
        raise InvalidSignature("The key id of the signature is not a web address.")
    return key_id


def check_times(created: float, expires: float | None, now: datetime) -> None:
    """Raise InvalidSignature unless `now` is between the two times, in seconds since 1970, give or take an hour.

    A signature without `expires` is valid for 5 minutes, any other for at most 12 hours.
    """
    end = created + LIFETIME.total_seconds() if expires is None else min(expires, created + MAX_LIFETIME.total_seconds())
    if created > (now + CLOCK_SKEW).timestamp():
        raise InvalidSignature("The signature is from the future.")
    if end < (now - CLOCK_SKEW).timestamp():
        raise InvalidSignature("The signature has expired.")
