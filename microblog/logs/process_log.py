"""The log of a process of the site: standard output, a file or syslog, in a format and from a level that can change while it runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any, Self, cast

from attrs import define, field
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LegacyLogObserverWrapper,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
)
from twisted.python.logfile import LogFile
from zope.interface import implementer

from microblog.logs.format import LogFormat, json_line, text_line

LEVELS = ("debug", "info", "warn", "error", "critical")
MAX_BYTES = 20_000_000  # per file before it is rotated
ROTATED_FILES = 5
LOG_FILE = "twistd.log"


@implementer(ILogObserver)
@define(eq=False)
class ProcessLog:
    """Observer of all log events of the process. `file` can be reopened and rotated; None for standard output and syslog."""

    output: ILogObserver | IO[Any]
    file: LogFile | None = None
    format: LogFormat = LogFormat.TEXT
    _levels: LogLevelFilterPredicate = field(factory=LogLevelFilterPredicate)
    _observer: ILogObserver = field(init=False)

    def __attrs_post_init__(self) -> None:
        given = self.output
        observer = given if ILogObserver.providedBy(given) else FileLogObserver(given, self._line)
        self._observer = FilteringLogObserver(observer, [self._levels])

    @classmethod
    def of_twistd(cls, options: Mapping[str, Any]) -> Self:
        """Return the log that twistd's own options ask for: --logfile, --syslog with --prefix, or standard output with --nodaemon.

        Syslog has a format of its own.
        """
        if options.get("syslog"):
            from twisted.python.syslog import SyslogObserver

            emit = SyslogObserver(options.get("prefix") or "twisted").emit
            return cls(LegacyLogObserverWrapper(cast("Any", emit)))
        name = options.get("logfile") or ("-" if options.get("nodaemon") else LOG_FILE)
        if name == "-" and options.get("nodaemon"):
            return cls(sys.stdout)
        file = LogFile.fromFullPath(name, rotateLength=MAX_BYTES, maxRotatedFiles=ROTATED_FILES)
        return cls(file, file)

    def __call__(self, event: LogEvent) -> None:
        """Write the event if its level is high enough."""
        self._observer(event)

    def apply(self, level: str, format: LogFormat) -> None:
        """Log events of this level and above in this format from now on."""
        self.format = format
        self._levels.setLogLevelForNamespace("", LogLevel.lookupByName(level))

    def reopen(self) -> None:
        """Open the file at its path again, after it was renamed. Raises OSError."""
        if self.file is not None:
            self.file.reopen()

    def rotate_on_signal(self, from_signal: Callable[[Callable[[], None]], object]) -> None:
        """Rotate the file on SIGUSR1, as twistd does, unless something else handles it. `from_signal` calls in the reactor's thread."""
        file = self.file
        if file is not None and not signal.getsignal(signal.SIGUSR1):
            signal.signal(signal.SIGUSR1, lambda *_: from_signal(file.rotate))

    def _line(self, event: LogEvent) -> str | None:
        return json_line(event) if self.format is LogFormat.JSON else text_line(event)
