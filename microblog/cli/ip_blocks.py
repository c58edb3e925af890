"""`microblog ip-block`: IP addresses and networks that cannot sign up, or cannot use the site."""

from __future__ import annotations

import click

from microblog.cli.context import Console, as_json, plain, show, table
from microblog.model.ip_blocks import IpBlock, IpSeverity

COLUMNS = ("ip", "severity", "expires_at", "comment")


@click.group("ip-block")
def ip_block() -> None:
    """Block IP addresses and networks from sign-ups, or from the whole site."""


def _described(block: IpBlock) -> dict[str, object]:
    values = block.values
    return {
        "ip": str(values.network),
        "severity": str(values.severity),
        "comment": values.comment,
        "created_at": block.created_at.isoformat(timespec="seconds"),
        "expires_at": values.expires_at and values.expires_at.isoformat(timespec="seconds"),
    }


@ip_block.command("list")
@as_json
@click.pass_obj
def list_(console: Console, as_json: bool) -> None:
    """List the blocked networks."""
    rows = [_described(block) for block in console.run(lambda services: services.ip_blocks.everything())]
    show(rows, table(rows, COLUMNS) if rows else "No IP address is blocked.", as_json=as_json)


@ip_block.command()
@click.argument("ip")
@click.option(
    "--severity",
    type=click.Choice([str(severity) for severity in IpSeverity]),
    default=str(IpSeverity.SIGN_UP_BLOCK),
    show_default=True,
    help="Let sign-ups wait for approval, refuse them, or refuse every request.",
)
@click.option("--comment", default="", help="The reason, for administrators.")
@click.option("--days", type=click.FloatRange(0, 36_600, min_open=True), help="Number of days until it expires. Default: it never does.")
@as_json
@click.pass_obj
def add(console: Console, /, ip: str, as_json: bool, days: float | None, **options: str) -> None:
    """Block IP: an address such as 192.0.2.7, or a network such as 198.51.100.0/24."""
    from microblog.domain.ip_blocks import IpBlockDraft

    draft = IpBlockDraft(ip, options["severity"], options["comment"], None if days is None else max(1, round(days * 86_400)))
    added = console.run(lambda services: services.ip_blocks.add(draft))
    show(_described(added), f"{plain(str(added.values.network))}: {added.values.severity}", as_json=as_json)


@ip_block.command()
@click.argument("ip")
@as_json
@click.pass_obj
def remove(console: Console, ip: str, as_json: bool) -> None:
    """Remove the block of exactly this address or network."""
    removed = console.run(lambda services: services.ip_blocks.remove_network(ip))
    show(_described(removed), f"No longer blocked: {plain(str(removed.values.network))}", as_json=as_json)
