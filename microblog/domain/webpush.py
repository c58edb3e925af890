"""Messages that only one program can read (RFC 8291), as a push service takes them.

Chosen (2026-11): the primitives of `cryptography`, which TLS needs anyway, held to the RFC's example and to an independent library in the
tests. Instead of: pywebpush, which sends by itself with a blocking client; http-ece, which covers the same forty lines and is one
package more that a site would have to trust with its messages.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from microblog.domain.vapid import Signer, encode64, point
from microblog.model.pushes import PushTarget

MOST = 3_900
"""How many bytes a message may have: a push service has to take 4096 (RFC 8030, section 7.2), and some of them are not the message's."""
POINT_BYTES, AUTH_BYTES, SALT_BYTES = 65, 16, 16
_RECORD = 4_096


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
class Sealed:
    """A message as it goes to the push service: the headers that belong to it, and its body."""

    headers: Mapping[str, str]
    body: bytes


@frozen
class Sealer:
    """Encrypts for programs, and signs for push services. Each message has a key and a salt of its own."""

    signer: Signer
    make_key: Callable[[], ec.EllipticCurvePrivateKey] = field(default=lambda: ec.generate_private_key(ec.SECP256R1()))
    make_salt: Callable[[], bytes] = field(default=lambda: os.urandom(SALT_BYTES))

    def sealed(self, message: bytes, target: PushTarget) -> Sealed:
        """The message for that program alone. Raises ValueError where it is longer than `MOST`."""
        if len(message) > MOST:
            raise ValueError(f"A push message of {len(message)} bytes is too long.")
        key, salt = self.make_key(), self.make_salt()
        token = self.signer.token(target.endpoint)
        if target.standard:
            headers = {"Content-Encoding": "aes128gcm", "Authorization": f"vapid t={token},k={self.signer.public}"}
            return Sealed(headers, standard(message, target, key, salt))
        headers = {
            "Content-Encoding": "aesgcm",
            "Encryption": f"salt={encode64(salt)}",
            "Crypto-Key": f"dh={encode64(point(key))};p256ecdsa={self.signer.public}",
            "Authorization": f"WebPush {token}",
        }
        return Sealed(headers, draft(message, target, key, salt))


def standard(message: bytes, target: PushTarget, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """By RFC 8291: one record of RFC 8188, with the header that says by what it was encrypted."""
    ours = point(key)
    shared = _derived(target.auth, _agreed(key, target), b"WebPush: info\0" + target.p256dh + ours, 32)
    cipher = AESGCM(_derived(salt, shared, b"Content-Encoding: aes128gcm\0", 16))
    record = cipher.encrypt(_derived(salt, shared, b"Content-Encoding: nonce\0", 12), message + b"\x02", None)
    return salt + _RECORD.to_bytes(4, "big") + len(ours).to_bytes(1, "big") + ours + record


def draft(message: bytes, target: PushTarget, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """By draft-ietf-webpush-encryption-04: keys and salt are in headers, two bytes for the length of the padding stand in front."""
    shared = _derived(target.auth, _agreed(key, target), b"Content-Encoding: auth\0", 32)
    context = b"P-256\0" + b"".join(len(one).to_bytes(2, "big") + one for one in (target.p256dh, point(key)))
    cipher = AESGCM(_derived(salt, shared, b"Content-Encoding: aesgcm\0" + context, 16))
    return cipher.encrypt(_derived(salt, shared, b"Content-Encoding: nonce\0" + context, 12), b"\0\0" + message, None)


def _agreed(key: ec.EllipticCurvePrivateKey, target: PushTarget) -> bytes:
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), target.p256dh)
    return key.exchange(ec.ECDH(), theirs)


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length=length, salt=salt, info=info).derive(secret)
