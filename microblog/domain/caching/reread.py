"""Reads in memory that are repeated after each change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger

RETRY_S = 1.0
_log = Logger()


@define(eq=False)
class Rereader:
    """Reads something again after each change, one read at a time, and after an error until it succeeds.

    `pause` waits for some seconds. `subject` names what is read, for the log.
    """

    read: Callable[[], Awaitable[None]]
    pause: Callable[[float], Awaitable[object]]
    subject: str
    _changes: int = 0
    _is_reading: bool = False
    _stopped: bool = False

    def start(self) -> None:
        """Read again after changes from now on."""
        self._stopped = False

    def stop(self) -> None:
        """Do not read any more."""
        self._stopped = True

    def changed(self) -> None:
        """Read soon."""
        self._changes += 1
        if not self._is_reading:
            self._is_reading = True
            Deferred.fromCoroutine(self._read_until_current())

    async def _read_until_current(self) -> None:
        seen = -1
        while seen != self._changes and not self._stopped:
            seen = self._changes
            try:
                await self.read()
            except Exception:
                _log.failure("{subject} could not be read; trying again", subject=self.subject)
                seen = -1
                await self.pause(RETRY_S)
        self._is_reading = False
