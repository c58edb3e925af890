"""Keys of actors: RSA and Ed25519, their encodings, and signing with them.

Decision (2026-11): cryptography for the keys; base58 is decoded in a few lines. Alternative: multiformats (0.3) for the multibase text,
which installs four more packages for two prefixes.
"""

from __future__ import annotations

import os
from functools import lru_cache

from attrs import field, frozen
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from microblog.model.errors import Malformed
from microblog.model.federation import KeyFormat, RemoteKey

RSA_BITS = 2_048
MIN_RSA_BITS, MAX_RSA_BITS = 1_024, 8_192  # of foreign keys; a longer one costs more to verify than a request is worth
MAX_EXPONENT_BITS = 33  # 65537 has 17; verifying takes time in proportion to it
MAX_KEY_LENGTH = 8_192  # of the text of a foreign key
PUBLIC_KEYS, PRIVATE_KEYS = 4_096, 512  # parsed keys that are kept

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: value for value, character in enumerate(_BASE58)}
_ED25519, _RSA = b"\xed\x01", b"\x85\x24"  # multicodec ed25519-pub and rsa-pub as varints
_NONCE_BYTES = 12

AnyPublicKey = rsa.RSAPublicKey | Ed25519PublicKey
AnyPrivateKey = rsa.RSAPrivateKey | Ed25519PrivateKey


class UnusableKey(Malformed):
    """A key that cannot be parsed, or that is of a kind or size that is not accepted."""

    sentence = "The key cannot be used."


@frozen
class PublicKey:
    """A key that an actor's own document lists. `owner` is the id of that actor."""

    id: str
    owner: str
    key: AnyPublicKey


@frozen
class SigningKey:
    """A private key of this site and the id under which others find the public one."""

    id: str
    key: AnyPrivateKey = field(repr=False)


def generate_private_pem() -> str:
    """Return a new RSA key as unencrypted PKCS#8. Takes 50 to 200 ms of processor time: never call it on the reactor's thread."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


@lru_cache(PRIVATE_KEYS)
def load_private_key(pem: str) -> AnyPrivateKey:
    """Return one of this site's own keys. It is not checked again, as that takes 40 ms; raises UnusableKey if it cannot be parsed."""
    try:
        key = load_pem_private_key(pem.encode("ascii"), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise UnusableKey from problem
    if not isinstance(key, AnyPrivateKey):
        raise UnusableKey
    return key


def public_pem(key: AnyPrivateKey) -> str:
    """Return the public key of a pair as PEM (SubjectPublicKeyInfo), as actors publish it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


@lru_cache(PUBLIC_KEYS)
def load_public_pem(pem: str) -> AnyPublicKey:
    """Return the key in `publicKeyPem` of an actor: SubjectPublicKeyInfo or PKCS#1. Raises UnusableKey."""
    if len(pem) > MAX_KEY_LENGTH:
        raise UnusableKey
    try:
        return _accepted(load_pem_public_key(pem.encode("ascii")))
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise UnusableKey from problem


@lru_cache(PUBLIC_KEYS)
def load_multikey(text: str) -> AnyPublicKey:
    """Return the key in `publicKeyMultibase` of an actor (FEP-521a): base58btc with a multicodec prefix. Raises UnusableKey."""
    data = _decode_base58(text)
    prefix, content = data[:2], data[2:]
    try:
        if prefix == _ED25519:
            return Ed25519PublicKey.from_public_bytes(content)
        if prefix == _RSA:
            return _accepted(load_der_public_key(content))
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise UnusableKey from problem
    raise UnusableKey


def read_public_key(key: RemoteKey, actor: str) -> PublicKey:
    """Return a key that the document of an actor lists. Raises UnusableKey, also if the key says that it belongs to another actor."""
    if key.owner not in {"", actor}:
        raise UnusableKey
    return PublicKey(key.id, actor, load_public_pem(key.value) if key.format == KeyFormat.PEM else load_multikey(key.value))


def _decode_base58(text: str) -> bytes:
    if len(text) > MAX_KEY_LENGTH // 4 or not text.startswith("z"):  # takes time in proportion to the square of the length
        raise UnusableKey
    number = 0
    for character in text[1:]:
        if character not in _DIGITS:
            raise UnusableKey
        number = number * 58 + _DIGITS[character]
    return number.to_bytes((number.bit_length() + 7) // 8, "big")  # neither prefix begins with a zero byte


def _accepted(key: object) -> AnyPublicKey:
    if isinstance(key, Ed25519PublicKey):
        return key
    if not isinstance(key, rsa.RSAPublicKey) or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise UnusableKey
    if key.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
        raise UnusableKey
    return key


def sign_bytes(key: AnyPrivateKey, data: bytes) -> bytes:
    """Sign with RSASSA-PKCS1-v1_5 and SHA-256, or Ed25519. RSA takes 0.4 ms; the thread does not hold the GIL meanwhile."""
    return key.sign(data) if isinstance(key, Ed25519PrivateKey) else key.sign(data, PKCS1v15(), SHA256())


def verify_bytes(key: AnyPublicKey, signature: bytes, data: bytes) -> None:
    """Verify such a signature. Raises cryptography's InvalidSignature."""
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, data)
    else:
        key.verify(signature, data, PKCS1v15(), SHA256())


@frozen
class KeySealer:
    """Encrypts private keys for the database, with a key derived from the site's `secret`, which is not in the database.

    The id of the key is authenticated with it, so that a sealed key cannot be moved to another account.
    """

    secret: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False)

    @_cipher.default
    def _new_cipher(self) -> AESGCM:
        return AESGCM(HKDF(SHA256(), length=32, salt=None, info=b"microblog actor keys").derive(self.secret))

    def seal(self, key_id: str, private_pem: str) -> bytes:
        """Encrypt a private key."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, private_pem.encode("ascii"), key_id.encode())

    def open(self, key_id: str, sealed: bytes) -> str:
        """Decrypt a private key. Raises UnusableKey if it was sealed with another secret or for another id."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], key_id.encode()).decode("ascii")
        except (InvalidTag, ValueError) as problem:
            raise UnusableKey from problem
