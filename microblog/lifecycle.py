"""Lifecycle of the application: its components are started in order and stopped in reverse."""

from __future__ import annotations

import gc
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from attrs import field, frozen
from twisted.application.internet import TimerService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.threads import deferToThreadPool

from microblog.jobs.scheduler import Scheduler
from microblog.storage.database import Database

GC_THRESHOLDS = (10_000, 20, 100)
"""New objects before the youngest are looked at, and how often before the older and all are."""
SWITCH_INTERVAL_S = 0.0005


class Component(Protocol):
    """A component that runs as long as the site does."""

    def start(self) -> Awaitable[None] | None:
        """Start the component."""

    def stop(self) -> Awaitable[None] | None:
        """Stop the component; done when it has stopped."""


async def _no_requests() -> None:
    """Default of `drain`."""


def _no_settings(settings: Any) -> None:
    """Default of `apply`."""


def _no_files() -> None:
    """Default of `reopen`."""


async def _yes() -> bool:
    """Default of `has_administrator` and `makes_progress`."""
    return True


@frozen
class Application:
    """The assembled site. `parts` are started in this order and stopped in reverse.

    `drain` runs after the last accepted connection and before the first stop: it closes streams and lets accepted requests finish within a
    limited time. `reopen` reopens log files and may raise OSError. `has_administrator` tells whether an administrator account exists.
    `apply` applies settings that
    can change while the site runs. `makes_progress` is False if the process is stuck, so that only a restart
    would help.
    """

    factory: IProtocolFactory
    parts: Sequence[Component] = ()
    drain: Callable[[], Awaitable[None]] = field(default=_no_requests)
    reopen: Callable[[], None] = field(default=_no_files)
    apply: Callable[[Any], None] = field(default=_no_settings)
    has_administrator: Callable[[], Awaitable[bool]] = field(default=_yes)
    makes_progress: Callable[[], Awaitable[bool]] = field(default=_yes)


@frozen
class SchedulerComponent:
    """The scheduler as a component."""

    schedule: Scheduler
    reactor: Any
    _service: list[TimerService] = field(factory=list, init=False)

    def start(self) -> None:
        """Start checking timers."""
        self._service.append(self.schedule.service(self.reactor))
        self._service[-1].startService()

    def stop(self) -> Awaitable[None] | None:
        """Stop checking timers."""
        stopping: Awaitable[None] | None = self._service.pop().stopService()
        return stopping


@frozen
class DatabaseComponent:
    """The database's threads as a component. Closing waits for running transactions, so it runs in a thread."""

    database: Database
    reactor: Any

    def start(self) -> None:
        """Start the threads."""
        self.database.start()

    def stop(self) -> Deferred[None]:
        """Close all connections after running transactions."""
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), self.database.stop)


@frozen
class GarbageCollectionComponent:
    """Garbage collection with few and short pauses; to be started last.

    A collection of all objects stops the process for 100 ms with 200,000 of them, and with Python's thresholds one came each time that the
    caches or the open connections had grown by a quarter. Reference counts free nearly everything, and cycles of objects are mostly young.
    So old objects are looked at rarely, and those that the start has made, which live as long as the process, never.
    """

    _before: list[tuple[int, int, int]] = field(factory=list, init=False)

    def start(self) -> None:
        """Leave out everything that exists now, and collect rarely."""
        self._before.append(gc.get_threshold())
        gc.collect()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.freeze()

    def stop(self) -> None:
        """Collect garbage as before."""
        gc.unfreeze()
        gc.set_threshold(*self._before.pop())


@frozen
class ThreadSwitchComponent:
    """Short turns of threads that compute.

    The reactor gives the interpreter lock away with each system call. While a thread computes, it waits for a whole turn to get it back,
    several times for each request. With Python's turns of 5 ms a request takes a tenth of a second then.
    """

    _before: list[float] = field(factory=list, init=False)

    def start(self) -> None:
        """Shorten the turns."""
        self._before.append(sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_INTERVAL_S)

    def stop(self) -> None:
        """Let turns take as long as before."""
        sys.setswitchinterval(self._before.pop())
