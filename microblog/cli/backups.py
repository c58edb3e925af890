"""`microblog backup`, `restore` and `verify`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click
from attrs import evolve
from twisted.internet.threads import deferToThreadPool

from microblog import application
from microblog.application import services
from microblog.application.backups import back_up, glance
from microblog.application.backups import restore as restored
from microblog.application.backups import verify as verified
from microblog.cli.context import Console, as_json, on_reactor, open_server, report_errors, show
from microblog.config import Settings

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("target", metavar="FILE", type=FILE)
@as_json
@click.pass_obj
def backup(console: Console, target: Path, as_json: bool) -> None:
    """Write a backup of the whole site to a new FILE: database, media, secret key. The site may be running.

    The backup is consistent: it has the state of the database at one moment. Only the file's owner can read it: it contains all secrets of
    the site.
    """
    settings = console.settings
    report_errors(lambda: application.require_place(settings, files=True))
    listed = _in_thread(settings, lambda url: back_up(url, settings.data_dir, target, services.now().isoformat()))
    _tell(f"Backed up to {target}: ", listed, as_json=as_json)


@click.command()
@click.argument("source", metavar="FILE", type=FILE)
@as_json
@click.pass_obj
def restore(console: Console, source: Path, as_json: bool) -> None:
    """Restore a site from a backup into an empty database and an empty data directory.

    The restored data is compared with the backup. Accepts backups of this version and older ones; the next start of the site migrates an
    older one.
    """
    settings = console.settings
    report_errors(lambda: glance(source))  # before anything is created
    _tell("Restored ", _in_thread(settings, lambda url: restored(url, settings.data_dir, source), makes=True), as_json=as_json)


@click.command()
@click.argument("source", metavar="FILE", type=FILE)
@as_json
@click.pass_obj
def verify(console: Console, source: Path, as_json: bool) -> None:
    """Verify a backup: restore it on a temporary PostgreSQL server and compare every row and file with the backup.

    A backup without accounts is refused: it was probably made of the wrong database.
    """
    report_errors(lambda: glance(source))
    with tempfile.TemporaryDirectory(prefix="microblog-verify-") as elsewhere:
        trial = evolve(console.settings, database_url=None, data_dir=Path(elsewhere))
        _tell(f"{source} is whole: ", _in_thread(trial, lambda url: verified(url, trial.data_dir, source), makes=True), as_json=as_json)


def _in_thread(settings: Settings, work: Any, *, makes: bool = False) -> dict[str, Any]:
    """Return the result of `work(url)` on the site's database. Starts the embedded server if needed; `makes` also creates it."""

    async def run(reactor: Any) -> dict[str, Any]:
        async with open_server(settings, reactor, makes=makes) as url:
            done: dict[str, Any] = await deferToThreadPool(reactor, reactor.getThreadPool(), work, url)
            return done

    return report_errors(lambda: on_reactor(run))


def _tell(begin: str, listed: dict[str, Any], *, as_json: bool) -> None:
    rows = sum(table["rows"] for table in listed["tables"].values())
    figures = {"version": listed["version"], "made_at": listed["made_at"], "rows": rows, "files": len(listed["files"])}
    show(figures, f"{begin}{rows:,} rows and {figures['files']:,} files, as of {listed['made_at']}.", as_json=as_json)
