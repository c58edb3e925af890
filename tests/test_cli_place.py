"""The site that a command works on: only the server and `restore` create one. Checked for all commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import psycopg2
import pytest

from microblog.adapters.postgres_files import DATABASE, dsn
from microblog.cli import main
from microblog.config import secret_key
from tests.acceptance.site_process import SiteProcess, environment, site_process
from tests.forked_programs import MICROBLOG, run_forked
from tests.servers import run_postgres

pytestmark = pytest.mark.acceptance

# Work without any site: they tell of the program or the settings, or make a site (verify one that it throws away).
WITHOUT_A_SITE = {"version", "completion", "config", "restore", "verify"}

# The arguments of commands that need some; no password is read before it is known whether there is a site to use it on.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "address": ("a@example.org",),
    "email": ("a@example.org",),
    "id": ("1",),
    "ids": ("1",),
    "post": ("1",),
    "role": ("admin",),
    "target": ("b.zip",),
    "username": ("ada",),
}


def leaves(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Return the minimal arguments of every command that does something."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, *path, name)
        return
    needed = [one for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option) and one.required]
    given = [text for one in options for text in (one.opts[0], one.type.choices[-1] if isinstance(one.type, click.Choice) else "1")]
    yes = ["--yes"] if any("--yes" in one.opts for one in command.params) else []
    yield (*path, *(text for one in needed for text in ARGUMENTS.get(str(one.name), ("something",))), *given, *yes)


COMMANDS = [command for command in leaves(main) if command[0] not in WITHOUT_A_SITE]


def run_all(directory: Path, commands: list[tuple[str, ...]], **settings: str) -> list[tuple[int, str]]:
    """Run each command in that directory; return exit codes and outputs."""
    more: Any = {"environment": environment(**settings), "input": "correct horse battery\n", "directory": directory}
    ended = [run_forked(MICROBLOG, ["microblog", *command], **more) for command in commands]
    return [(each.returncode, each.stdout + each.stderr) for each in ended]


def test_all_commands_are_tested() -> None:
    assert ("user", "create", "ada", "a@example.org") in COMMANDS
    assert ("backup", "b.zip") in COMMANDS
    assert len(COMMANDS) > 25


def test_no_command_creates_a_site_in_an_empty_directory(tmp_path: Path) -> None:
    here = tmp_path / "somewhere"
    here.mkdir()
    for command, (code, said) in zip(COMMANDS, run_all(here, COMMANDS), strict=True):
        assert (code, "No site found: " in said, str(here / "var") in said) == (1, True, True), (command, said)
        assert "Traceback" not in said, command
        assert list(here.iterdir()) == [], command


def test_no_command_creates_a_site_in_a_foreign_database(tmp_path: Path, new_database: Callable[[], str]) -> None:
    url = new_database()
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("drop schema public cascade; create schema public; create table migrations (id int, name text)")
    for command, (code, said) in zip(COMMANDS, run_all(tmp_path, COMMANDS, database_url=url), strict=True):
        assert (code, "No site found: " in said) == (1, True), (command, said)
        assert list(tmp_path.iterdir()) == [], command
    with connection, connection.cursor() as cursor:
        cursor.execute("select array_agg(tablename::text) from pg_tables where schemaname = 'public'")
        assert cursor.fetchone() == (["migrations"],)
    connection.close()


def test_a_file_that_is_no_backup_is_refused_before_anything_is_created(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("not a backup")
    for file in ("no.zip", "text.zip"):
        for code, said in run_all(tmp_path, [("restore", file), ("verify", file)]):
            assert (code, said.startswith(f"Error: {file} ")) == (1, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["text.zip"]


def test_the_location_of_an_empty_database_is_named(tmp_path: Path) -> None:
    """A restore that failed half-way leaves such a database."""
    with run_postgres(tmp_path / "var") as sockets:
        connection = psycopg2.connect(dsn(sockets, "postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create database {DATABASE}")
        connection.close()
        [(code, said)] = run_all(tmp_path, [("user", "list")])
    assert (code, f"No site found: the database of {tmp_path}/var does not contain a site" in said) == (1, True), said


def test_no_backup_is_created_of_a_database_without_its_files(tmp_path: Path, database_url: str) -> None:
    [(code, said)] = run_all(tmp_path, [("backup", "b.zip")], database_url=database_url)
    assert (code, f"No site found: {tmp_path}/var does not contain the files of a site" in said) == (1, True), said
    assert list(tmp_path.iterdir()) == []


def test_a_backup_without_accounts_is_reported_as_incomplete(tmp_path: Path, database_url: str) -> None:
    secret_key(tmp_path / "var")
    made, verified = run_all(tmp_path, [("backup", "b.zip"), ("verify", "b.zip")], database_url=database_url)
    assert made[0] == 0, made[1]
    assert verified[0] == 1
    assert "no account" in verified[1]


def test_the_backup_of_a_newer_release_is_refused(tmp_path: Path, database_url: str) -> None:
    secret_key(tmp_path / "var")
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("insert into migrations (number, name, digest) values (0, '0000_newer.sql', '')")
    connection.close()
    made, verified = run_all(tmp_path, [("backup", "b.zip"), ("verify", "b.zip")], database_url=database_url)
    assert made[0] == 0, made[1]
    assert verified[0] == 1
    assert "migrated by a newer release (migrations 0000)" in verified[1]


def test_the_server_and_every_command_read_the_same_settings_file(tmp_path: Path) -> None:
    """MICROBLOG_CONFIG names it; relative paths in it start at its directory, not at the current one."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "site.toml"
    with site_process(tmp_path / "etc") as started:
        file.write_text(f'listen = "tcp:{started.port}:interface=127.0.0.1"\ndata_dir = "var"\nsite_name = "Ours"\n')
        configured = ConfiguredSite(started.data_dir, port=started.port, settings={"config": str(file)}, prepared=True)
        configured.start()
        assert f"data in {file.parent}/var" in configured.log
        made, shown = run_all(elsewhere, [("user", "create", "ada", "a@example.org"), ("config",)], config=str(file))
        configured.stop()
    assert made[0] == 0, made[1]
    assert f"Settings file: {file}" in shown[1]
    [name] = [line.split() for line in shown[1].splitlines() if "MICROBLOG_SITE_NAME" in line]
    assert name == ["MICROBLOG_SITE_NAME", "Ours", str(file)]
    assert list(elsewhere.iterdir()) == []


class ConfiguredSite(SiteProcess):
    """A site whose environment sets only the path of the settings file."""

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")}
        return inherited | {"MICROBLOG_CONFIG": self.settings["config"]}
