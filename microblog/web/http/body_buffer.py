"""Buffers for request bodies: small ones in memory, large ones in an unnamed temporary file.

Small bodies are bounded by the number of connections. Large ones, which only logged-in users may send, share a disk budget: each has to
arrive at a minimum rate, each network has a maximum share, and if the budget is exceeded the slowest body is refused. Files are created
in TMPDIR, or /tmp.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO, cast

from attrs import define, field, frozen

IN_MEMORY = 64 * 1024
"""Maximum size in bytes of a body in memory."""
MIN_MEASURED_S = 2.0
"""Seconds after which the transfer rate of a body is meaningful."""


@frozen
class Pace:
    """Minimum transfer rate of a large body: `least` bytes in each window of `window` seconds.

    A body is refused after `misses` windows below the rate in a row.
    """

    window: float = 10.0
    least: int = 8 * 1024
    misses: int = 2


@define(eq=False)
class BodyBuffer:
    """The body of one request. Write to it, then take `data` or `file` and `release` it; or `close` it.

    `on_refused` is called while it arrives, if it is too slow (True) or the budget is needed for another body (False).
    """

    budget: BodyBudget
    network: str = ""
    on_refused: Callable[[bool], None] | None = None
    size: int = 0
    began: float = 0.0
    _file: BinaryIO = field(factory=BytesIO)
    _on_disk: bool = False
    _size_at_check: int = 0
    _checked_at: float = 0.0
    _missed: int = 0

    def write(self, data: bytes) -> None:
        """Append a piece. Raises OSError if the disk is full."""
        self.size += len(data)
        if self._on_disk:
            self.budget.take(self.network, len(data))
        elif self.size > IN_MEMORY:
            self._move_to_disk()
        self._file.write(data)

    def _move_to_disk(self) -> None:
        file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - open as long as the body is used
        try:
            file.write(cast("BytesIO", self._file).getvalue())
        except OSError:
            _close(file)
            raise
        self.budget.take(self.network, self.size)
        self._file, self._on_disk = file, True

    @property
    def on_disk(self) -> bool:
        """True if the body is in a file."""
        return self._on_disk

    def pace(self, now: float) -> float:
        """Average transfer rate in bytes per second."""
        return self.size / max(1.0, now - self.began)

    def is_too_slow(self, now: float, pace: Pace) -> bool:
        """True if the body missed the minimum rate too often. Call it about once a second."""
        if now - self._checked_at < pace.window:
            return False
        self._missed = self._missed + 1 if self.size - self._size_at_check < pace.least else 0
        self._size_at_check, self._checked_at = self.size, now
        return self._missed >= pace.misses

    def arrives_from(self, now: float) -> None:
        """Record the time at which the body began to arrive."""
        self.began = self._checked_at = now

    @property
    def data(self) -> bytes:
        """The whole body; empty if it is in a file."""
        return b"" if self._on_disk else cast("BytesIO", self._file).getvalue()

    @property
    def file(self) -> BinaryIO | None:
        """The file with the body, positioned at its start, or None if it is in memory. The caller has to close it."""
        if self._on_disk:
            self._file.seek(0)
        return self._file if self._on_disk else None

    def arrived(self) -> None:
        """Mark the body as complete, so that it is not refused any more."""
        self.budget.arriving.pop(self, None)

    def release(self) -> None:
        """Return the body's share to the budget."""
        self.arrived()
        if self._on_disk:
            self.budget.take(self.network, -self.size)
        self.size = 0

    def close(self) -> None:
        """Discard a body whose file was not taken."""
        self.release()
        _close(self._file)


def _close(file: BinaryIO) -> None:
    with suppress(OSError):  # closing flushes again the bytes for which the disk had no space
        file.close()


@define
class BodyBudget:
    """Disk space for large bodies in bytes: the total limit (`disk`), the limit per network (`share`), and the current use."""

    disk: int = 2 * 1024 * 1024 * 1024
    share: int = 512 * 1024 * 1024
    pace: Pace = field(factory=Pace)
    on_disk: int = 0
    arriving: dict[BodyBuffer, None] = field(factory=dict, init=False)
    """Large bodies that are not complete, oldest first."""
    _taken: Counter[str] = field(factory=Counter, init=False)

    def take(self, network: str, amount: int) -> None:
        """Add to the use of a network; negative to release."""
        self.on_disk += amount
        self._taken[network] += amount
        if not self._taken[network]:
            del self._taken[network]

    def watch(self, body: BodyBuffer, now: float) -> None:
        """Track a large body while it arrives."""
        body.arrives_from(now)
        self.arriving[body] = None

    def make_room_for(self, body: BodyBuffer, now: float) -> bool:
        """Refuse the slowest other bodies while the budget is exceeded. False if this one is the slowest."""
        while self.on_disk > self.disk or self._taken[body.network] > self.share:
            same_network_only = self.on_disk <= self.disk
            candidates = [other for other in self.arriving if not same_network_only or other.network == body.network]
            measured = [other for other in candidates if other.on_disk and now - other.began >= MIN_MEASURED_S]
            slowest = min(measured, key=lambda other: other.pace(now), default=None)
            if slowest is None or slowest is body or slowest.on_refused is None:
                return False
            self.arriving.pop(slowest, None)
            slowest.on_refused(False)
        return True

    def refuse_slow(self, now: float) -> None:
        """Refuse bodies that are too slow. Call it about once a second."""
        for body in [body for body in self.arriving if body.is_too_slow(now, self.pace)]:
            if body.on_refused is not None:
                body.on_refused(True)
