"""Those who wait for a look at the log that is begun after they came."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import Factory, define
from twisted.internet.defer import Deferred

from microblog.live.subscriber import Subscriber


@define(eq=False)
class RefreshWaiter:
    """One of them; with a subscriber, somebody new whose relations that look has to find."""

    subscriber: Subscriber | None = None
    done: Deferred[None] = Factory(Deferred)


@define(eq=False)
class RefreshWaiters:
    """All of them, in the order in which they came."""

    _waiting: list[RefreshWaiter] = Factory(list)

    def add(self, subscriber: Subscriber | None) -> RefreshWaiter:
        """Somebody has come."""
        self._waiting.append(RefreshWaiter(subscriber))
        return self._waiting[-1]

    def take(self) -> list[RefreshWaiter]:
        """A look begins: everybody who waits for it."""
        taken, self._waiting = self._waiting, []
        return taken

    def put_back(self, arrivals: Iterable[RefreshWaiter]) -> None:
        """The look has failed: they go on waiting, before those who came since."""
        self._waiting = [*arrivals, *self._waiting]

    def refuse(self, problem: Exception) -> None:
        """There will be no look."""
        for arrival in self.take():
            if not arrival.done.called:
                arrival.done.errback(problem)
