"""Checks of the database: site, schema, the server's settings, its clock, and the public URL that it has stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.threads import deferToThreadPool

from microblog.application import services
from microblog.cli.checks import network
from microblog.cli.checks.findings import Finding, Status
from microblog.cli.services import open_server
from microblog.config import Settings
from microblog.jobs.clock_check import MAX_CLOCK_SKEW
from microblog.storage.schema_check import DatabaseState, SiteNotFound, database_state
from microblog.storage.server_facts import ServerFacts

URL, POOL = "MICROBLOG_DATABASE_URL", "MICROBLOG_DATABASE_POOL_SIZE"
START_LIMIT_S = 60.0
"""Time limit in seconds: an embedded server is started for the check, and may have to recover first."""
OTHER_CONNECTIONS = 2  # of a process besides its pool: one waits for notifications of commits, one migrates or is a command's


async def database(settings: Settings, reactor: Any) -> Sequence[Finding]:
    """Check the database of the site. Starts an embedded server that does not run; changes nothing."""
    try:
        async with open_server(settings, reactor) as url:
            state = await deferToThreadPool(reactor, reactor.getThreadPool(), database_state, url, services.now)
    except SiteNotFound as problem:
        site = Finding("site", Status.ERROR, str(problem), URL if settings.database_url else "MICROBLOG_DATA_DIR")
        return [site, network.federation(settings, None)]
    return [*_server(settings, state.facts), _schema(state.missing), clock(state), network.federation(settings, state.known_as)]


def _server(settings: Settings, facts: ServerFacts) -> Iterator[Finding]:
    kind = "embedded " if settings.database_url is None else ""
    yield Finding("database", Status.OK, f"{kind}PostgreSQL {facts.version_text}, {facts.encoding}", URL)
    yield durability(facts)
    yield connections(facts, settings.database_pool_size)
    yield from server_settings(facts, pooled=settings.database_pooler)


def durability(facts: ServerFacts) -> Finding:
    """Check that what was confirmed to people survives a crash of the database server or a power failure."""
    if not facts.fsync or not facts.full_page_writes:
        name = "full_page_writes" if facts.fsync else "fsync"
        text = f"{name} is off: a power failure can destroy the database. Set {name} = on in postgresql.conf and reload PostgreSQL."
        return Finding("durability", Status.ERROR, text, URL)
    if facts.synchronous_commit == "off":
        text = (
            "synchronous_commit is off: a crash can lose posts that people were told are published. Set synchronous_commit = on for the "
            "server, or for the site's role (ALTER ROLE ... SET synchronous_commit = on)."
        )
        return Finding("durability", Status.WARNING, text, URL)
    return Finding("durability", Status.OK, f"synchronous_commit is {facts.synchronous_commit}, fsync is on", URL)


def connections(facts: ServerFacts, pool_size: int) -> Finding:
    """Check that the server accepts the connections of a process. A pool has one connection for each writer and one for each reader."""
    needed = 2 * pool_size + OTHER_CONNECTIONS
    if facts.room < needed:
        text = (
            f"the database accepts {facts.room} connections of the site, and one process needs up to {needed}: raise max_connections, or "
            f"the limit of the role or database, or lower {POOL}"
        )
        return Finding("connections", Status.ERROR, text, POOL)
    number = facts.room // needed
    rooms = f"room for {number} {'process' if number == 1 else 'processes'} of {needed}"
    return Finding("connections", Status.OK, f"at most {facts.room}, {facts.in_use} in use now; {rooms}", POOL)


def server_settings(facts: ServerFacts, *, pooled: bool) -> Iterator[Finding]:
    """Yield the problems of the server's other settings."""
    if facts.is_read_only:
        text = "the server is a standby or read-only, so nothing can be stored: connect to the primary server"
        yield Finding("writing", Status.ERROR, text, URL)
    if facts.time_zone != "UTC" and not pooled:
        text = f"connections have the time zone {facts.time_zone} although the site asks for UTC: see MICROBLOG_DATABASE_POOLER"
        yield Finding("time zone", Status.WARNING, text, "MICROBLOG_DATABASE_POOLER")
    if not facts.autovacuum:
        text = "autovacuum is off: tables grow without end and become slow. Set autovacuum = on in postgresql.conf."
        yield Finding("autovacuum", Status.WARNING, text, URL)
    if not facts.folds_case:
        text = (
            "the database's LC_CTYPE does not know letters beyond ASCII, so that searches tell upper from lower case there: move the site "
            "(backup, restore) to a database created with lc_ctype 'C.UTF-8' template template0"
        )
        yield Finding("locale", Status.WARNING, text, URL)
    if facts.collation_differs:
        text = (
            "the operating system's collation has changed since indexes were built, which makes them miss rows: run REINDEX DATABASE and "
            "ALTER DATABASE ... REFRESH COLLATION VERSION"
        )
        yield Finding("collation", Status.ERROR, text, URL)


def _schema(missing: Sequence[str]) -> Finding:
    if missing:
        listed = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return Finding("schema", Status.WARNING, f"missing migrations {listed}: start the site or run microblog migrate")
    return Finding("schema", Status.OK, "up to date")


def clock(state: DatabaseState) -> Finding:
    """Check that the clocks of this machine and of the database agree, and that no post is dated in the future."""
    if abs(state.clock_difference) > MAX_CLOCK_SKEW:
        seconds = round(abs(state.clock_difference.total_seconds()))
        text = f"this machine and the database differ by {seconds} s: let both follow a time server (systemd-timesyncd, chrony)"
        return Finding("clock", Status.ERROR, text)
    if state.newest_post_ahead > MAX_CLOCK_SKEW:
        seconds = round(state.newest_post_ahead.total_seconds())
        text = f"the newest post is dated {seconds} s in the future, and is listed above newer ones until then: one of the clocks was wrong"
        return Finding("clock", Status.WARNING, text)
    return Finding("clock", Status.OK, "this machine and the database agree")
