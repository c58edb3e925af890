"""Manual pages and shell completion of the command `microblog`, generated from it: python -m tests.manual.

Writes contrib/man and contrib/completion anew. A test compares them with the commands as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click_man.core import generate_man_page

from microblog import __version__
from microblog.cli import main
from microblog.cli.completion import PROGRAM, SHELLS, script

CONTRIB = Path(__file__).parent.parent / "contrib"
FILES = {"bash": "microblog", "zsh": "_microblog", "fish": "microblog.fish"}
"""Names under which each shell looks for the script."""


def pages(command: click.Command = main, parent: click.Context | None = None, name: str = PROGRAM) -> Iterator[tuple[str, str]]:
    """Yield file name and text of the page of each command."""
    context = click.Context(command, parent, info_name=name)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            below.short_help = _sentence(below)
            yield from pages(below, context, str(below.name))
    command.short_help = _sentence(command)
    path = context.command_path
    text = generate_man_page(context, version=f"microblog {__version__}", date=f"microblog {__version__}")
    references = text.replace(rf"\fB{path}-", rf"\fB{path.replace(' ', '-')}-")  # click-man leaves the spaces of "microblog user"
    yield f"{path.replace(' ', '-')}.1", _escaped(references)


def _sentence(command: click.Command) -> str:
    """Return the first sentence of a command's help. Otherwise click-man cuts it off."""
    first = " ".join((command.help or "").split("\n\n")[0].split())
    return first.partition(". ")[0].rstrip(".")


def _escaped(page: str) -> str:
    """Escape what is text although it looks like a macro, and hyphens of options, which are otherwise set as typographic ones.

    Lists of choices may be longer than a line: let them break between two choices.
    """
    lines = page.replace(" --", r" \-\-").replace("|", r"|\:").split("\n")
    return "\n".join(rf"\&{line}" if line.startswith("'") else line for line in lines)


def scripts() -> Iterator[tuple[str, str]]:
    """Yield file name and text of the completion of each shell."""
    yield from ((FILES[shell], script(main, shell) + "\n") for shell in SHELLS)


def files() -> dict[Path, str]:
    """Return the text of every generated file by path."""
    manual = {CONTRIB / "man" / name: text for name, text in pages()}
    return manual | {CONTRIB / "completion" / name: text for name, text in scripts()}


def write() -> None:
    """Write all files, and delete those of commands that do not exist any more."""
    wanted = files()
    for directory in {path.parent for path in wanted}:
        directory.mkdir(exist_ok=True)
        for path in directory.iterdir():
            if path not in wanted:
                path.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
