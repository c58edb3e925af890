"""`microblog jobs`, `post`, `user ip` and `media`, and what holds for all commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest

from microblog.cli import main
from microblog.config import secret_key
from microblog.storage import jobs
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.test_cli import Run, as_json, microblog, ok, program, refused

__all__ = ["microblog"]  # a fixture

pytestmark = pytest.mark.usefixtures("_environment")


@pytest.fixture
def _environment(no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MICROBLOG_CONFIG", "/dev/null")
    monkeypatch.setenv("MICROBLOG_DATA_DIR", str(tmp_path / "var"))


def leaves(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that does something, with its words."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, *path, name)
    else:
        yield path, command


def test_every_command_can_print_json() -> None:
    without = [path for path, command in leaves(main) if not any("--json" in parameter.opts for parameter in command.params)]
    assert without == []
    assert ("user", "ip") in dict(leaves(main))


def test_every_command_explains_itself_and_its_options() -> None:
    for path, command in leaves(main):
        assert command.help, path
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (path, option.name)


def failed_job(cursor: Cursor, kind: str = "media.convert", key: str | None = None) -> int:
    """Add a job that failed for good."""
    id = jobs.add(cursor, kind, {"post": "1"}, due_at=make.NOW, now=make.NOW, key=key)
    cursor.execute("update jobs set state = 'dead', last_error = 'No\x1b[2J route', finished_at = created_at where id = %(id)s", {"id": id})
    assert id is not None
    return int(id)


def state_of(cursor: Cursor, id: int) -> object:
    return fetch_value(cursor, "select state from jobs where id = %(id)s", {"id": id})


def test_failed_jobs_are_listed_with_their_error(microblog: Run, cursor: Cursor) -> None:
    assert ok(microblog("jobs", "list")) == "No failed jobs.\n"
    id = failed_job(cursor)
    [listed] = as_json(microblog("jobs", "list", "--json"))
    assert (listed["id"], listed["kind"], listed["state"], listed["payload"]) == (str(id), "media.convert", "failed", {"post": "1"})
    shown = ok(microblog("jobs", "list"))
    assert "route" in shown
    assert "\x1b" not in shown
    assert as_json(microblog("jobs", "list", "--state", "waiting", "--json")) == []
    assert as_json(microblog("jobs", "list", "--kind", "email.send", "--json")) == []
    assert as_json(microblog("jobs", "count", "--json"))[0] | {"oldest_due": None} == {
        "kind": "media.convert",
        "waiting": 0,
        "running": 0,
        "retrying": 0,
        "failed": 1,
        "oldest_due": None,
    }


def test_jobs_are_retried_by_id_or_all_of_a_kind(microblog: Run, cursor: Cursor) -> None:
    first, second, other = failed_job(cursor), failed_job(cursor), failed_job(cursor, "email.send")
    assert as_json(microblog("jobs", "retry", str(first), "--json")) == {"retried": 1}
    assert [state_of(cursor, id) for id in (first, second, other)] == ["waiting", "dead", "dead"]
    assert as_json(microblog("jobs", "retry", "--failed", "--kind", "media.convert", "--json")) == {"retried": 1}
    assert [state_of(cursor, id) for id in (first, second, other)] == ["waiting", "waiting", "dead"]
    assert as_json(microblog("jobs", "retry", "--failed", "--json")) == {"retried": 1}
    assert "running, done or deleted" in refused(microblog("jobs", "retry", "5"))


def test_a_failed_job_whose_work_waits_already_is_left_alone(microblog: Run, cursor: Cursor) -> None:
    failed = failed_job(cursor, key="same")
    jobs.add(cursor, "media.convert", {}, due_at=make.NOW + timedelta(days=1), now=make.NOW, key="same")
    assert as_json(microblog("jobs", "retry", "--failed", "--json")) == {"retried": 0}
    assert state_of(cursor, failed) == "dead"


def test_discarding_jobs_asks_first(microblog: Run, cursor: Cursor) -> None:
    failed_job(cursor), failed_job(cursor, "email.send")
    assert microblog("jobs", "discard", "--failed", input="n\n").exit_code == 1
    assert microblog("jobs", "discard", "--failed").exit_code == 1  # no answer
    assert fetch_value(cursor, "select count(*) from jobs") == 2
    assert as_json(microblog("jobs", "discard", "--failed", "--kind", "email.send", "--yes", "--json")) == {"discarded": 1}
    assert as_json(microblog("jobs", "discard", "--failed", "--yes", "--json")) == {"discarded": 1}
    assert fetch_value(cursor, "select count(*) from jobs") == 0


@pytest.mark.parametrize("arguments", [[], ["1", "--failed"], ["1", "--kind", "email.send"], ["x"], ["0"]])
def test_jobs_must_be_named_one_way_or_the_other(microblog: Run, arguments: list[str]) -> None:
    assert microblog("jobs", "retry", *arguments).exit_code == 2
    assert microblog("jobs", "discard", "--yes", *arguments).exit_code == 2


def test_deleting_a_post_asks_first_and_takes_its_boosts_with_it(microblog: Run, cursor: Cursor) -> None:
    ada, ben = make.member(cursor, "ada").account, make.member(cursor, "ben").account
    post = make.post(cursor, ada, "Buy\x1b[2J my pills")
    make.boost(cursor, ben, post)
    asked = microblog("post", "delete", str(post.id), input="n\n")
    assert (asked.exit_code, "my pills" in asked.stderr, "\x1b" in asked.stderr) == (1, True, False)
    assert fetch_value(cursor, "select count(*) from posts where deleted_at is null") == 2
    deleted = as_json(microblog("post", "delete", f"https://example.org/@ada/{post.id}", "--yes", "--json"))
    assert (deleted["id"], deleted["author"]) == (str(post.id), "ada")
    assert fetch_value(cursor, "select count(*) from posts where deleted_at is null") == 0
    assert "no post with this id" in refused(microblog("post", "delete", str(post.id), "--yes"))


@pytest.mark.parametrize("reference", ["ada", "0", "-1", "9" * 19, "https://example.org/@ada", "12 13"])
def test_something_else_than_a_post_is_a_usage_error(microblog: Run, reference: str) -> None:
    assert microblog("post", "delete", "--yes", "--", reference).exit_code == 2


def test_the_addresses_of_a_user_are_those_of_sessions_apps_and_the_sign_up(microblog: Run, cursor: Cursor) -> None:
    ada = make.member(cursor, "ada").account
    assert ok(microblog("user", "ip", "ada")) == "No addresses.\n"
    for number, agent in enumerate(("Old", "New\x1b[2J")):
        cursor.execute(
            """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at, address, user_agent)
               values (%(id)s, %(hash)s, %(account)s, now(), now() + %(id)s * interval '1 second', now() + interval '1 day',
                       '192.0.2.' || %(id)s, %(agent)s)""",
            {"id": number + 1, "hash": str(number).encode(), "account": ada.id, "agent": agent},
        )
    ok(microblog("token", "create", "ada"))
    cursor.execute("update tokens set address = '192.0.2.3', used_at = now() - interval '1 hour'")
    cursor.execute("update users set sign_up_address = '192.0.2.1', created_at = now() - interval '1 day'")
    rows = as_json(microblog("user", "ip", "ada", "--json"))
    assert [(row["address"], row["sources"], row["user_agents"]) for row in rows] == [
        ("192.0.2.2", ["session"], ["New\x1b[2J"]),
        ("192.0.2.1", ["session", "sign_up"], ["Old"]),
        ("192.0.2.3", ["app"], []),
    ]
    text = ok(microblog("user", "ip", "ada"))
    assert ("\x1b" in text, "session, sign_up" in text) == (False, True)


@pytest.mark.acceptance
def test_media_of_a_site_are_counted_and_pruned(database_url: str, tmp_path: Path) -> None:
    secret_key(tmp_path)
    environment = {"MICROBLOG_DATABASE_URL": database_url, "MICROBLOG_DATA_DIR": str(tmp_path)}
    used = program("media", "usage", "--json", environment=environment)
    assert (used.returncode, used.stderr) == (0, "")
    assert json.loads(used.stdout)["own"] == {"files": 0, "bytes": 0}
    refused_without_answer = program("media", "prune", environment=environment)
    assert (refused_without_answer.returncode, refused_without_answer.stdout) == (1, "")
    pruned = program("media", "prune", "--yes", "--copy-days", "0", "--json", environment=environment)
    assert (pruned.returncode, json.loads(pruned.stdout)) == (0, {"dry_run": False, "files": 0, "bytes": 0})
