"""Encryption of Web Push messages (RFC 8291).

Decision (2026-11): http-ece for the encryption, verified with the RFC's example in the tests. Alternative: pywebpush, which sends messages
itself, with a blocking client.
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

MAX_MESSAGE_BYTES = 3_900
"""Maximum message size in bytes: push services accept at least 4096 (RFC 8030, section 7.2), including padding and header."""
POINT_BYTES, AUTH_BYTES, SALT_BYTES = 65, 16, 16


def is_point(data: bytes) -> bool:
    """Return True for an uncompressed point on P-256."""
    if len(data) != POINT_BYTES or data[0] != 4:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


@frozen
class EncryptedPush:
    """Headers and body of a request to the push service."""

    headers: Mapping[str, str]
    body: bytes


@frozen
class PushEncryptor:
    """Encrypts messages and signs requests to push services. Each message has its own key and salt."""

    signer: Signer
    make_key: Callable[[], ec.EllipticCurvePrivateKey] = field(default=lambda: ec.generate_private_key(ec.SECP256R1()))
    make_salt: Callable[[], bytes] = field(default=lambda: os.urandom(SALT_BYTES))

    def encrypt(self, message: bytes, target: PushTarget) -> EncryptedPush:
        """Encrypt the message. Raises ValueError if it is empty (http-ece rejects that) or longer than `MAX_MESSAGE_BYTES`."""
        if not 0 < len(message) <= MAX_MESSAGE_BYTES:
            raise ValueError(f"A push message has 1 to {MAX_MESSAGE_BYTES} bytes, not {len(message)}.")
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
    """Return the body in the subscription's encoding: RFC 8291, or draft-ietf-webpush-encryption-04 with keys and salt in headers."""
    version = "aes128gcm" if target.standard else "aesgcm"
    body: bytes = http_ece.encrypt(message, salt, private_key=key, dh=target.p256dh, auth_secret=target.auth, version=version)
    return body
