"""Digests of followers (FEP-8fcf)."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from microblog.federation.followers_sync import HEADER, FollowersDigest, FollowersRepair, followers_digest
from microblog.federation.signed_requests import SignatureFamily, VerifiedSignature

DIGEST = "d7b5dba8fdbd40dae72ddd739c443b248d0050baa223680e371639adeba2302f"
FOLLOWERS = ["https://b.example/users/bo", "https://b.example/users/cy"]


def test_the_digest_of_followers_is_the_published_one() -> None:
    assert followers_digest(FOLLOWERS) == followers_digest(reversed(FOLLOWERS)) == DIGEST
    assert followers_digest([]) == "0" * 64


def test_the_header_is_written_and_read() -> None:
    claim = FollowersDigest("https://a.example/users/al/followers", "https://a.example/users/al/followers_synchronization", DIGEST)
    assert claim.header() == (
        'collectionId="https://a.example/users/al/followers", '
        f'url="https://a.example/users/al/followers_synchronization", digest="{DIGEST}"'
    )
    assert FollowersDigest.parse(claim.header()) == claim
    assert FollowersDigest.parse(f"digest={DIGEST.upper()},url=u,collectionId=c") == FollowersDigest("c", "u", DIGEST)


@pytest.mark.parametrize(
    "header", ["", "x", f'url="u", digest="{DIGEST}"', 'collectionId="c", url="u", digest="abc"', f"digest={DIGEST}," * 2]
)
def test_another_header_is_ignored(header: str) -> None:
    assert FollowersDigest.parse(header) is None


@given(st.text())
def test_no_header_crashes(header: str) -> None:
    assert FollowersDigest.parse(header) is None


BO = "https://b.example/users/bo"
CLAIM = FollowersDigest(f"{BO}/followers", f"{BO}/followers_synchronization", "0" * 64)
LOCAL = [f"https://a.example/users/{name}" for name in ("al", "ann", "art")]


def signature(*covered: str, actor: str = BO) -> VerifiedSignature:
    return VerifiedSignature(f"{actor}#main-key", actor, SignatureFamily.CAVAGE, frozenset(covered))


def test_a_digest_counts_if_the_account_signed_it_for_its_own_followers() -> None:
    signed = signature("date", HEADER.lower())
    assert CLAIM.is_credible(signed, f"{BO}/followers")
    assert not CLAIM.is_credible(signature("date"), f"{BO}/followers")
    assert not CLAIM.is_credible(signature(HEADER.lower(), actor="https://c.example/users/cy"), f"{BO}/followers")
    assert not CLAIM.is_credible(signed, "https://b.example/users/eve/followers")
    assert not FollowersDigest(CLAIM.collection, "https://c.example/list", CLAIM.digest).is_credible(signed, CLAIM.collection)
    assert not FollowersDigest(CLAIM.collection, "http://b.example/list", CLAIM.digest).is_credible(signed, CLAIM.collection)
    assert not FollowersDigest("", CLAIM.url, CLAIM.digest).is_credible(signed, "")


def test_follows_that_the_other_side_does_not_know_are_removed() -> None:
    claim = evolve(CLAIM, digest=followers_digest(LOCAL[:1]))
    assert claim.repair(LOCAL[:1], LOCAL, "a.example") == FollowersRepair(frozenset(LOCAL[1:]), frozenset())
    assert CLAIM.repair([], LOCAL, "a.example") == FollowersRepair(frozenset(LOCAL), frozenset())


def test_nobody_is_removed_by_a_list_that_is_not_the_one_of_the_digest() -> None:
    claim = evolve(CLAIM, digest=followers_digest(LOCAL[:2]))
    for listed in ([], LOCAL[:1], [*LOCAL[:2], LOCAL[2]]):
        assert claim.repair(listed, LOCAL, "a.example").removed == frozenset()


def test_follows_that_only_the_other_side_knows_are_undone() -> None:
    claim = evolve(CLAIM, digest=followers_digest(LOCAL))
    listed = [*LOCAL, *LOCAL, "https://c.example/users/cy", "https://b.example/users/bo"]
    assert claim.repair(listed, LOCAL[1:], "a.example") == FollowersRepair(frozenset(), frozenset(LOCAL[:1]))


def test_an_account_that_is_listed_twice_counts_once() -> None:
    assert followers_digest([*FOLLOWERS, FOLLOWERS[0]]) == DIGEST
