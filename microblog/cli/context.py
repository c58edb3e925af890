"""Context of commands: settings, a way to run work on the site, and output."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson
from attrs import define, field

from microblog.model.errors import describe_os_error

if TYPE_CHECKING:
    from microblog.cli.services import Services
    from microblog.config import Settings

T = TypeVar("T")

yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@define
class Console:
    """Runs commands. `option` is the settings file given by `--config`."""

    option: Path | None
    _settings: Settings | None = field(init=False, default=None)

    @property
    def config(self) -> Path | None:
        """Path of the settings file, if there is one."""
        from microblog.config import config_file

        return config_file(os.environ, self.option)

    @property
    def settings(self) -> Settings:
        """The settings. If they are invalid, the command ends with a list of all problems."""
        from microblog.config import SettingsError

        if self._settings is None:
            try:
                self._settings = self.load()
            except SettingsError as problem:
                raise click.ClickException(f"Invalid settings:\n{problem}") from problem
        return self._settings

    def load(self) -> Settings:
        """Return the settings. Raises SettingsError."""
        from microblog.config import load

        return load(os.environ, self.config)

    def run(self, work: Callable[[Services], Awaitable[T]]) -> T:
        """Return the result of `work` on an open database. Expected errors end the command with a message."""
        from microblog.cli.services import open_services

        async def with_services(reactor: Any) -> T:
            async with open_services(self.settings, reactor) as opened:
                return await work(opened)

        return report_errors(lambda: on_reactor(with_services))

    def require_files(self) -> None:
        """End the command with a message unless the data directory holds the files of a site."""
        from microblog.application import require_place

        report_errors(lambda: require_place(self.settings, files=True))


def on_reactor(work: Callable[[Any], Awaitable[T]]) -> T:
    """Run the reactor until `work(reactor)` is done, and return or raise its result."""
    from twisted.internet import task
    from twisted.internet.defer import Deferred

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
    from microblog.cli.services import FAILURES

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
