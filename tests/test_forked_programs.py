"""Tests of programs that are started by a fork: each start is like one of the program's script."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.acceptance.site_process import environment
from tests.forked_programs import MICROBLOG, TOOT, TWISTD, ForkedProcess, run_forked


def test_each_start_has_its_own_arguments_environment_and_output(tmp_path: Path) -> None:
    for name in ("Ours", "Other"):
        shown = run_forked(MICROBLOG, ["microblog", "config"], environment=environment(site_name=name, data_dir=str(tmp_path)))
        assert (shown.returncode, shown.stderr) == (0, "")
        assert [line.split()[:2] for line in shown.stdout.splitlines() if "MICROBLOG_SITE_NAME" in line] == [["MICROBLOG_SITE_NAME", name]]
    wrong = run_forked(MICROBLOG, ["microblog", "confg"], environment=environment())
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("Usage: microblog ")


def test_every_program_starts() -> None:
    for program, name in ((MICROBLOG, "microblog"), (TOOT, "toot"), (TWISTD, "twistd")):
        assert run_forked(program, [name, "--help"], environment=environment()).stdout.startswith(f"Usage: {name}")


def test_a_process_can_be_killed(tmp_path: Path) -> None:
    output = tmp_path / "output"
    os.mkfifo(tmp_path / "input")
    keyboard = os.open(tmp_path / "input", os.O_RDWR)
    command = ["microblog", "user", "create", "ada", "ada@example.org"]
    process = ForkedProcess.start(
        MICROBLOG, command, environment=environment(data_dir=str(tmp_path)), stdin=str(tmp_path / "input"), stdout=output, stderr=output
    )
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert process.poll() == -signal.SIGKILL
    os.close(keyboard)
