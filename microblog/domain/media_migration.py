"""Migration of media files from one storage to another while the site runs. It can be interrupted and repeated.

Both storages are read by the site meanwhile, so that nothing is missing at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from attrs import define, field, frozen

from microblog.coroutines import gather
from microblog.model.media_usage import FileTotals, StoredFile, TransferResult

AT_ONCE = 8


class Transfer(Protocol):
    """A way from one storage to another."""

    async def parts(self) -> list[str]:
        """Return the parts of the source."""

    async def files(self, part: str) -> list[StoredFile]:
        """Return the files of a part of the source."""

    async def copy(self, name: str, *, dry_run: bool) -> TransferResult:
        """Copy a file unless it is there, and compare the copy by size and checksum; with `dry_run`, tell only whether it is there."""

    async def remove(self, name: str) -> None:
        """Delete a file of the source."""


@define
class MigratedFiles:
    """Files of the source: those that were copied, that were there already, that are too young, and that were deleted after that."""

    copied: FileTotals = field(factory=FileTotals)
    present: FileTotals = field(factory=FileTotals)
    young: FileTotals = field(factory=FileTotals)
    removed: FileTotals = field(factory=FileTotals)


@frozen
class MediaMigration:
    """Copies all files. `on_part` is called after each part, with the number of all. `removes`: files that are there are deleted here.

    Files younger than `least_age` are left for the next time: a program may still be making them.
    """

    transfer: Transfer
    least_age: timedelta
    now: Callable[[], datetime]
    on_part: Callable[[int], None] = lambda total: None
    removes: bool = False
    dry_run: bool = False

    async def run(self) -> MigratedFiles:
        """Copy what is not there yet."""
        totals, parts = MigratedFiles(), await self.transfer.parts()
        for part in parts:
            files = await self.transfer.files(part)
            for start in range(0, len(files), AT_ONCE):
                batch = files[start : start + AT_ONCE]
                await gather(self._move(file, totals) for file in batch)
            self.on_part(len(parts))
        return totals

    async def _move(self, file: StoredFile, totals: MigratedFiles) -> None:
        if self.least_age and file.changed_at > self.now() - self.least_age:
            totals.young = totals.young.plus(file)
            return
        match await self.transfer.copy(file.name, dry_run=self.dry_run):
            case TransferResult.COPIED:
                totals.copied = totals.copied.plus(file)
            case TransferResult.PRESENT:
                totals.present = totals.present.plus(file)
            case TransferResult.GONE:
                return
        if self.removes and not self.dry_run:
            await self.transfer.remove(file.name)
            totals.removed = totals.removed.plus(file)
