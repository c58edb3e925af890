"""`microblog completion`: completion of commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from microblog.cli.context import as_json, show

PROGRAM = "microblog"
SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_MICROBLOG_COMPLETE"
"""Environment variable in which the script tells the program to print completions, see click's documentation."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@as_json
@click.pass_context
def completion(context: click.Context, shell: str, as_json: bool) -> None:
    """Print a script that completes the commands and options of `microblog` in SHELL: bash, zsh or fish.

    For bash: microblog completion bash > /etc/bash_completion.d/microblog. For zsh: write it as _microblog into a directory of $fpath. For
    fish: write it to ~/.config/fish/completions/microblog.fish. The script asks the installed program, so that it needs no update.
    """
    text = script(context.find_root().command, shell)
    show({"shell": shell, "script": text}, text, as_json=as_json)


def script(command: click.Command, shell: str) -> str:
    """Return the script for a shell."""
    kind = get_completion_class(shell)
    assert kind is not None  # click knows all of SHELLS
    # Not the method of the class for bash, which runs bash to look at its version.
    return ShellComplete.source(kind(command, {}, PROGRAM, VARIABLE)).strip()
