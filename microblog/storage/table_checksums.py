"""Row counts and checksums of all tables, to compare a restored database with the original."""

from __future__ import annotations

import psycopg2.extensions
from attrs import frozen

from microblog.model.progress import Report, unreported
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value


@frozen
class TableChecksum:
    """Number of rows and checksum of a table, independent of the order of rows."""

    rows: int
    sum: str


def export_snapshot(cursor: Cursor) -> str:
    """Return the name of a snapshot that other connections can use until this transaction ends."""
    execute(cursor, "set transaction isolation level repeatable read, read only")
    execute(cursor, "set local statement_timeout = 0")
    return str(fetch_value(cursor, "select pg_export_snapshot()"))


def checksums(cursor: Cursor, report: Report = unreported) -> dict[str, TableChecksum]:
    """Return the checksum of every table. Rows are read as text, so that different PostgreSQL releases agree."""
    for setting in ("timezone = 'UTC'", "datestyle = 'ISO'", "bytea_output = 'hex'", "extra_float_digits = 1", "statement_timeout = 0"):
        execute(cursor, f"set local {setting}")
    found, tables = {}, _tables(cursor)
    for number, table in enumerate(tables, 1):
        found[table] = _checksum(cursor, table)
        report("Tables", number, len(tables))
    return found


def has_tables(cursor: Cursor) -> bool:
    """True if the database has any table."""
    return bool(_tables(cursor))


def _tables(cursor: Cursor) -> list[str]:
    return fetch_all(cursor, str, "select tablename from pg_tables where schemaname = 'public' order by tablename")


def _checksum(cursor: Cursor, table: str) -> TableChecksum:
    name = psycopg2.extensions.quote_ident(table, cursor)
    part = "('x' || left(md5(r::text), 15))::bit(60)::bigint"
    (found,) = fetch_all(cursor, TableChecksum, f"select count(*), coalesce(sum({part}), 0)::text from {name} r")
    return found
