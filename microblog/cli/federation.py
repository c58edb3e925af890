"""`microblog federation`: deliveries to other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from microblog.cli.context import Console, as_json, plain, show, table
from microblog.model.deliveries import HostSummary
from microblog.model.federation_mode import FederationMode
from microblog.model.federation_statistics import FederationFigures

if TYPE_CHECKING:
    from microblog.cli.services import Services
    from microblog.config import Settings

DAY_COLUMNS = ("day", "received", "delivered", "failed")
COLUMNS = ("host", "state", "waiting", "failures", "paused_until", "last_error")


@click.group()
def federation() -> None:
    """Manage rules for other servers, and deliveries to them."""


@federation.command()
@as_json
@click.pass_obj
def status(console: Console, as_json: bool) -> None:
    """Print what waits for other servers, those that do not respond, and the traffic of the last days."""
    from microblog.application.federation import federation_statistics
    from microblog.storage import federation_start

    async def work(opened: Services) -> tuple[FederationFigures, str | None]:
        return await federation_statistics(opened.database).figures(), await opened.database.read(federation_start.public_url)

    figures, known_as = console.run(work)
    counts, rows = figures.counts, [described(host) for host in figures.failing]
    days = [{**attrs.asdict(day), "day": day.day.isoformat()} for day in figures.days]
    oldest = counts.oldest and counts.oldest.isoformat(timespec="seconds")
    value = {
        "mode": console.settings.federation.value,
        "public_url": known_as,
        "waiting": counts.waiting,
        "oldest": oldest,
        "hosts": counts.known,
        "slow": counts.slow,
        "dead": counts.dead,
        "failing": rows,
        "days": days,
    }
    lines = [
        mode_sentence(console.settings, known_as),
        f"Deliveries that wait: {counts.waiting}" + (f", the oldest since {oldest}" if oldest else ""),
        f"Servers: {counts.known} known, {counts.slow} fail at the moment, {counts.dead} dead",
        *(["", table(rows, COLUMNS)] if rows else []),
        *(["", "Activities by day (UTC):", table(days, DAY_COLUMNS)] if days else []),
    ]
    show(value, "\n".join(lines), as_json=as_json)


@federation.command()
@click.argument("host")
@as_json
@click.pass_obj
def retry(console: Console, host: str, as_json: bool) -> None:
    """Try everything that waits for HOST now, and deliver to it again if it was dead."""
    from microblog.application.services import now
    from microblog.federation import servers

    async def work(opened: Services) -> int:
        return await opened.database.run(servers.retry, host.lower(), None, now())

    waiting = console.run(work)
    show({"host": host.lower(), "waiting": waiting}, f"Deliveries to {plain(host.lower())} that are tried now: {waiting}", as_json=as_json)


def described(host: HostSummary) -> dict[str, object]:
    """Return a host's fields for output."""
    return {
        "host": host.host,
        "state": "dead" if host.dead_since else "fails",
        "waiting": host.waiting,
        "failures": host.failures,
        "paused_until": host.paused_until and host.paused_until.isoformat(timespec="seconds"),
        "last_error": host.last_error,
    }


def mode_sentence(settings: Settings, known_as: str | None) -> str:
    """Return what federation is set to, and what that means for the public URL. `known_as`: the one that other servers know already."""
    fixed = f"other servers know this site as {known_as}, so its public URL can never change"
    if settings.federation is FederationMode.OFF:
        if known_as is not None:
            return f"off; {fixed}"
        return (
            "off: people on Mastodon and other servers cannot follow people here; MICROBLOG_FEDERATION=on changes that, and fixes the "
            f"public URL {settings.public_url} for ever"
        )
    servers = "allowed servers only" if settings.federation is FederationMode.ALLOWLIST else "all servers that are not suspended"
    if known_as is None:
        fixed = f"the next start fixes the public URL {settings.public_url} for ever"
    return f"on, with {servers}; {fixed}"
