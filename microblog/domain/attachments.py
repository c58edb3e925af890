"""Media attachments: uploaded first, attached to a post later, deleted after a day if nothing uses them.

Before a file is written, a job is queued that deletes it unless something refers to it by then, so neither a crash nor a failure leaves
files behind. Anybody who knows a file's URL can read it while something shows it (served_files.py), whatever the post's visibility:
the URL holds 128 random bits and is shown only to those who may see the post.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO

from attrs import evolve, field, frozen

from microblog.domain import file_types, validation
from microblog.domain.ports import MediaStore
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.ids import AccountId, MediaId, PostId, ScheduledId
from microblog.model.media import (
    MAX_DESCRIPTION,
    MAX_IMAGE_BYTES,
    MAX_MEDIA,
    MAX_VIDEO_BYTES,
    ConvertedMedia,
    Focus,
    Format,
    Media,
    MediaChange,
    MediaKind,
    MediaState,
)
from microblog.model.posts import Post, PostDraft
from microblog.storage import jobs, media
from microblog.storage.database import Cursor, Transactions

DELETE_UNUSED, CONVERT = "media.delete_unused", "media.convert"
PROCESSING_GRACE = timedelta(hours=1)  # longest time that processing takes
UNATTACHED_LIFETIME = timedelta(hours=24)
MAX_WAIT, POLL_INTERVAL = 30.0, 0.5  # seconds that a request waits for the conversion of a video
FAILED = "Error processing thumbnail for uploaded media"
NOT_TAKEN = "Validation failed: File content type is invalid, File is invalid"
IN_USE = "Media attachment is currently used by a status"


def delete_unused(cursor: Cursor, names: Sequence[str], *, now: datetime, due_at: datetime | None = None) -> None:
    """Queue the deletion of files whose names start with one of `names`, except those that something refers to at that time."""
    if names:
        jobs.add(cursor, DELETE_UNUSED, {"names": list(names)}, due_at=due_at or now, now=now)


def lock_attachable(
    cursor: Cursor, viewer: Viewer, draft: PostDraft, *, post: PostId | None = None, scheduled: ScheduledId | None = None
) -> list[Media]:
    """Lock and return the draft's attachments in its order.

    `post` or `scheduled`: where they are attached already. Raise Invalid with Mastodon's messages.
    """
    ids = list(dict.fromkeys(draft.media))
    if ids and (len(ids) > MAX_MEDIA or draft.poll):
        raise _unattachable(f"Cannot attach more than {MAX_MEDIA} files")
    found = {one.id: one for one in media.lock_usable(cursor, account=viewer.id, ids=ids, post=post, scheduled=scheduled)} if ids else {}
    if missing := [str(id) for id in ids if id not in found]:
        raise _unattachable(f"Media {', '.join(missing)} not found or already attached to another post")
    if len(ids) > 1 and any(one.is_video_or_audio for one in found.values()):
        raise _unattachable("Cannot attach a video to a post that already contains images")
    if failed := next((one for one in found.values() if one.state is MediaState.FAILED), None):
        raise _unattachable(failed.problem or FAILED)
    if any(one.state is not MediaState.READY for one in found.values()):
        raise _unattachable("Cannot attach files that have not finished processing. Try again in a moment!")
    return [found[id] for id in ids]


def _unattachable(sentence: str) -> Invalid:
    return Invalid({"media_ids": sentence}, sentence=sentence)


def failure(found: Media) -> Invalid:
    """The error for a request about an attachment that has FAILED."""
    problem = found.problem or FAILED
    return Invalid({"file": problem}, sentence=problem)


def differ(before: Post, attachments: Sequence[Media], changes: Sequence[MediaChange]) -> bool:
    """True if an edit changes the attachments, their order, description, focus or preview."""
    values = {one.id: (one.description, one.focus) for one in attachments}
    for change in changes:
        if change.id in values:
            description, focus = values[change.id]
            values[change.id] = (description if change.description is None else change.description, change.focus or focus)
    if any(change.preview and change.id in values for change in changes):
        return True
    return [(one.id, one.description, one.focus) for one in before.media] != [(one.id, *values[one.id]) for one in attachments]


def attach(cursor: Cursor, post: PostId, attachments: Sequence[Media], changes: Sequence[MediaChange], *, now: datetime) -> None:
    """Set the post's attachments and apply the changes to them."""
    for change in changes:
        if change.id in {one.id for one in attachments}:
            media.change(cursor, change=validated(change))
            if change.preview:
                _replace_preview(cursor, change.id, change.preview, now)
    media.attach(cursor, post=post, ids=[one.id for one in attachments])


def validated(change: MediaChange) -> MediaChange:
    """Return the change as it is stored. Raise Invalid for a description that is too long."""
    if change.description is None:
        return change
    return evolve(change, description=validation.limited(change.description, MAX_DESCRIPTION, "description"))


