"""`microblog emoji`: the custom emoji of this site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from microblog.cli.context import Console, as_json, confirm, plain, reactor, show, table, yes
from microblog.cli.progress import Progress, progress
from microblog.model.emojis import CustomEmoji, EmojiChange, EmojiPage, EmojiQuery, ImportOptions
from microblog.model.errors import NotFound

if TYPE_CHECKING:
    from microblog.application.emoji_tools import EmojiTools
    from microblog.cli.services import Services

T = TypeVar("T")
COLUMNS = ("shortcode", "category", "listed", "disabled", "bytes")


@click.group()
def emoji() -> None:
    """List, import, export, disable and delete custom emoji."""


@emoji.command("list")
@click.option("--category", help="Only those of this category.")
@as_json
@click.pass_obj
def list_(console: Console, category: str | None, as_json: bool) -> None:
    """List the custom emoji of this site."""

    async def work(tools: EmojiTools) -> list[CustomEmoji]:
        return [each for _, each in await tools.imports.exported(category)]

    rows = [_described(each) for each in _run(console, work)]
    show(rows, table(rows, COLUMNS) if rows else "There are no custom emoji.", as_json=as_json)


@emoji.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--category", default="", help="Category of the new emoji.")
@click.option("--prefix", default="", help="Begin each shortcode with this.")
@click.option("--suffix", default="", help="End each shortcode with this.")
@click.option("--overwrite", is_flag=True, help="Replace emoji with the same shortcode. By default they are skipped.")
@click.option("--unlisted", is_flag=True, help="Do not show them in the picker.")
@as_json
@click.pass_obj
def import_(console: Console, /, file: Path, as_json: bool, unlisted: bool, **options: Any) -> None:
    """Import FILE, a zip or tar.gz archive of PNG, GIF and WebP files of at most 256 kB, at most 2,000 of them.

    The name of a file is the shortcode. If the import is interrupted, call it again: what is there already is skipped.
    """
    wanted = ImportOptions(is_listed=not unlisted, **options)
    counts = _run(console, lambda tools: tools.import_archive(file, wanted))
    result = {"created": counts.created, "replaced": counts.replaced, "skipped": counts.known, "failed": counts.failed}
    lines = [f"Created {counts.created:,}, replaced {counts.replaced:,}, skipped {counts.known:,}, failed {len(counts.failed):,}."]
    show(result, "\n".join([*lines, *(f"{plain(name)}: {plain(reason)}" for name, reason in counts.failed.items())]), as_json=as_json)
    if counts.failed:
        raise SystemExit(1)


@emoji.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--category", help="Only those of this category.")
@as_json
@click.pass_obj
def export(console: Console, file: Path, category: str | None, as_json: bool) -> None:
    """Export the custom emoji of this site into the new FILE, a zip or tar.gz archive."""
    number = _run(console, lambda tools: tools.export_archive(file, category))
    show({"exported": number}, f"Exported {number:,} emoji.", as_json=as_json)


@emoji.command()
@click.argument("shortcode", nargs=-1, required=True)
@as_json
@click.pass_obj
def disable(console: Console, shortcode: tuple[str, ...], as_json: bool) -> None:
    """Show the code of each SHORTCODE as text, until it is enabled again."""
    _change(console, shortcode, EmojiChange(is_disabled=True), as_json)


@emoji.command()
@click.argument("shortcode", nargs=-1, required=True)
@as_json
@click.pass_obj
def enable(console: Console, shortcode: tuple[str, ...], as_json: bool) -> None:
    """Show each SHORTCODE as a picture again."""
    _change(console, shortcode, EmojiChange(is_disabled=False), as_json)


@emoji.command()
@click.argument("shortcode", nargs=-1, required=True)
@yes
@as_json
@click.pass_obj
def delete(console: Console, shortcode: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete each SHORTCODE. Posts and profiles show its code as text from then on."""
    if not yes:
        confirm(f"Delete {', '.join(map(plain, shortcode))}?")

    async def work(tools: EmojiTools) -> list[CustomEmoji]:
        return await tools.emojis.delete(await _ids(tools, shortcode))

    rows = [_described(each) for each in _run(console, work)]
    show(rows, f"Deleted {len(rows):,} emoji.", as_json=as_json)


def _change(console: Console, shortcodes: tuple[str, ...], change: EmojiChange, as_json: bool) -> None:
    async def work(tools: EmojiTools) -> list[CustomEmoji]:
        return await tools.emojis.change(await _ids(tools, shortcodes), change)

    rows = [_described(each) for each in _run(console, work)]
    show(rows, table(rows, COLUMNS), as_json=as_json)


async def _ids(tools: EmojiTools, shortcodes: tuple[str, ...]) -> list[int]:
    """Return the ids of emoji of this site. Raises NotFound if there is none of one of the shortcodes."""
    ids = []
    for shortcode in dict.fromkeys(each.strip(":") for each in shortcodes):
        found = await tools.emojis.page(EmojiQuery(is_here=True, shortcode=shortcode), EmojiPage(1))
        if not found:
            raise NotFound(f"There is no custom emoji {shortcode}.")
        ids.append(found[0].emoji.id)
    return ids


def _described(each: CustomEmoji) -> dict[str, object]:
    return {
        "shortcode": each.emoji.shortcode,
        "category": each.emoji.category,
        "listed": each.emoji.is_listed,
        "disabled": each.disabled_at is not None,
        "bytes": each.bytes,
        "created_at": each.created_at.isoformat(timespec="seconds"),
    }


def _run(console: Console, work: Callable[[EmojiTools], Awaitable[T]]) -> T:
    from microblog.application.emoji_tools import EmojiTools

    console.require_files()

    async def with_tools(shown: Progress, opened: Services) -> T:
        return await work(EmojiTools.on(console.settings, reactor(), opened.database, shown.report))

    with progress() as shown:
        return console.run(partial(with_tools, shown))
