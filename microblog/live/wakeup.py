"""Wake-ups: hints that something was committed. They may be lost, so listeners also poll from time to time."""

from __future__ import annotations

from collections.abc import Callable

from attrs import Factory, define


@define
class MemoryWakeup:
    """Wake-ups within a single process."""

    _listeners: list[Callable[[], None]] = Factory(list)

    def start(self) -> None:
        """Do nothing: there is no connection."""

    def stop(self) -> None:
        """Do nothing: there is no connection."""

    def send(self) -> None:
        """Call all listeners."""
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Add a listener."""
        self._listeners.append(listener)
