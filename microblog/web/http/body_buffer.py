"""Bodies as they arrive: in memory while they are small, in a file without a name from there on.

Small ones are bounded by the number of connections. Large ones, which only people with an account may send, share a budget: each has to
make progress, a network has its share, and where there is no room left the slowest gives way. Files are where the system wants temporary
files to be: the environment's TMPDIR, else /tmp.
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
"""Up to so many bytes of one body are kept in memory."""
NEW_S = 2.0
"""For so many seconds nobody can say yet how fast a body arrives."""


@frozen
class Pace:
    """How fast a large body has to arrive: at least `least` bytes in each `window` seconds; to miss it once may happen on a train."""

    window: float = 10.0
    least: int = 8 * 1024
    misses: int = 2


@define(eq=False)
class BodyBuffer:
    """One body. Write to it, then take `data` or `file` and `release` it; or `close` it.

    `give_way` is called while it arrives, if it is too slow (True) or another needs the room (False).
    """

    budget: BodyBudget
    network: str = ""
    give_way: Callable[[bool], None] | None = None
    size: int = 0
    began: float = 0.0
    _file: BinaryIO = field(factory=BytesIO)
    _rolled: bool = False
    _seen: int = 0
    _seen_at: float = 0.0
    _missed: int = 0

    def write(self, data: bytes) -> None:
        """Keep a piece. Raises OSError where the disk is full."""
        self.size += len(data)
        if self._rolled:
            self.budget.take(self.network, len(data))
        elif self.size > IN_MEMORY:
            self._roll()
        self._file.write(data)

    def _roll(self) -> None:
        file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - open as long as the body is wanted
        try:
            file.write(cast("BytesIO", self._file).getvalue())
        except OSError:
            _close(file)
            raise
        self.budget.take(self.network, self.size)
        self._file, self._rolled = file, True

    @property
    def on_disk(self) -> bool:
        """True if it is in a file."""
        return self._rolled

    def pace(self, now: float) -> float:
        """How many bytes a second arrive on average."""
        return self.size / max(1.0, now - self.began)

    def is_too_slow(self, now: float, pace: Pace) -> bool:
        """True once too little came too often. Look about once a second."""
        if now - self._seen_at < pace.window:
            return False
        self._missed = self._missed + 1 if self.size - self._seen < pace.least else 0
        self._seen, self._seen_at = self.size, now
        return self._missed >= pace.misses

    def arrives_from(self, now: float) -> None:
        """The body begins to arrive."""
        self.began = self._seen_at = now

    @property
    def data(self) -> bytes:
        """The whole body; nothing where it is in a file."""
        return b"" if self._rolled else cast("BytesIO", self._file).getvalue()

    @property
    def file(self) -> BinaryIO | None:
        """The file that the body is in, at its beginning; None where it is in memory. Whoever takes it closes it."""
        if self._rolled:
            self._file.seek(0)
        return self._file if self._rolled else None

    def arrived(self) -> None:
        """It is complete: nothing makes it give way any more."""
        self.budget.arriving.pop(self, None)

    def release(self) -> None:
        """Give back to the budget what the body took."""
        self.arrived()
        if self._rolled:
            self.budget.take(self.network, -self.size)
        self.size = 0

    def close(self) -> None:
        """Forget a body of which nobody has taken the file."""
        self.release()
        _close(self._file)


def _close(file: BinaryIO) -> None:
    with suppress(OSError):  # what the disk had no room for is written once more, to be forgotten at once
        file.close()


@define
class BodyBudget:
    """What all large bodies together, and those of one network, may take of the disk, in bytes, and what they take just now."""

    disk: int = 2 * 1024 * 1024 * 1024
    share: int = 512 * 1024 * 1024
    pace: Pace = field(factory=Pace)
    on_disk: int = 0
    arriving: dict[BodyBuffer, None] = field(factory=dict, init=False)
    """The large bodies that are not complete, the oldest first."""
    _taken: Counter[str] = field(factory=Counter, init=False)

    def take(self, network: str, amount: int) -> None:
        """Count bytes on the disk, or fewer of them."""
        self.on_disk += amount
        self._taken[network] += amount
        if not self._taken[network]:
            del self._taken[network]

    def watch(self, spool: BodyBuffer, now: float) -> None:
        """From now on this body counts as one that arrives."""
        spool.arrives_from(now)
        self.arriving[spool] = None

    def room_for(self, spool: BodyBuffer, now: float) -> bool:
        """Make the slowest others give way while there is too much. False if this one is the slowest."""
        while self.on_disk > self.disk or self._taken[spool.network] > self.share:
            alone = self.on_disk <= self.disk
            rivals = [other for other in self.arriving if not alone or other.network == spool.network]
            known = [other for other in rivals if other.on_disk and now - other.began >= NEW_S]
            slowest = min(known, key=lambda other: other.pace(now), default=None)
            if slowest is None or slowest is spool or slowest.give_way is None:
                return False
            self.arriving.pop(slowest, None)
            slowest.give_way(False)
        return True

    def look(self, now: float) -> None:
        """Make what does not get on give way. Call it about once a second."""
        for spool in [spool for spool in self.arriving if spool.is_too_slow(now, self.pace)]:
            if spool.give_way is not None:
                spool.give_way(True)
