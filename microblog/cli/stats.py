"""`microblog stats`: daily statistics."""

from __future__ import annotations

from datetime import datetime

import click

from microblog.cli.context import Console, as_json, show
from microblog.cli.progress import progress

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def stats() -> None:
    """Manage daily statistics. The site computes them at the end of each day."""


@stats.command()
@click.option("--from", "first", type=DAY, help="The first day. Default: the day of the first sign-up.")
@click.option("--to", "last", type=DAY, help="The last day. Default: yesterday.")
@as_json
@click.pass_obj
def rebuild(console: Console, first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Recompute the daily statistics in UTC and in the site's time zone.

    Deletions, edits and undone actions since then do not change the result; only manual changes to the database do. Each day is stored by
    itself: after an interruption, call it again.
    """
    with progress() as shown:
        counted = console.run(lambda services: services.statistics.rebuild(first and first.date(), last and last.date(), shown.report))
    if counted is None:
        show({"from": None, "to": None, "days": 0}, "There are no complete days yet.", as_json=as_json)
        return
    begin, end = counted
    number = (end - begin).days + 1
    result = {"from": begin.isoformat(), "to": end.isoformat(), "days": number}
    show(result, f"Counted {number} {'day' if number == 1 else 'days'} from {begin} to {end}.", as_json=as_json)
