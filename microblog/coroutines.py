"""Locks and semaphores for coroutines, and several coroutines at the same time.

Twisted's locks resume each waiter within the `release` of the one before. When about a hundred wait for something that then takes no time,
such as a read that one of them has done for all, the calls nest until Python's recursion limit; the waiter whose turn it was is never
resumed, and keeps the lock for ever. These resume the waiters one after the other.

Twisted's `gatherResults` raises FirstError, so who handles the errors of the coroutines misses them. `gather` raises the error itself.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, Self, TypeVar

from twisted.internet import defer

T = TypeVar("T")


class Lock(defer.DeferredLock):
    """A lock, as `async with lock`. Waiters get it in the order of their arrival."""

    _is_passing_on = False

    def release(self: Self) -> None:
        """Let the next waiter have the lock."""
        assert self.locked, "the lock is not held"
        self.locked = False
        if self._is_passing_on:  # the loop of a caller goes on
            return
        self._is_passing_on = True
        try:
            while self.waiting and not self.locked:
                self.locked = True
                self.waiting.pop(0).callback(self)
        finally:
            self._is_passing_on = False


class Semaphore(defer.DeferredSemaphore):
    """A number of tokens, one for each `async with semaphore`. Waiters get them in the order of their arrival."""

    _is_passing_on = False

    def release(self: Self) -> None:
        """Let the next waiter have the token."""
        assert self.tokens < self.limit, "no token is held"
        self.tokens += 1
        if self._is_passing_on:
            return
        self._is_passing_on = True
        try:
            while self.waiting and self.tokens:
                self.tokens -= 1
                self.waiting.pop(0).callback(self)
        finally:
            self._is_passing_on = False


async def gather(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run coroutines at the same time and return their results in order. If some fail, raise the first one's error when all have ended."""
    deferreds = [defer.Deferred.fromCoroutine(each) for each in coroutines]
    ended: list[tuple[bool, Any]] = await defer.DeferredList(deferreds, consumeErrors=True)
    for succeeded, result in ended:
        if not succeeded:
            result.raiseException()
    return [result for _, result in ended]
