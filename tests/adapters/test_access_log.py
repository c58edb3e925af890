"""Tests of the access log: several processes append whole lines to one file, which may be renamed at any time."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from microblog.adapters.access_log import AccessLog

WRITERS, BATCHES, LINES = 4, 150, 20

# Appends batches of lines; each has the number of its writer, and is long enough to be torn.
WRITER = f"""
import sys
from pathlib import Path
from microblog.adapters.access_log import AccessLog
log = AccessLog(Path(sys.argv[2]), length=int(sys.argv[3]), older_files=1000)
log.start()
print("ready", flush=True)
sys.stdin.readline()
for batch in range({BATCHES}):
    log.write("".join(f"{{sys.argv[1]}} {{batch}} {{line}} {{'x' * (line * 37 % 400)}} end\\n" for line in range({LINES})))
log.stop()
"""
LINE = re.compile(r"(\d+ \d+ \d+) x* end")


def read_line_ids(directory: Path) -> list[str]:
    """Return the id of each line in all files; fail on an incomplete line."""
    lines = [line for path in directory.iterdir() for line in path.read_text("utf-8").split("\n")[:-1]]
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), next(line for line, match in zip(lines, found, strict=True) if not match)
    return [match[1] for match in found if match]


@pytest.mark.parametrize("length", [10**9, 50_000], ids=["one file", "new files all the time"])
def test_no_line_of_several_processes_is_lost_or_torn(tmp_path: Path, length: int) -> None:
    path = tmp_path / "access.log"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(number), str(path), str(length)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    moved = 0
    while any(writer.poll() is None for writer in writers):
        if path.exists() and path.stat().st_size:  # as logrotate does, without a signal
            os.rename(path, tmp_path / f"moved.{moved}")
            moved += 1
    for writer in writers:
        assert writer.wait(60) == 0
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.close()
        writer.stdout.close()
    expected = [f"{number} {batch} {line}" for number in range(WRITERS) for batch in range(BATCHES) for line in range(LINES)]
    assert sorted(read_line_ids(tmp_path)) == sorted(expected)


def test_a_long_file_gets_a_number_and_the_oldest_goes(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.log", length=100, older_files=2)
    log.start()
    for number in range(5):
        log.write(f"{number} " + "x" * 100 + "\n")
    log.stop()
    assert {path.name: path.read_text().split()[0] for path in tmp_path.iterdir()} == {
        "access.log": "4",
        "access.log.1": "3",
        "access.log.2": "2",
    }


def test_a_process_that_hangs_during_rotation_blocks_no_other(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.log", length=10)
    log.start()
    log.write("x" * 20 + "\n")
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    log.write("still written\n")
    os.close(other)
    log.stop()
    assert (tmp_path / "access.log").read_text().endswith("x\nstill written\n")


def test_a_line_after_a_truncated_one_starts_on_a_new_line(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("whole\ncut o")
    log = AccessLog(tmp_path / "access.log")
    log.start()
    log.write("next\n")
    log.write("last\n")
    log.stop()
    assert (tmp_path / "access.log").read_text() == "whole\ncut o\nnext\nlast\n"


def test_the_log_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    log = AccessLog.below(tmp_path)
    log.start()
    log.stop()
    assert (tmp_path / "log" / "access.log").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
