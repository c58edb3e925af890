"""Context of commands: settings, services while the database is open, and output."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from attrs import define, field, frozen
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from microblog import application
from microblog.application import services
from microblog.application.backups import BackupError
from microblog.application.site import fixed_site_settings
from microblog.config import Settings, SettingsError, config_file, load
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.announcements import Announcements
from microblog.domain.audit import AuditLog
from microblog.domain.canonical_email_blocks import CanonicalEmailBlocks
from microblog.domain.demo.fill import DemoSite
from microblog.domain.email_domain_blocks import EmailDomainBlocks
from microblog.domain.guessable_passwords import site_words
from microblog.domain.ip_blocks import IpBlocks
from microblog.domain.jobs import Jobs
from microblog.domain.passwords import Hashes, Passwords
from microblog.domain.post_admin import PostAdmin
from microblog.domain.registration import Registrations
from microblog.domain.remote_account_admin import RemoteAccountAdmin
from microblog.domain.statistics import DailyStatistics
from microblog.domain.tokens import Tokens
from microblog.domain.username_blocks import UsernameBlocks
from microblog.model.errors import ProbeError, Problem, describe_os_error
from microblog.storage.database import Database, Transactions
from microblog.storage.schema_check import prepare_database, require_site

T = TypeVar("T")

TIMEOUT_S = 60.0  # longer than for requests: a command may do much, and only the administrator waits for it

FAILURES: tuple[type[Exception], ...] = (Problem, ProbeError, OSError, BackupError, *application.START_PROBLEMS)
"""Errors that end a command with their text as its message."""

yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@frozen
class Services:
    """Services that commands use while the database is open."""

    database: Transactions
    announcements: Announcements
    account_admin: AccountAdmin
    registrations: Registrations
    demo: DemoSite
    tokens: Tokens
    statistics: DailyStatistics

    @property
    def jobs(self) -> Jobs:
        """The queue of jobs."""
        return Jobs(self.database, self.account_admin.now)

    @property
    def posts(self) -> PostAdmin:
        """The commands about posts."""
        return PostAdmin(self.database, self.account_admin.now)

    @property
    def audit_log(self) -> AuditLog:
        """The audit log."""
        return AuditLog(self.database)

    @property
    def email_domain_blocks(self) -> EmailDomainBlocks:
        """The blocked e-mail domains."""
        return EmailDomainBlocks(self.database, self.account_admin.now)

    @property
    def canonical_email_blocks(self) -> CanonicalEmailBlocks:
        """The blocked e-mail addresses."""
        return CanonicalEmailBlocks(self.database, self.account_admin.now)

    @property
    def ip_blocks(self) -> IpBlocks:
        """The blocked IP addresses."""
        return IpBlocks(self.database, self.account_admin.now)

    @property
    def username_blocks(self) -> UsernameBlocks:
        """The blocked usernames."""
        return UsernameBlocks(self.database, self.account_admin.now)

    @property
    def accounts_elsewhere(self) -> RemoteAccountAdmin:
        """The commands about accounts of other servers."""
        return RemoteAccountAdmin(self.database, self.account_admin.now)


@define
class Console:
    """Runs commands. `option` is the settings file given by `--config`."""

    option: Path | None
    _settings: Settings | None = field(init=False, default=None)

    @property
    def config(self) -> Path | None:
        """Path of the settings file, if there is one."""
        return config_file(os.environ, self.option)

    @property
    def settings(self) -> Settings:
        """The settings. If they are invalid, the command ends with a list of all problems."""
        if self._settings is None:
            try:
                self._settings = self.load()
            except SettingsError as problem:
                raise click.ClickException(f"Invalid settings:\n{problem}") from problem
        return self._settings

    def load(self) -> Settings:
        """Return the settings. Raises SettingsError."""
        return load(os.environ, self.config)

    def run(self, work: Callable[[Services], Awaitable[T]]) -> T:
        """Return the result of `work` on an open database. Expected errors end the command with a message."""

        async def with_services(reactor: Any) -> T:
            async with open_services(self.settings, reactor) as opened:
                return await work(opened)

        return report_errors(lambda: on_reactor(with_services))


@asynccontextmanager
async def open_services(settings: Settings, reactor: Any) -> AsyncIterator[Services]:
    """Open the services on the site's database, after migrating it.

    An embedded server that is not running is started, and stopped at the end.
    """
    async with open_server(settings, reactor) as url:
        for name in await deferToThreadPool(reactor, reactor.getThreadPool(), prepare_database, url):
            click.echo(f"Applied migration {name}.", err=True)
        database = Database(url, reactor, threads=1, timeout_s=TIMEOUT_S, pooled=settings.database_pooler)
        passwords = Passwords(reactor, site_words=site_words(fixed_site_settings(settings).name, settings.domain))
        database.start()
        passwords.start()
        try:
            yield build_services(settings, database, passwords)
        finally:
            passwords.stop()
            await deferToThreadPool(reactor, reactor.getThreadPool(), database.stop)


def build_services(settings: Settings, database: Transactions, passwords: Hashes) -> Services:
    """Return the services on this database."""

    registrations = Registrations(database, passwords, partial(fixed_site_settings, settings), auto_confirm=True, now=services.now)
    url, now = settings.public_url, services.now
    demo = DemoSite(database, passwords, settings.domain, url, now)
    statistics = DailyStatistics(database, settings.time_zone, now)
    announcements = Announcements(database, settings.domain, url, now)
    return Services(database, announcements, AccountAdmin(database, passwords, now), registrations, demo, Tokens(database, now), statistics)


@asynccontextmanager
async def open_server(settings: Settings, reactor: Any, *, create: bool = False) -> AsyncIterator[str]:
    """Yield the URL of the site's database. An embedded server that is not running is started, and stopped at the end.

    Raises SiteNotFound if there is no site, without creating anything. With `create`, creates the data directory.
    """
    if not create:
        application.require_place(settings)
    url = application.running_database(settings)
    server = None if url else application.embedded_database(settings, reactor)
    if url is None:
        assert server is not None  # either the settings or the embedded server give the URL
        if create:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = await server.start()
    try:
        if not create:
            place = str(settings.data_dir) if settings.database_url is None else "MICROBLOG_DATABASE_URL"
            await deferToThreadPool(reactor, reactor.getThreadPool(), require_site, url, place)
        yield url
    finally:
        if server is not None:
            await server.stop()


def on_reactor(work: Callable[[Any], Awaitable[T]]) -> T:
    """Run the reactor until `work(reactor)` is done, and return or raise its result."""
    results: list[T] = []
    failures: list[Exception] = []

    async def collect(reactor: Any) -> None:
        try:
            results.append(await work(reactor))
        except Exception as problem:
            failures.append(problem)

    try:
        task.react(lambda reactor: Deferred.fromCoroutine(collect(reactor)))
    except SystemExit as exit:
        if exit.code:
            raise
    if failures:
        raise failures[0]
    if not results:  # a signal stopped the reactor
        raise click.Abort
    return results[0]


def reactor() -> Any:
    """Return the reactor. Importing it installs one, so this must not happen before a command needs it."""
    from twisted.internet import reactor as installed

    return installed


def report_errors(act: Callable[[], T]) -> T:
    """Return the result of `act`. Expected errors end the command with their message."""
    try:
        return act()
    except FAILURES as problem:
        message = describe_os_error(problem) if isinstance(problem, OSError) else str(problem)
        raise click.ClickException(plain(message, lines=True)) from problem


def new_password(prompt: str = "Password") -> str:
    """Read a password from the terminal, typed twice, or from the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))
    try:
        line = sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError as problem:
        raise click.ClickException("The password on standard input is not valid UTF-8.") from problem
    if not line:
        raise click.UsageError("Write the password to standard input, as its first line.")
    return line


def show(value: object, text: str, *, as_json: bool) -> None:
    """Print the value as JSON, or the text."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() if as_json else text)


def confirm(question: str) -> None:
    """Ask before something that cannot be undone. Ends the command unless the answer is yes, and without a terminal or answer too."""
    click.confirm(plain(question, lines=True), abort=True, err=True)


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Return the rows as an aligned table with a heading."""
    cells = [[column.replace("_", " ").upper() for column in columns]]
    cells += [[plain("" if row[column] is None else str(row[column])) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def plain(text: str, *, lines: bool = False) -> str:
    """Replace control characters, which could control the terminal: users choose their own names."""
    return "".join(char if char.isprintable() or (lines and char == "\n") else "\N{REPLACEMENT CHARACTER}" for char in text)
