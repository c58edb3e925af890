"""Checks of the database at start-up, and its migration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg2
from attrs import frozen

from microblog.model.ids import moment_of
from microblog.model.progress import Report, unreported
from microblog.storage import clock, federation_start
from microblog.storage.database import Connection, connect, fetch_value
from microblog.storage.migrate import SchemaProblem, migrate, missing
from microblog.storage.server_facts import ServerFacts, server_facts

OLDEST_POSTGRES = 15


class UnusableDatabase(Exception):
    """The site cannot use this database; the text says why."""


@frozen
class DatabaseState:
    """State of a site's database: the server, migrations to be applied, and the database's clock minus the one of this process.

    `newest_post_ahead`: the date of the newest post minus the database's time; zero if there is no post. `known_as` is the public URL that
    other servers know, if the site has federated.
    """

    facts: ServerFacts
    missing: list[str]
    clock_difference: timedelta
    newest_post_ahead: timedelta
    known_as: str | None = None


class SiteNotFound(UnusableDatabase):
    """The settings point to a database or directory without a site. Only the server and a restore create one."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"No site found: {place}. Only the server (twistd microblog) and `microblog restore` create one. "
            "`microblog config` shows the current settings and where they come from; --config FILE or MICROBLOG_CONFIG selects others."
        )


def require_site(url: str, place: str) -> None:
    """Raise SiteNotFound unless the database of `place` has the tables of a site.

    Changes nothing; blocks and raises as `prepare_database` does.
    """
    with _checked_connection(url) as connection, connection.cursor() as cursor:
        if not fetch_value(
            cursor,
            """select count(*) = 2 from pg_attribute where not attisdropped and (attrelid, attname) in (
                   (to_regclass('migrations'), 'digest'), (to_regclass('accounts'), 'username'))""",
        ):
            raise SiteNotFound(f"the database of {place} does not contain a site")


def prepare_database(url: str, *, pooled: bool = True, report: Report = unreported) -> list[str]:
    """Migrate the database and return the names of the migrations applied. Blocks: call it in a thread.

    Raises UnusableDatabase if it cannot be reached, is too old, or cannot be migrated, and if it is behind a pooler in transaction mode
    that the settings do not mention (`pooled`).
    """
    with _checked_connection(url) as connection:
        if not pooled and not _applies_options(connection):
            raise UnusableDatabase(
                "The database is behind a pooler in transaction mode, such as PgBouncer: set MICROBLOG_DATABASE_POOLER=on, or connect "
                "directly to PostgreSQL with MICROBLOG_DATABASE_URL."
            )
        return migrate(connection, report=report)


def database_state(url: str, now: Callable[[], datetime]) -> DatabaseState:
    """Return the state of the site's database. Changes nothing; blocks and raises like `prepare_database`."""
    with _checked_connection(url) as connection, connection.cursor() as cursor:
        database_time, newest = clock.read_clock(cursor)
        difference = database_time - now()
        ahead = timedelta(0) if newest is None else moment_of(newest) - database_time
        facts = server_facts(cursor)
        has_federation = fetch_value(cursor, "select to_regclass('federation_start') is not null")
        known_as = federation_start.public_url(cursor) if has_federation else None
        connection.rollback()
        return DatabaseState(facts, missing(connection), difference, ahead, known_as)


def missing_migrations(url: str) -> list[str]:
    """Return what `prepare_database` would apply. Changes nothing; blocks and raises like it."""
    with _checked_connection(url) as connection:
        return missing(connection)


def _applies_options(connection: Connection) -> bool:
    with connection.cursor() as cursor:
        applied: bool = fetch_value(cursor, "select current_setting('plan_cache_mode')") == "force_generic_plan"
    connection.rollback()
    return applied


@contextmanager
def _checked_connection(url: str) -> Iterator[Connection]:
    try:
        connection = connect(url)
    except psycopg2.OperationalError as cause:
        raise UnusableDatabase(f"The database cannot be reached: {_one_line(cause)}") from cause
    try:
        if connection.server_version < OLDEST_POSTGRES * 10_000:
            raise UnusableDatabase(f"The database must be PostgreSQL {OLDEST_POSTGRES} or newer.")
        if connection.get_parameter_status("server_encoding") != "UTF8":
            raise UnusableDatabase("The database must have the encoding UTF8: create database ... encoding 'UTF8' template template0.")
        yield connection
    except (SchemaProblem, psycopg2.Error) as cause:
        raise UnusableDatabase(f"The database schema cannot be upgraded: {_one_line(cause)}") from cause
    finally:
        connection.close()


def _one_line(cause: BaseException) -> str:
    return " ".join(str(cause).split())
