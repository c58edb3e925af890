"""Pauses that a wake-up ends, for loops that poll, and wake-ups that are collected."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


@define(eq=False)
class Sleeper:
    """Pauses one loop. A wake-up while the loop works makes its next pause end at once, or after `gap` seconds."""

    reactor: IReactorTime
    gap: float = 0.01
    _sleeping: Deferred[None] | None = field(init=False, default=None)
    _is_woken: bool = field(init=False, default=False)

    def wake(self) -> None:
        """End the pause, or the next one. Cheap."""
        self._is_woken = True
        if self._sleeping is not None:
            sleeping, self._sleeping = self._sleeping, None
            sleeping.callback(None)

    async def sleep(self, seconds: float) -> None:
        """Wait for a wake-up, at most that long."""
        gap: Deferred[None] = Deferred()
        self.reactor.callLater(self.gap, gap.callback, None)
        await gap
        if not self._is_woken and seconds > self.gap:
            self._sleeping = sleeping = Deferred[None]()
            call = self.reactor.callLater(seconds - self.gap, self.wake)
            await sleeping
            if call.active():
                call.cancel()
        self._is_woken = False


@define(eq=False)
class Collected:
    """Calls `callback` once for many calls, `pause` seconds after the first of them."""

    reactor: IReactorTime
    pause: float
    callback: Callable[[], None]
    _is_waiting: bool = field(init=False, default=False)

    def __call__(self) -> None:
        """Have `callback` called soon."""
        if not self._is_waiting:
            self._is_waiting = True
            self.reactor.callLater(self.pause, self._call)

    def _call(self) -> None:
        self._is_waiting = False
        self.callback()


def after(reactor: IReactorTime, seconds: float) -> Deferred[None]:
    """Return a cancellable Deferred that fires after `seconds`."""
    later: Deferred[None] = Deferred(lambda _: call.cancel())
    call = reactor.callLater(seconds, later.callback, None)
    return later
