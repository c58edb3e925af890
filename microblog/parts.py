"""What runs beside the server as long as the site does: each part is started and stopped in the order of application/__init__.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen
from twisted.application.internet import TimerService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.logfile import LogFile

from microblog.jobs.schedule import Schedule
from microblog.storage.database import Database

ACCESS_LOG_LENGTH = 20_000_000  # bytes; then the next file begins
ACCESS_LOGS = 5

_log = Logger()


class Part(Protocol):
    """Something that runs as long as the site does."""

    def start(self) -> Awaitable[None] | None:
        """Begin."""

    def stop(self) -> Awaitable[None] | None:
        """End what was begun; done when that is done."""


async def _no_requests() -> None:
    """Nothing to wait for."""


@frozen
class Application:
    """What runs. `parts` are started in this order and stopped in reverse; `drain` is called between the last accepted
    connection and the first stop: it tells the streams, and lets accepted requests finish within a bounded time."""

    factory: IProtocolFactory
    parts: Sequence[Part] = ()
    drain: Callable[[], Awaitable[None]] = field(default=_no_requests)


@frozen
class AccessLog:
    """One line for each answered request, in a file that begins anew when it is long."""

    file: LogFile

    @classmethod
    def below(cls, data_dir: Path) -> AccessLog:
        """In the site's data directory."""
        directory = data_dir / "log"
        directory.mkdir(mode=0o700, exist_ok=True)
        return cls(LogFile("access.log", str(directory), rotateLength=ACCESS_LOG_LENGTH, maxRotatedFiles=ACCESS_LOGS))

    def start(self) -> None:
        """It is open already."""

    def stop(self) -> None:
        """Close it."""
        with suppress(OSError):  # what could not be written before cannot be now
            self.file.close()

    def write(self, lines: str) -> None:
        """Add whole lines. Where the disk is full they are lost, and no request with them."""
        try:
            self.file.write(lines)
            self.file.flush()
        except OSError as problem:
            _log.warn("The access log cannot be written: {why}", why=problem.strerror)


@frozen
class Ticking:
    """The schedule as a part."""

    schedule: Schedule
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
class Pool:
    """The database's threads as a part: closing waits for what runs, and must not block the reactor."""

    database: Database
    reactor: Any

    def start(self) -> None:
        """Start the threads."""
        self.database.start()

    def stop(self) -> Deferred[None]:
        """Close all connections once what runs is done."""
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), self.database.stop)
