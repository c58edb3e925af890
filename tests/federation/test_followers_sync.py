"""Digests of followers (FEP-8fcf)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.federation.followers_sync import FollowersDigest, followers_digest

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