def _replace_preview(cursor: Cursor, id: MediaId, converted: ConvertedMedia, now: datetime) -> None:
    before = media.by_id(cursor, id=id)
    media.set_preview(cursor, id=id, converted=converted)
    if before and before.rendition and before.rendition.preview:
        delete_unused(cursor, [before.rendition.preview], now=now)


def detach(cursor: Cursor, post: Post, *, now: datetime, at_once: bool) -> None:
    """Release the attachments of a deleted post for reuse within a day, or with `at_once` delete them, including those of earlier edits."""
    attachments = media.detach_from_post(cursor, post=post.id, at=now)
    if at_once and attachments:
        delete_unused(cursor, media.delete(cursor, ids=attachments), now=now)


def delete_of_posts(cursor: Cursor, posts: Sequence[PostId], *, now: datetime) -> None:
    """Delete the attachments of deleted posts that are still theirs, and queue the deletion of their files."""
    delete_unused(cursor, media.delete_of_posts(cursor, posts=posts), now=now)


def delete_some(cursor: Cursor, account: AccountId, *, limit: int, now: datetime) -> int:
    """Delete up to `limit` attachments of the account and queue the deletion of their files. Return the number of file names."""
    names = media.delete_of_account(cursor, account=account, limit=limit)
    delete_unused(cursor, names, now=now)
    return len(names)


