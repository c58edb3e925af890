"""Media attachments from upload to deletion; no unused file is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from attrs import evolve

from microblog.adapters.media_processing import DirectoryMediaStore
from microblog.domain import account_deletion, attachments
from microblog.domain.attachments import UNATTACHED_LIFETIME, Attachments, MediaUpload
from microblog.domain.file_types import detect_type, is_animated
from microblog.domain.posts import Posts
from microblog.domain.profile_images import ProfileImages
from microblog.jobs import post_jobs
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import MediaId
from microblog.model.media import MAX_IMAGE_BYTES, MAX_MEDIA, MAX_VIDEO_BYTES, Focus, Format, Media, MediaChange, MediaKind, MediaState
from microblog.model.posts import PostDraft
from microblog.storage import jobs, media
from microblog.storage.database import Cursor, execute
from tests import fakes, files, make
from tests.adapters.test_media_processing import needs_ffmpeg
from tests.fakes import RolledBackDatabase, WallClock

LATER = timedelta(hours=25)


@pytest.fixture
def studio(tmp_path: Path) -> DirectoryMediaStore:
    return fakes.studio(tmp_path)


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def pieces(db: RolledBackDatabase, studio: DirectoryMediaStore, clock: WallClock) -> Attachments:
    return Attachments(db, studio, clock, fakes.no_pause)


@pytest.fixture
def posts(db: RolledBackDatabase, clock: WallClock) -> Posts:
    return evolve(make.posts(db), now=clock)


async def add(pieces: Attachments, viewer: Viewer, file: BytesIO | None = None, **given: object) -> Media:
    file = file or files.picture()
    return await pieces.add(viewer, MediaUpload(file, len(file.getvalue()), **given))  # type: ignore[arg-type]  # fields of Given


async def work(pieces: Attachments, db: RolledBackDatabase, clock: WallClock) -> None:
    """Run all due jobs."""
    while due := jobs.claim(
        db.cursor, kinds=["media.delete_unused", "media.convert"], worker="w", lease_until=clock() + LATER, now=clock(), limit=10
    ):
        for job in due:
            await post_jobs.media_tasks(pieces)[job.kind](job)
            jobs.finish(db.cursor, job, worker="w", now=clock())


async def a_day_later(pieces: Attachments, db: RolledBackDatabase, clock: WallClock) -> None:
    """Run the cleanup a day later, and the jobs that it adds."""
    clock.advance(hours=25)
    await db.run(attachments.delete_unattached, before=clock() - UNATTACHED_LIFETIME, limit=500)
    await work(pieces, db, clock)


def kept(studio: DirectoryMediaStore) -> list[str]:
    return sorted(path.name for path in studio.directory.rglob("*") if path.is_file())


async def test_an_image_is_ready_at_once(pieces: Attachments, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    made = await add(pieces, ada, description="  A flag ", focus=Focus(0.5, -1.0))
    assert (made.kind, made.state, made.description, made.focus) == (MediaKind.IMAGE, MediaState.READY, "A flag", Focus(0.5, -1.0))
    assert made.path is not None
    assert made.preview_path is not None
    with pieces.media_store.open(made.path.removeprefix("/media/")) as file:
        assert detect_type(file) is Format.JPEG


async def test_addresses_cannot_be_guessed(pieces: Attachments, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    paths = [(await add(pieces, ada)).path or "" for _ in range(3)]
    assert len(set(paths)) == 3
    assert all(len(path) == len("/media/") + 32 + len(".jpg") for path in paths)


@pytest.mark.parametrize(
    "sent",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"%!PS-Adobe-3.0 EPSF",
        b"<!doctype html><script>",
        b"%PDF-1.7",
        b"MZ\x90\0",
        b"",
        b"BM",
    ],
)
async def test_a_file_that_is_no_image_is_refused_by_its_first_bytes(
    pieces: Attachments, cursor: Cursor, studio: DirectoryMediaStore, sent: bytes
) -> None:
    with pytest.raises(Invalid, match="File content type is invalid, File is invalid"):
        await add(pieces, make.viewer(cursor), BytesIO(sent))
    assert kept(studio) == []


async def test_an_undecodable_file_is_refused_and_leaves_nothing(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    with pytest.raises(Invalid, match="could not be verified"):
        await add(pieces, make.viewer(db.cursor), BytesIO(b"\xff\xd8\xff" + b"<script>" * 100))
    await work(pieces, db, clock)
    assert kept(studio) == []
    db.cursor.execute("select count(*) from media")
    assert db.cursor.fetchone() == (0,)


@pytest.mark.parametrize(("begins", "most"), [(b"\xff\xd8\xff", MAX_IMAGE_BYTES), (b"OggS", MAX_VIDEO_BYTES)])
async def test_a_file_over_the_size_limit_is_refused(pieces: Attachments, cursor: Cursor, begins: bytes, most: int) -> None:
    with pytest.raises(Invalid, match="File size must be less than"):
        await pieces.add(make.viewer(cursor), MediaUpload(BytesIO(begins + b"x" * 100), most + 1))


async def test_a_description_that_is_too_long_is_refused_and_not_cut(pieces: Attachments, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    assert len((await add(pieces, ada, description="x" * 1500)).description) == 1500
    with pytest.raises(Invalid, match="Description is too long"):
        await add(pieces, ada, description="x" * 1501)


async def test_a_post_shows_its_media_in_the_order_that_it_names(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    one, two, three = [(await add(pieces, ada)).id for _ in range(3)]
    post = await posts.publish(ada, PostDraft("Look", media=(three, one, two)))
    assert [piece.id for piece in post.media] == [three, one, two]
    assert all(piece.attached for piece in post.media)


async def test_a_post_may_have_an_image_and_no_text(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    silent = await posts.publish(ada, PostDraft("", media=((await add(pieces, ada)).id,)))
    assert (silent.text, silent.html) == ("", "")
    assert (await posts.publish(ada, PostDraft("", spoiler="Eyes", media=((await add(pieces, ada)).id,)))).text == "🖼"


async def test_media_of_others_and_attached_media_cannot_be_attached(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    mine = (await add(pieces, ada)).id
    for viewer, ids in [(bob, (mine,)), (ada, (mine, MediaId(123)))]:
        with pytest.raises(Invalid, match=f"^Media {ids[-1]} not found or already attached to another post$"):
            await posts.publish(viewer, PostDraft("Mine", media=ids))
    await posts.publish(ada, PostDraft("First", media=(mine,)))
    with pytest.raises(Invalid, match="already attached"):
        await posts.publish(ada, PostDraft("Second", media=(mine,)))


async def test_a_post_has_four_media_at_most(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    ids = tuple([(await add(pieces, ada)).id for _ in range(5)])
    with pytest.raises(Invalid, match=r"^Cannot attach more than 4 files$"):
        await posts.publish(ada, PostDraft("Five", media=ids))
    assert len((await posts.publish(ada, PostDraft("Four", media=ids[:4]))).media) == 4


async def test_media_that_are_still_processed_cannot_be_attached(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    waiting = media.insert(cursor, account=ada.id, kind=MediaKind.VIDEO, description="", focus=None, now=make.NOW)
    with pytest.raises(Invalid, match="have not finished processing"):
        await posts.publish(ada, PostDraft("Soon", media=(waiting,)))


async def test_a_video_must_be_the_only_attachment(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    image, film = await add(pieces, ada), await add(pieces, ada)
    execute(cursor, "update media set kind = 'video' where id = %(id)s", {"id": film.id})
    with pytest.raises(Invalid, match=r"^Cannot attach a video to a post that already contains images$"):
        await posts.publish(ada, PostDraft("Both", media=(image.id, film.id)))


async def test_an_edit_changes_media_their_order_and_descriptions(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    one, two, three = [(await add(pieces, ada, description=f"Number {n}")).id for n in range(3)]
    post = await posts.publish(ada, PostDraft("Look", media=(one, two)))
    unchanged = await posts.edit(ada, post.id, PostDraft("Look", media=(one, two)))
    assert unchanged.edited_at is None
    edited = await posts.edit(ada, post.id, PostDraft("Look", media=(three, one), changes=(MediaChange(one, "Zero"),)))
    assert [(piece.id, piece.description) for piece in edited.media] == [(three, "Number 2"), (one, "Zero")]
    assert edited.edited_at is not None
    assert edited.version != post.version
    _, [first, now] = await posts.history(None, post.id)
    assert [(piece.id, piece.description) for piece in first.media] == [(one, "Number 0"), (two, "Number 1")]
    assert [(piece.id, piece.description) for piece in now.media] == [(three, "Number 2"), (one, "Zero")]
    with pytest.raises(Invalid, match="already attached"):
        await posts.publish(ada, PostDraft("Again", media=(two,)))


async def test_media_of_a_deleted_post_can_be_reused_for_a_day(
    pieces: Attachments, posts: Posts, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    piece = await add(pieces, ada)
    first = await posts.publish(ada, PostDraft("Almost", media=(piece.id,)))
    await posts.delete(ada, first.id)
    again = await posts.publish(ada, PostDraft("Right", media=(piece.id,)))
    await a_day_later(pieces, db, clock)
    assert len(kept(studio)) == 2
    await posts.delete(ada, again.id)
    await a_day_later(pieces, db, clock)
    assert kept(studio) == []


async def test_media_are_deleted_with_the_post_on_request(
    pieces: Attachments, posts: Posts, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    post = await posts.publish(ada, PostDraft("Gone", media=((await add(pieces, ada)).id,)))
    await posts.delete(ada, post.id, media=True)
    await work(pieces, db, clock)
    assert kept(studio) == []


async def test_unattached_media_are_deleted_after_a_day_and_not_before(
    pieces: Attachments, posts: Posts, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    await posts.publish(ada, PostDraft("Kept", media=((await add(pieces, ada)).id,)))
    loose = await add(pieces, ada)
    clock.advance(hours=23)
    await db.run(attachments.delete_unattached, before=clock() - UNATTACHED_LIFETIME, limit=500)
    await work(pieces, db, clock)
    assert len(kept(studio)) == 4
    await a_day_later(pieces, db, clock)
    assert len(kept(studio)) == 2
    with pytest.raises(NotFound):
        await pieces.one(ada, loose.id)


async def test_files_left_by_a_crash_are_deleted(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)

    class Crash(Exception):
        pass

    class Dying(DirectoryMediaStore):
        async def cropped(self, *arguments: object) -> str:
            await self.store(BytesIO(b"half"), f"{arguments[2]}.jpg")
            raise Crash

    dying = Dying(studio.directory, studio.run, studio.in_thread)
    with pytest.raises(Crash):
        await ProfileImages(db, dying, clock).set_avatar(ada, files.picture())
    assert len(kept(studio)) == 1
    clock.advance(hours=2)
    await work(pieces, db, clock)
    assert kept(studio) == []


async def test_only_the_owner_can_change_or_delete_unattached_media(pieces: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    piece = await add(pieces, ada)
    changed = await pieces.change(ada, MediaChange(piece.id, "Now with words", Focus(0, 1)))
    assert (changed.description, changed.focus) == ("Now with words", Focus(0, 1))
    assert (await pieces.change(ada, MediaChange(piece.id))).description == "Now with words"
    for refused in (pieces.one(bob, piece.id), pieces.change(bob, MediaChange(piece.id, "Mine")), pieces.delete(bob, piece.id)):
        with pytest.raises(NotFound):
            await refused
    await posts.publish(ada, PostDraft("Taken", media=(piece.id,)))
    with pytest.raises(NotFound):
        await pieces.change(ada, MediaChange(piece.id, "Too late"))
    with pytest.raises(Invalid, match=r"^Media attachment is currently used by a status$"):
        await pieces.delete(ada, piece.id)


async def test_deleting_an_attachment_deletes_its_files(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    await pieces.delete(ada, (await add(pieces, ada)).id)
    await work(pieces, db, clock)
    assert kept(studio) == []


async def test_a_thumbnail_can_be_replaced(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    piece = await add(pieces, ada)
    changed = await pieces.change(ada, MediaChange(piece.id), files.picture("PNG", (10, 10)))
    assert changed.rendition is not None
    assert changed.preview_path != piece.preview_path
    assert changed.rendition.preview_size is not None
    assert changed.rendition.preview_size.width == 10
    await work(pieces, db, clock)
    assert len(kept(studio)) == 2


@needs_ffmpeg
async def test_a_video_is_processed_by_a_job(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    piece = await add(pieces, ada, files.film())
    assert (piece.kind, piece.state, piece.path) == (MediaKind.VIDEO, MediaState.WAITING, None)
    await work(pieces, db, clock)
    made = await pieces.one(ada, piece.id)
    assert (made.kind, made.state) == (MediaKind.VIDEO, MediaState.READY)
    assert [name[32:] for name in kept(studio)] == ["-small.jpg", ".mp4"]


@needs_ffmpeg
async def test_an_animated_gif_becomes_a_video_and_a_still_one_an_image(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock
) -> None:
    ada = make.viewer(db.cursor)
    moving, still = await add(pieces, ada, files.animation()), await add(pieces, ada, files.picture("GIF", mode="P"))
    assert (moving.kind, moving.state) == (MediaKind.GIFV, MediaState.WAITING)
    assert (still.kind, still.state) == (MediaKind.IMAGE, MediaState.READY)
    await work(pieces, db, clock)
    assert (await pieces.one(ada, moving.id)).state is MediaState.READY


@needs_ffmpeg
async def test_a_broken_video_fails_and_leaves_no_file(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    piece = await add(pieces, ada, BytesIO(files.film().getvalue()[:200]))
    await work(pieces, db, clock)
    assert (await pieces.one(ada, piece.id)).state is MediaState.FAILED
    clock.advance(hours=2)
    await work(pieces, db, clock)
    assert kept(studio) == []


async def test_videos_are_refused_without_ffmpeg(db: RolledBackDatabase, tmp_path: Path) -> None:
    pieces = Attachments(db, fakes.studio(tmp_path, films=False), lambda: make.NOW, fakes.no_pause)
    with pytest.raises(Invalid, match="content type is invalid"):
        await add(pieces, make.viewer(db.cursor), BytesIO(b"\0\0\0\x20ftypisom" + b"\0" * 100))
    assert (await add(pieces, make.viewer(db.cursor), files.animation())).kind is MediaKind.IMAGE


# --- faces


async def test_a_new_avatar_replaces_the_old_file(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada, pictures = make.viewer(db.cursor), ProfileImages(db, studio, clock)
    first = await pictures.set_avatar(ada, files.picture())
    second = await pictures.set_avatar(ada, files.picture("PNG"))
    await pictures.set_header(ada, files.picture())
    await work(pieces, db, clock)
    account = make.again(db.cursor, ada)
    assert first.avatar != second.avatar == account.avatar
    assert kept(studio) == sorted(str(path).removeprefix("/media/") for path in (account.avatar, account.header))
    assert (await pictures.remove_avatar(ada)).avatar is None


async def test_profile_images_are_deleted_with_the_account(
    pieces: Attachments, db: RolledBackDatabase, clock: WallClock, studio: DirectoryMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    await ProfileImages(db, studio, clock).set_avatar(ada, files.picture())
    account_deletion.begin_deletion(db.cursor, ada.id, clock())
    await work(pieces, db, clock)
    assert kept(studio) == []


@pytest.mark.parametrize("sent", [b"<svg/>", b"\xff\xd8\xff broken", b""])
async def test_an_avatar_must_be_an_image(db: RolledBackDatabase, studio: DirectoryMediaStore, sent: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        await ProfileImages(db, studio, lambda: make.NOW).set_avatar(make.viewer(db.cursor), BytesIO(sent))
    assert refused.value.codes == {"avatar": "ERR_INVALID"}


# --- first bytes


@pytest.mark.parametrize(
    ("file", "format"),
    [
        (files.picture("JPEG"), Format.JPEG),
        (files.picture("PNG"), Format.PNG),
        (files.picture("GIF", mode="P"), Format.GIF),
        (files.picture("WEBP"), Format.WEBP),
        (files.picture("AVIF"), Format.AVIF),
        (BytesIO(b"\x1a\x45\xdf\xa3webm"), Format.MATROSKA),
        (BytesIO(b"RIFF\0\0\0\0WAVEfmt "), Format.WAV),
        (BytesIO(b"RIFF\0\0\0\0AVI LIST"), None),
        (BytesIO(b"ID3\x04"), Format.MP3),
        (BytesIO(b"\xff\xfb\x90\0"), Format.MP3),
        (BytesIO(b"\xff\xf1\x50\x80"), Format.AAC),
        (BytesIO(b"\0\0\0\x18ftypheic"), None),
        (BytesIO(b"\xff"), None),
    ],
)
def test_a_file_type_is_detected_by_its_first_bytes(file: BytesIO, format: Format | None) -> None:
    assert detect_type(file) is format
    assert file.tell() == 0


def _gifs() -> Sequence[tuple[bytes, bool]]:
    moving = files.animation(2).getvalue()
    return [(moving, True), (files.picture("GIF", mode="P").getvalue(), False), (moving[:20], False), (b"GIF89a", False), (b"", False)]


@pytest.mark.parametrize(("data", "expected"), _gifs())
def test_a_gif_is_animated_if_it_has_more_than_one_frame(data: bytes, expected: bool) -> None:
    assert is_animated(BytesIO(data)) is expected


def test_the_limits_are_the_ones_that_the_api_states() -> None:
    assert (MAX_IMAGE_BYTES, MAX_VIDEO_BYTES) == (16_777_216, 103_809_024)
    assert MAX_MEDIA == 4
