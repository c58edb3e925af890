"""The administrator's commands: in this process on a rolled-back database, and as the real program."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

from microblog import __version__
from microblog.application.services import now
from microblog.cli import main
from microblog.cli.context import Console, plain, report_errors
from microblog.cli.services import Services, build_services
from microblog.config import secret_key, setting_docs
from microblog.domain.tokens import Tokens
from microblog.model.accounts import Role
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.acceptance.site_process import SiteProcess, killed_at_the_end
from tests.acceptance.site_process import environment as without_settings
from tests.fakes import RolledBackDatabase, quick_passwords, result_of
from tests.forked_programs import MICROBLOG, run_forked

T = TypeVar("T")
PASSWORD = "correct horse battery"
UNSAFE_IN_TESTS = ["durability"]  # the server of tests runs without fsync


class SynchronousConsole(Console):
    """A console that runs commands on the test's cursor without a reactor."""

    database: RolledBackDatabase

    def run(self, work: Callable[[Services], Awaitable[T]]) -> T:
        async def at_desk() -> T:
            return await work(build_services(self.settings, self.database, quick_passwords()))

        return report_errors(lambda: result_of(at_desk()))


@pytest.fixture(autouse=True)
def _environment(no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MICROBLOG_CONFIG", os.devnull)  # whatever settings file this machine has
    monkeypatch.setenv("MICROBLOG_DATA_DIR", str(tmp_path / "var"))


Run = Callable[..., Result]


@pytest.fixture
def microblog(db: RolledBackDatabase) -> Run:
    def run(*arguments: str, input: str = "") -> Result:
        console = SynchronousConsole(None)
        console.database = db
        return CliRunner().invoke(main, arguments, input=input, obj=console)

    return run


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def as_json(result: Result) -> Any:
    return json.loads(ok(result))


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_created_account_is_shown_and_listed(microblog: Run) -> None:
    made = as_json(microblog("user", "create", "ada", "ada@example.org", "--role", "admin", "--json", input=PASSWORD + "\n"))
    assert (made["username"], made["email"], made["role"], made["state"]) == ("ada", "ada@example.org", "admin", "active")
    assert as_json(microblog("user", "show", "@Ada", "--json")) == made
    assert as_json(microblog("user", "show", "ADA@example.org", "--json")) == made
    assert as_json(microblog("user", "list", "--json")) == [made]
    assert "ada@example.org" in ok(microblog("user", "list"))
    assert "admin" in ok(microblog("user", "show", "ada"))


def test_an_account_can_be_created_with_a_given_id(microblog: Run) -> None:
    made = as_json(microblog("user", "create", "one", "one@example.org", "--id", "1", "--json", input=PASSWORD))
    assert made["id"] == "1"
    assert "Id is taken" in refused(microblog("user", "create", "two", "two@example.org", "--id", "1", input=PASSWORD))


def test_the_password_is_never_printed(microblog: Run, cursor: Cursor) -> None:
    result = microblog("user", "create", "ada", "ada@example.org", input=PASSWORD + "\n")
    assert PASSWORD not in result.output
    assert PASSWORD not in str(fetch_value(cursor, "select password_hash from users"))


@pytest.mark.parametrize(
    ("username", "email", "password", "sentence"),
    [
        ("no spaces", "a@example.org", PASSWORD, "Username"),
        ("ada", "nowhere", PASSWORD, "E-mail"),
        ("ada", "a@example.org", "short", "Password is too short"),
        ("ada", "a@example.org", "password", "Password is one of the most common ones"),
        ("ada", "a@example.org", "ada-12345", "Password is made of the username"),
    ],
)
def test_invalid_arguments_are_refused_with_a_sentence(microblog: Run, username: str, email: str, password: str, sentence: str) -> None:
    assert sentence in refused(microblog("user", "create", username, email, input=password))


def test_a_taken_username_and_address_are_reported_together(microblog: Run) -> None:
    ok(microblog("user", "create", "ada", "ada@example.org", input=PASSWORD))
    message = refused(microblog("user", "create", "ADA", "Ada@example.org", input=PASSWORD))
    assert "already been taken" in message
    assert "already in use" in message


def test_a_missing_password_is_a_usage_error(microblog: Run) -> None:
    assert microblog("user", "create", "ada", "ada@example.org").exit_code == 2
    assert microblog("user", "create", "ada").exit_code == 2
    assert microblog("user", "fly").exit_code == 2
    assert microblog("user", "role", "ada", "emperor").exit_code == 2


def test_a_password_that_is_not_utf_8_is_refused(db: RolledBackDatabase) -> None:
    console = SynchronousConsole(None)
    console.database = db
    message = refused(
        CliRunner().invoke(main, ["user", "create", "ada", "a@example.org"], input=b"\xff\xfe\xfd\xfc\xff\xff\xff\xff", obj=console)
    )
    assert "UTF-8" in message


def test_accounts_of_other_servers_are_limited_and_suspended_by_their_address(microblog: Run, cursor: Cursor) -> None:
    make.remote_account(cursor, "bo", "b.example")
    assert "bo@b.example is suspended." in microblog("user", "suspend", "@bo@b.example").output
    assert as_json(microblog("user", "show", "@bo@b.example", "--json"))["suspended_at"] is not None
    assert as_json(microblog("user", "unsuspend", "@bo@b.example", "--json"))["suspended_at"] is None
    assert as_json(microblog("user", "limit", "@BO@b.example", "--json"))["limited_at"] is not None
    assert as_json(microblog("user", "unlimit", "@bo@b.example", "--json"))["limited_at"] is None
    for unknown in ("@di@b.example", "@bo@c.example", "@bo@"):
        assert microblog("user", "suspend", unknown).exit_code == 1
    assert microblog("user", "disable", "@bo@b.example").exit_code == 1


def test_suspending_is_undone_by_unsuspending(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "troll")
    assert as_json(microblog("user", "suspend", "troll", "--json"))["state"] == "suspended"
    assert as_json(microblog("user", "list", "--suspended", "--json"))[0]["username"] == "troll"
    assert as_json(microblog("user", "unsuspend", "troll", "--json"))["state"] == "active"
    assert as_json(microblog("user", "list", "--suspended", "--json")) == []


def test_limiting_is_undone_by_unlimiting(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "loud")
    assert as_json(microblog("user", "limit", "loud", "--json"))["limited_at"] is not None
    assert as_json(microblog("user", "unlimit", "loud", "--json"))["limited_at"] is None


def test_an_applicant_is_approved_or_rejected(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "nice", approved=False)
    make.member(cursor, "spam", approved=False)
    pending = as_json(microblog("user", "list", "--pending", "--json"))
    assert {one["username"]: one["state"] for one in pending} == {"nice": "applied", "spam": "applied"}
    ok(microblog("user", "approve", "nice"))
    ok(microblog("user", "reject", "spam"))
    assert as_json(microblog("user", "list", "--pending", "--json")) == []
    assert "Error: " in refused(microblog("user", "show", "spam"))
    assert "already approved" in refused(microblog("user", "reject", "nice"))


def test_a_role_can_be_set(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "helper")
    assert ok(microblog("user", "role", "helper", "moderator")) == "helper is now moderator.\n"
    assert as_json(microblog("user", "list", "--role", "moderator", "--json"))[0]["username"] == "helper"
    assert fetch_value(cursor, "select role from users") == Role.MODERATOR


def test_a_new_password_replaces_the_old_one(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "forgetful", password_hash="old")
    ok(microblog("user", "reset-password", "forgetful", input="a new password\n"))
    assert fetch_value(cursor, "select password_hash from users") != "old"
    assert "too short" in refused(microblog("user", "reset-password", "forgetful", input="x\n"))
    assert "most common" in refused(microblog("user", "reset-password", "forgetful", input="password\n"))
    assert "made of the username" in refused(microblog("user", "reset-password", "forgetful", input="Forgetful1\n"))


def test_deletion_asks_first_and_keeps_the_name(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "leaver")
    assert microblog("user", "delete", "leaver", input="n\n").exit_code == 1
    assert as_json(microblog("user", "show", "leaver", "--json"))["state"] == "active"
    ok(microblog("user", "delete", "leaver", "--yes"))
    refused(microblog("user", "show", "leaver"))
    message = refused(microblog("user", "create", "Leaver", "other@example.org", input=PASSWORD))
    assert "belonged to an account that was deleted" in message
    assert "--reattach" in message


def test_the_username_of_a_deleted_account_can_be_reused_on_request(microblog: Run, cursor: Cursor) -> None:
    make.post(cursor, make.member(cursor, "leaver").account, "Mine")
    before = as_json(microblog("user", "show", "leaver", "--json"))
    ok(microblog("user", "delete", "leaver", "--yes"))
    made = as_json(microblog("user", "create", "Leaver", "new@example.org", "--reattach", "--json", input=PASSWORD))
    assert (made["username"], made["email"], made["state"], made["posts"]) == ("Leaver", "new@example.org", "active", 0)
    assert made["id"] != before["id"]
    assert fetch_value(cursor, "select deleted_at is not null from accounts where id = %(id)s", {"id": int(before["id"])})
    assert "already been taken" in refused(microblog("user", "create", "leaver", "b@example.org", "--reattach", input=PASSWORD))
    ok(microblog("user", "delete", "leaver", "--yes"))
    ok(microblog("user", "create", "leaver", "c@example.org", "--reattach", input=PASSWORD))  # and again
    ok(microblog("user", "create", "nobody_yet", "d@example.org", "--reattach", input=PASSWORD))


def test_accounts_are_listed_in_pages(microblog: Run, cursor: Cursor) -> None:
    for _ in range(5):
        make.member(cursor)
    first = as_json(microblog("user", "list", "--limit", "3", "--json"))
    second = as_json(microblog("user", "list", "--limit", "3", "--before", first[-1]["id"], "--json"))
    assert len(first) == 3
    assert len({one["id"] for one in first + second}) == 5


def test_invites_are_created_listed_and_revoked(microblog: Run) -> None:
    code = ok(microblog("invite", "create", "--uses", "3", "--days", "7")).strip()
    [listed] = as_json(microblog("invite", "list", "--json"))
    assert (listed["code"], listed["state"], listed["max_uses"], listed["uses"]) == (code, "valid", 3, 0)
    ok(microblog("invite", "revoke", code))
    assert as_json(microblog("invite", "list", "--json"))[0]["state"] == "ended"
    assert "This invite does not exist" in refused(microblog("invite", "revoke", code))
    assert microblog("invite", "create", "--uses", "0").exit_code == 2
    assert "ten years" in refused(microblog("invite", "create", "--days", "1e9"))


def test_the_demo_fills_an_empty_site_and_no_other(microblog: Run, cursor: Cursor) -> None:
    made = as_json(microblog("demo", "--posts", "1500", "--json"))
    assert made["posts"] == fetch_value(cursor, "select count(*) from posts") == 1500
    assert "already has accounts" in refused(microblog("demo"))


def test_statistics_can_be_rebuilt(microblog: Run, cursor: Cursor) -> None:
    make.account(cursor, now=make.NOW)
    counted = as_json(microblog("stats", "rebuild", "--from", "2026-03-01", "--to", "2026-03-05", "--json"))
    assert counted == {"from": "2026-03-01", "to": "2026-03-05", "days": 5}
    assert fetch_value(cursor, "select sum(value) from statistics where measure = 'new_accounts'") == 1
    assert "from 2026-03-04 to" in ok(microblog("stats", "rebuild"))
    assert "not over yet" in refused(microblog("stats", "rebuild", "--to", "2999-01-01"))
    assert microblog("stats", "rebuild", "--to", "soon").exit_code == 2


def test_a_site_without_accounts_has_no_statistics(microblog: Run) -> None:
    assert "no complete days" in ok(microblog("stats", "rebuild"))


def test_the_password_of_demo_accounts_comes_from_standard_input(microblog: Run) -> None:
    assert microblog("demo", "--password").exit_code == 2
    assert "too short" in refused(microblog("demo", "--password", "--posts", "1500", input="x\n"))
    assert "most common" in refused(microblog("demo", "--password", "--posts", "1500", input="password\n"))


def test_control_characters_in_names_do_not_reach_the_terminal() -> None:
    assert plain("\x1b[2Jda\u202enger\n") == "\ufffd[2Jda\ufffdnger\ufffd"


def test_config_shows_every_setting_its_source_and_no_secret(microblog: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('site_name = "From the file"\nmax_characters = 777\n')
    monkeypatch.setenv("MICROBLOG_MAX_CHARACTERS", "1000")
    monkeypatch.setenv("MICROBLOG_DATABASE_URL", "postgresql://me:opensesame@db/site")
    result = CliRunner().invoke(main, ["--config", str(file), "config", "--json"])
    shown = {row["setting"]: (row["value"], row["source"]) for row in as_json(result)}
    assert set(shown) == {setting.name for setting in setting_docs()}
    assert shown["MICROBLOG_SITE_NAME"] == ("From the file", "file")
    assert shown["MICROBLOG_MAX_CHARACTERS"] == ("1000", "environment")
    assert shown["MICROBLOG_RATE_LIMITS"] == ("on", "default")
    assert shown["MICROBLOG_DATABASE_URL"] == ("(hidden)", "environment")
    assert "opensesame" not in result.output


def test_all_invalid_settings_are_reported_at_once(microblog: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROBLOG_MAX_CHARACTERS", "many")
    monkeypatch.setenv("MICROBLOG_RATE_LIMITS", "perhaps")
    for command in (["config"], ["user", "list"], ["backup", "x.zip"], ["mail", "test", "a@example.org"]):
        message = refused(microblog(*command))
        assert "MICROBLOG_MAX_CHARACTERS" in message
        assert "MICROBLOG_RATE_LIMITS" in message


def test_check_fails_without_a_site_and_changes_nothing(tmp_path: Path) -> None:
    result = program("check", "--json", environment={"MICROBLOG_DATA_DIR": str(tmp_path / "var")})
    assert result.returncode == 1
    assert [one["name"] for one in json.loads(result.stdout)["checks"] if not one["ok"]] == ["site"]
    assert not (tmp_path / "var").exists()


def test_check_finds_a_directory_that_cannot_be_written(database_url: str) -> None:
    environment = {"MICROBLOG_DATA_DIR": "/proc/var", "MICROBLOG_DATABASE_URL": database_url}
    result = program("check", "--json", environment=environment)
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["checks"] if not one["ok"]] == ["data directory", *UNSAFE_IN_TESTS]


def test_an_inaccessible_directory_is_an_invalid_setting(microblog: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROBLOG_DATA_DIR", f"/tmp/{'x' * 300}")
    message = refused(microblog("config"))
    assert "MICROBLOG_DATA_DIR" in message
    assert "File name too long" in message


def program(*arguments: str, environment: dict[str, str], input: str = "") -> subprocess.CompletedProcess[str]:
    """Run the real program."""
    return run_forked(MICROBLOG, ["microblog", *arguments], environment=without_settings() | environment, input=input)


@pytest.fixture
def on_database(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"MICROBLOG_DATABASE_URL": database_url, "MICROBLOG_DATA_DIR": str(tmp_path)}


@pytest.mark.acceptance
def test_a_failed_backup_ends_with_a_sentence(on_database: dict[str, str], tmp_path: Path) -> None:
    secret_key(tmp_path)
    nowhere = program("backup", str(tmp_path / "no" / "b.zip"), environment=on_database)
    assert (nowhere.returncode, nowhere.stderr) == (1, f"Error: {tmp_path}/no/b.zip cannot be written: No such file or directory\n")
    away = program("backup", str(tmp_path / "b.zip"), environment=on_database | {"MICROBLOG_DATABASE_URL": "postgresql://127.0.0.1:1/none"})
    assert away.returncode == 1
    assert "Connection refused" in away.stderr
    assert "Traceback" not in away.stderr


@pytest.mark.acceptance
def test_an_operating_system_error_is_reported_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("backup.json", '{"format": 1}')
    message = program("restore", str(tmp_path / "b.zip"), environment={"MICROBLOG_DATA_DIR": f"{tmp_path}/file/below"})
    assert (message.returncode, message.stderr) == (1, f"Error: {tmp_path}/file/below: Not a directory\n")


@pytest.mark.acceptance
def test_the_program_works_on_a_database_of_its_settings(on_database: dict[str, str]) -> None:
    made = program("user", "create", "ada", "ada@example.org", environment=on_database, input=PASSWORD)
    assert (made.returncode, made.stderr) == (0, "")
    listed = program("user", "list", "--json", environment=on_database)
    assert [one["username"] for one in json.loads(listed.stdout)] == ["ada"]
    again = program("user", "create", "ada", "ada@example.org", environment=on_database, input=PASSWORD)
    assert again.returncode == 1
    assert again.stderr.startswith("Error: ")
    assert "Traceback" not in again.stderr
    assert json.loads(program("migrate", "--json", environment=on_database).stdout) == []
    checked = json.loads(program("check", "--json", environment=on_database).stdout)
    assert [one["name"] for one in checked["checks"] if not one["ok"]] == UNSAFE_IN_TESTS
    assert {"settings", "data directory", "disk", "database", "connections", "schema", "clock", "address", "proxy", "mail"} <= {
        one["name"] for one in checked["checks"]
    }


@pytest.mark.acceptance
def test_an_unreachable_database_is_reported_with_a_sentence(tmp_path: Path) -> None:
    environment = {"MICROBLOG_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "MICROBLOG_DATA_DIR": str(tmp_path)}
    listed = program("user", "list", environment=environment)
    assert listed.returncode == 1
    assert listed.stderr.startswith("Error: The database cannot be reached")
    assert "Traceback" not in listed.stderr
    checked = program("check", environment=environment)
    assert checked.returncode == 1
    assert "error    database (MICROBLOG_DATABASE_URL): The database cannot be reached" in checked.stdout


@pytest.mark.acceptance
def test_the_embedded_database_runs_only_during_the_command(tmp_path: Path) -> None:
    environment = {"MICROBLOG_DATA_DIR": str(tmp_path / "var")}
    with killed_at_the_end(SiteProcess(tmp_path / "var")) as started:
        started.start()
        started.stop()
    made = program("user", "create", "ada", "ada@example.org", environment=environment, input=PASSWORD)
    assert (made.returncode, made.stderr) == (0, "")
    assert not (tmp_path / "var" / "postgres" / "data" / "postmaster.pid").exists()
    checked = program("check", environment=environment)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "up to date" in checked.stdout


@pytest.mark.acceptance
def test_the_program_prints_its_version_and_help() -> None:
    assert program("version", environment={}).stdout == f"microblog {__version__}\n"
    message = program("--help", environment={})
    assert message.returncode == 0
    for command in ("user", "invite", "check", "migrate", "config", "demo", "version"):
        assert command in message.stdout
    assert program("fly", environment={}).returncode == 2


def test_a_token_is_printed_once_listed_and_revoked(microblog: Run, db: RolledBackDatabase, cursor: Cursor) -> None:
    make.member(cursor, "ada")
    text = ok(microblog("token", "create", "ada", "--scopes", "read write:statuses", "--name", "Weather")).strip()
    access = result_of(Tokens(db, now).by_bearer(text))
    assert access is not None
    assert access.scopes == {"read", "write:statuses"}
    [listed] = as_json(microblog("token", "list", "ada", "--json"))
    assert (listed["app"], listed["scopes"], listed["id"]) == ("Weather", "read write:statuses", str(access.id))
    assert text not in ok(microblog("token", "list", "ada"))
    assert "Revoked" in ok(microblog("token", "revoke", "ada", listed["id"]))
    assert "No access tokens." in ok(microblog("token", "list", "ada"))
    assert refused(microblog("token", "revoke", "ada", listed["id"]))


def test_all_tokens_of_somebody_are_revoked_together(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "ada")
    made = [as_json(microblog("token", "create", "ada", "--json")) for _ in range(2)]
    assert made[0]["token"] != made[1]["token"]
    assert microblog("token", "revoke", "ada").exit_code == 2
    assert microblog("token", "revoke", "ada", "5", "--all").exit_code == 2
    ok(microblog("token", "revoke", "ada", "--all"))
    assert as_json(microblog("token", "list", "ada", "--json")) == []


def test_a_token_for_an_unknown_account_or_with_unknown_scopes_is_refused(microblog: Run, cursor: Cursor) -> None:
    assert "no account" in refused(microblog("token", "create", "ada"))
    make.member(cursor, "ada")
    assert "scope" in refused(microblog("token", "create", "ada", "--scopes", "read fly"))


def test_an_app_is_listed_and_deleted(microblog: Run, cursor: Cursor) -> None:
    make.member(cursor, "ada")
    ok(microblog("token", "create", "ada", "--name", "Weather"))
    [app] = as_json(microblog("app", "list", "--json"))
    assert (app["name"], app["tokens"]) == ("Weather", 1)
    assert "Weather" in ok(microblog("app", "list"))
    ok(microblog("app", "delete", app["id"]))
    assert "No apps." in ok(microblog("app", "list"))
    assert refused(microblog("app", "delete", app["id"]))
