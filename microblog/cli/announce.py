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


def described(announcement: Announcement) -> dict[str, object]:
    """Return an announcement's fields for output."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat(timespec="minutes")

    return {
        "id": str(announcement.id),
        "published_at": at(announcement.published_at),
        "starts_at": at(announcement.starts_at),
        "ends_at": at(announcement.ends_at),
        "all_day": announcement.all_day,
        "text": announcement.text,
    }


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)


@announce.command()
@click.argument("text")
@click.option("--starts", type=TIMES, help="Start of the announced event (UTC).")
@click.option("--ends", type=TIMES, help="End of the event (UTC). The announcement is shown until then.")
@click.option("--all-day", is_flag=True, help="The event lasts whole days: show dates without times.")
@as_json
@click.pass_obj
def publish(console: Console, text: str, *, starts: datetime | None, ends: datetime | None, all_day: bool, as_json: bool) -> None:
    """Publish TEXT to all users and print the announcement's id."""
    announcement = console.run(
        lambda services: services.announcements.publish(text, starts_at=_utc(starts), ends_at=_utc(ends), all_day=all_day)
    )
    show(described(announcement), str(announcement.id), as_json=as_json)


@announce.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Maximum number of announcements.")
@as_json
@click.pass_obj
def list_(console: Console, limit: int, as_json: bool) -> None:
    """List announcements, newest first, including ended ones."""
    rows = [described(announcement) for announcement in console.run(lambda services: services.announcements.newest(limit))]
    show(rows, table(rows, COLUMNS) if rows else "No announcements.", as_json=as_json)


@announce.command()
@click.argument("id", type=int)
@as_json
@click.pass_obj
def withdraw(console: Console, id: int, as_json: bool) -> None:
    """Delete an announcement."""
    console.run(lambda services: services.announcements.withdraw(AnnouncementId(id)))
    show({"id": str(id), "deleted": True}, "The announcement was deleted.", as_json=as_json)
