"""`microblog invite`: codes that allow people to sign up."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from microblog.cli.context import Console, as_json, show, table
from microblog.model.accounts import Invite

COLUMNS = ("code", "state", "uses", "max_uses", "created_at", "expires_at")


@click.group()
def invite() -> None:
    """Create, list and revoke invites."""


def described(invite: Invite, now: datetime) -> dict[str, object]:
    """Return an invite's fields for output."""
    return {
        "code": invite.code,
        "state": invite.state(now),
        "uses": invite.uses,
        "max_uses": invite.max_uses,
        "created_at": invite.created_at.isoformat(timespec="seconds"),
        "expires_at": invite.expires_at and invite.expires_at.isoformat(timespec="seconds"),
    }


@invite.command()
@click.option("--uses", type=click.IntRange(1), help="Maximum number of sign-ups. Default: unlimited.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="Number of days until it expires. Default: it does not expire.")
@as_json
@click.pass_obj
def create(console: Console, uses: int | None, days: float | None, as_json: bool) -> None:
    """Create an invite and print its code."""
    lifetime = None if days is None else timedelta(days=min(days, 10_000_000))
    created = console.run(lambda services: services.registrations.invite(None, max_uses=uses, lasts=lifetime))
    show(described(created, created.created_at), created.code, as_json=as_json)


@invite.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of invites.")
@as_json
@click.pass_obj
def list_(console: Console, limit: int, as_json: bool) -> None:
    """List invites, newest first."""
    from microblog.application.services import now

    found = console.run(lambda services: services.registrations.invites(limit=limit))
    moment = now()
    rows = [described(invite, moment) for invite in found]
    show(rows, table(rows, COLUMNS) if rows else "No invites.", as_json=as_json)


@invite.command()
@click.argument("code")
@as_json
@click.pass_obj
def revoke(console: Console, code: str, as_json: bool) -> None:
    """Revoke an invite: its code can no longer be used."""
    console.run(lambda services: services.registrations.end_invite(code))
    show({"code": code, "revoked": True}, "The invite was revoked.", as_json=as_json)
