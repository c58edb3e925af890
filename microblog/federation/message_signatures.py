"""Signatures of HTTP requests by the standard: RFC 9421, with the digests of RFC 9530. Mastodon 4.5 and Fedify accept and send them.

Decision (2026-11): http-sf (1.5) for structured fields, and the signature base in own code. Alternative: http-message-signatures (3.0),
which rebuilds the line `@signature-params` from the parsed parts instead of taking the text as received, and reads the clock.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256, sha512
from typing import cast

import http_sf
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from http_sf.types import BareItemType, ItemType

from microblog.federation.keys import SigningKey, sign_bytes
from microblog.federation.signatures import ALSO_SIGNED
from microblog.federation.signed_requests import (
    MAX_COMPONENTS,
    HttpRequest,
    InvalidSignature,
    MalformedSignature,
    SignatureClaim,
    SignatureFamily,
    check_times,
    checked_key_id,
)

LABEL = "sig1"
MAX_SIGNATURES = 5  # of one request; proxies may add their own

_MEMBER = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+")++')  # of a dictionary: commas occur in quoted text only
_ALGORITHMS = {"rsa-v1_5-sha256", "ed25519"}
_DIGESTS: Mapping[str, Callable[[bytes], bytes]] = {
    "sha-256": lambda body: sha256(body).digest(),
    "sha-512": lambda body: sha512(body).digest(),
}
_DERIVED: Mapping[str, Callable[[HttpRequest], str]] = {
    "@method": lambda request: request.method,
    "@target-uri": lambda request: f"{request.scheme}://{request.authority}{request.path}{request.query}",
    "@authority": lambda request: request.authority,
    "@scheme": lambda request: request.scheme,
    "@request-target": lambda request: request.path + request.query,
    "@path": lambda request: request.path,
    "@query": lambda request: request.query or "?",
}


def sign(request: HttpRequest, key: SigningKey, now: datetime) -> dict[str, str]:
    """Return the headers to add to the request."""
    added, names = {}, ["@method", "@target-uri"]
    if request.method == "POST":
        added["Content-Digest"] = f"sha-256=:{b64encode(sha256(request.body).digest()).decode('ascii')}:"
        names.append("content-digest")
    names += [name for name in ALSO_SIGNED if request.header(name) is not None]
    algorithm = "rsa-v1_5-sha256" if isinstance(key.key, RSAPrivateKey) else "ed25519"
    covered: list[ItemType] = [*names]
    parameters: dict[str, BareItemType] = {"created": int(now.timestamp()), "keyid": key.id, "alg": algorithm}
    text = http_sf.ser({LABEL: (covered, parameters)})
    signed = HttpRequest(request.method, request.url, (*request.headers, *added.items()))
    signature = sign_bytes(key.key, _signature_base(signed, names, text.removeprefix(f"{LABEL}=")))
    return {**added, "Signature-Input": text, "Signature": f"{LABEL}=:{b64encode(signature).decode('ascii')}:"}


def read_claim(request: HttpRequest, inputs: str, signatures: str, now: datetime) -> SignatureClaim:
    """Return what `Signature-Input` and `Signature` claim. Of several signatures the first that is acceptable counts.

    Raises MalformedSignature, or InvalidSignature if it does not cover what it must, has expired, or the body has another digest.
    """
    values = _parse(signatures)
    problem = InvalidSignature("There is no signature that could be verified.")
    for label, text, member in _members(inputs):
        signature = values.get(label, (None, {}))[0]
        if not isinstance(signature, bytes):
            raise MalformedSignature("A signature is missing or not binary.")
        try:
            return _claim(request, _Input.read(text, member), signature, now)
        except InvalidSignature as caught:
            problem = caught
    raise problem


def _claim(request: HttpRequest, wanted: _Input, signature: bytes, now: datetime) -> SignatureClaim:
    wanted.check_coverage(request)
    check_times(wanted.created, wanted.expires, now)
    if request.body or "content-digest" in wanted.names:
        check_content_digest(request)
    return SignatureClaim(
        key_id=wanted.key_id,
        family=SignatureFamily.RFC_9421,
        algorithm=wanted.algorithm,
        signature=signature,
        bases=(_signature_base(request, wanted.names, wanted.text),),
        covered=frozenset(name for name in wanted.names if not name.startswith("@")),
    )


@frozen
class _Input:
    """One member of Signature-Input. `text` is its value as it was received, `algorithm` is empty if the key decides."""

    text: str
    names: tuple[str, ...]
    key_id: str
    created: int
    expires: int | None
    algorithm: str

    @classmethod
    def read(cls, text: str, member: tuple[object, Mapping[str, object]]) -> _Input:
        """Return the member. Raises MalformedSignature; InvalidSignature for components and algorithms that are not accepted."""
        items, parameters = member
        created, expires = _seconds(parameters, "created"), _seconds(parameters, "expires")
        key_id, algorithm = parameters.get("keyid"), parameters.get("alg", "")
        if not isinstance(items, list) or not isinstance(key_id, str) or not isinstance(algorithm, str) or created is None:
            raise InvalidSignature("The signature lacks its keyid or the time of its creation.")
        if algorithm and algorithm not in _ALGORITHMS:
            raise InvalidSignature("The algorithm of the signature is not supported.")
        return cls(text, _names(items), checked_key_id(key_id), created, expires, algorithm)

    def check_coverage(self, request: HttpRequest) -> None:
        """Raise InvalidSignature unless method, address and body are signed."""
        names = set(self.names)
        address = "@target-uri" in names or {"@authority", "@path", "@query"} - ({"@query"} if not request.query else set()) <= names
        if "@method" not in names or not address:
            raise InvalidSignature("Not signed: method or address.")
        if request.body and "content-digest" not in names:
            raise InvalidSignature("Not signed: content-digest.")


def _names(items: list[tuple[object, Mapping[str, object]]]) -> tuple[str, ...]:
    names = [name for name, _ in items if isinstance(name, str) and name == name.lower()]
    if len(names) != len(items) or len(names) > MAX_COMPONENTS or len(set(names)) != len(names):
        raise MalformedSignature("The list of signed components could not be understood.")
    if any(parameters for _, parameters in items) or any(name.startswith("@") and name not in _DERIVED for name in names):
        raise InvalidSignature("A signed component is not supported.")
    return tuple(names)


def _seconds(parameters: Mapping[str, object], name: str) -> int | None:
    value = parameters.get(name)
    if value is not None and type(value) is not int:
        raise MalformedSignature("The times of the signature are not numbers.")
    return value


def _members(inputs: str) -> Iterator[tuple[str, str, tuple[object, Mapping[str, object]]]]:
    """Yield label, text and parsed value of each signature."""
    parsed, texts = _parse(inputs), _MEMBER.findall(inputs)
    if len(texts) != len(parsed) or len(parsed) > MAX_SIGNATURES:
        raise MalformedSignature
    for (label, member), text in zip(parsed.items(), texts, strict=True):
        yield label, text.partition("=")[2].strip(" \t"), member


def _parse(text: str) -> dict[str, tuple[object, Mapping[str, object]]]:
    """Parse a dictionary of structured fields (RFC 9651). Raises MalformedSignature, also if a name occurs twice."""

    def refuse(name: str, context: str) -> None:
        raise MalformedSignature("A name occurs twice in the signature.")

    try:
        found: object = http_sf.parse(text.encode("ascii"), tltype="dictionary", on_duplicate_key=refuse)
    except ValueError as problem:
        raise MalformedSignature from problem
    return cast("dict[str, tuple[object, Mapping[str, object]]]", found)


def check_content_digest(request: HttpRequest) -> None:
    """Compare the Content-Digest header (RFC 9530) with the body. Raises InvalidSignature if it differs or has no SHA-256 or SHA-512."""
    digests = _parse(request.header("content-digest") or "")
    known = [digests[name][0] == digest(request.body) for name, digest in _DIGESTS.items() if name in digests]
    if not known or not all(known):
        raise InvalidSignature("The body is not the one of the digest." if known else "The digest has no SHA-256.")


def _signature_base(request: HttpRequest, names: Sequence[str], parameters: str) -> bytes:
    def lines() -> Iterator[str]:
        for name in names:
            value = _DERIVED[name](request) if name in _DERIVED else request.header(name)
            if value is None:
                raise InvalidSignature(f"Signed, but not there: {name}.")
            yield f'"{name}": {value}'
        yield f'"@signature-params": {parameters}'

    try:
        return "\n".join(lines()).encode("ascii")
    except UnicodeEncodeError as problem:
        raise MalformedSignature("A signed header has characters that signatures cannot have.") from problem
