"""Callers that wait for a poll of the log which starts after their call."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import Factory, define
from twisted.internet.defer import Deferred

from microblog.live.subscriber import Subscriber


@define(eq=False)
class RefreshWaiter:
    """A waiting caller. With `subscriber`, the poll loads the relations of a new connection."""

    subscriber: Subscriber | None = None
    done: Deferred[None] = Factory(Deferred)


@define(eq=False)
class RefreshWaiters:
    """Waiting callers in the order of arrival."""

    _waiting: list[RefreshWaiter] = Factory(list)

    def add(self, subscriber: Subscriber | None) -> RefreshWaiter:
        """Add a caller."""
        self._waiting.append(RefreshWaiter(subscriber))
        return self._waiting[-1]

    def take(self) -> list[RefreshWaiter]:
        """Remove and return all callers, at the start of a poll."""
        taken, self._waiting = self._waiting, []
        return taken

    def put_back(self, waiters: Iterable[RefreshWaiter]) -> None:
        """Let callers wait on after a failed poll, before later ones."""
        self._waiting = [*waiters, *self._waiting]

    def refuse(self, problem: Exception) -> None:
        """Fail all callers with this exception."""
        for waiter in self.take():
            if not waiter.done.called:
                waiter.done.errback(problem)
