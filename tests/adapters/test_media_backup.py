"""Tests of the directory with the media of several backups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from microblog.adapters.backup_archive import BackupError
from microblog.adapters.media_backup import BucketSource, DirectorySource, MediaBackup, MediaSource
from tests.s3_server import run_s3_server


def write(directory: Path, path: str, content: bytes) -> Path:
    file = directory / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def objects(backup: MediaBackup) -> list[Path]:
    return sorted(path for path in (backup.directory / "objects").rglob("*") if path.is_file())


def contents(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_media_in_the_directory_and_in_a_bucket_are_backed_up_together_without_copies(tmp_path: Path) -> None:
    media, backup = tmp_path / "media", MediaBackup(tmp_path / "backup")
    write(media, "ab/ab.jpg", b"here")
    write(media, "remote/cd/rcd.jpg", b"a copy")
    with run_s3_server(tmp_path) as s3:
        for key, content in (("ab/ab.jpg", b"here"), ("ef/ef.jpg", b"there"), ("remote/gh/rgh.jpg", b"a copy")):
            s3.client.put_object(Bucket="site-media", Key=key, Body=content)
        sources: list[MediaSource] = [DirectorySource(media), BucketSource(s3.bucket())]
        found = backup.add(sources)
        inodes = [path.stat().st_ino for path in objects(backup)]
        assert (backup.add(sources), [path.stat().st_ino for path in objects(backup)]) == (found, inodes)
    backup.check(found)
    backup.restore(found, tmp_path / "restored")
    assert contents(tmp_path / "restored") == {"ab/ab.jpg": b"here", "ef/ef.jpg": b"there"}


def test_what_no_backup_of_some_time_needed_is_the_only_old_object(tmp_path: Path) -> None:
    media, backup = tmp_path / "media", MediaBackup(tmp_path / "backup")
    deleted = write(media, "ab/ab.jpg", b"deleted soon")
    write(media, "cd/cd.jpg", b"kept")
    first = backup.add([DirectorySource(media)])
    for path in objects(backup):
        os.utime(path, (0, 0))
    deleted.unlink()
    second = backup.add([DirectorySource(media)])
    old = [path for path in objects(backup) if path.stat().st_mtime == 0]
    assert [path.name for path in old] == [first["ab/ab.jpg"][1]]
    assert second.keys() == {"cd/cd.jpg"}


def test_a_file_that_changed_under_its_name_is_another_object_so_that_earlier_backups_stay_whole(tmp_path: Path) -> None:
    media, backup = tmp_path / "media", MediaBackup(tmp_path / "backup")
    write(media, "ab/ab.jpg", b"half")
    first = backup.add([DirectorySource(media)])
    write(media, "ab/ab.jpg", b"half and half")
    second = backup.add([DirectorySource(media)])
    backup.check(first)
    backup.check(second)
    assert len(objects(backup)) == 2


def test_without_its_index_files_are_read_again_and_not_copied_again(tmp_path: Path) -> None:
    media, backup = tmp_path / "media", MediaBackup(tmp_path / "backup")
    write(media, "ab/ab.jpg", b"content")
    found = backup.add([DirectorySource(media)])
    [before] = [path.stat().st_ino for path in objects(backup)]
    (backup.directory / "index.json").write_text("{")
    assert backup.add([DirectorySource(media)]) == found
    assert [path.stat().st_ino for path in objects(backup)] == [before]


def test_a_path_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    backup = MediaBackup(tmp_path / "backup")
    with pytest.raises(BackupError, match=r"^The backup contains an unexpected file: ../escaped$"):
        backup.restore({"../escaped": [1, "0" * 64]}, tmp_path / "restored")


def test_two_backups_do_not_write_at_the_same_time(tmp_path: Path) -> None:
    backup = MediaBackup(tmp_path / "backup")
    with backup._locked(), pytest.raises(BackupError, match="Another backup writes to"):
        backup.add([DirectorySource(tmp_path)])
