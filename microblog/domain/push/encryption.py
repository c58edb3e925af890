"""Messages that only one program can read (RFC 8291), as a push service takes them.

Chosen (2026-11): http-ece for the encryption, held to the RFC's example in the tests. Instead of: pywebpush, which sends by itself with a
blocking client.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import http_ece
from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from microblog.domain.push.vapid import Signer, encode64, point
from microblog.model.push import PushTarget

MOST = 3_900
"""How many bytes a message may have: a push service has to take 4096 (RFC 8030, section 7.2), and some of them are not the message's."""
POINT_BYTES, AUTH_BYTES, SALT_BYTES = 65, 16, 16


def is_point(data: bytes) -> bool:
    """True for an uncompressed point on P-256."""
    if len(data) != POINT_BYTES or data[0] != 4:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


@frozen
class EncryptedPush:
    """A message as it goes to the push service: the headers that belong to it, and its body."""

    headers: Mapping[str, str]
    body: bytes


@frozen
class PushEncryptor:
    """Encrypts for programs, and signs for push services. Each message has a key and a salt of its own."""

    signer: Signer
    make_key: Callable[[], ec.EllipticCurvePrivateKey] = field(default=lambda: ec.generate_private_key(ec.SECP256R1()))
    make_salt: Callable[[], bytes] = field(default=lambda: os.urandom(SALT_BYTES))

    def sealed(self, message: bytes, target: PushTarget) -> EncryptedPush:
        """The message for that program alone. Raises ValueError where it is empty (http-ece would not seal that) or longer than `MOST`."""
        if not 0 < len(message) <= MOST:
            raise ValueError(f"A push message has 1 to {MOST} bytes, not {len(message)}.")
        key, salt = self.make_key(), self.make_salt()
        token = self.signer.token(target.endpoint)
        if target.standard:
            headers = {"Content-Encoding": "aes128gcm", "Authorization": f"vapid t={token},k={self.signer.public}"}
            return EncryptedPush(headers, encrypted(message, target, key, salt))
        headers = {
            "Content-Encoding": "aesgcm",
            "Encryption": f"salt={encode64(salt)}",
            "Crypto-Key": f"dh={encode64(point(key))};p256ecdsa={self.signer.public}",
            "Authorization": f"WebPush {token}",
        }
        return EncryptedPush(headers, encrypted(message, target, key, salt))


def encrypted(message: bytes, target: PushTarget, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body, in the way that the program reads: RFC 8291, or draft-ietf-webpush-encryption-04, which has keys and salt in headers."""
    version = "aes128gcm" if target.standard else "aesgcm"
    body: bytes = http_ece.encrypt(message, salt, private_key=key, dh=target.p256dh, auth_secret=target.auth, version=version)
    return body
