"""Keys of actors: their encodings, what is accepted of other servers, and sealing."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from microblog.federation.keys import (
    AnyPublicKey,
    KeySealer,
    PublicKey,
    UnusableKey,
    generate_private_pem,
    load_multikey,
    load_private_key,
    load_public_pem,
    public_pem,
    read_public_key,
    sign_bytes,
    verify_bytes,
)
from microblog.model.federation import KeyFormat, RemoteKey
from tests.federation.signing import ACTOR, KEY_ID, ed25519_key, rsa_key

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def multikey(data: bytes) -> str:
    """Return the bytes as base58btc with the prefix of multibase."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return f"z{text}"


def der(key: AnyPublicKey, form: PublicFormat) -> bytes:
    """Return the key in DER."""
    return key.public_bytes(Encoding.DER, form)


def test_a_new_key_signs_and_its_public_half_verifies() -> None:
    private = load_private_key(generate_private_pem())
    text = public_pem(private)
    assert text.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert text.endswith("\n-----END PUBLIC KEY-----\n")
    public = load_public_pem(text)
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2_048
    verify_bytes(public, sign_bytes(private, b"text"), b"text")


def test_parsed_keys_are_kept() -> None:
    pem = generate_private_pem()
    assert load_private_key(pem) is load_private_key(pem)
    text = public_pem(load_private_key(pem))
    assert load_public_pem(text) is load_public_pem(text)


def test_public_keys_are_read_in_all_their_encodings() -> None:
    private, other = rsa_key().key.public_key(), ed25519_key().key.public_key()
    assert isinstance(private, rsa.RSAPublicKey)
    assert isinstance(other, ed25519.Ed25519PublicKey)
    pkcs1 = private.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert "BEGIN RSA PUBLIC KEY" in pkcs1
    assert load_public_pem(pkcs1) == private
    for text in (public_pem(rsa_key().key).strip(), public_pem(rsa_key().key).replace("\n", "\r\n")):
        assert load_public_pem(text) == private
    assert load_public_pem(public_pem(ed25519_key().key)) == other
    assert load_multikey(multikey(b"\xed\x01" + other.public_bytes_raw())) == other
    for form in (PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo):
        assert load_multikey(multikey(b"\x85\x24" + der(private, form))) == private


def test_a_published_multikey_is_read() -> None:
    text = "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"  # of the specification of did:key
    key = load_multikey(text)
    assert isinstance(key, ed25519.Ed25519PublicKey)
    assert multikey(b"\xed\x01" + key.public_bytes_raw()) == text


def test_a_key_of_a_document_must_belong_to_its_actor() -> None:
    pem, base58 = public_pem(rsa_key().key), multikey(b"\xed\x01" + ed25519_key().key.public_key().public_bytes_raw())  # type: ignore[union-attr]
    assert read_public_key(RemoteKey(KEY_ID, ACTOR, pem), ACTOR) == PublicKey(KEY_ID, ACTOR, load_public_pem(pem))
    assert read_public_key(RemoteKey(KEY_ID, "", base58, KeyFormat.MULTIBASE), ACTOR).key == load_multikey(base58)
    with pytest.raises(UnusableKey):
        read_public_key(RemoteKey(KEY_ID, "https://evil.example/users/al", pem), ACTOR)


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "key",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nü\n-----END PUBLIC KEY-----\n",
        "\ud800",
        "x" * 9_000,
        generate_private_pem(),
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        dsa.generate_private_key(1_024).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    ],
)
def test_other_keys_are_refused(pem: str) -> None:
    with pytest.raises(UnusableKey):
        load_public_pem(pem)
    with pytest.raises(UnusableKey):
        load_multikey(pem)


@pytest.mark.parametrize(("modulus", "exponent"), [((1 << 9_000) + 1, 65_537), ((1 << 2_047) + 1, (1 << 40) + 1), ((1 << 511) + 1, 65_537)])
def test_keys_that_are_short_or_costly_are_refused(modulus: int, exponent: int) -> None:
    with pytest.raises(UnusableKey):
        load_multikey(multikey(b"\x85\x24" + der_of_rsa(modulus, exponent)))
    assert isinstance(load_multikey(multikey(b"\x85\x24" + der_of_rsa((1 << 2_047) + 1, 65_537))), rsa.RSAPublicKey)


def der_of_rsa(modulus: int, exponent: int) -> bytes:
    """Return an RSA key in PKCS#1 that cryptography need not agree to."""

    def part(tag: int, content: bytes) -> bytes:
        length = len(content)
        return bytes([tag, 0x82]) + length.to_bytes(2, "big") + content if length > 127 else bytes([tag, length]) + content

    numbers = (number.to_bytes(number.bit_length() // 8 + 1, "big") for number in (modulus, exponent))
    return part(0x30, b"".join(part(0x02, number) for number in numbers))


@pytest.mark.parametrize("text", ["", "z", "z1", "u7QE", "z0OIl", "z6Mk", "zü", f"z{'2' * 2_048}", multikey(b"\xe7\x01" + b"\2" * 33)])
def test_other_multikeys_are_refused(text: str) -> None:
    with pytest.raises(UnusableKey):
        load_multikey(text)


def test_a_damaged_private_key_is_refused() -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in ("", "x", public_pem(rsa_key().key), curve):
        with pytest.raises(UnusableKey):
            load_private_key(text)


def test_a_sealed_key_opens_with_its_secret_and_id_only() -> None:
    sealer, pem = KeySealer(b"s" * 32), generate_private_pem()
    sealed = sealer.seal("key", pem)
    assert sealer.open("key", sealed) == pem
    assert KeySealer(b"s" * 32).open("key", sealed) == pem
    assert sealer.seal("key", pem) != sealed
    assert b"PRIVATE" not in sealed
    assert "s" * 32 not in repr(sealer)
    for other, key_id, text in (
        (sealer, "other", sealed),
        (KeySealer(b"t" * 32), "key", sealed),
        (sealer, "key", sealed[:-1]),
        (sealer, "key", b""),
    ):
        with pytest.raises(UnusableKey):
            other.open(key_id, text)
