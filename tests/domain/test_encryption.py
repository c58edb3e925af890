"""Web Push encryption against RFC 8291 and an independent library, and signatures against RFC 8292."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import timedelta

import http_ece
import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.push import encryption, vapid
from microblog.domain.push.encryption import PushEncryptor
from microblog.model.push import PushTarget
from tests.fakes import WallClock
from tests.make import NOW

ENDPOINT = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"
READER = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
AUTH = b"sixteen bytes!!!"


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encryptor() -> PushEncryptor:
    return PushEncryptor(vapid.Signer(b"s" * 32, "mailto:admin@example.org", lambda: NOW))


def target(*, standard: bool) -> PushTarget:
    return PushTarget(ENDPOINT, vapid.point(READER), AUTH, standard)


def test_the_example_of_rfc_8291_is_reproduced_byte_for_byte() -> None:
    ours = ec.derive_private_key(int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1())
    reader = decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    theirs = PushTarget(ENDPOINT, reader, decoded("BTBZMqHH6r4Tts7J_aSIgg"), standard=True)
    made = encryption.encrypted(b"When I grow up, I want to be a watermelon", theirs, ours, decoded("DGv6ra1nlYgDCS1FRnbzlw"))
    assert vapid.encode64(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.binary(min_size=1, max_size=encryption.MAX_MESSAGE_BYTES))
def test_only_the_subscriber_can_decrypt_a_message(message: bytes) -> None:
    ciphertext = encryptor().encrypt(message, target(standard=True))
    assert http_ece.decrypt(ciphertext.body, private_key=READER, auth_secret=AUTH, version="aes128gcm") == message
    assert len(ciphertext.body) <= 4096
    with pytest.raises(http_ece.ECEException):
        http_ece.decrypt(ciphertext.body, private_key=ec.generate_private_key(ec.SECP256R1()), auth_secret=AUTH, version="aes128gcm")


@given(st.binary(min_size=1, max_size=encryption.MAX_MESSAGE_BYTES))
def test_clients_of_the_draft_standard_can_decrypt_a_message(message: bytes) -> None:
    ciphertext = encryptor().encrypt(message, target(standard=False))
    keys = dict(part.split("=", 1) for part in ciphertext.headers["Crypto-Key"].split(";"))
    salt = ciphertext.headers["Encryption"].removeprefix("salt=")
    read = http_ece.decrypt(
        ciphertext.body,
        salt=decoded(salt),
        private_key=READER,
        dh=decoded(keys["dh"]),
        auth_secret=AUTH,
        version="aesgcm",
    )
    assert (read, keys["p256ecdsa"]) == (message, vapid.public_key(b"s" * 32).rstrip("="))
    assert len(ciphertext.body) <= 4096


def test_no_two_messages_have_a_key_or_a_salt_in_common() -> None:
    bodies = [encryptor().encrypt(b"the same", target(standard=True)).body for _ in range(3)]
    assert len({body[:16] for body in bodies}) == len({body[21:86] for body in bodies}) == 3


@pytest.mark.parametrize("size", [0, encryption.MAX_MESSAGE_BYTES + 1])
def test_empty_and_too_long_messages_are_not_encrypted(size: int) -> None:
    with pytest.raises(ValueError, match=f"not {size}"):
        encryptor().encrypt(b"x" * size, target(standard=True))


def claims_of(token: str) -> dict[str, object]:
    """Return the claims of a token after verifying its signature."""
    head, body, signature = token.split(".")
    assert orjson.loads(decoded(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = decoded(signature)
    encoded = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    vapid.private_key(b"s" * 32).public_key().verify(encoded, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    claims: dict[str, object] = orjson.loads(decoded(body))
    return claims


@pytest.mark.parametrize("standard", [True, False])
def test_the_site_identifies_itself_to_the_push_service(standard: bool) -> None:
    said = encryptor().encrypt(b"x", target(standard=standard)).headers["Authorization"]
    kind, _, rest = said.partition(" ")
    token = rest.removeprefix("t=").partition(",k=")[0]
    assert kind == ("vapid" if standard else "WebPush")
    exp = int((NOW + vapid.TOKEN_LIFETIME).timestamp())
    assert claims_of(token) == {"aud": "https://push.example.net", "exp": exp, "sub": "mailto:admin@example.org"}
    if standard:
        assert rest.partition(",k=")[2] == vapid.public_key(b"s" * 32).rstrip("=")


def test_a_token_is_for_one_service_and_is_renewed_long_before_it_ends() -> None:
    clock = WallClock(NOW)
    signer = vapid.Signer(b"s" * 32, "https://example.org", clock)
    first = signer.token(ENDPOINT)
    clock.time += vapid.RENEW_AFTER - timedelta(seconds=1)
    assert signer.token(ENDPOINT + "/other") == first
    assert signer.token("https://elsewhere.example/x") != first
    clock.time += timedelta(seconds=1)
    renewed = signer.token(ENDPOINT)
    assert claims_of(renewed)["exp"] == int((clock.time + vapid.TOKEN_LIFETIME).timestamp())


@pytest.mark.parametrize("endpoint", ["https://Push.example.NET/x", "https://push.example.net:443/x"])
def test_the_audience_is_the_origin_of_the_push_service(endpoint: str) -> None:
    token = vapid.Signer(b"s" * 32, "https://example.org", lambda: NOW).token(endpoint)
    assert claims_of(token)["aud"] == "https://push.example.net"


def test_a_signature_by_another_key_is_refused() -> None:
    token = vapid.Signer(b"t" * 32, "https://example.org", lambda: NOW).token(ENDPOINT)
    with pytest.raises(InvalidSignature):
        claims_of(token)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x04" + b"\0" * 64, vapid.point(READER)[1:], b"\x02" + vapid.point(READER)[1:], vapid.point(READER)[:-1] + b"\0"],
)
def test_a_key_that_is_no_point_of_the_curve_is_refused(data: bytes) -> None:
    assert not encryption.is_point(data)
    assert encryption.is_point(vapid.point(READER))
