"""`microblog email-block`: e-mail domains that nobody can sign up with."""

from __future__ import annotations

import click

from microblog.cli.context import Console, as_json, plain, show, table
from microblog.model.email_domain_blocks import EmailDomainBlock

COLUMNS = ("domain", "allow_with_approval", "created_at")


@click.group("email-block")
def email_block() -> None:
    """Block e-mail domains from sign-ups."""


def _described(block: EmailDomainBlock) -> dict[str, object]:
    return {
        "domain": block.domain,
        "allow_with_approval": block.allow_with_approval,
        "created_at": block.created_at.isoformat(timespec="seconds"),
    }


@email_block.command("list")
@as_json
@click.pass_obj
def list_(console: Console, as_json: bool) -> None:
    """List the blocked e-mail domains in alphabetical order."""
    rows = [_described(block) for block in console.run(lambda services: services.email_domain_blocks.everything())]
    show(rows, table(rows, COLUMNS) if rows else "No e-mail domain is blocked.", as_json=as_json)


@email_block.command()
@click.argument("domain")
@click.option("--allow-with-approval", is_flag=True, help="Let sign-ups wait for approval instead of refusing them.")
@as_json
@click.pass_obj
def add(console: Console, domain: str, allow_with_approval: bool, as_json: bool) -> None:
    """Block DOMAIN and its subdomains."""
    added = console.run(lambda services: services.email_domain_blocks.add(domain, allow_with_approval=allow_with_approval))
    show(_described(added), f"Blocked: {plain(added.domain)}", as_json=as_json)


@email_block.command()
@click.argument("domain")
@as_json
@click.pass_obj
def remove(console: Console, domain: str, as_json: bool) -> None:
    """Remove the block of DOMAIN."""
    removed = console.run(lambda services: services.email_domain_blocks.remove_domain(domain))
    show(_described(removed), f"No longer blocked: {plain(removed.domain)}", as_json=as_json)
