"""Signatures by draft-cavage-http-signatures-12."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256, sha512

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from microblog.federation.keys import SigningKey, sign_bytes
from microblog.federation.signature_choice import SignatureForm
from microblog.federation.signatures import sign
from microblog.federation.signed_requests import (
    HttpRequest,
    InvalidSignature,
    MalformedSignature,
    MissingSignature,
    SignatureFamily,
)
from microblog.federation.verification import read_claim
from microblog.model.errors import Malformed, Problem
from microblog.web.http.errors import status_of
from tests.federation.signing import (
    ACTOR,
    BODY,
    INBOX,
    KEY_ID,
    NOW,
    POST,
    accepted,
    ed25519_key,
    public_key,
    rsa_key,
    signed,
    verify,
    with_headers,
)

DATE = "Sun, 29 Nov 2026 15:00:00 GMT"
DIGEST = "SHA-256=GYwYnH3BiO6aICFt0ThC5bUIJ4byvqdpWtR8m5fNkww="
STRING = f"(request-target): post /inbox\nhost: b.example\ndate: {DATE}\ndigest: {DIGEST}"
GET = HttpRequest("GET", "https://b.example/users/bo?page=true")
CREATED = int(NOW.timestamp())


def signed_text(text: str, fields: Mapping[str, str | None], *, key: SigningKey | None = None, request: HttpRequest = POST) -> HttpRequest:
    """Return a request whose signature is made over this text, with these and the usual parameters; None leaves one out."""
    signature = b64encode(sign_bytes((key or rsa_key()).key, text.encode())).decode()
    parameters = {
        "keyId": KEY_ID,
        "algorithm": "rsa-sha256",
        "headers": " ".join(line.partition(": ")[0] for line in text.split("\n")),
        "signature": signature,
        **fields,
    }
    header = ",".join(f'{name}="{value}"' for name, value in parameters.items() if value is not None)
    return with_headers(request, host="b.example", date=DATE, digest=DIGEST, signature=header)


def test_the_signing_string_is_the_published_one() -> None:
    [base] = read_claim(signed(), NOW).bases
    assert base == STRING.encode()
    assert len(base) == 142
    assert sha256(base).hexdigest() == "fcec26d248a06b43d79e846fadd46a421d37d07a5605263118eb169ef6a18610"


def test_a_post_is_signed_with_its_digest() -> None:
    headers = sign(POST, rsa_key(), NOW)
    signature = b64encode(sign_bytes(rsa_key().key, STRING.encode())).decode()
    assert headers == {
        "Host": "b.example",
        "Date": DATE,
        "Digest": DIGEST,
        "Signature": f'keyId="{KEY_ID}",algorithm="rsa-sha256",headers="(request-target) host date digest",signature="{signature}"',
    }
    verified = verify(signed())
    assert (verified.key_id, verified.actor, verified.family) == (KEY_ID, ACTOR, SignatureFamily.CAVAGE)
    assert verified.covered == {"host", "date", "digest"}


def test_a_get_is_signed_without_digest() -> None:
    headers = sign(GET, rsa_key(), NOW)
    assert set(headers) == {"Host", "Date", "Signature"}
    assert 'headers="(request-target) host date"' in headers["Signature"]
    assert verify(signed(GET)).covered == {"host", "date"}


def test_query_and_port_are_signed() -> None:
    request = signed(HttpRequest("GET", "https://B.example:8443/users/bo?page=true&x=%2f"))
    assert read_claim(request, NOW).bases[0].startswith(b"(request-target): get /users/bo?page=true&x=%2f\nhost: b.example:8443\n")
    assert accepted(request)
    with pytest.raises(InvalidSignature):
        verify(evolve(request, url="https://b.example:8443/users/bo?page=true&x=%2F"))
    assert sign(HttpRequest("GET", "https://b.example:443/"), rsa_key(), NOW)["Host"] == "b.example"


def test_a_target_signed_without_its_query_is_accepted() -> None:
    request = signed(GET, SignatureForm.CAVAGE_WITHOUT_QUERY)
    assert read_claim(request, NOW).bases[1].startswith(b"(request-target): get /users/bo\n")
    assert accepted(request)
    assert len(read_claim(signed(), NOW).bases) == 1


@pytest.mark.parametrize("key", [rsa_key(), ed25519_key()], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("algorithm", ["hs2019", None])
def test_hs2019_and_ed25519_verify(key: SigningKey, algorithm: str | None) -> None:
    assert accepted(signed_text(STRING, {"algorithm": algorithm}, key=key), key)
    times = STRING.replace(f"date: {DATE}", f"(created): {CREATED}\n(expires): {CREATED + 30}")
    fields = {"algorithm": algorithm, "created": f"{CREATED}", "expires": f"{CREATED + 30}"}
    assert accepted(with_headers(signed_text(times, fields, key=key), date=None), key)


def test_the_algorithm_must_fit_the_key() -> None:
    assert 'algorithm="hs2019"' in sign(POST, ed25519_key(), NOW)["Signature"]
    assert accepted(signed(key=ed25519_key()), ed25519_key())
    with pytest.raises(InvalidSignature, match="does not fit"):
        verify(signed_text(STRING, {}, key=ed25519_key()), ed25519_key())
    for algorithm in ("rsa-sha512", "hmac-sha256", "ed25519", "none", ""):
        with pytest.raises(InvalidSignature, match="not supported"):
            verify(signed_text(STRING, {"algorithm": algorithm}))


def test_created_is_refused_with_other_algorithms() -> None:
    with pytest.raises(InvalidSignature, match="hs2019 only"):
        verify(signed_text(STRING.replace(f"date: {DATE}", f"(created): {CREATED}"), {"created": f"{CREATED}"}))


@pytest.mark.parametrize("missing", ["(request-target)", "host", "date", "digest"])
def test_what_must_be_signed_is_demanded(missing: str) -> None:
    lines = [line for line in STRING.split("\n") if not line.startswith(missing)]
    with pytest.raises(InvalidSignature, match="Not signed"):
        verify(signed_text("\n".join(lines), {}))
    if missing == "date":  # a time that is there and is not signed does not count
        with pytest.raises(InvalidSignature, match="Not signed"):
            verify(signed_text("\n".join(lines), {"algorithm": "hs2019", "created": f"{CREATED}"}))


def test_without_a_list_of_headers_too_little_is_signed() -> None:
    with pytest.raises(InvalidSignature, match="Not signed"):
        verify(signed_text(f"date: {DATE}", {"headers": None}))
    with pytest.raises(InvalidSignature, match="Not signed"):
        verify(signed_text(f"(created): {CREATED}", {"headers": None, "algorithm": "hs2019", "created": f"{CREATED}"}))


def test_an_unsigned_digest_is_refused() -> None:
    request = signed_text(STRING.rpartition("\n")[0], {})
    assert request.header("digest") == DIGEST
    with pytest.raises(InvalidSignature, match="digest"):
        verify(request)


@pytest.mark.parametrize("form", [SignatureForm.CAVAGE, SignatureForm.RFC_9421])
def test_a_changed_body_is_refused(form: SignatureForm) -> None:
    request = signed(form=form)
    assert accepted(request)
    for body in (BODY + b"\n", b"", BODY.replace(b"Follow", b"Delete")):
        with pytest.raises(InvalidSignature, match="body"):
            verify(evolve(request, body=body))
    other = b64encode(sha256(b"other").digest()).decode()
    with pytest.raises(InvalidSignature):
        verify(with_headers(evolve(request, body=b"other"), digest=f"SHA-256={other}", content_digest=f"sha-256=:{other}:"))


def test_the_digest_may_be_beside_others() -> None:
    plain = DIGEST.partition("=")[2]
    sha_512 = f"SHA-512={b64encode(sha512(BODY).digest()).decode()}"
    for digest in (f"sha-256={plain}", f"{sha_512},SHA-256={plain}", f"SHA-256={plain} ,  {sha_512}", f"SHA-256={plain},SHA-256={plain}"):
        assert accepted(with_headers(signed_text(STRING.replace(DIGEST, digest), {}), digest=digest))
    wrong = f"SHA-256={b64encode(sha256(b'other').digest()).decode()}"
    for digest in (sha_512, f"SHA-256={plain[:-1]}", f"SHA-256={plain},{wrong}", f"MD5={plain}", "", "SHA-256", f"SHA-256={plain} x"):
        with pytest.raises(InvalidSignature, match=r"body|SHA-256"):
            verify(with_headers(signed_text(STRING.replace(DIGEST, digest), {}), digest=digest))


def test_a_digest_of_nothing_on_a_get_is_accepted() -> None:
    digest = f"SHA-256={b64encode(sha256(b'').digest()).decode()}"
    text = f"(request-target): get /inbox\nhost: b.example\ndate: {DATE}\ndigest: {digest}"
    request = with_headers(signed_text(text, {}, request=HttpRequest("GET", INBOX)), digest=digest)
    assert accepted(request)
    with pytest.raises(InvalidSignature):
        verify(with_headers(request, digest=DIGEST))


@pytest.mark.parametrize("form", [SignatureForm.CAVAGE, SignatureForm.RFC_9421])
def test_dates_at_the_edges(form: SignatureForm) -> None:
    request = signed(form=form)
    for seconds in (-3_600, 0, 3_600 + 300):
        assert accepted(request, now=NOW + timedelta(seconds=seconds))
    for seconds in (-3_601, 3_600 + 301):
        with pytest.raises(InvalidSignature, match=r"future|expired"):
            verify(request, now=NOW + timedelta(seconds=seconds))


def test_an_expiry_counts_up_to_twelve_hours() -> None:
    def request(expires: str) -> HttpRequest:
        text = STRING.replace(f"date: {DATE}", f"(created): {CREATED}\n(expires): {expires}")
        return signed_text(text, {"algorithm": "hs2019", "created": f"{CREATED}", "expires": expires})

    assert accepted(request(f"{CREATED + 60}.5"), now=NOW + timedelta(seconds=3_660))
    assert accepted(request(f"{CREATED + 99_999_999}"), now=NOW + timedelta(hours=13))
    for expires, seconds in ((CREATED + 60, 3_661), (CREATED + 99_999_999, 13 * 3_600 + 1), (CREATED - 99_999, 0)):
        with pytest.raises(InvalidSignature, match="expired"):
            verify(request(f"{expires}"), now=NOW + timedelta(seconds=seconds))
    unsigned = signed_text(STRING, {"expires": f"{CREATED + 40_000}"})
    with pytest.raises(InvalidSignature, match="expired"):
        verify(unsigned, now=NOW + timedelta(hours=2))


@pytest.mark.parametrize("date", ["", "yesterday", "2026-11-29T15:00:00Z", "Sun, 99 Nov 2026 15:00:00 GMT", "1795964400"])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    with pytest.raises(MalformedSignature):
        verify(with_headers(signed_text(STRING.replace(DATE, date), {}), date=date))


def test_duplicate_parameters_are_refused() -> None:
    header = signed().header("signature") or ""
    for parameter in ('keyId="https://evil.example/key"', 'headers="date"', 'signature="AAAA"', 'keyid="x"', "algorithm=hs2019"):
        for text in (f"{header},{parameter}", f"{parameter},{header}"):
            with pytest.raises(MalformedSignature) as caught:
                verify(with_headers(signed(), signature=text))
            assert status_of(caught.value) == 400
    with pytest.raises(MalformedSignature):
        verify(evolve(signed(), headers=(*signed().headers, ("signature", header))))
    with pytest.raises(MalformedSignature):
        verify(signed_text(STRING, {"headers": "(request-target) host date digest date"}))


def test_order_spaces_tokens_and_the_old_prefix_do_not_matter() -> None:
    found = signed().header("signature") or ""
    parts = found.split(",")
    for header in (
        ",".join(reversed(parts)),
        " , ".join(parts),
        f"Signature {found}",
        found.replace('"rsa-sha256"', "rsa-sha256"),
        found.replace("keyId", "keyid"),
        f'{found},unknown="x"',
        found.replace("(request-target) host", "(request-target) Host"),
    ):
        assert accepted(with_headers(signed(), signature=header))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Signature",
        "keyId",
        'keyId=""',
        'keyId="https://a.example/k"',
        'signature="AAAA"',
        'keyId="https://a.example/k",signature="A A"',
        'keyId="https://a.example/k",signature="AAAA",',
        'keyId="https://a.example/k",,signature="AAAA"',
        'keyId="https://a.example/k" signature="AAAA"',
        'keyId="https://a.example/\\"k",signature="AAAA"',
        'keyId="https://a.example/k,signature="AAAA"',
        'keyId="https://a.example/k",headers="",signature="AAAA"',
        'keyId="https://a.example/k",headers="(request-target)  date",signature="AAAA"',
        'keyId="https://a.example/k",headers="(status)",signature="AAAA"',
        'keyId="https://a.example/k",created="soon",signature="AAAA"',
        'keyId="https://a.example/k",created="-1",signature="AAAA"',
        'keyId="https://a.example/k",signature="AAAA"' + ',x="' + "x" * 8_192 + '"',
        f'keyId="https://a.example/k",headers="{" ".join(f"h{each}" for each in range(65))}",signature="AAAA"',
        'keyId="https://a.example/ü",signature="AAAA"',
    ],
)
def test_a_malformed_signature_is_a_bad_request(header: str) -> None:
    with pytest.raises(MalformedSignature) as caught:
        read_claim(with_headers(signed(), signature=header), NOW)
    assert status_of(caught.value) == 400


@pytest.mark.parametrize(
    "key_id", ["acct:al@a.example", "x", "ftp://a.example/k", "https://", f"https://a.example/{'k' * 2_048}", "https:///k"]
)
def test_a_key_id_must_be_a_web_address(key_id: str) -> None:
    with pytest.raises(InvalidSignature, match="key id"):
        verify(signed_text(STRING, {"keyId": key_id}))


def test_a_request_without_signature_is_unauthenticated() -> None:
    with pytest.raises(MissingSignature) as caught:
        read_claim(POST, NOW)
    assert status_of(caught.value) == 401


def test_a_wrong_signature_is_unauthenticated() -> None:
    other = SigningKey(KEY_ID, ed25519_key().key)
    for request in (signed_text(STRING + " ", {}), signed_text(STRING, {"signature": "AAAA"}), signed_text(STRING, {"signature": ""})):
        with pytest.raises(InvalidSignature) as caught:
            verify(request)
        assert status_of(caught.value) == 401
    with pytest.raises(InvalidSignature):
        verify(signed(), other)


def test_a_request_signed_for_another_server_is_refused() -> None:
    request = signed()
    assert accepted(with_headers(signed_text(STRING.replace("b.example", "B.example:443"), {}), host="B.example:443"))
    with pytest.raises(InvalidSignature, match="another server"):
        verify(evolve(request, url="https://c.example/inbox"))
    for host in ("b.example, c.example", "b.example/x"):
        with pytest.raises(InvalidSignature):
            verify(with_headers(signed_text(STRING.replace("b.example", host), {}), host=host))


def test_a_key_of_another_server_or_another_name_is_refused() -> None:
    claim = read_claim(signed(), NOW)
    for key in (
        evolve(public_key(rsa_key()), owner="https://evil.example/users/al"),
        evolve(public_key(rsa_key()), owner="http://a.example:444/users/al"),
        evolve(public_key(rsa_key()), owner=""),
        evolve(public_key(rsa_key()), id=f"{ACTOR}#other"),
    ):
        with pytest.raises(InvalidSignature):
            claim.verify(key)


def test_repeated_headers_are_joined_and_missing_ones_refused() -> None:
    text = f"{STRING}\nx-note: one, two\nx-empty: "
    request = signed_text(text, {})
    complete = evolve(request, headers=(*request.headers, ("X-Note", " one "), ("x-empty", ""), ("x-note", "two\t")))
    assert verify(complete).covered == {"host", "date", "digest", "x-note", "x-empty"}
    with pytest.raises(InvalidSignature, match="not there"):
        verify(request)
    with pytest.raises(InvalidSignature):
        verify(evolve(complete, headers=tuple(reversed(complete.headers))))


@pytest.mark.parametrize("form", [SignatureForm.CAVAGE, SignatureForm.RFC_9421])
def test_the_digest_of_followers_is_signed(form: SignatureForm) -> None:
    request = with_headers(POST, collection_synchronization='collectionId="x"')
    assert "collection-synchronization" in verify(signed(request, form)).covered


@pytest.mark.parametrize("target", ["", "*", "https://b.example/inbox", "/inbox#x", "/in box", "/ïnbox", "/a\nb", "/a\x00"])
def test_a_target_that_is_no_path_is_refused(target: str) -> None:
    with pytest.raises(Malformed):
        HttpRequest.received("https://b.example", "POST", target, (), b"")
    assert HttpRequest.received("https://b.example/", "POST", "/inbox?", (), b"").query == "?"


@pytest.mark.parametrize("method", ["", "post", "GET /x", "GET\n"])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(Malformed):
        HttpRequest(method, INBOX)


PIECES = st.sampled_from(
    [
        *('keyId="https://a.example/k"', 'headers="(request-target) host date digest"', 'signature="AAAA"', 'algorithm="hs2019"'),
        *("created=1795964400", "expires=1", '"', "\\", ",", ";", "=", ":", "(", ")", " ", "\t", "sig1", "sig1=", "sig1=:AAAA:"),
        *(
            '("@method" "@target-uri" "content-digest")',
            ";created=1795964400",
            ';keyid="https://a.example/k"',
            ';alg="ed25519"',
            "@1",
            "?1",
        ),
        *("9" * 16, "1.5", '%"x"', "*", '"@method";req', "\x00", "\r\n", "ü", "\ud800", "sha-256=:AAAA:", "SHA-256=AAAA", DATE),
    ]
)
HEADER = st.none() | st.text(max_size=60) | st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=12).map(",".join)
NAMES = ("signature", "signature-input", "date", "host", "digest", "content-digest")


@given(headers=st.fixed_dictionaries(dict.fromkeys(NAMES, HEADER)), form=st.none() | st.sampled_from(SignatureForm))
@example(headers=dict.fromkeys(NAMES), form=None)
@example(headers={"date": "Mon, 01 Jan 0001 00:00:00 +2359"}, form=SignatureForm.CAVAGE)
@example(headers={"date": "Sun, 29 Nov 2026 15:00:00 +9999"}, form=SignatureForm.CAVAGE)
def test_no_signature_header_crashes_or_passes(headers: dict[str, str | None], form: SignatureForm | None) -> None:
    """Whatever the headers hold, the result is 400 or 401; also if all but one or two of them are those of a good signature."""
    good = POST if form is None else signed(form=form)
    changed = {name: value for name, value in headers.items() if form is None or value is not None}
    request = with_headers(good, **changed)
    status = refused_with(request)
    if status is None:  # nothing that is signed was changed
        unsigned = {"date", "host", "digest"} if form == SignatureForm.RFC_9421 else {"content-digest"}
        assert form is not None
        assert {name for name, value in changed.items() if (value or "").strip(" \t") != (good.header(name) or "")} <= unsigned
    else:
        assert status in (400, 401)


def refused_with(request: HttpRequest) -> int | None:
    """Return the status with which a request is refused; None if it is verified. Other errors than Problems pass through."""
    try:
        verify(request)
    except Problem as problem:
        return status_of(problem)
    return None
