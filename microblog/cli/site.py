"""Commands about the site as a whole: check, migrate, config, demo, version."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from enum import Enum
from typing import Any

import click
from attrs import asdict, frozen
from twisted.internet.threads import deferToThreadPool

from microblog import __version__
from microblog.application import services
from microblog.cli.context import (
    FAILURES,
    Console,
    Services,
    as_json,
    new_password,
    on_reactor,
    open_server,
    plain,
    report_errors,
    show,
    table,
)
from microblog.cli.federation import mode_sentence
from microblog.config import CONFIG, DEFAULT_CONFIG, Settings, setting_docs, sources
from microblog.domain.demo.compose import compose
from microblog.storage.schema_check import SiteNotFound, missing_migrations, prepare_database


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"microblog {__version__}")


@click.command()
@as_json
@click.pass_obj
def migrate(console: Console, as_json: bool) -> None:
    """Upgrade the site's database to this version's schema. The site also does this when it starts."""
    settings = console.settings

    async def work(reactor: Any) -> list[str]:
        async with open_server(settings, reactor) as url:
            return await deferToThreadPool(reactor, reactor.getThreadPool(), prepare_database, url)

    applied = report_errors(lambda: on_reactor(work))
    show(applied, "\n".join(f"Applied migration {name}." for name in applied) or "The database is up to date.", as_json=as_json)


@click.command()
@as_json
@click.pass_obj
def config(console: Console, as_json: bool) -> None:
    """Print every setting with its value and origin. Secrets are hidden."""
    file = console.config
    origin = sources(os.environ, file)
    rows = [
        {
            "setting": setting.name,
            "value": "(hidden)" if setting.secret and _as_text(console.settings, setting.key) else _as_text(console.settings, setting.key),
            "source": origin[setting.name],
            "file": str(file) if origin[setting.name] == "file" else None,
        }
        for setting in setting_docs()
    ]
    shown = [{**row, "value": "(unset)" if row["value"] is None else row["value"], "source": row["file"] or row["source"]} for row in rows]
    found = f"Settings file: {file}" if file else f"No settings file: {CONFIG} and --config are unset, and {DEFAULT_CONFIG} does not exist."
    show(rows, plain(found) + "\n\n" + table(shown, ("setting", "value", "source")), as_json=as_json)


def _as_text(settings: Settings, key: str) -> str | None:
    """Return a setting's value as text, as in an environment variable; None if it is unset."""
    match getattr(settings, key):
        case None:
            return None
        case bool() as switch:
            return "on" if switch else "off"
        case Enum() as choice:
            return str(choice.value)
        case tuple() as values:
            return ",".join(map(str, values))
        case other:
            return str(other)


@frozen
class Finding:
    """Result of a check. `detail` is a sentence or a value."""

    name: str
    ok: bool
    detail: str


@click.command()
@as_json
@click.pass_obj
def check(console: Console, as_json: bool) -> None:
    """Check whether the site can run: settings, data directory, database, schema. Changes nothing.

    Exit code 1 if there is a problem or no site yet. Missing migrations are not a problem: the site applies them when it starts.
    """
    settings = console.settings
    public_url = Finding("settings", True, f"the site's URL is {settings.public_url}")
    findings = [public_url, _data_directory(settings), *_database(settings), _mail(settings)]
    findings.append(Finding("federation", True, mode_sentence(settings)))
    is_ok = all(finding.ok for finding in findings)
    lines = [f"{'ok    ' if finding.ok else 'FAILED'}  {finding.name}: {plain(finding.detail)}" for finding in findings]
    show({"ok": is_ok, "checks": [asdict(finding) for finding in findings]}, "\n".join(lines), as_json=as_json)
    if not is_ok:
        sys.exit(1)


def _data_directory(settings: Settings) -> Finding:
    directory = settings.data_dir.absolute()
    nearest = next(parent for parent in (directory, *directory.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as problem:
        return Finding("data directory", False, f"cannot write into {nearest}: {problem.strerror}")
    return Finding("data directory", True, str(directory) if nearest == directory else f"{directory} will be created at the first start")


def _mail(settings: Settings) -> Finding:
    if settings.smtp_url is None:
        return Finding("mail", True, f"not sent, but saved in {services.mail_directory(settings)}")
    return Finding("mail", True, "sent by the configured mail server; test it with microblog mail test ADDRESS")


def _database(settings: Settings) -> Iterator[Finding]:
    async def work(reactor: Any) -> list[str]:
        async with open_server(settings, reactor) as url:
            return await deferToThreadPool(reactor, reactor.getThreadPool(), missing_migrations, url)

    try:
        missing = on_reactor(work)
    except SiteNotFound as problem:
        yield Finding("site", False, str(problem))
        return
    except FAILURES as problem:
        yield Finding("database", False, str(problem))
        return
    yield Finding("database", True, "embedded" if settings.database_url is None else "reachable")
    outdated = f"missing migrations {', '.join(missing)}: start the site or run microblog migrate"
    yield Finding("schema", True, outdated if missing else "up to date")


@click.command()
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of the random generator: a different seed gives different users and posts."
)
@click.option("--posts", type=click.IntRange(1500, 3000), default=2000, show_default=True, help="Number of posts.")
@click.option("--password", "with_password", is_flag=True, help="Prompt for a password for all demo users, or read it from standard input.")
@as_json
@click.pass_obj
def demo(console: Console, seed: int, posts: int, with_password: bool, as_json: bool) -> None:
    """Fill an empty site with demo users and posts.

    Fails if the site has any account. Without --password nobody can log in as a demo user.
    """
    password = new_password("Password for all demo users") if with_password else None
    plan = compose(seed, services.now(), posts)

    async def work(opened: Services) -> None:
        await opened.demo.fill(plan, password)
        await opened.statistics.rebuild()

    console.run(work)
    counts = {"people": len(plan.people), "posts": len(plan.posts), "follows": len(plan.follows), "favourites": len(plan.favourites)}
    show(counts, f"Created {counts['people']} users and {counts['posts']} posts on {console.settings.public_url}.", as_json=as_json)
