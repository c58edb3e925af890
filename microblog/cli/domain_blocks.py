"""`microblog domain-block`: the rules of `microblog federation`, by names like those of the other blocks."""

from __future__ import annotations

from copy import copy

import click

from microblog.cli.federation_rules import block, blocks, unblock


@click.group("domain-block")
def domain_block() -> None:
    """Suspend or limit other servers, as `federation block`, `unblock` and `blocks` do."""


for name, original in (("list", blocks), ("add", block), ("remove", unblock)):
    command = copy(original)
    command.name = name
    domain_block.add_command(command)
