"""CSRF tokens: proof that a form was sent from one of our own pages.

The token is an HMAC keyed with a secret in the browser's cookie: the session token, or for visitors who are not logged in a random
`visitor` cookie. It is masked differently for each page, so that compressed pages do not leak it (BREACH).
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlsplit

SIZE = 16
_LABEL = b"microblog form token"


def _proof(secret: str) -> bytes:
    return hmac.new(secret.encode("utf-8"), _LABEL, sha256).digest()[:SIZE]


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def token_for(secret: str, random: Callable[[int], bytes] = os.urandom) -> str:
    """Create a token for the hidden input of a form. `secret` is the value of the session or visitor cookie."""
    pad = random(SIZE)
    return urlsafe_b64encode(pad + _xor(pad, _proof(secret))).rstrip(b"=").decode("ascii")


def is_token_of(secret: str, token: str) -> bool:
    """True if `token` was created with `secret`; compares in constant time."""
    if len(token) != 43 or not token.isascii():
        return False
    try:
        raw = urlsafe_b64decode(token + "=")
    except ValueError:
        return False
    return len(raw) == 2 * SIZE and hmac.compare_digest(_xor(raw[:SIZE], raw[SIZE:]), _proof(secret))


def is_cross_site(fetch_site: str | None, origin: str | None, own_hosts: frozenset[str]) -> bool:
    """True if the browser says that a page of another site sent this request (Sec-Fetch-Site, or Origin in older browsers).

    `own_hosts` are `host[:port]` as in the Host header. False for browsers without these headers: then the token alone decides.
    """
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    if origin is None:
        return False
    return urlsplit(origin).netloc.lower() not in own_hosts
