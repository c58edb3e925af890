"""Media of posts: uploaded first, attached by a post, kept for a day where nothing holds them.

Every file is promised to be looked at: whatever makes one first writes the job that removes it if nobody refers to it. So neither a crash
nor a failure leaves files behind. Who knows the address of a file can read it as long as something shows it (served_files.py), whatever
the visibility of its post: addresses hold 128 random bits and are shown to those alone who may see the post.
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
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, MediaId, PostId, ScheduledId
from microblog.model.media import (
    FILM_BYTES,
    IMAGE_BYTES,
    LONGEST_DESCRIPTION,
    MOST_MEDIA,
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
PROCESSING_GRACE = timedelta(hours=1)  # by then whatever was being made is made
UNATTACHED_LIFETIME = timedelta(hours=24)
LONGEST_WAIT, LOOK_EVERY = 30.0, 0.5  # seconds, of who asks to wait for a film
FAILED = "Error processing thumbnail for uploaded media"
NOT_TAKEN = "Validation failed: File content type is invalid, File is invalid"
IN_USE = "Media attachment is currently used by a status"


def delete_unused(cursor: Cursor, names: Sequence[str], *, now: datetime, due_at: datetime | None = None) -> None:
    """Promise to remove those of the files whose names begin so to which nobody refers then."""
    if names:
        jobs.add(cursor, DELETE_UNUSED, {"names": list(names)}, due_at=due_at or now, now=now)


def lock_attachable(
    cursor: Cursor, viewer: Viewer, draft: PostDraft, *, post: PostId | None = None, scheduled: ScheduledId | None = None
) -> list[Media]:
    """The media of the draft, in its order, as they will be with its changes; nobody else takes them meanwhile.

    `post` or `scheduled` is what holds them already. Raises Invalid in the words that clients know.
    """
    ids = list(dict.fromkeys(draft.media))
    if ids and (len(ids) > MOST_MEDIA or draft.poll):
        raise _unattachable(f"Cannot attach more than {MOST_MEDIA} files")
    found = {one.id: one for one in media.locked(cursor, account=viewer.id, ids=ids, post=post, scheduled=scheduled)} if ids else {}
    if missing := [str(id) for id in ids if id not in found]:
        raise _unattachable(f"Media {', '.join(missing)} not found or already attached to another post")
    if len(ids) > 1 and any(one.moves for one in found.values()):
        raise _unattachable("Cannot attach a video to a post that already contains images")
    if broken := next((one for one in found.values() if one.state is MediaState.FAILED), None):
        raise _unattachable(broken.problem or FAILED)
    if any(one.state is not MediaState.READY for one in found.values()):
        raise _unattachable("Cannot attach files that have not finished processing. Try again in a moment!")
    return [found[id] for id in ids]


def _unattachable(sentence: str) -> Invalid:
    return Invalid({"media_ids": sentence}, sentence=sentence)


def failure(found: Media) -> Invalid:
    """What to tell who asks for a piece that has FAILED."""
    problem = found.problem or FAILED
    return Invalid({"file": problem}, sentence=problem)


def differ(before: Post, pieces: Sequence[Media], changes: Sequence[MediaChange]) -> bool:
    """True if an edit shows other media, another order, or says something else about them."""
    said = {one.id: (one.description, one.focus) for one in pieces}
    for change in changes:
        if change.id in said:
            description, focus = said[change.id]
            said[change.id] = (description if change.description is None else change.description, change.focus or focus)
    if any(change.preview and change.id in said for change in changes):
        return True
    return [(one.id, one.description, one.focus) for one in before.media] != [(one.id, *said[one.id]) for one in pieces]


def attach(cursor: Cursor, post: PostId, pieces: Sequence[Media], changes: Sequence[MediaChange], *, now: datetime) -> None:
    """Let the post show exactly these, changed like this."""
    for change in changes:
        if change.id in {one.id for one in pieces}:
            media.change(cursor, change=validated(change))
            if change.preview:
                _replace_preview(cursor, change.id, change.preview, now)
    media.attach(cursor, post=post, ids=[one.id for one in pieces])


def validated(change: MediaChange) -> MediaChange:
    """The change as it is stored. Raises Invalid for a description that is too long."""
    if change.description is None:
        return change
    return evolve(change, description=validation.limited(change.description, LONGEST_DESCRIPTION, "description"))


def _replace_preview(cursor: Cursor, id: MediaId, made: ConvertedMedia, now: datetime) -> None:
    before = media.by_id(cursor, id=id)
    media.set_preview(cursor, id=id, made=made)
    if before and before.rendition and before.rendition.preview:
        delete_unused(cursor, [before.rendition.preview], now=now)


def detach(cursor: Cursor, post: Post, *, now: datetime, at_once: bool) -> None:
    """The post is gone: its media can be attached to another one for a day, or go `at_once`, with those of before its edits."""
    pieces = media.loosen_post(cursor, post=post.id, at=now)
    if at_once and pieces:
        delete_unused(cursor, media.delete(cursor, ids=pieces), now=now)


def delete_some(cursor: Cursor, account: AccountId, *, limit: int, now: datetime) -> int:
    """Delete some of what the account uploaded, and promise that the files go; how many names went."""
    names = media.delete_of_account(cursor, account=account, limit=limit)
    delete_unused(cursor, names, now=now)
    return len(names)


def delete_unattached(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete what nothing holds since before that time, at most `limit` pieces, and promise that their files go; how many names went."""
    names = media.sweep(cursor, before=before, limit=limit)
    delete_unused(cursor, names, now=before)
    return len(names)


