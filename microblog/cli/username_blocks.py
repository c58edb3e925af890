"""`microblog username-block`: usernames that nobody can sign up with."""

from __future__ import annotations

import click

from microblog.cli.context import Console, as_json, plain, show, table
from microblog.model.username_blocks import NameComparison, UsernameBlock

COLUMNS = ("username", "comparison", "allow_with_approval", "created_at")


@click.group("username-block")
def username_block() -> None:
    """Block usernames from sign-ups."""


def _described(block: UsernameBlock) -> dict[str, object]:
    return {
        "username": block.username,
        "comparison": str(block.comparison),
        "allow_with_approval": block.allow_with_approval,
        "created_at": block.created_at.isoformat(timespec="seconds"),
    }


@username_block.command("list")
@as_json
@click.pass_obj
def list_(console: Console, as_json: bool) -> None:
    """List the blocked usernames in alphabetical order."""
    rows = [_described(block) for block in console.run(lambda services: services.username_blocks.everything())]
    show(rows, table(rows, COLUMNS) if rows else "No username is blocked.", as_json=as_json)


@username_block.command()
@click.argument("username")
@click.option("--contains", is_flag=True, help="Block every username that contains it, too.")
@click.option("--allow-with-approval", is_flag=True, help="Let sign-ups wait for approval instead of refusing them.")
@as_json
@click.pass_obj
def add(console: Console, /, username: str, as_json: bool, contains: bool, allow_with_approval: bool) -> None:
    """Block USERNAME. Digits count as the letters that they look like."""
    from microblog.domain.username_blocks import UsernameBlockDraft

    draft = UsernameBlockDraft(username, NameComparison.CONTAINS if contains else NameComparison.EQUALS, allow_with_approval)
    added = console.run(lambda services: services.username_blocks.add(draft))
    show(_described(added), f"Blocked: {plain(added.username)}", as_json=as_json)


@username_block.command()
@click.argument("username")
@as_json
@click.pass_obj
def remove(console: Console, username: str, as_json: bool) -> None:
    """Remove the blocks of exactly USERNAME, as a whole name and as a part of names."""
    removed = console.run(lambda services: services.username_blocks.remove_name(username))
    show([_described(block) for block in removed], f"No longer blocked: {plain(removed[0].username)}", as_json=as_json)
