"""Pictures of the site: checked, converted and stored with its other settings (domain/site_settings.py)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import BinaryIO

from attrs import field, frozen

from microblog.domain import file_types
from microblog.domain.attachments import PROCESSING_GRACE, delete_unused
from microblog.domain.ports import MediaStore
from microblog.domain.validation import ValidationErrors
from microblog.model.errors import Invalid
from microblog.model.media import Format
from microblog.model.site_images import FORMATS, MAX_BYTES, WANTED, SiteImage, SiteImageKind
from microblog.storage import site_images
from microblog.storage.database import Cursor, Transactions

Uploads = Mapping[SiteImageKind, BinaryIO]
Images = Mapping[SiteImageKind, SiteImage | None]
"""New pictures; None to remove one."""


@frozen
class SiteImages:
    """Converts uploads. Their files are deleted later unless `replace` was called with them by then."""

    database: Transactions
    media_store: MediaStore
    now: Callable[[], datetime]
    stem: Callable[[], str] = field(default=lambda: secrets.token_hex(16))

    async def convert(self, uploads: Uploads) -> Images:
        """Return the pictures in all their sizes. Raises Invalid (fields named as the kinds) for a file that cannot be converted."""
        return {kind: await self._converted(kind, file) for kind, file in uploads.items()}

    async def _converted(self, kind: SiteImageKind, file: BinaryIO) -> SiteImage:
        format, stem = _format(kind, file), self.stem()
        await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        try:
            return await self.media_store.site_image(file, format, stem, WANTED[kind])
        except Invalid as problem:
            raise _refused(kind, problem.sentence.removeprefix("Validation failed: ")) from problem


def check(uploads: Uploads, errors: ValidationErrors) -> None:
    """Add an error for each upload that is too large or no picture."""
    for kind, file in uploads.items():
        errors.collect(partial(_format, kind, file), None)


def replace(cursor: Cursor, images: Images, now: datetime) -> None:
    """Store these pictures in place of those that the site has of their kinds, and delete the files of these soon."""
    for kind, image in images.items():
        delete_unused(cursor, site_images.delete(cursor, kind=kind), now=now)
        if image is not None:
            site_images.insert(cursor, kind=kind, image=image, now=now)


def _format(kind: SiteImageKind, file: BinaryIO) -> Format:
    format = file_types.detect_type(file)
    if format not in FORMATS:
        raise _refused(kind, f"{kind.capitalize()} must be a PNG, JPEG, WebP, GIF or AVIF file")
    file.seek(0, 2)
    if file.tell() > MAX_BYTES[kind]:
        raise _refused(kind, f"{kind.capitalize()} must be at most {MAX_BYTES[kind] // 1024 // 1024} MB")
    return format


def _refused(kind: SiteImageKind, sentence: str) -> Invalid:
    return Invalid({kind: sentence}, codes={kind: "ERR_INVALID"})
