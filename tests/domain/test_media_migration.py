"""Tests of moving media files between the directory and a bucket of a real S3 server, and of finding missing ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from microblog.adapters.file_directory import DirectoryFileStore, place_of
from microblog.adapters.file_transfer import DownloadTransfer, UploadTransfer
from microblog.adapters.s3_bucket import BucketError
from microblog.domain.attachments import Attachments, MediaUpload
from microblog.domain.media_migration import MediaMigration, Transfer
from microblog.domain.media_verification import MediaVerification, VerifiedFiles
from microblog.domain.profile_images import ProfileImages
from microblog.model.media_usage import FileTotals
from tests import fakes, files, make
from tests.fakes import RolledBackDatabase, run_inline
from tests.s3_server import BUCKET, S3Server, run_s3_server

NAMES = ("aa1.jpg", "aa1-small.jpg", "bb2.mp4", "rcc3.png")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def server(running: S3Server) -> S3Server:
    running.empty()
    return running


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryFileStore:
    return DirectoryFileStore(tmp_path / "media", run_inline)


def write(directory: DirectoryFileStore, name: str, content: bytes) -> Path:
    path = directory.working_path(name)
    path.write_bytes(content)
    day = datetime.now(UTC) - timedelta(days=1)
    os.utime(path, (day.timestamp(), day.timestamp()))
    return path


def contents(directory: DirectoryFileStore) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.directory.rglob("*")) if path.is_file()}


def migration(transfer: Transfer, *, removes: bool = False, dry_run: bool = False) -> MediaMigration:
    least_age = HOUR if isinstance(transfer, UploadTransfer) else timedelta(0)
    return MediaMigration(transfer, least_age, lambda: datetime.now(UTC), removes=removes, dry_run=dry_run)


async def test_all_files_go_to_the_bucket_and_come_back_the_same(server: S3Server, directory: DirectoryFileStore, tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        write(directory, name, bytes([number]) * 1_000)
    before = contents(directory)
    upload = UploadTransfer(directory, server.bucket(), run_inline)
    assert (await migration(upload, dry_run=True).run()).copied == FileTotals(4, 4_000)
    assert server.keys == []
    moved = await migration(upload).run()
    assert (moved.copied, moved.present) == (FileTotals(4, 4_000), FileTotals())
    assert sorted(server.keys) == sorted(map(place_of, NAMES))
    assert contents(directory) == before, "nothing is deleted without being asked"

    back = DirectoryFileStore(tmp_path / "back", run_inline)
    download = DownloadTransfer(back, server.bucket(), run_inline)
    assert (await migration(download).run()).copied == FileTotals(4, 4_000)
    assert contents(back) == before
    assert (await migration(download).run()).present == FileTotals(4, 4_000)


async def test_an_interrupted_migration_goes_on_with_what_is_left(server: S3Server, directory: DirectoryFileStore) -> None:
    for name in NAMES:
        write(directory, name, b"x")
    upload = UploadTransfer(directory, server.bucket(), run_inline)
    await upload.copy(NAMES[0], dry_run=False)
    moved = await migration(upload, removes=True).run()
    assert (moved.copied.files, moved.present.files, moved.removed.files) == (3, 1, 4)
    assert contents(directory) == {}
    assert sorted(server.keys) == sorted(map(place_of, NAMES))


async def test_a_file_that_differs_is_copied_again(server: S3Server, directory: DirectoryFileStore) -> None:
    write(directory, NAMES[0], b"right")
    server.bucket().put(place_of(NAMES[0]), BytesIO(b"wrong"), "image/jpeg", "")
    assert (await migration(UploadTransfer(directory, server.bucket(), run_inline)).run()).copied.files == 1
    assert server.client.get_object(Bucket=BUCKET, Key=place_of(NAMES[0]))["Body"].read() == b"right"


async def test_files_that_may_still_be_made_are_left_for_the_next_time(server: S3Server, directory: DirectoryFileStore) -> None:
    directory.working_path("aa1.jpg").write_bytes(b"half")
    moved = await migration(UploadTransfer(directory, server.bucket(), run_inline), removes=True).run()
    assert (moved.young, moved.copied, moved.removed) == (FileTotals(1, 4), FileTotals(), FileTotals())
    assert (server.keys, list(contents(directory))) == ([], ["aa1.jpg"])


async def test_an_object_that_was_damaged_does_not_become_a_file(server: S3Server, directory: DirectoryFileStore) -> None:
    server.client.put_object(Bucket=BUCKET, Key="aa/aa1.jpg", Body=b"damaged", Metadata={"sha256": "0" * 64})
    with pytest.raises(BucketError, match=r"aa1.jpg has changed, or is not what was stored.$"):
        await migration(DownloadTransfer(directory, server.bucket(), run_inline), removes=True).run()
    assert (server.keys, contents(directory)) == (["aa/aa1.jpg"], {})


async def test_missing_files_are_named(db: RolledBackDatabase, tmp_path: Path) -> None:
    store, ada = fakes.media_store(tmp_path), make.viewer(db.cursor)
    picture = files.image()
    added = await Attachments(db, store, lambda: make.NOW, fakes.no_sleep).add(ada, MediaUpload(picture, len(picture.getvalue())))
    account = await ProfileImages(db, store, lambda: make.NOW).set_avatar(ada, files.image())
    verification = MediaVerification(db, store.files)
    assert await verification.run() == VerifiedFiles(3, ())
    assert added.rendition is not None
    assert added.rendition.preview is not None
    lost = sorted([str(account.avatar).removeprefix("/media/"), added.rendition.preview])
    await store.files.delete([lost[0]])
    store.files.path(lost[1]).write_bytes(b"")
    assert await verification.run() == VerifiedFiles(3, tuple(lost))
