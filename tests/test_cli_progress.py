"""Progress of commands that may take long: bars on a terminal, nothing elsewhere."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from microblog.application.backups import BackupPlace, back_up, restore
from microblog.cli.progress import progress
from microblog.config import load, secret_key
from microblog.storage.schema_check import prepare_database
from tests.acceptance.site_process import environment
from tests.test_cli import program

pytestmark = pytest.mark.acceptance


def on_terminal(*arguments: str, **settings: str) -> tuple[int, str, str]:
    """Run the program with a terminal as standard error; return exit code, standard output and what the terminal shows."""
    master, slave = pty.openpty()
    command = [str(Path(sys.executable).with_name("microblog")), *arguments]
    with subprocess.Popen(command, env=environment(**settings), stdout=subprocess.PIPE, stderr=slave, text=True) as process:
        os.close(slave)
        assert process.stdout is not None
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:  # Linux reports the end of a terminal as an error
            pass
        printed = process.stdout.read()
    os.close(master)
    return process.returncode, printed, shown.decode()


def test_a_backup_shows_its_steps_on_a_terminal_only(database_url: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    secret_key(data_dir)
    code, printed, shown = on_terminal("backup", str(tmp_path / "a.zip"), "--json", database_url=database_url, data_dir=str(data_dir))
    assert (code, json.loads(printed)["files"]) == (0, 1)
    assert [step for step in ("Tables", "Database", "Files") if step in shown] == ["Tables", "Database", "Files"]
    assert shown.count("100%") >= 3
    quiet = program(
        "backup", str(tmp_path / "b.zip"), environment={"MICROBLOG_DATABASE_URL": database_url, "MICROBLOG_DATA_DIR": str(data_dir)}
    )
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_each_step_is_reported_up_to_its_end(database_url: str, tmp_path: Path) -> None:
    secret_key(tmp_path / "var")
    steps: list[tuple[str, int, int]] = []
    settings, place = load({"MICROBLOG_DATA_DIR": str(tmp_path / "var")}), BackupPlace(tmp_path / "b.zip")
    back_up(database_url, settings, place, "2026-03-04", lambda *step: steps.append(step))
    assert list(dict.fromkeys(name for name, _, _ in steps)) == ["Tables", "Database", "Files"]
    assert {name: done == total for name, done, total in steps} == {"Tables": True, "Database": True, "Files": True}
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("drop schema public cascade; create schema public")
    connection.close()
    steps.clear()
    restore(database_url, tmp_path / "new", place, lambda *step: steps.append(step))
    assert list(dict.fromkeys(name for name, _, _ in steps)) == ["Checksums", "Files", "Database", "Tables"]
    assert all(done == total for name, done, total in {step[0]: step for step in steps}.values())


def test_migrations_are_counted(database_url: str) -> None:
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("drop schema public cascade; create schema public")
    connection.close()
    steps: list[tuple[str, int, int]] = []
    applied = prepare_database(database_url, report=lambda *step: steps.append(step))
    assert [done for _, done, _ in steps] == list(range(1, len(applied) + 1))
    assert {total for _, _, total in steps} == {len(applied)}


def test_nothing_is_shown_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as shown:
        shown.report("Files", 1, 2)
        shown.count("Files", 2)
    assert capsys.readouterr() == ("", "")
