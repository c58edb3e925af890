"""`microblog canonical-email-block`: e-mail addresses that nobody can sign up with."""

from __future__ import annotations

import click

from microblog.cli.context import Console, as_json, plain, show, table
from microblog.model.canonical_email_blocks import CanonicalEmailBlock

COLUMNS = ("hash", "suspended", "created_at")


@click.group("canonical-email-block")
def canonical_email_block() -> None:
    """Block e-mail addresses, whatever their capital letters, dots and +tags."""


def _described(block: CanonicalEmailBlock) -> dict[str, object]:
    return {"hash": block.hash, "suspended": block.suspended, "created_at": block.created_at.isoformat(timespec="seconds")}


@canonical_email_block.command("list")
@as_json
@click.pass_obj
def list_(console: Console, as_json: bool) -> None:
    """List the hashes of blocked addresses, and the suspended accounts that they belong to."""
    rows = [_described(block) for block in console.run(lambda services: services.canonical_email_blocks.everything())]
    show(rows, table(rows, COLUMNS) if rows else "No e-mail address is blocked.", as_json=as_json)


@canonical_email_block.command()
@click.argument("email")
@as_json
@click.pass_obj
def find(console: Console, email: str, as_json: bool) -> None:
    """Show whether EMAIL is blocked."""
    rows = [_described(block) for block in console.run(lambda services: services.canonical_email_blocks.matching(email))]
    show(rows, table(rows, COLUMNS) if rows else "This e-mail address is not blocked.", as_json=as_json)


@canonical_email_block.command()
@click.argument("email")
@as_json
@click.pass_obj
def add(console: Console, email: str, as_json: bool) -> None:
    """Block EMAIL. Only its hash is stored."""
    added = console.run(lambda services: services.canonical_email_blocks.add(email))
    show(_described(added), f"Blocked: {plain(added.hash)}", as_json=as_json)


@canonical_email_block.command()
@click.argument("email_or_hash")
@as_json
@click.pass_obj
def remove(console: Console, email_or_hash: str, as_json: bool) -> None:
    """Remove the blocks of an address, given by itself or by its hash."""
    removed = console.run(lambda services: services.canonical_email_blocks.remove_address(email_or_hash))
    show([_described(block) for block in removed], f"No longer blocked: {plain(removed[0].hash)}", as_json=as_json)
