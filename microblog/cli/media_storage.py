"""`microblog media migrate` and `verify`: the files of the site in the data directory and in an object storage."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from microblog.cli.context import Console, as_json, on_reactor, report_errors, show
from microblog.cli.media import described, in_words, media, run
from microblog.cli.progress import progress

if TYPE_CHECKING:
    from microblog.domain.media_migration import MigratedFiles

__all__ = ["media"]

SHOWN = 20  # names of missing files


@media.command()
@click.option("--to", "target", type=click.Choice(["s3", "local"]), required=True, help="The storage that gets the files.")
@click.option("--remove", is_flag=True, help="Delete each file of the other storage once its copy is verified.")
@click.option("--dry-run", is_flag=True, help="Only count what would be copied.")
@as_json
@click.pass_obj
def migrate(console: Console, /, target: str, remove: bool, dry_run: bool, as_json: bool) -> None:
    """Copy media from the data directory to the bucket of an object storage (--to s3), or back (--to local).

    Each copy is compared with the original by size and checksum. Files that are there are not copied again, so it may be interrupted and
    called again. The site can keep running: while MICROBLOG_S3_BUCKET is set, it finds files in both places.

    To move to a bucket: set MICROBLOG_S3_BUCKET and the other settings, run `microblog check`, set MICROBLOG_MEDIA_STORAGE to s3, restart
    the site, and run this on each machine with a data directory; an hour later run it again with --remove. To move back: set
    MICROBLOG_MEDIA_STORAGE to local, restart, run this, and remove MICROBLOG_S3_BUCKET when `microblog media verify` finds everything.
    """
    from microblog.application.media_tools import MigrationOptions, media_migration

    settings = console.settings
    options = MigrationOptions(target == "s3", remove, dry_run)
    console.require_files()
    with progress() as shown:
        count = partial(shown.count, "Directories")
        moved = report_errors(lambda: on_reactor(lambda reactor: media_migration(settings, reactor, options, count).run()))
    value = {"to": target, "dry_run": dry_run, "copied": described(moved.copied), "present": described(moved.present)}
    value |= {"young": described(moved.young), "removed": described(moved.removed)}
    show(value, _summary(moved, dry_run=dry_run), as_json=as_json)


def _summary(moved: MigratedFiles, *, dry_run: bool) -> str:
    lines = [
        f"{'To copy' if dry_run else 'Copied and compared'}: {in_words(moved.copied)}",
        f"There already: {in_words(moved.present)}",
    ]
    if moved.removed.files:
        lines.append(f"Deleted where they were: {in_words(moved.removed)}")
    if moved.young.files:
        lines.append(f"Younger than an hour, and left for the next time: {in_words(moved.young)}")
    return "\n".join(lines)


@media.command()
@as_json
@click.pass_obj
def verify(console: Console, as_json: bool) -> None:
    """Check that every file that the database names is stored, in the data directory or in the bucket.

    Copies of files of other servers are left out: they are fetched again. Exit codes: 0 if nothing is missing, 1 otherwise.
    """
    found = run(console, lambda tools: tools.verification.run())
    text = [f"{found.named:,} files are named by the database, {len(found.missing):,} of them are missing."]
    text += [f"  {name}" for name in found.missing[:SHOWN]]
    text += ["  ..."] if len(found.missing) > SHOWN else []
    show({"ok": not found.missing, "files": found.named, "missing": found.missing}, "\n".join(text), as_json=as_json)
    if found.missing:
        sys.exit(1)
