"""Disk usage of media and deletion of files that nothing refers to, with real files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from microblog.domain.attachments import Attachments, MediaUpload
from microblog.domain.media_admin import MediaAdmin
from microblog.model.media import MediaKind
from microblog.model.media_usage import FileTotals
from microblog.storage import media_usage
from microblog.storage.database import Cursor
from tests import fakes, files, make
from tests.fakes import DiskMediaStore, RolledBackDatabase

UPLOADED = datetime.now(UTC)
UNUSED, UNUSED_COPY = "ab" + "0" * 30 + ".jpg", "rcd" + "0" * 30 + ".jpg"


@pytest.fixture
def store(tmp_path: Path) -> DiskMediaStore:
    return fakes.media_store(tmp_path)


def admin(db: RolledBackDatabase, store: DiskMediaStore, *, days: int = 0) -> MediaAdmin:
    """Return the commands as they are so many days after the uploads."""
    return MediaAdmin(db, store.files, lambda: UPLOADED + timedelta(days=days))


async def upload(db: RolledBackDatabase, store: DiskMediaStore, cursor: Cursor) -> None:
    file = files.image()
    attachments = Attachments(db, store, lambda: UPLOADED, fakes.no_sleep)
    await attachments.add(make.viewer(cursor), MediaUpload(file, len(file.getvalue())))


def write(store: DiskMediaStore, name: str, size: int) -> Path:
    with store.files.create(name) as file:
        file.write(b"x" * size)
    return store.files.path(name)


async def test_own_files_and_copies_are_counted_apart(db: RolledBackDatabase, store: DiskMediaStore, cursor: Cursor) -> None:
    empty = await admin(db, store).usage()
    assert (empty.attachments, empty.own, empty.copies) == ({}, FileTotals(), FileTotals())
    await upload(db, store, cursor)
    write(store, UNUSED_COPY, 1_000)
    found = await admin(db, store).usage()
    assert (found.attachments, found.unattached, found.own.files) == ({MediaKind.IMAGE: 1}, 1, 2)  # the image and its preview
    assert found.own.bytes == sum(path.stat().st_size for path in store.files.directory.rglob("*.*") if "remote" not in path.parts)
    assert found.copies == FileTotals(1, 1_000)
    assert media_usage.stored(cursor) is None
    await admin(db, store).count()
    assert media_usage.stored(cursor) == found.own
    write(store, UNUSED, 10)
    await admin(db, store).count()
    assert media_usage.stored(cursor) == FileTotals(found.own.files + 1, found.own.bytes + 10)


async def test_only_old_files_that_nothing_refers_to_are_deleted(db: RolledBackDatabase, store: DiskMediaStore, cursor: Cursor) -> None:
    await upload(db, store, cursor)
    unused, copy = write(store, UNUSED, 500), write(store, UNUSED_COPY, 500)
    assert await admin(db, store).prune_files() == FileTotals()  # too young: its row may be about to be committed
    assert await admin(db, store, days=2).prune_files(only_count=True) == FileTotals(1, 500)
    assert unused.exists()
    assert await admin(db, store, days=2).prune_files() == FileTotals(1, 500)
    assert (unused.exists(), copy.exists()) == (False, True)
    assert (await admin(db, store).usage()).own.files == 2


async def test_uploads_that_no_post_used_for_a_day_are_deleted(db: RolledBackDatabase, store: DiskMediaStore, cursor: Cursor) -> None:
    await upload(db, store, cursor)
    await admin(db, store).prune_uploads()
    assert (await admin(db, store).usage()).unattached == 1
    later = admin(db, store, days=2)
    await later.prune_uploads()
    assert (await later.prune_files()).files == 2
    assert [path for path in store.files.directory.rglob("*") if path.is_file()] == []


async def test_progress_is_reported_for_each_directory(db: RolledBackDatabase, store: DiskMediaStore) -> None:
    write(store, UNUSED, 1)
    write(store, UNUSED_COPY, 1)
    totals: list[int] = []
    await MediaAdmin(db, store.files, lambda: UPLOADED, totals.append).usage()
    assert totals == [2, 2]
