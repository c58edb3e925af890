"""A wake: the hint that something was committed. It may get lost; whoever listens looks now and then anyway."""

from __future__ import annotations

from collections.abc import Callable

from attrs import Factory, define


@define
class MemoryWakeup:
    """The wake of a site with one process."""

    _listeners: list[Callable[[], None]] = Factory(list)

    def start(self) -> None:
        """There is nobody to connect to."""

    def stop(self) -> None:
        """Nor to take leave of."""

    def send(self) -> None:
        """Tell all listeners at once."""
        for hear in self._listeners:
            hear()

    def listen(self, hear: Callable[[], None]) -> None:
        """Call `hear` at each hint."""
        self._listeners.append(hear)
