"""Signatures of HTTP requests as most of the fediverse makes them: draft-cavage-http-signatures-12.

The rules beyond the draft are Mastodon's: what must be signed, how old a signature may be, and that `hs2019` stands for whatever the key
is, which for RSA is RSASSA-PKCS1-v1_5 with SHA-256.

Decision (2026-11): own code. Alternative: apsig (0.6), which refuses `hs2019`, drops the query, and does not demand that digest and date
are signed.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from microblog.federation.keys import SigningKey, sign_bytes
from microblog.federation.signed_requests import (
    MAX_COMPONENTS,
    HttpRequest,
    InvalidSignature,
    MalformedSignature,
    SignatureClaim,
    SignatureFamily,
    check_times,
    checked_key_id,
    normal_authority,
)

ALSO_SIGNED = ("collection-synchronization",)  # headers that are signed if the request has them (FEP-8fcf)

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'[ \t]*({_WORD})[ \t]*=[ \t]*(?:"([ !#-\[\]-~]*)"|({_WORD}))[ \t]*(,|$)')
_NAME = re.compile(rf"{_WORD}|\(request-target\)|\(created\)|\(expires\)")
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


def sign(request: HttpRequest, key: SigningKey, now: datetime, *, with_query: bool = True) -> dict[str, str]:
    """Return the headers to add to the request, `Host` among them: it must be sent as it was signed.

    `with_query` is False for old peers that sign and verify the path alone. Raises Malformed if the key id cannot be in a header.
    """
    added = {"Host": request.authority, "Date": format_datetime(now.astimezone(UTC), usegmt=True)}
    names = ["(request-target)", "host", "date"]
    if request.method == "POST":
        added["Digest"] = f"SHA-256={_digest(request.body)}"
        names.append("digest")
    names += [name for name in ALSO_SIGNED if request.header(name) is not None]
    signed = HttpRequest(request.method, request.url, (*request.headers, *added.items()))
    signature = b64encode(sign_bytes(key.key, _signing_string(signed, names, {}, with_query=with_query))).decode("ascii")
    algorithm = "rsa-sha256" if isinstance(key.key, RSAPrivateKey) else "hs2019"
    fields = {"keyId": key.id, "algorithm": algorithm, "headers": " ".join(names), "signature": signature}
    return {**added, "Signature": ",".join(f'{name}="{value}"' for name, value in fields.items())}


def read_claim(request: HttpRequest, header: str, now: datetime) -> SignatureClaim:
    """Return what the `Signature` header claims.

    Raises MalformedSignature, or InvalidSignature if it does not cover what it must, has expired, or the body has another digest.
    """
    parameters = _Parameters.read(header)
    _check_coverage(request, parameters.names)
    _check_age(request, parameters, now)
    if request.body or "digest" in parameters.names:
        _check_digest(request)
    targets = (True, False) if request.query else (True,)
    return SignatureClaim(
        key_id=parameters.key_id,
        family=SignatureFamily.CAVAGE,
        algorithm="" if parameters.algorithm == "hs2019" else parameters.algorithm,
        signature=parameters.signature,
        bases=tuple(_signing_string(request, parameters.names, parameters.times, with_query=each) for each in targets),
        covered=frozenset(name for name in parameters.names if not name.startswith("(")),
    )


@frozen
class _Parameters:
    """The parameters of a Signature header. `times`: `(created)` and `(expires)` as they are written there."""

    key_id: str
    algorithm: str
    names: tuple[str, ...]
    signature: bytes
    times: Mapping[str, str]

    @classmethod
    def read(cls, header: str) -> _Parameters:
        """Parse the header. Raises MalformedSignature; InvalidSignature if algorithm or key id are not accepted."""
        found = parse_parameters(re.sub(r"\A[Ss]ignature[ \t]+(?=[^ \t=])", "", header))
        if "keyid" not in found or "signature" not in found:
            raise MalformedSignature("The signature lacks its keyId or signature.")
        algorithm = found.get("algorithm", "hs2019").lower()
        if algorithm not in {"rsa-sha256", "hs2019"}:
            raise InvalidSignature("The algorithm of the signature is not supported.")
        times = {f"({name})": found[name] for name in ("created", "expires") if name in found}
        if not all(_SECONDS.fullmatch(value) for value in times.values()):
            raise MalformedSignature("The times of the signature are not numbers.")
        names = _names(found.get("headers", "date" if algorithm == "rsa-sha256" else "(created)"))
        if algorithm != "hs2019" and ("(created)" in names or "(expires)" in names):
            raise InvalidSignature("(created) and (expires) can be signed with hs2019 only.")
        return cls(checked_key_id(found["keyid"]), algorithm, names, _decode(found["signature"]), times)


def parse_parameters(header: str) -> dict[str, str]:
    """Return the parameters `name=token` or `name="text"` of a header, by their names in lower case.

    Raises MalformedSignature on anything else, and if a name occurs twice.
    """
    found: dict[str, str] = {}
    position = 0
    while True:
        match = _PARAMETER.match(header, position)
        if match is None or match[1].lower() in found:
            raise MalformedSignature
        found[match[1].lower()] = match[2] if match[3] is None else match[3]
        if not match[4]:
            return found
        position = match.end()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.lower().split(" "))
    if len(names) > MAX_COMPONENTS or len(set(names)) != len(names) or not all(map(_NAME.fullmatch, names)):
        raise MalformedSignature("The list of signed headers could not be understood.")
    return names


def _check_coverage(request: HttpRequest, names: tuple[str, ...]) -> None:
    required = {"(request-target)", "host"} | ({"digest"} if request.body else set())
    if missing := required.difference(names):
        raise InvalidSignature(f"Not signed: {', '.join(sorted(missing))}.")
    if "date" not in names and "(created)" not in names:
        raise InvalidSignature("Not signed: date or (created).")
    if normal_authority(request.scheme, request.header("host") or "") != request.authority:
        raise InvalidSignature("The request was signed for another server.")


def _check_age(request: HttpRequest, parameters: _Parameters, now: datetime) -> None:
    signed = {name: float(value) for name, value in parameters.times.items() if name in parameters.names}
    created = signed.get("(created)")
    check_times(_date(request) if created is None else created, signed.get("(expires)"), now)


def _date(request: HttpRequest) -> float:
    try:
        date = parsedate_to_datetime(request.header("date") or "")
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError) as problem:
        raise MalformedSignature("The date of the request could not be understood.") from problem


def _digest(body: bytes) -> str:
    return b64encode(sha256(body).digest()).decode("ascii")


def _check_digest(request: HttpRequest) -> None:
    """Compare the SHA-256 in the Digest header (RFC 3230) with the body. Other algorithms beside it are ignored."""
    pairs = [each.strip(" \t").partition("=") for each in (request.header("digest") or "").split(",")]
    digests = {value for name, _, value in pairs if name.lower() == "sha-256"}
    if digests != {_digest(request.body)}:
        raise InvalidSignature("The body is not the one of the digest." if digests else "The digest has no SHA-256.")


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as problem:
        raise MalformedSignature("The signature is not base64.") from problem


def _signing_string(request: HttpRequest, names: tuple[str, ...] | list[str], times: Mapping[str, str], *, with_query: bool) -> bytes:
    def lines() -> Iterator[str]:
        for name in names:
            if name == "(request-target)":
                yield f"{name}: {request.method.lower()} {request.path}{request.query if with_query else ''}"
                continue
            value = times.get(name) if name.startswith("(") else request.header(name)
            if value is None:
                raise InvalidSignature(f"Signed, but not there: {name}.")
            yield f"{name}: {value}"

    try:
        return "\n".join(lines()).encode("latin-1")
    except UnicodeEncodeError as problem:
        raise MalformedSignature("A signed header has characters that headers cannot have.") from problem
