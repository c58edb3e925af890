"""Avatar and header image of a profile."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO

from attrs import field, frozen

from microblog.domain import file_types
from microblog.domain.attachments import NOT_TAKEN, PROCESSING_GRACE, delete_unused
from microblog.domain.ports import MediaStore
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.model.media import Dimensions
from microblog.storage import accounts, events, media
from microblog.storage.database import Cursor, Transactions

SIZES = {"avatar": Dimensions(400, 400), "header": Dimensions(1500, 500)}
MAX_IMAGE_BYTES = 8 * 1024 * 1024


def forget(cursor: Cursor, account: AccountId, now: datetime) -> None:
    """Enqueue the deletion of the account's images; the account is about to be deleted."""
    delete_unused(cursor, [_name(path) for path in media.profile_images(cursor, account=account)], now=now)


def remove(cursor: Cursor, account: AccountId, which: str, now: datetime) -> bool:
    """Remove the avatar or the header in the running transaction; return False if there is none."""
    return _replace(cursor, account, which, None, now)


def _refused(which: str, sentence: str) -> Invalid:
    """Return the error with the name of the image in place of "File"."""
    text = sentence.replace("File", which.capitalize())
    return Invalid({which: text.removeprefix("Validation failed: ")}, sentence=text, codes={which: "ERR_INVALID"})


@frozen
class ProfileImages:
    """The commands about profile images. Setting one raises Invalid (field avatar or header) for a file that is no image."""

    database: Transactions
    media_store: MediaStore
    now: Callable[[], datetime]
    stem: Callable[[], str] = field(default=lambda: secrets.token_hex(16))

    async def set_avatar(self, viewer: Viewer, file: BinaryIO) -> Account:
        """Set the viewer's avatar."""
        return await self._set(viewer, "avatar", file)

    async def set_header(self, viewer: Viewer, file: BinaryIO) -> Account:
        """Set the viewer's header image."""
        return await self._set(viewer, "header", file)

    async def remove_avatar(self, viewer: Viewer) -> Account:
        """Remove the avatar."""
        return await self.database.run(self._show, viewer, "avatar", None)

    async def remove_header(self, viewer: Viewer) -> Account:
        """Remove the header image."""
        return await self.database.run(self._show, viewer, "header", None)

    async def _set(self, viewer: Viewer, which: str, file: BinaryIO) -> Account:
        format = file_types.detect_type(file)
        if format is None or not format.is_image:
            raise _refused(which, NOT_TAKEN)
        file.seek(0, 2)
        if file.tell() > MAX_IMAGE_BYTES:
            raise Invalid({which: f"{which.capitalize()} must be less than {MAX_IMAGE_BYTES // 1024 // 1024} MB"})
        stem = self.stem()
        await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        try:
            name = await self.media_store.cropped(file, format, stem, SIZES[which])
        except Invalid as problem:
            raise _refused(which, problem.sentence) from problem
        return await self.database.run(self._show, viewer, which, f"/media/{name}")

    def _show(self, cursor: Cursor, viewer: Viewer, which: str, path: str | None) -> Account:
        _replace(cursor, viewer.id, which, path, self.now())
        account = accounts.by_id(cursor, id=viewer.id)
        if account is None:
            raise NotFound
        return account


def _replace(cursor: Cursor, account: AccountId, which: str, path: str | None, now: datetime) -> bool:
    before = media.set_profile_image(cursor, account=account, image=which, path=path)
    if before:
        delete_unused(cursor, [_name(before)], now=now)
    if before != path:
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=now, account=account)
    return before != path


def _name(path: str) -> str:
    return path.rpartition("/")[2]
