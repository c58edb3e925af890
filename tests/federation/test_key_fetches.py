"""When keys of other servers are fetched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import define, evolve, field

from microblog.federation.key_fetches import MAX_REMEMBERED, PER_HOST, KeyFetches, is_stale
from microblog.federation.keys import PublicKey, SigningKey, generate_private_pem, load_private_key
from microblog.federation.signed_requests import HttpRequest, InvalidSignature
from microblog.federation.verification import read_claim
from tests.federation.signing import ACTOR, KEY_ID, NOW, public_key, rsa_key, signed, with_headers

MINUTE = timedelta(minutes=1)


@define
class Receiver:
    """A server that stores one key, and fetches it again when a signature does not fit and it may."""

    published: PublicKey
    stored: PublicKey | None = None
    fetched_at: datetime | None = None
    fetches: int = 0
    policy: KeyFetches = field(factory=KeyFetches)
    down: bool = False

    def receive(self, request: HttpRequest, now: datetime) -> bool:
        """Return True if the request is accepted."""
        claim = read_claim(request, now)
        for key in self.candidates(now):
            try:
                return bool(claim.verify(evolve(key, id=claim.key_id)).actor)
            except InvalidSignature:
                continue
        return False

    def candidates(self, now: datetime) -> Iterable[PublicKey]:
        """Yield the stored key, then the fetched one."""
        if self.stored is not None:
            yield self.stored
        if self.policy.may_fetch(KEY_ID, now, fetched_at=self.fetched_at, host_is_down=self.down):
            self.fetches += 1
            self.stored, self.fetched_at = self.published, now
            yield self.published


def test_a_rotated_key_is_fetched_once() -> None:
    old, new = rsa_key(), SigningKey(KEY_ID, load_private_key(generate_private_pem()))
    receiver = Receiver(public_key(old))
    assert receiver.receive(signed(key=old), NOW)
    receiver.published = public_key(new)
    later = NOW + 10 * MINUTE
    assert [receiver.receive(signed(key=new, now=later), later) for _ in range(3)] == [True] * 3
    assert receiver.fetches == 2
    assert not receiver.receive(signed(key=old, now=later), later)
    assert receiver.fetches == 2


def test_forged_requests_do_not_make_us_fetch_twice() -> None:
    receiver = Receiver(public_key(rsa_key()))
    forged = signed(key=SigningKey(KEY_ID, load_private_key(generate_private_pem())))
    for seconds in range(0, 300, 10):
        assert not receiver.receive(forged, NOW + timedelta(seconds=seconds))
    assert receiver.fetches == 1
    assert not receiver.receive(forged, NOW + 5 * MINUTE)
    assert receiver.fetches == 2
    assert receiver.receive(signed(), NOW + 5 * MINUTE)


def test_a_forged_request_with_a_wrong_digest_or_date_costs_no_fetch() -> None:
    policy = KeyFetches()
    for request, now in (
        (evolve(signed(), body=b"other"), NOW),
        (signed(), NOW + timedelta(days=1)),
        (with_headers(signed(), host="c"), NOW),
    ):
        try:
            key_id = read_claim(request, now).key_id
        except InvalidSignature:
            continue
        policy.may_fetch(key_id, now)
    assert policy == KeyFetches()


def test_made_up_fragments_are_the_same_key() -> None:
    policy = KeyFetches()
    assert policy.may_fetch(f"{ACTOR}#main-key", NOW)
    assert not any(policy.may_fetch(f"{ACTOR}#{number}", NOW + MINUTE) for number in range(10))
    assert policy.may_fetch("https://a.example/users/bo#main-key", NOW + MINUTE)


def test_a_fetch_that_failed_counts() -> None:
    policy = KeyFetches()
    assert [policy.may_fetch(KEY_ID, NOW + each * MINUTE) for each in range(7)] == [True, False, False, False, False, True, False]


def test_a_fetch_of_another_process_counts() -> None:
    policy = KeyFetches()
    assert not policy.may_fetch(KEY_ID, NOW, fetched_at=NOW - 4 * MINUTE)
    assert policy.may_fetch(KEY_ID, NOW, fetched_at=NOW - 5 * MINUTE)


def test_nothing_is_fetched_from_a_host_that_is_down() -> None:
    policy = KeyFetches()
    assert not policy.may_fetch(KEY_ID, NOW, host_is_down=True)
    assert policy.may_fetch(KEY_ID, NOW)
    assert not policy.may_fetch("acct:al@a.example", NOW)


def test_made_up_actors_of_one_host_are_limited() -> None:
    policy = KeyFetches()
    allowed = [policy.may_fetch(f"https://a.example/users/{number}#k", NOW) for number in range(PER_HOST + 10)]
    assert allowed == [True] * PER_HOST + [False] * 10
    assert policy.may_fetch("https://c.example/users/al#k", NOW)
    assert policy.may_fetch("https://a.example/users/x#k", NOW + 5 * MINUTE)


def test_the_memory_is_bounded() -> None:
    policy = KeyFetches()
    for number in range(MAX_REMEMBERED + 5):
        assert policy.may_fetch(f"https://{number}.example/users/al", NOW)
    assert not policy.may_fetch(f"https://{MAX_REMEMBERED}.example/users/al", NOW)
    assert policy.may_fetch("https://0.example/users/al", NOW)


def test_a_key_is_fresh_for_a_day() -> None:
    assert not is_stale(NOW, NOW + timedelta(hours=23, minutes=59))
    assert is_stale(NOW, NOW + timedelta(hours=24))
