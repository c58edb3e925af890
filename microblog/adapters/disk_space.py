"""The space left on the disk of a directory."""

from __future__ import annotations

import shutil
from errno import EBUSY
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.threads import deferToThreadPool


@define
class DiskSpace:
    """Measures the space in a thread, at most one: on a file server that hangs, each would wait for ever."""

    directory: Path
    reactor: Any
    _measuring: bool = field(init=False, default=False)

    async def free(self) -> int:
        """Return the bytes that are free for this process. Raises OSError, also while an earlier measurement has no result."""
        if self._measuring:
            raise OSError(EBUSY, "The disk does not respond", str(self.directory))
        self._measuring = True
        return await deferToThreadPool(self.reactor, self.reactor.getThreadPool(), self._measure)

    def _measure(self) -> int:
        try:
            return shutil.disk_usage(self.directory).free
        finally:
            self._measuring = False
