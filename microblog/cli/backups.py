"""`microblog backup`, `restore` and `verify`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from microblog.cli.context import Console, as_json, on_reactor, report_errors, show
from microblog.cli.progress import Progress, progress
from microblog.model.progress import Report

if TYPE_CHECKING:
    from microblog.config import Settings

FILE, DIRECTORY = click.Path(dir_okay=False, path_type=Path), click.Path(file_okay=False, path_type=Path)
media_option = click.option("--media", metavar="DIRECTORY", type=DIRECTORY, help="The directory with the media of several backups.")


@click.command()
@click.argument("target", metavar="FILE", type=FILE)
@media_option
@as_json
@click.pass_obj
def backup(console: Console, target: Path, media: Path | None, as_json: bool) -> None:
    """Write a backup of the whole site to a new FILE: database, media and secret key. The site can keep running.

    The backup is a consistent snapshot of the database. Only the file's owner can read it, because it contains all secrets of the site.
    FILE appears when it is complete.

    With --media, media are not in FILE but in a directory, into which each backup copies only files that are new. It needs that directory
    to be restored. Media in a bucket are backed up with --media only.
    """
    from microblog.application.backups import BackupPlace, back_up
    from microblog.application.services import now

    settings, place = console.settings, BackupPlace(target, media)
    console.require_files()
    contents = _in_thread(settings, lambda url, report: back_up(url, settings, place, now().isoformat(), report))
    _report(f"Backed up to {target}: ", contents, as_json=as_json)
    if settings.s3_bucket is not None and media is None:
        click.echo(f"Media in the bucket {settings.s3_bucket} are not in it: --media DIRECTORY backs them up.", err=True)


@click.command()
@click.argument("source", metavar="FILE", type=FILE)
@media_option
@as_json
@click.pass_obj
def restore(console: Console, source: Path, media: Path | None, as_json: bool) -> None:
    """Restore a site from a backup into an empty database and an empty data directory.

    The restored data is compared with the backup. Accepts backups of this version and older ones; the next start of the site migrates an
    older one.

    The database is restored in one transaction and compared; then the files are moved into place. If it fails or is interrupted, drop and
    create the database, delete media, mail, secret_key and .restoring-* from the data directory, and call it again. Without
    MICROBLOG_DATABASE_URL the database is in the data directory: delete all of it.
    """
    from microblog.application import backups

    settings, place = console.settings, backups.BackupPlace(source, media)
    report_errors(lambda: backups.check_format(source))  # before anything is created
    contents = _in_thread(settings, lambda url, report: backups.restore(url, settings.data_dir, place, report), create=True)
    _report("Restored ", contents, as_json=as_json)


@click.command()
@click.argument("source", metavar="FILE", type=FILE)
@media_option
@as_json
@click.pass_obj
def verify(console: Console, source: Path, media: Path | None, as_json: bool) -> None:
    """Verify a backup: restore it on a temporary PostgreSQL server and compare every row and file with the backup.

    A backup without accounts is rejected: it was probably taken from the wrong database.
    """
    from microblog.application import backups

    place = backups.BackupPlace(source, media)
    report_errors(lambda: backups.check_format(source))
    with tempfile.TemporaryDirectory(prefix="microblog-verify-") as directory:
        trial = evolve(console.settings, database_url=None, data_dir=Path(directory))
        contents = _in_thread(trial, lambda url, report: backups.verify(url, trial.data_dir, place, report), create=True)
        _report(f"{source} is intact: ", contents, as_json=as_json)


def _in_thread(settings: Settings, work: Callable[[str, Report], dict[str, Any]], *, create: bool = False) -> dict[str, Any]:
    """Return the result of `work(url, report)` on the site's database, and show its progress.

    Starts the embedded server if needed; `create` also creates it.
    """
    from twisted.internet.threads import deferToThreadPool

    from microblog.cli.services import open_server

    async def run(reactor: Any, shown: Progress) -> dict[str, Any]:
        async with open_server(settings, reactor, create=create) as url:
            return await deferToThreadPool(reactor, reactor.getThreadPool(), work, url, shown.report)

    with progress() as shown:
        return report_errors(lambda: on_reactor(lambda reactor: run(reactor, shown)))


def _report(begin: str, contents: dict[str, Any], *, as_json: bool) -> None:
    rows, files = sum(table["rows"] for table in contents["tables"].values()), len(contents["files"]) + len(contents.get("media", ()))
    summary = {"version": contents["version"], "made_at": contents["made_at"], "rows": rows, "files": files}
    show(summary, f"{begin}{rows:,} rows and {summary['files']:,} files, as of {contents['made_at']}.", as_json=as_json)
