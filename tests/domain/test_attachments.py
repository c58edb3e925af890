"""Media attachments from upload to deletion; no unused file is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from attrs import evolve

from microblog.adapters.file_directory import DirectoryFileStore
from microblog.adapters.media_processing import MediaProcessor
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
from tests.fakes import DiskMediaStore, RolledBackDatabase, WallClock, disk_of

LATER = timedelta(hours=25)


@pytest.fixture
def media_store(tmp_path: Path) -> DiskMediaStore:
    return fakes.media_store(tmp_path)


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def attachments_service(db: RolledBackDatabase, media_store: DiskMediaStore, clock: WallClock) -> Attachments:
    return Attachments(db, media_store, clock, fakes.no_sleep)


@pytest.fixture
def posts(db: RolledBackDatabase, clock: WallClock) -> Posts:
    return evolve(make.post_service(db), now=clock)


async def add(attachments_service: Attachments, viewer: Viewer, file: BytesIO | None = None, **given: object) -> Media:
    file = file or files.image()
    return await attachments_service.add(viewer, MediaUpload(file, len(file.getvalue()), **given))  # type: ignore[arg-type]  # fields of Given


async def run_due_jobs(attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock) -> None:
    """Run all due jobs."""
    while due := jobs.claim(
        db.cursor, kinds=["media.delete_unused", "media.convert"], worker="w", lease_until=clock() + LATER, now=clock(), limit=10
    ):
        for job in due:
            await post_jobs.media_tasks(attachments_service)[job.kind](job)
            jobs.finish(db.cursor, job, worker="w", now=clock())


async def clean_up_a_day_later(attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock) -> None:
    """Run the cleanup a day later, and the jobs that it adds."""
    clock.advance(hours=25)
    await db.run(attachments.delete_unattached, before=clock() - UNATTACHED_LIFETIME, limit=500)
    await run_due_jobs(attachments_service, db, clock)


def stored_files(media_store: DiskMediaStore) -> list[str]:
    return sorted(path.name for path in media_store.files.directory.rglob("*") if path.is_file())


async def test_an_image_is_ready_at_once(attachments_service: Attachments, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    created = await add(attachments_service, ada, description="  A flag ", focus=Focus(0.5, -1.0))
    assert (created.kind, created.state, created.description, created.focus) == (
        MediaKind.IMAGE,
        MediaState.READY,
        "A flag",
        Focus(0.5, -1.0),
    )
    assert created.path is not None
    assert created.preview_path is not None
    with disk_of(attachments_service.media_store).path(created.path.removeprefix("/media/")).open("rb") as file:
        assert detect_type(file) is Format.JPEG


async def test_addresses_cannot_be_guessed(attachments_service: Attachments, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    paths = [(await add(attachments_service, ada)).path or "" for _ in range(3)]
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
    attachments_service: Attachments, cursor: Cursor, media_store: DiskMediaStore, sent: bytes
) -> None:
    with pytest.raises(Invalid, match="File content type is invalid, File is invalid"):
        await add(attachments_service, make.viewer(cursor), BytesIO(sent))
    assert stored_files(media_store) == []


async def test_an_undecodable_file_is_refused_and_leaves_nothing(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    with pytest.raises(Invalid, match="could not be verified"):
        await add(attachments_service, make.viewer(db.cursor), BytesIO(b"\xff\xd8\xff" + b"<script>" * 100))
    await run_due_jobs(attachments_service, db, clock)
    assert stored_files(media_store) == []
    db.cursor.execute("select count(*) from media")
    assert db.cursor.fetchone() == (0,)


@pytest.mark.parametrize(("prefix", "max_bytes"), [(b"\xff\xd8\xff", MAX_IMAGE_BYTES), (b"OggS", MAX_VIDEO_BYTES)])
async def test_a_file_over_the_size_limit_is_refused(
    attachments_service: Attachments, cursor: Cursor, prefix: bytes, max_bytes: int
) -> None:
    with pytest.raises(Invalid, match="File size must be less than"):
        await attachments_service.add(make.viewer(cursor), MediaUpload(BytesIO(prefix + b"x" * 100), max_bytes + 1))


async def test_a_description_that_is_too_long_is_refused_and_not_cut(attachments_service: Attachments, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    assert len((await add(attachments_service, ada, description="x" * 1500)).description) == 1500
    with pytest.raises(Invalid, match="Description is too long"):
        await add(attachments_service, ada, description="x" * 1501)


async def test_a_post_shows_its_media_in_the_order_that_it_names(attachments_service: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    one, two, three = [(await add(attachments_service, ada)).id for _ in range(3)]
    post = await posts.publish(ada, PostDraft("Look", media=(three, one, two)))
    assert [item.id for item in post.media] == [three, one, two]
    assert all(item.attached for item in post.media)


async def test_a_post_may_have_an_image_and_no_text(attachments_service: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    silent = await posts.publish(ada, PostDraft("", media=((await add(attachments_service, ada)).id,)))
    assert (silent.text, silent.html) == ("", "")
    assert (await posts.publish(ada, PostDraft("", spoiler="Eyes", media=((await add(attachments_service, ada)).id,)))).text == "🖼"


async def test_media_of_others_and_attached_media_cannot_be_attached(
    attachments_service: Attachments, posts: Posts, cursor: Cursor
) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    mine = (await add(attachments_service, ada)).id
    for viewer, ids in [(bob, (mine,)), (ada, (mine, MediaId(123)))]:
        with pytest.raises(Invalid, match=f"^Media {ids[-1]} not found or already attached to another post$"):
            await posts.publish(viewer, PostDraft("Mine", media=ids))
    await posts.publish(ada, PostDraft("First", media=(mine,)))
    with pytest.raises(Invalid, match="already attached"):
        await posts.publish(ada, PostDraft("Second", media=(mine,)))


async def test_a_post_has_four_media_at_most(attachments_service: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    ids = tuple([(await add(attachments_service, ada)).id for _ in range(5)])
    with pytest.raises(Invalid, match=r"^Cannot attach more than 4 files$"):
        await posts.publish(ada, PostDraft("Five", media=ids))
    assert len((await posts.publish(ada, PostDraft("Four", media=ids[:4]))).media) == 4


async def test_media_that_are_still_processed_cannot_be_attached(attachments_service: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    waiting = media.insert(cursor, account=ada.id, kind=MediaKind.VIDEO, description="", focus=None, now=make.NOW)
    with pytest.raises(Invalid, match="have not finished processing"):
        await posts.publish(ada, PostDraft("Soon", media=(waiting,)))


async def test_a_video_must_be_the_only_attachment(attachments_service: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    image, film = await add(attachments_service, ada), await add(attachments_service, ada)
    execute(cursor, "update media set kind = 'video' where id = %(id)s", {"id": film.id})
    with pytest.raises(Invalid, match=r"^Cannot attach a video to a post that already contains images$"):
        await posts.publish(ada, PostDraft("Both", media=(image.id, film.id)))


async def test_an_edit_changes_media_their_order_and_descriptions(attachments_service: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    one, two, three = [(await add(attachments_service, ada, description=f"Number {n}")).id for n in range(3)]
    post = await posts.publish(ada, PostDraft("Look", media=(one, two)))
    unchanged = await posts.edit(ada, post.id, PostDraft("Look", media=(one, two)))
    assert unchanged.edited_at is None
    edited = await posts.edit(ada, post.id, PostDraft("Look", media=(three, one), changes=(MediaChange(one, "Zero"),)))
    assert [(item.id, item.description) for item in edited.media] == [(three, "Number 2"), (one, "Zero")]
    assert edited.edited_at is not None
    assert edited.version != post.version
    _, [first, now] = await posts.history(None, post.id)
    assert [(item.id, item.description) for item in first.media] == [(one, "Number 0"), (two, "Number 1")]
    assert [(item.id, item.description) for item in now.media] == [(three, "Number 2"), (one, "Zero")]
    with pytest.raises(Invalid, match="already attached"):
        await posts.publish(ada, PostDraft("Again", media=(two,)))


async def test_media_of_a_deleted_post_can_be_reused_for_a_day(
    attachments_service: Attachments,
    posts: Posts,
    db: RolledBackDatabase,
    clock: WallClock,
    media_store: DiskMediaStore,
) -> None:
    ada = make.viewer(db.cursor)
    item = await add(attachments_service, ada)
    first = await posts.publish(ada, PostDraft("Almost", media=(item.id,)))
    await posts.delete(ada, first.id)
    again = await posts.publish(ada, PostDraft("Right", media=(item.id,)))
    await clean_up_a_day_later(attachments_service, db, clock)
    assert len(stored_files(media_store)) == 2
    await posts.delete(ada, again.id)
    await clean_up_a_day_later(attachments_service, db, clock)
    assert stored_files(media_store) == []


async def test_media_are_deleted_with_the_post_on_request(
    attachments_service: Attachments,
    posts: Posts,
    db: RolledBackDatabase,
    clock: WallClock,
    media_store: DiskMediaStore,
) -> None:
    ada = make.viewer(db.cursor)
    post = await posts.publish(ada, PostDraft("Gone", media=((await add(attachments_service, ada)).id,)))
    await posts.delete(ada, post.id, media=True)
    await run_due_jobs(attachments_service, db, clock)
    assert stored_files(media_store) == []


async def test_unattached_media_are_deleted_after_a_day_and_not_before(
    attachments_service: Attachments,
    posts: Posts,
    db: RolledBackDatabase,
    clock: WallClock,
    media_store: DiskMediaStore,
) -> None:
    ada = make.viewer(db.cursor)
    await posts.publish(ada, PostDraft("Kept", media=((await add(attachments_service, ada)).id,)))
    loose = await add(attachments_service, ada)
    clock.advance(hours=23)
    await db.run(attachments.delete_unattached, before=clock() - UNATTACHED_LIFETIME, limit=500)
    await run_due_jobs(attachments_service, db, clock)
    assert len(stored_files(media_store)) == 4
    await clean_up_a_day_later(attachments_service, db, clock)
    assert len(stored_files(media_store)) == 2
    with pytest.raises(NotFound):
        await attachments_service.one(ada, loose.id)


async def test_files_left_by_a_crash_are_deleted(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    ada = make.viewer(db.cursor)

    class SimulatedCrash(Exception):
        pass

    class DyingDatabase(MediaProcessor[DirectoryFileStore]):
        async def cropped(self, *arguments: object) -> str:
            await self.files.store(BytesIO(b"half"), f"{arguments[2]}.jpg")
            raise SimulatedCrash

    dying = DyingDatabase(media_store.files, media_store.run, media_store.in_thread)
    with pytest.raises(SimulatedCrash):
        await ProfileImages(db, dying, clock).set_avatar(ada, files.image())
    assert len(stored_files(media_store)) == 1
    clock.advance(hours=2)
    await run_due_jobs(attachments_service, db, clock)
    assert stored_files(media_store) == []


async def test_only_the_owner_can_change_or_delete_unattached_media(attachments_service: Attachments, posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    item = await add(attachments_service, ada)
    changed = await attachments_service.change(ada, MediaChange(item.id, "Now with words", Focus(0, 1)))
    assert (changed.description, changed.focus) == ("Now with words", Focus(0, 1))
    assert (await attachments_service.change(ada, MediaChange(item.id))).description == "Now with words"
    for refused in (
        attachments_service.one(bob, item.id),
        attachments_service.change(bob, MediaChange(item.id, "Mine")),
        attachments_service.delete(bob, item.id),
    ):
        with pytest.raises(NotFound):
            await refused
    await posts.publish(ada, PostDraft("Taken", media=(item.id,)))
    with pytest.raises(NotFound):
        await attachments_service.change(ada, MediaChange(item.id, "Too late"))
    with pytest.raises(Invalid, match=r"^Media attachment is currently used by a status$"):
        await attachments_service.delete(ada, item.id)


async def test_deleting_an_attachment_deletes_its_files(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    await attachments_service.delete(ada, (await add(attachments_service, ada)).id)
    await run_due_jobs(attachments_service, db, clock)
    assert stored_files(media_store) == []


async def test_a_thumbnail_can_be_replaced(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    item = await add(attachments_service, ada)
    changed = await attachments_service.change(ada, MediaChange(item.id), files.image("PNG", (10, 10)))
    assert changed.rendition is not None
    assert changed.preview_path != item.preview_path
    assert changed.rendition.preview_size is not None
    assert changed.rendition.preview_size.width == 10
    await run_due_jobs(attachments_service, db, clock)
    assert len(stored_files(media_store)) == 2


@needs_ffmpeg
async def test_a_video_is_processed_by_a_job(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    item = await add(attachments_service, ada, files.video())
    assert (item.kind, item.state, item.path) == (MediaKind.VIDEO, MediaState.WAITING, None)
    await run_due_jobs(attachments_service, db, clock)
    created = await attachments_service.one(ada, item.id)
    assert (created.kind, created.state) == (MediaKind.VIDEO, MediaState.READY)
    assert [name[32:] for name in stored_files(media_store)] == ["-small.jpg", ".mp4"]


@needs_ffmpeg
async def test_an_animated_gif_becomes_a_video_and_a_still_one_an_image(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock
) -> None:
    ada = make.viewer(db.cursor)
    moving, still = (
        await add(attachments_service, ada, files.animation()),
        await add(attachments_service, ada, files.image("GIF", mode="P")),
    )
    assert (moving.kind, moving.state) == (MediaKind.GIFV, MediaState.WAITING)
    assert (still.kind, still.state) == (MediaKind.IMAGE, MediaState.READY)
    await run_due_jobs(attachments_service, db, clock)
    assert (await attachments_service.one(ada, moving.id)).state is MediaState.READY


@needs_ffmpeg
async def test_a_broken_video_fails_and_leaves_no_file(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    item = await add(attachments_service, ada, BytesIO(files.video().getvalue()[:200]))
    await run_due_jobs(attachments_service, db, clock)
    assert (await attachments_service.one(ada, item.id)).state is MediaState.FAILED
    clock.advance(hours=2)
    await run_due_jobs(attachments_service, db, clock)
    assert stored_files(media_store) == []


async def test_videos_are_refused_without_ffmpeg(db: RolledBackDatabase, tmp_path: Path) -> None:
    attachments_service = Attachments(db, fakes.media_store(tmp_path, films=False), lambda: make.NOW, fakes.no_sleep)
    with pytest.raises(Invalid, match="content type is invalid"):
        await add(attachments_service, make.viewer(db.cursor), BytesIO(b"\0\0\0\x20ftypisom" + b"\0" * 100))
    assert (await add(attachments_service, make.viewer(db.cursor), files.animation())).kind is MediaKind.IMAGE


# --- profile images


async def test_a_new_avatar_replaces_the_old_file(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    ada, pictures = make.viewer(db.cursor), ProfileImages(db, media_store, clock)
    first = await pictures.set_avatar(ada, files.image())
    second = await pictures.set_avatar(ada, files.image("PNG"))
    await pictures.set_header(ada, files.image())
    await run_due_jobs(attachments_service, db, clock)
    account = make.reload(db.cursor, ada)
    assert first.avatar != second.avatar == account.avatar
    assert stored_files(media_store) == sorted(str(path).removeprefix("/media/") for path in (account.avatar, account.header))
    assert (await pictures.remove_avatar(ada)).avatar is None


async def test_profile_images_are_deleted_with_the_account(
    attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock, media_store: DiskMediaStore
) -> None:
    ada = make.viewer(db.cursor)
    await ProfileImages(db, media_store, clock).set_avatar(ada, files.image())
    account_deletion.begin_deletion(db.cursor, ada.id, clock())
    await run_due_jobs(attachments_service, db, clock)
    assert stored_files(media_store) == []


@pytest.mark.parametrize("sent", [b"<svg/>", b"\xff\xd8\xff broken", b""])
async def test_an_avatar_must_be_an_image(db: RolledBackDatabase, media_store: DiskMediaStore, sent: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        await ProfileImages(db, media_store, lambda: make.NOW).set_avatar(make.viewer(db.cursor), BytesIO(sent))
    assert refused.value.codes == {"avatar": "ERR_INVALID"}


# --- first bytes


@pytest.mark.parametrize(
    ("file", "format"),
    [
        (files.image("JPEG"), Format.JPEG),
        (files.image("PNG"), Format.PNG),
        (files.image("GIF", mode="P"), Format.GIF),
        (files.image("WEBP"), Format.WEBP),
        (files.image("AVIF"), Format.AVIF),
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
    return [(moving, True), (files.image("GIF", mode="P").getvalue(), False), (moving[:20], False), (b"GIF89a", False), (b"", False)]


@pytest.mark.parametrize(("data", "expected"), _gifs())
def test_a_gif_is_animated_if_it_has_more_than_one_frame(data: bytes, expected: bool) -> None:
    assert is_animated(BytesIO(data)) is expected


def test_the_limits_are_the_ones_that_the_api_states() -> None:
    assert (MAX_IMAGE_BYTES, MAX_VIDEO_BYTES) == (16_777_216, 103_809_024)
    assert MAX_MEDIA == 4
