"""`microblog media`: disk usage of images, video and audio, and deletion of what nothing needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from microblog.cli.context import Console, as_json, confirm, reactor, show, yes
from microblog.cli.progress import Progress, progress
from microblog.model.media_usage import FileTotals

if TYPE_CHECKING:
    from microblog.application.media_tools import MediaTools
    from microblog.cli.services import Services

T = TypeVar("T")
MEGABYTE = 1_000_000


@click.group()
def media() -> None:
    """Show the disk usage of media, and delete what nothing needs."""


@media.command()
@as_json
@click.pass_obj
def usage(console: Console, as_json: bool) -> None:
    """Print the numbers of attachments, and the stored files: of people here, and copies of files of other servers."""
    found = run(console, lambda tools: tools.admin.usage())
    value = {
        "attachments": {str(kind): number for kind, number in found.attachments.items()},
        "unattached": found.unattached,
        "own": described(found.own),
        "copies": described(found.copies) | {"max_bytes": console.settings.media_cache_mb * MEGABYTE},
    }
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in found.attachments.items()) or "none"
    lines = [
        f"Attachments of people here: {kinds}",
        f"Uploads that no post uses: {found.unattached:,}",
        f"Own files: {in_words(found.own)}",
        f"Copies of files of other servers: {in_words(found.copies)}, at most {console.settings.media_cache_mb:,} MB",
    ]
    show(value, "\n".join(lines), as_json=as_json)


@media.command()
@click.option(
    "--copy-days",
    type=click.IntRange(0, 9999),
    help="Age of old copies in days. Default: MICROBLOG_MEDIA_CACHE_DAYS.",
)
@click.option("--dry-run", is_flag=True, help="Only count the files that nothing refers to.")
@yes
@as_json
@click.pass_obj
def prune(console: Console, /, copy_days: int | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete uploads that no post has used for a day, files that nothing refers to, and old copies of files of other servers.

    The site does most of this itself every hour; this is for space that is needed now, and after a restore. Copies are fetched again when
    somebody looks at them. It may be interrupted: call it again for the rest.
    """
    if not (yes or dry_run):
        confirm("Delete media that nothing needs, and old copies of files of other servers?")

    async def work(tools: MediaTools) -> FileTotals:
        if not dry_run:
            await tools.admin.prune_uploads()
            await tools.copies.delete_old()
        return await tools.admin.prune_files(only_count=dry_run)

    days = console.settings.media_cache_days if copy_days is None else copy_days
    pruned = run(console, work, copy_days=days)
    done = "Files that nothing refers to" if dry_run else "Deleted files that nothing referred to"
    show({"dry_run": dry_run, **described(pruned)}, f"{done}: {in_words(pruned)}", as_json=as_json)


def described(totals: FileTotals) -> dict[str, object]:
    """Return the fields for output."""
    return {"files": totals.files, "bytes": totals.bytes}


def in_words(totals: FileTotals) -> str:
    """Return the totals in words."""
    return f"{totals.files:,} with {totals.bytes / MEGABYTE:,.1f} MB"


def run(console: Console, work: Callable[[MediaTools], Awaitable[T]], *, copy_days: int = 0) -> T:
    """Return the result of `work` on the site's media, and show its progress."""
    from microblog.application.media_tools import MediaTools

    console.require_files()

    async def with_tools(opened: Services, shown: Progress) -> T:
        tools = MediaTools.on(
            console.settings, reactor(), opened.database, copy_days=copy_days, on_part=partial(shown.count, "Directories")
        )
        return await work(tools)

    with progress() as shown:
        return console.run(lambda opened: with_tools(opened, shown))