@frozen
class MediaUpload:
    """What comes with an upload. `size` is in bytes; `thumbnail` is another file, for its preview."""

    file: BinaryIO
    size: int
    description: str = ""
    focus: Focus | None = None
    thumbnail: BinaryIO | None = None


def _random_stem() -> str:
    return secrets.token_hex(16)


@frozen
class Attachments:
    """The commands about media that are not yet with a post. `pause` waits for so many seconds."""

    database: Transactions
    media_store: MediaStore
    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[object]]
    stem: Callable[[], str] = field(default=_random_stem)

    @property
    def accepts_video(self) -> bool:
        """True if films and sound can be uploaded."""
        return self.media_store.accepts_video

    async def add(self, viewer: Viewer, given: MediaUpload) -> Media:
        """Take an upload. Pictures are READY when this returns; films and sound are still WAITING, a job makes them.

        Raises Invalid for what is not taken, is too large, or cannot be read; then nothing of it is kept.
        """
        format = self._format(given)
        change = validated(MediaChange(MediaId(0), given.description, given.focus))
        preview = given.thumbnail and self._picture_format(given.thumbnail)
        later = not format.is_picture or (format is Format.GIF and self.media_store.accepts_video and file_types.is_animated(given.file))
        kind = _first_guess(format) if later else MediaKind.IMAGE
        stem = self.stem()
        id = await self.database.run(self._begin, viewer, kind, change, stem)
        try:
            if later:
                await self.media_store.store(given.file, media.upload_name(id))
                await self.database.run(self._promise, id)
            else:
                made = await self.media_store.convert_image(given.file, format, stem)
                await self.database.run(media.finish, id=id, kind=kind, made=made)
            if given.thumbnail and preview:
                await self._set_preview(id, given.thumbnail, preview)
        except Invalid:
            await self.database.run(self._discard, id)
            raise
        return await self.one(viewer, id)

    def _format(self, given: MediaUpload) -> Format:
        format = file_types.detect_type(given.file)
        if format is None or (not format.is_picture and not self.media_store.accepts_video):
            raise Invalid({"file": "File content type is invalid"}, sentence=NOT_TAKEN)
        most = IMAGE_BYTES if format.is_picture else FILM_BYTES
        if given.size > most:
            raise Invalid({"file": f"File size must be less than {most // 1024 // 1024} MB"})
        return format

    def _picture_format(self, file: BinaryIO) -> Format:
        format = file_types.detect_type(file)
        if format is None or not format.is_picture:
            raise Invalid({"thumbnail": "Thumbnail content type is invalid"})
        return format

    def _begin(self, cursor: Cursor, viewer: Viewer, kind: MediaKind, change: MediaChange, stem: str) -> MediaId:
        delete_unused(cursor, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        return media.insert(cursor, account=viewer.id, kind=kind, description=change.description or "", focus=change.focus, now=self.now())

    def _promise(self, cursor: Cursor, id: MediaId) -> None:
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
        """The changes of an edit, with previews made of the files that came for some of the viewer's own pieces.

        Raises Invalid for a file that is no picture, before any preview is made.
        """
        formats = {id: self._picture_format(file) for id, file in files.items()}
        made = {}
        for id in list(files)[:MOST_MEDIA]:
            found = await self.database.read(media.by_id, id=id)
            if found is not None and found.owner == viewer.id:
                made[id] = await self._preview(files[id], formats[id])
        return tuple(evolve(change, preview=made.get(change.id)) for change in changes)

    async def one(self, viewer: Viewer, id: MediaId) -> Media:
        """One's own piece, as long as no post has it. Raises NotFound."""
        found = await self.database.read(media.by_id, id=id)
        if found is None or found.owner != viewer.id or found.attached:
            raise NotFound
        return found

    async def wait_until_processed(self, viewer: Viewer, id: MediaId) -> Media:
        """The same once it is READY or has FAILED, or has taken LONGEST_WAIT seconds. Raises Invalid where it has FAILED."""
        for _ in range(round(LONGEST_WAIT / LOOK_EVERY)):
            if (found := await self.one(viewer, id)).state is not MediaState.WAITING:
                break
            await self.pause(LOOK_EVERY)
        else:
            found = await self.one(viewer, id)
        if found.state is MediaState.FAILED:
            raise failure(found)
        return found

    async def several(self, viewer: Viewer, ids: Sequence[MediaId]) -> list[Media]:
        """Those of the pieces that the viewer could attach to a post, in this order."""
        found = [await self.database.read(media.by_id, id=id) for id in ids[:MOST_MEDIA]]
        return [one for one in found if one and one.owner == viewer.id and not one.attached]

    async def change(self, viewer: Viewer, change: MediaChange, thumbnail: BinaryIO | None = None) -> Media:
        """Say something else about one's own piece that no post has yet, or give it another preview."""
        format = thumbnail and self._picture_format(thumbnail)
        await self.one(viewer, change.id)
        await self.database.run(media.change, change=validated(change))
        if thumbnail and format:
            await self._set_preview(change.id, thumbnail, format)
        return await self.one(viewer, change.id)

    async def delete(self, viewer: Viewer, id: MediaId) -> None:
        """Delete one's own piece. Raises Invalid where a post has it, NotFound where there is none."""
        found = await self.database.read(media.by_id, id=id)
        if found is None or found.owner != viewer.id:
            raise NotFound
        if found.attached:
            raise Invalid({"media": IN_USE}, sentence=IN_USE)
        await self.database.run(self._discard, id)

    # --- jobs

    async def convert(self, id: MediaId) -> None:
        """Make what was uploaded into what is shown. What cannot be made has FAILED; done again, this does nothing."""
        found = await self.database.read(media.by_id, id=id)
        if found is None or found.state is not MediaState.WAITING:
            return
        upload, stem = media.upload_name(id), self.stem()
        await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        try:
            with self.media_store.open(upload) as file:
                format = file_types.detect_type(file)
            if format is None:
                raise NotFound
            kind, made = await self.media_store.convert_video(upload, format, stem)
        except Invalid as refused:
            await self.database.run(self._failed, id, refused.sentence)
        except NotFound:
            await self.database.run(self._failed, id, FAILED)
        else:
            await self.database.run(self._converted, id, kind, made)

    def _failed(self, cursor: Cursor, id: MediaId, problem: str) -> None:
        media.fail(cursor, id=id, problem=problem)
        delete_unused(cursor, [media.upload_name(id)], now=self.now())

    def _converted(self, cursor: Cursor, id: MediaId, kind: MediaKind, made: ConvertedMedia) -> None:
        media.finish(cursor, id=id, kind=kind, made=made)
        delete_unused(cursor, [media.upload_name(id)], now=self.now())

    async def delete_unused(self, names: Sequence[str]) -> None:
        """Remove those of the files whose names begin so to which nobody refers."""
        there = [name for beginning in names for name in self.media_store.names_with_stem(beginning)]
        if there:
            await self.media_store.delete(await self.database.read(media.unneeded, names=there))


def _first_guess(format: Format) -> MediaKind:
    """What it is shown as until it is known better."""
    if format is Format.GIF:
        return MediaKind.GIFV
    return MediaKind.VIDEO if format in (Format.MP4, Format.MATROSKA) else MediaKind.AUDIO
