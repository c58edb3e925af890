"""Signatures by RFC 9421."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256, sha512

import pytest
from attrs import evolve

from microblog.federation.keys import SigningKey, sign_bytes
from microblog.federation.message_signatures import sign
from microblog.federation.signature_choice import SignatureForm
from microblog.federation.signed_requests import HttpRequest, InvalidSignature, MalformedSignature, SignatureFamily
from microblog.federation.verification import read_claim
from microblog.web.http.errors import status_of
from tests.federation.signing import ACTOR, BODY, KEY_ID, NOW, POST, accepted, ed25519_key, rsa_key, signed, verify, with_headers

DIGEST = "sha-256=:GYwYnH3BiO6aICFt0ThC5bUIJ4byvqdpWtR8m5fNkww=:"
PARAMETERS = f'("@method" "@target-uri" "content-digest");created=1795964400;keyid="{KEY_ID}";alg="rsa-v1_5-sha256"'
LINES = f'"@method": POST\n"@target-uri": https://b.example/inbox\n"content-digest": {DIGEST}'
BASE = f'{LINES}\n"@signature-params": {PARAMETERS}'
GET = HttpRequest("GET", "https://b.example/users/bo?page=true")


def signed_input(
    parameters: str, lines: str = LINES, *, request: HttpRequest = POST, key: SigningKey | None = None, label: str = "sig1"
) -> HttpRequest:
    """Return a request whose signature is made over these lines and the text of these parameters."""
    signature = sign_bytes((key or rsa_key()).key, f'{lines}\n"@signature-params": {parameters}'.encode())
    return with_headers(
        request, content_digest=DIGEST, signature_input=f"{label}={parameters}", signature=f"{label}=:{b64encode(signature).decode()}:"
    )


def test_the_signing_string_is_the_published_one() -> None:
    [base] = read_claim(signed(form=SignatureForm.RFC_9421), NOW).bases
    assert base == BASE.encode()
    assert len(base) == 276
    assert sha256(base).hexdigest() == "16d7dae67801e0448db81d183c666995ac400d6eb7866cec078fe04694bd800a"


def test_a_post_is_signed_with_its_digest() -> None:
    signature = b64encode(sign_bytes(rsa_key().key, BASE.encode())).decode()
    assert sign(POST, rsa_key(), NOW) == {
        "Content-Digest": DIGEST,
        "Signature-Input": f"sig1={PARAMETERS}",
        "Signature": f"sig1=:{signature}:",
    }
    verified = verify(signed(form=SignatureForm.RFC_9421))
    assert (verified.key_id, verified.actor, verified.family) == (KEY_ID, ACTOR, SignatureFamily.RFC_9421)
    assert verified.covered == {"content-digest"}


def test_a_get_is_signed_with_its_query() -> None:
    request = signed(GET, SignatureForm.RFC_9421)
    assert request.header("content-digest") is None
    assert verify(request).covered == set()
    with pytest.raises(InvalidSignature):
        verify(evolve(request, url="https://b.example/users/bo"))
    with pytest.raises(InvalidSignature):
        verify(evolve(request, method="HEAD"))


def test_the_address_is_the_sites_own_and_not_that_of_the_host_header() -> None:
    request = with_headers(signed(form=SignatureForm.RFC_9421), host="127.0.0.1:8080")
    assert accepted(request)
    with pytest.raises(InvalidSignature):
        verify(with_headers(evolve(request, url="https://c.example/inbox"), host="b.example"))


def test_ed25519_verifies() -> None:
    request = signed(form=SignatureForm.RFC_9421, key=ed25519_key())
    assert 'alg="ed25519"' in (request.header("signature-input") or "")
    assert accepted(request, ed25519_key())
    assert accepted(signed_input(PARAMETERS.partition(";alg")[0], key=ed25519_key()), ed25519_key())
    with pytest.raises(InvalidSignature, match="does not fit"):
        verify(signed_input(PARAMETERS, key=ed25519_key()), ed25519_key())
    for algorithm in ("rsa-pss-sha512", "hmac-sha256", "hs2019"):
        with pytest.raises(InvalidSignature, match="not supported"):
            verify(signed_input(PARAMETERS.replace("rsa-v1_5-sha256", algorithm)))


@pytest.mark.parametrize(
    "parameters",
    [
        PARAMETERS.partition(";alg")[0],
        PARAMETERS.replace(";created", "; created"),
        PARAMETERS.replace(' "@target', '   "@target'),
        PARAMETERS.replace("(", "( ").replace(")", "  )"),
        f'{PARAMETERS};nonce="a,b\\"c";tag="x=y"',
        f"{PARAMETERS};expires=1795964460",
        f"{PARAMETERS};x=?1;y=@1;z=:AAAA:;w=1.50",
    ],
)
def test_rfc9421_params_are_taken_as_sent(parameters: str) -> None:
    request = signed_input(parameters)
    assert read_claim(request, NOW).bases[0].decode().endswith(f'"@signature-params": {parameters}')
    assert accepted(request)
    assert accepted(with_headers(request, signature_input=f"  sig1={parameters}\t"))


@pytest.mark.parametrize(
    "components",
    [
        '"@method" "@authority" "@path" "content-digest"',
        '"@method" "@target-uri" "@scheme" "@request-target" "@query" "content-digest" "content-type"',
    ],
)
def test_all_supported_components_verify(components: str) -> None:
    values = {
        "@method": "POST",
        "@target-uri": "https://b.example/inbox",
        "@authority": "b.example",
        "@scheme": "https",
        "@request-target": "/inbox",
        "@path": "/inbox",
        "@query": "?",
        "content-digest": DIGEST,
        "content-type": "application/activity+json",
    }
    lines = "\n".join(f"{name}: {values[name[1:-1]]}" for name in components.split())
    assert accepted(signed_input(f'({components});created=1795964400;keyid="{KEY_ID}"', lines))


@pytest.mark.parametrize(
    "components",
    [
        '"@target-uri" "content-digest"',
        '"@method" "content-digest"',
        '"@method" "@path" "content-digest"',
        '"@method" "@authority" "content-digest"',
        '"@method" "@target-uri"',
        '"@method" "@target-uri" "content-digest";sf',
        '"@method" "@target-uri" "content-digest" "content-type";bs',
        '"@method";req "@target-uri" "content-digest"',
        '"@method" "@target-uri" "content-digest" "@status"',
        '"@method" "@target-uri" "content-digest" "@query-param";name="x"',
        '"@method" "@target-uri" "content-digest" "@signature-params"',
        '"@method" "@target-uri" "content-digest" "x-missing"',
        "",
    ],
)
def test_other_components_are_refused(components: str) -> None:
    with pytest.raises(InvalidSignature) as caught:
        verify(signed_input(f'({components});created=1795964400;keyid="{KEY_ID}"'))
    assert status_of(caught.value) == 401


def test_a_path_without_its_query_is_not_enough() -> None:
    lines = '"@method": GET\n"@authority": b.example\n"@path": /users/bo'
    parameters = f'("@method" "@authority" "@path");created=1795964400;keyid="{KEY_ID}"'
    with pytest.raises(InvalidSignature, match="Not signed"):
        verify(signed_input(parameters, lines, request=GET))
    whole = parameters.replace('"@path"', '"@path" "@query"')
    assert accepted(with_headers(signed_input(whole, f'{lines}\n"@query": ?page=true', request=GET), content_digest=None))


@pytest.mark.parametrize(
    "inputs",
    [
        "",
        "sig1",
        "sig1=",
        "sig1=()",
        "sig1=1",
        "sig2=" + PARAMETERS,
        f"sig1={PARAMETERS},",
        f"sig1={PARAMETERS},sig1={PARAMETERS}",
        f"sig1={PARAMETERS};created=1795964400",
        f'sig1={PARAMETERS};keyid="https://evil.example/k"',
        f"sig1={PARAMETERS}".replace("1795964400", '"1795964400"'),
        f"sig1={PARAMETERS}".replace("1795964400", "1795964400.0"),
        f"sig1={PARAMETERS}".replace("1795964400", "?1"),
        f"sig1={PARAMETERS}".replace('"@method"', "@method"),
        f"sig1={PARAMETERS}".replace('"@method"', '"@METHOD"'),
        f"sig1={PARAMETERS}".replace('"@method"', '"@method" "@method"'),
        f"sig1={PARAMETERS}".replace('"@method"', 'token "@method"'),
        f"sig1={PARAMETERS}".replace(")", ""),
        f"sig1={PARAMETERS}".replace(f'"{KEY_ID}"', "token"),
        ",".join(f"s{each}={PARAMETERS}" for each in range(6)),
        f"sig1={PARAMETERS}".replace("al#", "ü#"),
    ],
)
def test_malformed_inputs_are_refused(inputs: str) -> None:
    with pytest.raises((MalformedSignature, InvalidSignature)):
        verify(with_headers(signed(form=SignatureForm.RFC_9421), signature_input=inputs))


@pytest.mark.parametrize(
    "signature", [None, "", "sig1", "sig1=AAAA", 'sig1="AAAA"', "sig2=:AAAA:", "sig1=:A A:", "sig1=(:AAAA:)", "sig1=:AAAA:, sig1=:AAAA:"]
)
def test_malformed_signatures_are_bad_requests(signature: str | None) -> None:
    with pytest.raises(MalformedSignature) as caught:
        verify(with_headers(signed(form=SignatureForm.RFC_9421), signature=signature))
    assert status_of(caught.value) == 400


def test_expiry_counts_up_to_twelve_hours() -> None:
    assert accepted(signed_input(f"{PARAMETERS};expires=9795964400"), now=NOW + timedelta(hours=13))
    for expires, seconds in ((1_795_964_460, 3_661), (9_795_964_400, 13 * 3_600 + 1), (-5, 0)):
        with pytest.raises(InvalidSignature, match="expired"):
            verify(signed_input(f"{PARAMETERS};expires={expires}"), now=NOW + timedelta(seconds=seconds))


def test_all_known_digests_must_fit_the_body() -> None:
    long = f"sha-512=:{b64encode(sha512(BODY).digest()).decode()}:"
    for digest in (long, f"{DIGEST}, {long}", f"md5=:AAAA:, {DIGEST}"):
        assert accepted(with_headers(signed_input(PARAMETERS, LINES.replace(DIGEST, digest)), content_digest=digest))
    for digest in ("md5=:AAAA:", f"{DIGEST}, sha-512=:AAAA:", "sha-256=AAAA", "sha-256", DIGEST.replace(":", '"'), "sha-256=(:AAAA:)"):
        with pytest.raises(InvalidSignature, match=r"body|SHA-256"):
            verify(with_headers(signed_input(PARAMETERS, LINES.replace(DIGEST, digest)), content_digest=digest))


def test_a_signature_that_a_proxy_added_is_ignored() -> None:
    request = signed(form=SignatureForm.RFC_9421)
    inputs, signature = request.header("signature-input"), request.header("signature")
    proxy = 'bot=("@authority" "signature-agent";key="a,b");created=1;keyid="x,y";tag="web-bot-auth"'
    for order in ((proxy, "bot=:AAAA:", inputs, signature), (inputs, signature, proxy, "bot=:AAAA:")):
        assert accepted(with_headers(request, signature_input=f"{order[0]}, {order[2]}", signature=f"{order[1]}, {order[3]}"))
    with pytest.raises(InvalidSignature):
        verify(with_headers(request, signature_input=proxy, signature="bot=:AAAA:"))
