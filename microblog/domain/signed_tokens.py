"""Signed tokens in e-mail links: they prove that the user received the e-mail.

A token contains the account, the time and an HMAC-SHA256 over its purpose and the values that it is bound to, keyed with the site's secret.
Tokens are not stored, so a stolen database dump contains none. A token is valid until a value that it is bound to changes: the address that
it was sent to, or the password that it replaces; so it works once.

Decision (2026-11): an HMAC over values of the rows. Alternative: random tokens stored as hashes, which the e-mail queue, being a table,
would have to store in clear text until they are sent.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import UTC, datetime
from hashlib import sha256
from struct import Struct

from attrs import field, frozen

from microblog.model.ids import AccountId

_HEAD = Struct(">QI")  # account, seconds since 1970 (until 2106)
_CODE = 20  # bytes


@frozen
class SignedClaim:
    """Contents of a token. Untrusted before `TokenSigner.verify`."""

    account: AccountId
    made_at: datetime
    code: bytes = field(repr=False)


def read(token: str) -> SignedClaim | None:
    """Parse a token; None if it is malformed."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, Error):
        return None
    if len(raw) != _HEAD.size + _CODE or urlsafe_b64encode(raw).rstrip(b"=") != token.encode("ascii", "replace"):
        return None
    account, seconds = _HEAD.unpack_from(raw)
    return SignedClaim(AccountId(account), datetime.fromtimestamp(seconds, UTC), raw[_HEAD.size :]) if account < 2**63 else None


@frozen
class TokenSigner:
    """Makes and verifies tokens. `key` is the site's secret."""

    key: bytes = field(repr=False)

    def token(self, purpose: str, account: AccountId, made_at: datetime, *bound: str) -> str:
        """Create a token for this purpose that is valid while the `bound` texts are unchanged. 43 characters, safe in URLs."""
        head = _HEAD.pack(account, int(made_at.timestamp()))
        return urlsafe_b64encode(head + self._code(purpose, head, bound)).rstrip(b"=").decode("ascii")

    def verify(self, claim: SignedClaim, purpose: str, *bound: str) -> bool:
        """Return True if this site made it for this purpose and with these texts. The caller has to check its age."""
        head = _HEAD.pack(claim.account, int(claim.made_at.timestamp()))
        return hmac.compare_digest(claim.code, self._code(purpose, head, bound))

    def _code(self, purpose: str, head: bytes, bound: tuple[str, ...]) -> bytes:
        parts = [part.encode("utf-8", "surrogatepass") for part in (purpose, *bound)]
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)  # unambiguous: no two lists of texts give the same bytes
        return hmac.digest(self.key, head + framed, sha256)[:_CODE]
