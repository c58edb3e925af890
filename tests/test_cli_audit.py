"""The audit log on the command line: every command that changes something is in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from attrs import define

from microblog.application import federation_tools
from microblog.cli import main
from microblog.model.actor_keys import StoredKeyPair
from microblog.model.audit import AuditQuery, AuditRecord
from microblog.model.paging import Page
from microblog.storage import actor_keys, audit, jobs
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase
from tests.federation.internet import at_once
from tests.test_cli import PASSWORD, Run, _environment, microblog

__all__ = ["_environment", "microblog"]  # fixtures

UNRECORDED = {
    "app list": "reads",
    "announce list": "reads",
    "backup": "reads",
    "canonical-email-block find": "reads",
    "canonical-email-block list": "reads",
    "check": "reads",
    "completion": "prints a script",
    "config": "reads",
    "demo": "fills an empty site",
    "email-block list": "reads",
    "emoji export": "reads",
    "emoji list": "reads",
    "federation blocks": "reads; with --import see CASES",
    "federation deliver-test": "changes nothing here",
    "federation resolve": "stores what a member's search stores too",
    "federation status": "reads",
    "invite list": "reads",
    "ip-block list": "reads",
    "jobs count": "reads",
    "jobs list": "reads",
    "log": "reads",
    "media migrate": "moves files that stay the same",
    "media prune": "deletes copies that are fetched again, and files that nothing refers to",
    "media usage": "reads",
    "media verify": "reads",
    "mail test": "sends without the database",
    "migrate": "changes the schema, not the contents",
    "restore": "replaces the database with its audit log",
    "stats rebuild": "counts again what there is",
    "token list": "reads",
    "user ip": "reads",
    "username-block list": "reads",
    "user list": "reads",
    "user show": "reads",
    "verify": "reads a file",
    "version": "reads",
}
"""Commands that are not in the audit log, each with the reason."""

PIECE_BY_PIECE = {
    "demo",
    "domain-block list",
    "emoji import",
    "federation blocks",
    "federation resolve",
    "federation rotate-keys",
    "jobs discard",
    "jobs retry",
    "media migrate",
    "media prune",
    "migrate",
    "restore",
    "stats rebuild",
    "user delete",
}
"""Commands that change things in several transactions, or whose work the running site ends: their help says what to do after an
interruption. All others change everything in one transaction, or nothing."""

AS_PROGRAMS = {"emoji delete", "emoji disable", "emoji enable", "emoji import"}
"""Commands that run a reactor: tests/test_cli_emoji.py looks at their rows."""


@define
class Sample:
    """A site that the commands act on."""

    microblog: Run
    db: RolledBackDatabase
    directory: Path

    @property
    def cursor(self) -> Cursor:
        return self.db.cursor

    def transactions(self, name: str, arguments: list[str]) -> int:
        """Run a command; return how many transactions of it changed something, or could have."""
        committed: list[None] = []
        self.db.committed = lambda: committed.append(None)
        result = self.microblog(*name.split(), *arguments, input=f"{PASSWORD}\n")
        self.db.committed = lambda: None
        assert result.exit_code == 0, (name, result.output)
        return len(committed)

    def member(self, *, approved: bool = True, before: str | None = None) -> str:
        name = make.member(self.cursor, approved=approved).account.username
        if before:
            assert self.microblog("user", before, name).exit_code == 0
        return name

    def id_of(self, *command: str) -> str:
        return str(json.loads(self.microblog(*command, "--json").stdout)["id"])

    def app(self) -> str:
        self.microblog("token", "create", self.member())
        return str(fetch_value(self.cursor, "select max(id) from apps"))

    def token(self) -> tuple[str, str]:
        name = self.member()
        return name, self.id_of("token", "create", name)

    def file(self, *domains: str) -> str:
        path = self.directory / "blocks.csv"
        path.write_text("\n".join(domains or ["imported.example"]))
        return str(path)

    def blocked(self) -> str:
        self.microblog("federation", "block", "unblocked.example", "--yes")
        return "unblocked.example"

    def allowed(self) -> str:
        self.microblog("federation", "allow", "disallowed.example")
        return "disallowed.example"

    def email_domain(self) -> str:
        self.microblog("email-block", "add", "unblocked.example")
        return "unblocked.example"

    def email_address(self) -> str:
        self.microblog("canonical-email-block", "add", "unblocked@example.org")
        return "un.blocked+tag@example.org"

    def email_address_twice(self) -> str:
        name = self.member()
        self.microblog("canonical-email-block", "add", f"{name}@example.org")
        self.microblog("user", "suspend", name)
        return f"{name}@example.org"

    def network(self) -> str:
        self.microblog("ip-block", "add", "192.0.2.0/24", "--comment", "A farm", "--days", "2")
        return "192.0.2.0/24"

    def username(self, *, twice: bool = False) -> str:
        self.microblog("username-block", "add", "unblocked", "--contains")
        if twice:
            self.microblog("username-block", "add", "unblocked")
        return "Unbl0cked"

    def job(self) -> str:
        return str(jobs.add(self.cursor, "test.act", {}, due_at=make.NOW, now=make.NOW))

    def owner(self) -> str:
        account = make.account(self.cursor)
        actor_keys.add(self.cursor, account=account.id, pair=StoredKeyPair("known", b"sealed"), now=make.NOW)
        return account.username

    def host(self) -> str:
        self.cursor.execute("insert into hosts (host) values ('slow.example')")
        return "slow.example"


CASES: dict[str, Callable[[Sample], list[str]]] = {
    "announce publish": lambda at: ["Hello!"],
    "announce withdraw": lambda at: [at.id_of("announce", "publish", "Hello!")],
    "app delete": lambda at: [at.app()],
    "canonical-email-block add": lambda at: ["blocked@example.org"],
    "canonical-email-block remove": lambda at: [at.email_address()],
    "domain-block add": lambda at: ["blocked-too.example", "--yes"],
    "domain-block list": lambda at: ["--import", at.file("imported-too.example")],
    "domain-block remove": lambda at: [at.blocked()],
    "email-block add": lambda at: ["blocked.example"],
    "email-block remove": lambda at: [at.email_domain()],
    "federation allow": lambda at: ["allowed.example"],
    "federation block": lambda at: ["blocked.example", "--yes"],
    "federation blocks": lambda at: ["--import", at.file()],
    "federation disallow": lambda at: [at.allowed(), "--yes"],
    "federation retry": lambda at: [at.host()],
    "federation rotate-keys": lambda at: [at.owner()],
    "federation unblock": lambda at: [at.blocked()],
    "ip-block add": lambda at: ["198.51.100.9", "--severity", "no_access"],
    "ip-block remove": lambda at: [at.network()],
    "invite create": lambda at: [],
    "invite revoke": lambda at: [json.loads(at.microblog("invite", "create", "--json").stdout)["code"]],
    "jobs discard": lambda at: [at.job(), "--yes"],
    "jobs retry": lambda at: [at.job()],
    "post delete": lambda at: [str(make.post(at.cursor, make.viewer(at.cursor), "Buy!").id), "--yes"],
    "token create": lambda at: [at.member()],
    "token revoke": lambda at: list(at.token()),
    "username-block add": lambda at: ["blocked"],
    "username-block remove": lambda at: [at.username()],
    "user approve": lambda at: [at.member(approved=False)],
    "user confirm": lambda at: [unconfirmed(at)],
    "user create": lambda at: ["newcomer", "newcomer@example.org"],
    "user delete": lambda at: [at.member(), "--yes"],
    "user disable": lambda at: [at.member()],
    "user enable": lambda at: [at.member(before="disable")],
    "user limit": lambda at: [at.member()],
    "user reject": lambda at: [at.member(approved=False)],
    "user reset-password": lambda at: [at.member()],
    "user role": lambda at: [at.member(), "moderator"],
    "user suspend": lambda at: [at.member()],
    "user unlimit": lambda at: [at.member(before="limit")],
    "user unsuspend": lambda at: [at.member(before="suspend")],
}
"""Arguments for each command that changes something."""


SEVERAL: dict[str, Callable[[Sample], list[str]]] = {
    "canonical-email-block remove": lambda at: [at.email_address_twice()],
    "domain-block list": lambda at: ["--import", at.file("one.example", "two.example")],
    "federation blocks": lambda at: ["--import", at.file("three.example", "four.example")],
    "federation rotate-keys": lambda at: [at.owner(), at.owner()],
    "jobs discard": lambda at: [at.job(), at.job(), "--yes"],
    "jobs retry": lambda at: [at.job(), at.job()],
    "token revoke": lambda at: [at.token()[0], "--all"],
    "username-block remove": lambda at: [at.username(twice=True)],
}
"""Arguments by which commands change more than one thing."""


def unconfirmed(at: Sample) -> str:
    name = at.member()
    at.cursor.execute("update users set confirmed_at = null where email = %s", [f"{name}@example.org"])
    return name


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the names of all commands."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def rows(cursor: Cursor) -> list[AuditRecord]:
    return audit.search(cursor, page=Page(1_000), query=AuditQuery())


@pytest.fixture
def sample(microblog: Run, db: RolledBackDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    monkeypatch.setenv("MICROBLOG_PUBLIC_URL", "https://site.test")
    monkeypatch.setenv("MICROBLOG_FEDERATION", "on")
    monkeypatch.setattr(federation_tools, "in_thread", lambda reactor: at_once)
    return Sample(microblog, db, tmp_path)


def test_every_command_that_changes_something_is_in_the_audit_log(sample: Sample) -> None:
    names = {" ".join(path) for path in commands(main)}
    assert names == set(CASES) | set(UNRECORDED) | AS_PROGRAMS
    for name, arguments in CASES.items():
        given = arguments(sample)
        known = {record.id for record in rows(sample.cursor)}
        assert sample.transactions(name, given) == 1, name
        added = [record for record in rows(sample.cursor) if record.id not in known]
        assert [(record.actor, record.entry.by) for record in added] == [("", None)], name


def test_a_command_changes_everything_in_one_transaction_unless_it_says_so(sample: Sample) -> None:
    for name, arguments in SEVERAL.items():
        assert (sample.transactions(name, arguments(sample)) > 1) is (name in PIECE_BY_PIECE), name
    helps = {" ".join(path): sample.microblog(*path, "--help").stdout for path in commands(main)}
    assert set(helps) > PIECE_BY_PIECE
    assert [name for name in sorted(PIECE_BY_PIECE) if "interrupt" not in helps[name]] == []
    assert "in one transaction, or nothing, unless" in " ".join(sample.microblog("--help").stdout.split())


def test_accounts_of_other_servers_are_in_the_audit_log_by_their_address(sample: Sample) -> None:
    make.remote_account(sample.cursor, "bo")
    for act in ("limit", "unlimit", "suspend", "unsuspend", "unsuspend"):
        sample.microblog("user", act, "@bo@there.example")
    acts = [(record.entry.action.value, record.entry.target) for record in reversed(rows(sample.cursor))]
    assert acts == [(f"account.{act}", "bo@there.example") for act in ("limit", "unlimit", "suspend", "unsuspend")]


def test_the_log_is_printed_and_filtered(sample: Sample) -> None:
    name, other = sample.member(), sample.member()
    sample.microblog("user", "role", name, "moderator")
    sample.microblog("user", "limit", other)
    text = sample.microblog("log").stdout
    assert "command line" in text
    assert "before: user, after: moderator" in text
    [found] = json.loads(
        sample.microblog("log", "--action", "account.change_role", "--target", f"@{name}", "--actor", "-", "--json").stdout
    )
    assert (found["actor"], found["target"], found["facts"]) == (None, name, {"before": "user", "after": "moderator"})
    newest = json.loads(sample.microblog("log", "--limit", "1", "--json").stdout)
    assert [one["target"] for one in newest] == [other]
    assert json.loads(sample.microblog("log", "--before", newest[0]["id"], "--json").stdout) == [found]
    assert sample.microblog("log", "--to", "2001-01-01").stdout == "No acts.\n"
