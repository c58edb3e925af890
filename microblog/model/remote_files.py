"""Copies of files of other servers: what they are copied from, and which files are there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import MediaId
from microblog.model.media import MediaKind


class RemoteFileKind(StrEnum):
    """Kind of a file: that of an attachment, a still picture of one that is no image, an emoji, or an image of a profile."""

    MEDIA = "media"
    PREVIEW = "preview"
    EMOJI = "emoji"
    AVATAR = "avatar"
    HEADER = "header"


@frozen
class CopiedFiles:
    """The files of a copy; None where there is none. `retry_at`: the last try failed, and no other is made before.

    `is_missing`: because there is no such file, or none that can be shown. `used_at` is about when somebody looked at it.
    """

    original: str | None = None
    preview: str | None = None
    retry_at: datetime | None = None
    is_missing: bool = False
    used_at: datetime | None = None

    def __bool__(self) -> bool:
        """True if there is a copy."""
        return self.original is not None or self.preview is not None


@frozen
class SharedFile:
    """A file of another server that pages here show.

    `id` is that of the attachment or emoji. `host` is the server of the account that shows it, which need not be that of `url`. `media` is
    the kind of an attachment. `key` has to be part of the address; None: everybody may see the file.
    """

    kind: RemoteFileKind
    id: int
    url: str
    host: str
    media: MediaKind | None = None
    key: str | None = None
    files: CopiedFiles = CopiedFiles()

    @property
    def is_open(self) -> bool:
        """True if everybody may see it."""
        return self.key is None

    @property
    def name(self) -> str:
        """The name of the file among all that are copied."""
        return f"{self.kind}:{self.id}"

    @property
    def media_id(self) -> MediaId:
        """The id of the attachment that it belongs to."""
        return MediaId(self.id)
