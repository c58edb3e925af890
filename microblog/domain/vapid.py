"""The key that push messages are signed with (RFC 8292): one for the site's whole life, made out of its secret."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186-4, D.1.2.3)


def private_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """The site's P-256 key. 48 bytes are reduced to 32, so that no number is likelier than another (FIPS 186-4, B.4.1)."""
    derived = HKDF(SHA256(), length=48, salt=None, info=b"microblog vapid").derive(secret)
    return ec.derive_private_key(int.from_bytes(derived, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


def public_key(secret: bytes) -> str:
    """The public half as clients want it: the uncompressed point, base64url with its padding."""
    point = private_key(secret).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).decode("ascii")
