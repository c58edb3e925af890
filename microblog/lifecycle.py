"""What runs beside the server as long as the site does: each part is started and stopped in the order of application/__init__.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from attrs import field, frozen
from twisted.application.internet import TimerService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.threads import deferToThreadPool

from microblog.jobs.scheduler import Scheduler
from microblog.storage.database import Database


class Component(Protocol):
    """Something that runs as long as the site does."""

    def start(self) -> Awaitable[None] | None:
        """Begin."""

    def stop(self) -> Awaitable[None] | None:
        """End what was begun; done when that is done."""


async def _no_requests() -> None:
    """Nothing to wait for."""


def _no_files() -> None:
    """Nothing to open."""


async def _somebody() -> bool:
    """Nothing to say."""
    return True


@frozen
class Application:
    """What runs. `parts` are started in this order and stopped in reverse; `drain` is called between the last accepted
    connection and the first stop: it tells the streams, and lets accepted requests finish within a bounded time. `reopen` is called when
    log files were moved away, and may raise OSError. `has_administrator` says whether anybody can administer the site in a browser."""

    factory: IProtocolFactory
    parts: Sequence[Component] = ()
    drain: Callable[[], Awaitable[None]] = field(default=_no_requests)
    reopen: Callable[[], None] = field(default=_no_files)
    has_administrator: Callable[[], Awaitable[bool]] = field(default=_somebody)


@frozen
class SchedulerComponent:
    """The schedule as a part."""

    schedule: Scheduler
    reactor: Any
    _service: list[TimerService] = field(factory=list, init=False)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._service.append(self.schedule.service(self.reactor))
        self._service[-1].startService()

    def stop(self) -> Awaitable[None] | None:
        """Look no more."""
        stopping: Awaitable[None] | None = self._service.pop().stopService()
        return stopping


@frozen
class DatabaseComponent:
    """The database's threads as a part: closing waits for what runs, and must not block the reactor."""

    database: Database
    reactor: Any

    def start(self) -> None:
        """Start the threads."""
        self.database.start()

    def stop(self) -> Deferred[None]:
        """Close all connections once what runs is done."""
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), self.database.stop)
