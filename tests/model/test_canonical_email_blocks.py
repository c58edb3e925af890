"""The canonical form of e-mail addresses."""

from __future__ import annotations

import pytest

from microblog.model.canonical_email_blocks import canonical_email, canonical_email_hash


@pytest.mark.parametrize("email", ["eve@example.org", "E.v.e@Example.org", "eve+spam@example.org", "e.ve+s.p+am@EXAMPLE.org"])
def test_case_dots_and_tags_make_no_difference(email: str) -> None:
    assert canonical_email(email) == "eve@example.org"


@pytest.mark.parametrize("email", ["eve@mail.example.org", "eva@example.org", "eve-spam@example.org"])
def test_other_addresses_stay_apart(email: str) -> None:
    assert canonical_email_hash(email) != canonical_email_hash("eve@example.org")


def test_the_hash_is_that_of_mastodon() -> None:
    # As in spec/models/canonical_email_block_spec.rb of Mastodon.
    assert canonical_email_hash("te.st+x@Example.com") == "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
