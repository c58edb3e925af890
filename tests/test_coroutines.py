"""Tests of locks and semaphores with more waiters than Python has stack frames, and of coroutines that run at the same time."""

from __future__ import annotations

import sys

import pytest
from twisted.internet.defer import CancelledError, Deferred

from microblog.coroutines import Lock, Semaphore, gather

WAITERS = sys.getrecursionlimit()


async def hold(lock: Lock | Semaphore, until: Deferred[None]) -> None:
    async with lock:
        await until


@pytest.mark.parametrize("lock", [Lock(), Semaphore(1), Semaphore(3)], ids=["lock", "semaphore", "several tokens"])
def test_any_number_of_waiters_have_it_one_after_the_other(lock: Lock | Semaphore) -> None:
    tokens = lock.limit if isinstance(lock, Semaphore) else 1
    ends: list[Deferred[None]] = [Deferred() for _ in range(tokens)]
    holders = [Deferred.fromCoroutine(hold(lock, end)) for end in ends]
    turns: list[int] = []

    async def take_turn(number: int) -> None:
        async with lock:
            turns.append(number)

    waiting = [Deferred.fromCoroutine(take_turn(number)) for number in range(WAITERS)]
    assert turns == []
    ends[0].callback(None)
    assert turns == list(range(WAITERS))
    assert all(each.called for each in waiting)
    for end in ends[1:]:
        end.callback(None)
    assert all(each.called for each in holders)
    Deferred.fromCoroutine(take_turn(WAITERS))
    assert turns[-1] == WAITERS, "it is free again"


@pytest.mark.parametrize("lock", [Lock(), Semaphore(1)], ids=["lock", "semaphore"])
def test_a_waiter_that_holds_it_makes_the_others_wait_and_a_cancelled_one_is_passed_over(lock: Lock | Semaphore) -> None:
    ends: list[Deferred[None]] = [Deferred() for _ in range(3)]
    first, second, third = (Deferred.fromCoroutine(hold(lock, end)) for end in ends)
    second.addErrback(lambda failure: failure.trap(CancelledError))
    second.cancel()
    ends[2].callback(None)
    assert (first.called, third.called) == (False, False)
    ends[0].callback(None)
    assert (first.called, third.called) == (True, True)


async def test_coroutines_run_at_the_same_time_and_the_error_of_the_first_is_raised_when_all_have_ended() -> None:
    waits: list[Deferred[int]] = [Deferred() for _ in range(3)]

    async def wait(number: int) -> int:
        return await waits[number]

    gathered = Deferred.fromCoroutine(gather(wait(number) for number in range(3)))
    waits[2].errback(KeyError("the third"))
    waits[1].errback(ValueError("the second"))
    assert not gathered.called
    waits[0].callback(0)
    with pytest.raises(ValueError, match="the second"):
        await gathered


async def test_the_results_of_coroutines_stand_in_their_order() -> None:
    waits: list[Deferred[int]] = [Deferred(), Deferred()]

    async def wait(number: int) -> int:
        return await waits[number]

    gathered = Deferred.fromCoroutine(gather(wait(number) for number in range(2)))
    for number in (1, 0):
        waits[number].callback(number)
    assert await gathered == [0, 1]
