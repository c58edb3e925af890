"""Keys and requests for tests of signatures."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from microblog.federation.keys import PublicKey, SigningKey, generate_private_pem, load_private_key
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest, VerifiedSignature
from microblog.federation.verification import read_claim

ACTOR = "https://a.example/users/al"
KEY_ID = f"{ACTOR}#main-key"
NOW = datetime(2026, 11, 29, 15, 0, 0, tzinfo=UTC)
INBOX = "https://b.example/inbox"
BODY = b'{"type":"Follow"}'
POST = HttpRequest("POST", INBOX, (("Content-Type", "application/activity+json"),), BODY)


@cache
def rsa_key() -> SigningKey:
    """Return the RSA key of the actor."""
    return SigningKey(KEY_ID, load_private_key(generate_private_pem()))


@cache
def ed25519_key() -> SigningKey:
    """Return the Ed25519 key of the actor."""
    return SigningKey(KEY_ID, Ed25519PrivateKey.generate())


def public_key(key: SigningKey) -> PublicKey:
    """Return the key as another server knows it."""
    return PublicKey(key.id, ACTOR, key.key.public_key())


def signed(
    request: HttpRequest = POST, form: SignatureForm = SignatureForm.CAVAGE, *, key: SigningKey | None = None, now: datetime = NOW
) -> HttpRequest:
    """Return the request with its signature."""
    return with_headers(request, **sign(request, key or rsa_key(), form, now))


def with_headers(request: HttpRequest, **headers: str | None) -> HttpRequest:
    """Return the request with other values of headers. None removes one; underscores stand for hyphens."""
    changed = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    kept = tuple((name, value) for name, value in request.headers if name.lower() not in changed)
    return evolve(request, headers=(*kept, *((name, value) for name, value in changed.items() if value is not None)))


def verify(request: HttpRequest, key: SigningKey | None = None, now: datetime = NOW) -> VerifiedSignature:
    """Return the proof of who signed the request, or raise the error of the failed check."""
    return read_claim(request, now).verify(public_key(key or rsa_key()))


def accepted(request: HttpRequest, key: SigningKey | None = None, now: datetime = NOW) -> bool:
    """Return True if the request is verified; raises the error of the failed check otherwise."""
    return verify(request, key, now).key_id == KEY_ID
