"""Bodies as they arrive: in memory while they are small, in a file without a name from there on.

Such files are where the system wants temporary files to be: the environment's TMPDIR, else /tmp.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from typing import BinaryIO, cast

from attrs import define, field

IN_MEMORY = 1024 * 1024
"""Up to so many bytes of one body are kept in memory."""


@define
class Budget:
    """What all bodies together may take, in bytes, and what they take just now."""

    memory: int = 128 * 1024 * 1024
    disk: int = 2 * 1024 * 1024 * 1024
    in_memory: int = 0
    on_disk: int = 0

    @property
    def exceeded(self) -> bool:
        """True while there is too much of either."""
        return self.in_memory > self.memory or self.on_disk > self.disk


@define(eq=False)
class Spool:
    """One body. Write to it, then take `data` or `file` and `release` it; or `close` it."""

    budget: Budget
    size: int = 0
    _file: BinaryIO = field(factory=BytesIO)
    _rolled: bool = False

    def write(self, data: bytes) -> None:
        """Keep a piece."""
        self.size += len(data)
        if not self._rolled and self.size > IN_MEMORY:
            self._roll()
        if self._rolled:
            self.budget.on_disk += len(data)
        else:
            self.budget.in_memory += len(data)
        self._file.write(data)

    def _roll(self) -> None:
        file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - open as long as the body is wanted
        moved = cast("BytesIO", self._file).getvalue()
        file.write(moved)
        self.budget.in_memory -= len(moved)
        self.budget.on_disk += len(moved)
        self._file, self._rolled = file, True

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

    def release(self) -> None:
        """Give back to the budget what the body took."""
        if self._rolled:
            self.budget.on_disk -= self.size
        else:
            self.budget.in_memory -= self.size
        self.size = 0

    def close(self) -> None:
        """Forget a body of which nobody has taken the file."""
        self.release()
        self._file.close()