def delete_unattached(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` attachments unused since `before` and queue the deletion of their files. Return the number of file names."""
    names = media.delete_unused(cursor, before=before, limit=limit)
    delete_unused(cursor, names, now=before)
    return len(names)


@frozen
class MediaUpload:
    """An upload. `size`: bytes; `thumbnail`: a separate image for the preview."""

    file: BinaryIO
    size: int
    description: str = ""
    focus: Focus | None = None
    thumbnail: BinaryIO | None = None


def _random_stem() -> str:
    return secrets.token_hex(16)


@frozen
class Attachments:
    """Commands about media that is not attached to a post yet. `pause`: wait for a number of seconds."""

    database: Transactions
    media_store: MediaStore
    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[object]]
    stem: Callable[[], str] = field(default=_random_stem)

    @property
    def accepts_video(self) -> bool:
        """True if video and audio can be uploaded."""
        return self.media_store.accepts_video

    async def add(self, viewer: Viewer, upload: MediaUpload) -> Media:
        """Store an upload. Images are READY on return; video and audio are WAITING for a job that converts them.

        Raise Invalid for a file that is not accepted, too large or unreadable, Unavailable if it cannot be stored; nothing of it is kept
        then.
        """
        format = self._format(upload)
        change = validated(MediaChange(MediaId(0), upload.description, upload.focus))
        preview = upload.thumbnail and self._image_format(upload.thumbnail)
        in_job = not format.is_image or (format is Format.GIF and self.media_store.accepts_video and file_types.is_animated(upload.file))
        kind = _provisional_kind(format) if in_job else MediaKind.IMAGE
        stem = self.stem()
        id = await self.database.run(self._insert, viewer, kind, change, stem)
        try:
            if in_job:
                await self.media_store.files.store(upload.file, media.upload_name(id))
                await self.database.run(self._enqueue_conversion, id)
            else:
                converted = await self.media_store.convert_image(upload.file, format, stem)
                await self.database.run(media.finish, id=id, kind=kind, converted=converted)
            if upload.thumbnail and preview:
                await self._set_preview(id, upload.thumbnail, preview)
        except (Invalid, Unavailable):
            await self.database.run(self._discard, id)
            raise
        return await self.one(viewer, id)

    def _format(self, upload: MediaUpload) -> Format:
        format = file_types.detect_type(upload.file)
        if format is None or (not format.is_image and not self.media_store.accepts_video):
            raise Invalid({"file": "File content type is invalid"}, sentence=NOT_TAKEN)
        max_bytes = MAX_IMAGE_BYTES if format.is_image else MAX_VIDEO_BYTES
        if upload.size > max_bytes:
            raise Invalid({"file": f"File size must be less than {max_bytes // 1024 // 1024} MB"})
        return format

    def _image_format(self, file: BinaryIO) -> Format:
        format = file_types.detect_type(file)
        if format is None or not format.is_image:
            raise Invalid({"thumbnail": "Thumbnail content type is invalid"})
        return format

    def _insert(self, cursor: Cursor, viewer: Viewer, kind: MediaKind, change: MediaChange, stem: str) -> MediaId:
        delete_unused(cursor, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        return media.insert(cursor, account=viewer.id, kind=kind, description=change.description or "", focus=change.focus, now=self.now())

    def _enqueue_conversion(self, cursor: Cursor, id: MediaId) -> None:
        jobs.add(cursor, CONVERT, {"media": str(id)}, due_at=self.now(), now=self.now(), key=str(id))

    def _discard(self, cursor: Cursor, id: MediaId) -> None:
        delete_unused(cursor, media.delete(cursor, ids=[id]), now=self.now())

    async def _set_preview(self, id: MediaId, file: BinaryIO, format: Format) -> None:
        await self.database.run(_replace_preview, id, await self._preview(file, format), self.now())

    async def _preview(self, file: BinaryIO, format: Format) -> ConvertedMedia:
        stem = self.stem()
        await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        return await self.media_store.preview(file, format, stem)

    async def with_previews(
        self, viewer: Viewer, changes: Sequence[MediaChange], files: Mapping[MediaId, BinaryIO]
    ) -> tuple[MediaChange, ...]:
        """Return the changes of an edit, with previews made from the files uploaded for the viewer's own attachments.

        Raise Invalid if a file is not an image, before any preview is made.
        """
        formats = {id: self._image_format(file) for id, file in files.items()}
        converted = {}
        for id in list(files)[:MAX_MEDIA]:
            found = await self.database.read(media.by_id, id=id)
            if found is not None and found.owner == viewer.id:
                converted[id] = await self._preview(files[id], formats[id])
        return tuple(evolve(change, preview=converted.get(change.id)) for change in changes)

    async def one(self, viewer: Viewer, id: MediaId) -> Media:
        """Return the viewer's own attachment while no post uses it. Raise NotFound."""
        found = await self.database.read(media.by_id, id=id)
        if found is None or found.owner != viewer.id or found.attached:
            raise NotFound
        return found

    async def wait_until_processed(self, viewer: Viewer, id: MediaId) -> Media:
        """Return the attachment once it is READY, or after MAX_WAIT seconds. Raise Invalid if its processing has FAILED."""
        for _ in range(round(MAX_WAIT / POLL_INTERVAL)):
            if (found := await self.one(viewer, id)).state is not MediaState.WAITING:
                break
            await self.pause(POLL_INTERVAL)
        else:
            found = await self.one(viewer, id)
        if found.state is MediaState.FAILED:
            raise failure(found)
        return found

    async def several(self, viewer: Viewer, ids: Sequence[MediaId]) -> list[Media]:
        """Return those of the attachments that the viewer could attach to a post, in this order."""
        found = [await self.database.read(media.by_id, id=id) for id in ids[:MAX_MEDIA]]
        return [one for one in found if one and one.owner == viewer.id and not one.attached]

    async def change(self, viewer: Viewer, change: MediaChange, thumbnail: BinaryIO | None = None) -> Media:
        """Change description, focus or preview of the viewer's own unattached media."""
        format = thumbnail and self._image_format(thumbnail)
        await self.one(viewer, change.id)
        await self.database.run(media.change, change=validated(change))
        if thumbnail and format:
            await self._set_preview(change.id, thumbnail, format)
        return await self.one(viewer, change.id)

    async def delete(self, viewer: Viewer, id: MediaId) -> None:
        """Delete the viewer's own attachment. Raise Invalid if a post uses it, NotFound if there is none."""
        found = await self.database.read(media.by_id, id=id)
        if found is None or found.owner != viewer.id:
            raise NotFound
        if found.attached:
            raise Invalid({"media": IN_USE}, sentence=IN_USE)
        await self.database.run(self._discard, id)

    # --- jobs

    async def convert(self, id: MediaId) -> None:
        """Convert an upload for display; mark it FAILED if that is impossible. Has no effect if repeated."""
        found = await self.database.read(media.by_id, id=id)
        if found is None or found.state is not MediaState.WAITING:
            return
        upload, stem = media.upload_name(id), self.stem()
        await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        try:
            async with self.media_store.files.on_disk(upload) as path:
                with path.open("rb") as file:
                    format = file_types.detect_type(file)
                if format is None:
                    raise NotFound
                kind, converted = await self.media_store.convert_video(path, format, stem)
        except Invalid as refused:
            await self.database.run(self._mark_failed, id, refused.sentence)
        except NotFound:
            await self.database.run(self._mark_failed, id, FAILED)
        else:
            await self.database.run(self._finish, id, kind, converted)

    def _mark_failed(self, cursor: Cursor, id: MediaId, problem: str) -> None:
        media.fail(cursor, id=id, problem=problem)
        delete_unused(cursor, [media.upload_name(id)], now=self.now())

    def _finish(self, cursor: Cursor, id: MediaId, kind: MediaKind, converted: ConvertedMedia) -> None:
        media.finish(cursor, id=id, kind=kind, converted=converted)
        delete_unused(cursor, [media.upload_name(id)], now=self.now())

    async def delete_unused(self, names: Sequence[str]) -> None:
        """Delete files whose names start with one of `names` and that nothing refers to."""
        files = self.media_store.files
        stored_names = [name for beginning in names for name in await files.names_with_stem(beginning)]
        if stored_names:
            await files.delete(await self.database.read(media.unused_files, names=stored_names))


def _provisional_kind(format: Format) -> MediaKind:
    """The kind to show until the file has been processed."""
    if format is Format.GIF:
        return MediaKind.GIFV
    return MediaKind.VIDEO if format in (Format.MP4, Format.MATROSKA) else MediaKind.AUDIO
