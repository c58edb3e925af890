"""Documents that take milliseconds to parse, in a thread and one after the other, so that other requests wait little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from microblog.coroutines import Lock
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
    it. `capacity`: long documents that are parsed or wait, beyond which those that other servers deliver are refused; `share`: those of
    one network among them.
    """

    reactor: Any = None
    capacity: int = 32
    share: int = 8
    _one: Lock = field(init=False, factory=Lock)
    _pending: Counter[str] = field(init=False, factory=Counter)  # by network; those that this site asked for are under ""

    async def parse(self, parse: Callable[[bytes], T], body: bytes, *, delivered_by: str = "") -> T:
        """Return `parse(body)`. `delivered_by`: the network that sent it, unasked.

        Raises Unavailable if too many documents wait, or too many of that network: its sender tries again.
        """
        if len(body) < LONG or self.reactor is None:
            return parse(body)
        if delivered_by and (self._pending.total() >= self.capacity or self._pending[delivered_by] >= self.share):
            raise Unavailable(BUSY)
        self._pending[delivered_by] += 1
        parsed: Deferred[T] = Deferred()
        # Whoever waits may stop waiting. The thread cannot be interrupted, so the lock is held until it has finished.
        Deferred.fromCoroutine(self._in_turn(parse, body, delivered_by)).chainDeferred(parsed)
        return await parsed

    async def _in_turn(self, parse: Callable[[bytes], T], body: bytes, delivered_by: str) -> T:
        await self._one.acquire()
        try:
            parsed: T = await deferToThreadPool(self.reactor, self.reactor.getThreadPool(), parse, body)
            return parsed
        finally:
            self._pending[delivered_by] -= 1
            if not self._pending[delivered_by]:
                del self._pending[delivered_by]
            self.reactor.callLater(len(body) / BYTES_PER_SECOND, self._one.release)
