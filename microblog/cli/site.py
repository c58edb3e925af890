"""Commands about the site as a whole: check, migrate, config, demo, version."""

from __future__ import annotations

import os
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from microblog import __version__
from microblog.cli.context import Console, as_json, new_password, on_reactor, plain, report_errors, show, table
from microblog.cli.progress import Progress, progress

if TYPE_CHECKING:
    from microblog.cli.services import Services
    from microblog.config import Settings


@click.command()
@as_json
def version(as_json: bool) -> None:
    """Print the version."""
    show({"version": __version__}, f"microblog {__version__}", as_json=as_json)


@click.command()
@as_json
@click.pass_obj
def migrate(console: Console, as_json: bool) -> None:
    """Upgrade the site's database to this version's schema. The site also does this when it starts.

    Each migration is a transaction of its own: after an interruption or error, call it again for the rest.
    """
    from twisted.internet.threads import deferToThreadPool

    from microblog.cli.services import open_server
    from microblog.storage.schema_check import prepare_database

    settings = console.settings

    async def work(reactor: Any, shown: Progress) -> list[str]:
        async with open_server(settings, reactor) as url:
            prepare = partial(prepare_database, url, report=shown.report)
            return await deferToThreadPool(reactor, reactor.getThreadPool(), prepare)

    with progress() as shown:
        applied = report_errors(lambda: on_reactor(lambda reactor: work(reactor, shown)))
    show(applied, "\n".join(f"Applied migration {name}." for name in applied) or "The database is up to date.", as_json=as_json)


@click.command()
@as_json
@click.pass_obj
def config(console: Console, as_json: bool) -> None:
    """Print every setting with its value and origin. Secrets are hidden."""
    from microblog.config import CONFIG, DEFAULT_CONFIG, setting_docs, sources

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

    Fails if the site has any account. Without --password nobody can log in as a demo user. Users and posts are created in one transaction;
    if it is interrupted while it counts the statistics after that, `microblog stats rebuild` does them again.
    """
    from microblog.application.services import now
    from microblog.domain.demo.compose import compose

    password = new_password("Password for all demo users") if with_password else None
    plan = compose(seed, now(), posts)

    async def work(opened: Services) -> None:
        await opened.demo.fill(plan, password)
        await opened.statistics.rebuild()

    console.run(work)
    counts = {"people": len(plan.people), "posts": len(plan.posts), "follows": len(plan.follows), "favourites": len(plan.favourites)}
    show(counts, f"Created {counts['people']} users and {counts['posts']} posts on {console.settings.public_url}.", as_json=as_json)
