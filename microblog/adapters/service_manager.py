"""The service manager that started the process: systemd, or another one that implements sd_notify(3).

The process reports when it is ready, when it stops, and, if the unit has `WatchdogSec=`, that it still makes progress. Without a service
manager nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from attrs import frozen
from twisted.logger import Logger

START_EXTENSION_S = 60.0
"""Time limit of the start, counted from each extension."""

_log = Logger()


@frozen
class ServiceManager:
    """Reports to the service manager. `address` is its socket; None: there is no manager, and nothing is sent.

    `watchdog_s` is the longest silence after which the manager restarts the process.
    """

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def of_process(cls, environment: Mapping[str, str], pid: int | None = None) -> ServiceManager:
        """Return the manager that this environment names (sd_notify(3), sd_watchdog_enabled(3))."""
        limit = environment.get("WATCHDOG_USEC", "")
        is_meant = environment.get("WATCHDOG_PID", str(pid or os.getpid())) == str(pid or os.getpid())
        return cls(environment.get("NOTIFY_SOCKET") or None, int(limit) / 1e6 if is_meant and limit.isdecimal() and int(limit) else None)

    def ready(self, status: str) -> None:
        """Report that the start is complete. `status` is shown by `systemctl status`."""
        self._send("READY=1", f"STATUS={status}")

    def starting(self) -> None:
        """Report that the start goes on, so that a long migration is not taken for a failure."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(START_EXTENSION_S * 1e6)}")

    def stopping(self) -> None:
        """Report that the process is stopping."""
        self._send("STOPPING=1", "STATUS=Stopping")

    def alive(self) -> None:
        """Report progress to the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, *states: str) -> None:
        if self.address is None:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address  # "@" stands for the abstract namespace
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
                connection.setblocking(False)  # a manager that does not read must not stop the site
                connection.sendto("\n".join(states).encode(), address)
        except OSError as problem:
            _log.warn("The service manager was not told {line}: {reason}", line=states[0], reason=problem.strerror)
