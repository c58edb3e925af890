"""Measurement of the space on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from microblog.adapters.disk_space import DiskSpace


async def test_the_free_space_is_measured(tmp_path: Path) -> None:
    free = await DiskSpace(tmp_path, reactor).free()
    assert 0 < free <= shutil.disk_usage(tmp_path).total


async def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await DiskSpace(tmp_path / "gone", reactor).free()


async def test_a_disk_that_hangs_holds_one_thread_and_works_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, responds, usage = DiskSpace(tmp_path, reactor), Event(), shutil.disk_usage

    def hanging(path: Path) -> object:
        responds.wait(30)
        return usage(path)

    monkeypatch.setattr("shutil.disk_usage", hanging)
    first = Deferred.fromCoroutine(disk.free())
    for _ in range(3):
        with pytest.raises(OSError, match="does not respond"):
            await disk.free()
    responds.set()
    assert await first > 0
    assert await disk.free() > 0
