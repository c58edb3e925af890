"""Signed tokens: unforgeable, for one purpose and one account, valid while the values they are bound to are unchanged."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.email_links import CONFIRM_LIFETIME, RESET_LIFETIME, EmailLinks
from microblog.domain.signed_tokens import SignedClaim, TokenSigner, read
from microblog.model.accounts import Login, Role
from microblog.model.emails import PREFERENCE_FIELDS, EmailKind
from microblog.model.ids import AccountId
from tests.make import NOW

SIGNER = TokenSigner(b"k" * 32)
LINKS = EmailLinks("https://example.org", SIGNER)
ANN = Login(AccountId(116169163924504591), "ann@example.org", "$argon2id$old", Role.USER, NOW)


def claim(link: str) -> SignedClaim:
    found = read(link.rpartition("/")[2])
    assert found is not None
    return found


@given(account=st.integers(0, 2**63 - 1), purpose=st.text(), bound=st.lists(st.text(), max_size=3))
def test_a_token_is_valid_for_its_purpose_and_names_its_account(account: int, purpose: str, bound: list[str]) -> None:
    token = SIGNER.token(purpose, AccountId(account), NOW, *bound)
    found = read(token)
    assert found is not None
    assert (found.account, int(found.made_at.timestamp())) == (account, int(NOW.timestamp()))
    assert SIGNER.verify(found, purpose, *bound)
    assert not SIGNER.verify(found, purpose + "x", *bound)
    assert not SIGNER.verify(found, purpose, *bound, "")
    assert not TokenSigner(b"x" * 32).verify(found, purpose, *bound)
    assert len(token) == 43
    assert token.replace("-", "a").replace("_", "a").isalnum()


@given(one=st.lists(st.text(), min_size=1, max_size=4), other=st.lists(st.text(), min_size=1, max_size=4))
def test_signed_values_are_unambiguously_separated(one: list[str], other: list[str]) -> None:
    found = read(SIGNER.token(one[0], AccountId(1), NOW, *one[1:]))
    assert found is not None
    assert SIGNER.verify(found, other[0], *other[1:]) == (one == other)


@given(place=st.integers(0, 42), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
def test_a_changed_token_is_invalid(place: int, letter: str) -> None:
    token = SIGNER.token("reset", AccountId(1), NOW)
    touched = token[:place] + letter + token[place + 1 :]
    found = read(touched)
    assert touched == token or found is None or not SIGNER.verify(found, "reset")


@given(st.text(max_size=60))
def test_any_text_can_be_verified_as_a_token(token: str) -> None:
    found = read(token)
    assert found is None or not SIGNER.verify(found, "reset")


def test_links_expire() -> None:
    confirm, reset = LINKS.confirm(ANN, ANN.email, NOW), LINKS.reset(ANN, NOW)
    second = timedelta(seconds=1)
    assert LINKS.confirms(claim(confirm), ANN.email, NOW + CONFIRM_LIFETIME - second)
    assert not LINKS.confirms(claim(confirm), ANN.email, NOW + CONFIRM_LIFETIME + second)
    assert LINKS.resets(claim(reset), ANN, NOW + RESET_LIFETIME - second)
    assert not LINKS.resets(claim(reset), ANN, NOW + RESET_LIFETIME + second)
    assert not LINKS.resets(claim(reset), ANN, NOW - timedelta(hours=1)), "nor come from the future"


@pytest.mark.parametrize("change", [{"email": "new@example.org"}, {"password_hash": "$argon2id$new"}])
def test_a_password_reset_link_is_invalid_after_the_password_changed(change: dict[str, str]) -> None:
    assert not LINKS.resets(claim(LINKS.reset(ANN, NOW)), evolve(ANN, **change), NOW)  # type: ignore[arg-type]  # texts both


def test_an_unsubscribe_link_stops_its_own_kind_of_email() -> None:
    for kind in EmailKind:
        link = LINKS.unsubscribe(kind, ANN.account_id, NOW)
        assert (link is not None) == (kind in PREFERENCE_FIELDS)
        assert link is None or LINKS.unsubscribes(claim(link)) is kind
