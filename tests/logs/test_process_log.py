"""Tests of the log of a process: output, level, format, reopening."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import Logger, LogPublisher

from microblog.logs.format import LogFormat
from microblog.logs.process_log import LEVELS, ProcessLog


def logger(log: ProcessLog) -> Logger:
    return Logger("microblog.example", observer=LogPublisher(log))


@pytest.mark.parametrize("least", LEVELS)
def test_events_below_the_level_are_not_logged(least: str) -> None:
    output = io.StringIO()
    log = ProcessLog(output)
    log.apply(least, LogFormat.JSON)
    for level in LEVELS:
        getattr(logger(log), level)("A sentence")
    assert [json.loads(line)["level"] for line in output.getvalue().splitlines()] == list(LEVELS[LEVELS.index(least) :])


def test_the_format_and_level_can_change_at_any_time() -> None:
    output = io.StringIO()
    log = ProcessLog(output)
    log.apply("error", LogFormat.TEXT)
    logger(log).info("first")
    log.apply("info", LogFormat.JSON)
    logger(log).info("second")
    assert json.loads(output.getvalue())["message"] == "second"


def test_a_renamed_file_is_left_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "twistd.log"
    log = ProcessLog.of_twistd({"logfile": str(path)})
    logger(log).info("before")
    path.rename(tmp_path / "old")
    log.reopen()
    logger(log).info("after")
    assert "before" in (tmp_path / "old").read_text()
    assert path.read_text().endswith("#info] after\n")
    assert log.file is not None
    log.file.close()


@pytest.mark.parametrize("options", [{"nodaemon": True}, {"nodaemon": True, "logfile": "-"}])
def test_without_a_file_the_log_goes_to_standard_output(options: dict[str, Any]) -> None:
    log = ProcessLog.of_twistd(options)
    assert (log.output, log.file) == (sys.stdout, None)
    log.reopen()


def test_a_daemon_logs_to_a_file_in_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = ProcessLog.of_twistd({})
    assert (tmp_path / "twistd.log").exists()
    assert log.file is not None
    log.file.close()
