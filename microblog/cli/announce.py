"""`microblog announce`: announcements to all users."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from microblog.cli.context import Console, as_json, show, table
from microblog.model.announcements import Announcement
from microblog.model.ids import AnnouncementId

COLUMNS = ("id", "published_at", "starts_at", "ends_at", "text")
TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


@click.group()
def announce() -> None:
    """Publish, list and delete announcements to all users."""


def described(made: Announcement) -> dict[str, object]:
    """Return an announcement's fields for output."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat(timespec="minutes")

    return {
        "id": str(made.id),
        "published_at": at(made.published_at),
        "starts_at": at(made.starts_at),
        "ends_at": at(made.ends_at),
        "all_day": made.all_day,
        "text": made.text,
    }


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)


@announce.command()
@click.argument("text")
@click.option("--starts", type=TIMES, help="When what it is about begins (UTC).")
@click.option("--ends", type=TIMES, help="When that ends (UTC); until then it is shown.")
@click.option("--all-day", is_flag=True, help="Only the days count, not the hours.")
@as_json
@click.pass_obj
def publish(console: Console, text: str, *, starts: datetime | None, ends: datetime | None, all_day: bool, as_json: bool) -> None:
    """Publish TEXT to all users and print the announcement's id."""
    made = console.run(lambda desk: desk.announcements.publish(text, starts_at=_utc(starts), ends_at=_utc(ends), all_day=all_day))
    show(described(made), str(made.id), as_json=as_json)


@announce.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most.")
@as_json
@click.pass_obj
def list_(console: Console, limit: int, as_json: bool) -> None:
    """List announcements, newest first, including ended ones."""
    rows = [described(made) for made in console.run(lambda desk: desk.announcements.newest(limit))]
    show(rows, table(rows, COLUMNS) if rows else "None.", as_json=as_json)


@announce.command()
@click.argument("id", type=int)
@click.pass_obj
def withdraw(console: Console, id: int) -> None:
    """Delete an announcement."""
    console.run(lambda desk: desk.announcements.withdraw(AnnouncementId(id)))
    click.echo("It is not shown any more.")
