"""Disk usage of media."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.media import MediaKind


@frozen
class StoredFile:
    """A file of the storage. `is_copy`: of a file of another server."""

    name: str
    bytes: int
    changed_at: datetime
    is_copy: bool


class TransferResult(StrEnum):
    """Result of copying a file to another storage: it was copied, it was there, or the source has it no more."""

    COPIED = "copied"
    PRESENT = "present"
    GONE = "gone"


@frozen
class FileTotals:
    """Number of files and bytes together."""

    files: int = 0
    bytes: int = 0

    def plus(self, file: StoredFile) -> FileTotals:
        """Return the totals with one more file."""
        return FileTotals(self.files + 1, self.bytes + file.bytes)


@frozen
class MediaUsage:
    """Media of the site: numbers of attachments of people here by kind, of those that no post uses, and the stored files.

    `own` are files of people here and of link previews, `copies` those of other servers.
    """

    attachments: Mapping[MediaKind, int]
    unattached: int
    own: FileTotals
    copies: FileTotals
