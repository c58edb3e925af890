"""Documents that take milliseconds to parse, in a thread and one after the other, so that other requests wait little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool

from microblog.model.errors import Unavailable

LONG = 64 * 1024  # bytes
BYTES_PER_SECOND = 16 * 1024 * 1024
"""Of long documents: a pause follows each. Besides their parsing it limits what costs more, their arrival and storage."""
BUSY = "This site reads too many long documents at the moment. Please try again later."

T = TypeVar("T")


@define
class LongDocuments:
    """Parses documents, long ones in a thread of `reactor`; without it, all of them at once.

    A thread that parses holds the interpreter lock most of the time. One delays the reactor by a few milliseconds, several at once starve
    it. `capacity`: long documents that are parsed or wait, beyond which those that other servers deliver are refused.
    """

    reactor: Any = None
    capacity: int = 32
    _one: DeferredLock = field(init=False, factory=DeferredLock)
    _pending: int = field(init=False, default=0)

    async def parse(self, parse: Callable[[bytes], T], body: bytes, *, delivered: bool = False) -> T:
        """Return `parse(body)`. Raises Unavailable if the document was `delivered` while too many wait: its sender tries again."""
        if len(body) < LONG or self.reactor is None:
            return parse(body)
        if delivered and self._pending >= self.capacity:
            raise Unavailable(BUSY)
        self._pending += 1
        parsed: Deferred[T] = Deferred()
        # Whoever waits may stop waiting. The thread cannot be interrupted, so the lock is held until it has finished.
        Deferred.fromCoroutine(self._in_turn(parse, body)).chainDeferred(parsed)
        return await parsed

    async def _in_turn(self, parse: Callable[[bytes], T], body: bytes) -> T:
        await self._one.acquire()
        try:
            parsed: T = await deferToThreadPool(self.reactor, self.reactor.getThreadPool(), parse, body)
            return parsed
        finally:
            self._pending -= 1
            self.reactor.callLater(len(body) / BYTES_PER_SECOND, self._one.release)
