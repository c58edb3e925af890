"""`microblog log`: the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from microblog.cli.context import Console, as_json, show, table
from microblog.model.audit import AuditAction, AuditQuery
from microblog.model.paging import Page

COLUMNS = ("at", "actor", "action", "target", "text", "facts")
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.option("--actor", default="", help="Only acts of this moderator or administrator; - for the command line.")
@click.option("--action", type=click.Choice([str(action) for action in AuditAction]), default=None, help="Only this act.")
@click.option("--target", default="", help="Only acts on this account, domain or code.")
@click.option("--from", "first", type=DAY, help="The first day (UTC).")
@click.option("--to", "last", type=DAY, help="The last day (UTC).")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of acts.")
@click.option("--before", type=click.IntRange(1), help="Only acts with an id below this one, for the next page.")
@as_json
@click.pass_obj
def log(console: Console, /, first: datetime | None, last: datetime | None, as_json: bool, **only: Any) -> None:
    """Print the audit log, newest first: what moderators, administrators and this command line did."""
    from microblog.render.audit import audit_record_json, facts_text

    query = AuditQuery(
        actor=only["actor"].removeprefix("@"),
        action=only["action"] or "",
        target=only["target"].removeprefix("@"),
        since=first and first.replace(tzinfo=UTC),
        until=last and last.replace(tzinfo=UTC) + timedelta(days=1),
    )
    page = Page(only["limit"], max_id=only["before"])
    found = console.run(lambda services: services.audit_log.search(page, query))
    rows = [
        {
            "at": record.at.isoformat(timespec="seconds"),
            "actor": record.actor or ("automatic" if record.entry.action.is_automatic else "command line"),
            "action": record.entry.action,
            "target": record.entry.target,
            "text": record.entry.text,
            "facts": facts_text(record),
        }
        for record in found
    ]
    show([audit_record_json(record) for record in found], table(rows, COLUMNS) if rows else "No acts.", as_json=as_json)
