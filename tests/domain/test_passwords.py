"""Password hashing in its own thread."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, current_thread
from typing import Literal

import pytest
from argon2 import PasswordHasher, Type
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from microblog.domain.passwords import BUSY, PasswordCheck, Passwords, acceptable, argon2id
from microblog.model.errors import Invalid, Unavailable
from tests.fakes import SynchronousThreadPool, quick_passwords, result_of


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(reactor, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID), capacity=3)
    made.start()
    yield made
    made.stop()


def test_todays_hash_is_argon2id_with_19_mib_and_two_passes() -> None:
    assert argon2id().hash("password").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_is_verified_against_its_hash_and_no_other(passwords: Passwords) -> None:
    quick = quick_passwords()
    stored = result_of(quick.hash("correct horse"))
    assert result_of(quick.verify(stored, "correct horse")) == PasswordCheck(correct=True)
    assert result_of(quick.verify(stored, "wrong horse")) == PasswordCheck(correct=False)


@pytest.mark.parametrize("stored", [None, "", "-", "$argon2id$broken", "plain text"])
def test_no_password_matches_a_missing_hash(stored: str | None) -> None:
    for password in ("", "nobody", stored or ""):
        assert result_of(quick_passwords().verify(stored, password)) == PasswordCheck(correct=False)


class CountingHasher(PasswordHasher):
    """A hasher that counts verifications."""

    work = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        """See `PasswordHasher.verify`."""
        self.work += 1
        return super().verify(hash, password)


def test_an_unknown_username_costs_as_much_as_a_wrong_password() -> None:
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID)
    quick = Passwords(SynchronousThreadPool(), hasher, threads=SynchronousThreadPool())
    stored = result_of(quick.hash("correct horse"))
    for hash in (stored, None):
        hasher.work = 0
        result_of(quick.verify(hash, "wrong horse"))
        assert hasher.work == 1


def test_passwords_are_compared_in_unicode_normal_form() -> None:
    quick = quick_passwords()
    assert result_of(quick.verify(result_of(quick.hash("pa\u0308sse zu fuß")), "p\u00e4sse zu fuß")).correct


@given(st.text())
def test_any_text_can_be_verified_and_any_accepted_password_works(password: str) -> None:
    quick = quick_passwords()
    try:
        chosen = acceptable(password)
    except Invalid:
        assert not result_of(quick.verify(None, password)).correct
    else:
        assert result_of(quick.verify(result_of(quick.hash(chosen)), password)).correct


def test_a_megabyte_is_refused_as_a_password_without_hashing() -> None:
    assert result_of(quick_passwords().verify("-", "x" * 1_000_000)) == PasswordCheck(correct=False)


async def test_hashing_does_not_block_the_reactor_and_a_full_queue_asks_to_retry(passwords: Passwords) -> None:
    go_on, threads = Event(), []

    def slow() -> str:
        threads.append(current_thread().name)
        go_on.wait(10)
        return "done"

    waiting = [Deferred.fromCoroutine(passwords._in_thread(slow)) for _ in range(3)]
    with pytest.raises(Unavailable) as raised:
        await passwords.hash("one too many")
    assert raised.value.sentence == BUSY
    waiting[2].addErrback(lambda cancelled: None)
    waiting[2].cancel()
    with pytest.raises(Unavailable):  # whoever gives up waiting does not make room: the thread still has the work
        await passwords.hash("one too many")
    go_on.set()
    await gatherResults(waiting[:2])
    await deferToThread(lambda: None)
    assert len(set(threads)) == 1
    assert (await passwords.verify(await passwords.hash("room again"), "room again")).correct
