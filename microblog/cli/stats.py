"""`microblog stats`: daily statistics."""

from __future__ import annotations

from datetime import datetime

import click

from microblog.cli.context import Console, as_json, show

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def stats() -> None:
    """Manage daily statistics. The site computes them at the end of each day."""


@stats.command()
@click.option("--from", "first", type=DAY, help="The first day; unset: the one on which the first account was made.")
@click.option("--to", "last", type=DAY, help="The last day; unset: the newest that is over.")
@as_json
@click.pass_obj
def rebuild(console: Console, first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Recompute the statistics of days, in UTC and in the site's time zone.

    The result is the same as before, regardless of later deletions, edits and undone actions, unless the database was changed by hand.
    """
    counted = console.run(lambda desk: desk.statistics.rebuild(first and first.date(), last and last.date()))
    if counted is None:
        show({"from": None, "to": None, "days": 0}, "There is nothing to count yet.", as_json=as_json)
        return
    begin, end = counted
    number = (end - begin).days + 1
    told = {"from": begin.isoformat(), "to": end.isoformat(), "days": number}
    show(told, f"Counted {number} {'day' if number == 1 else 'days'} from {begin} to {end}.", as_json=as_json)
