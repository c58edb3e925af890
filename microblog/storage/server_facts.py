"""Facts about the PostgreSQL server and the database, for checks of the site's configuration."""

from __future__ import annotations

from attrs import frozen

from microblog.storage.database import Cursor, fetch_one


@frozen
class ServerFacts:
    """Settings of the server as they apply to connections of the site, and its state.

    `room` is the number of connections that the server, the database and the role allow the site at most. `collation_differs`: the
    operating system sorts text otherwise than when indexes were built.
    """

    version: int
    version_text: str
    encoding: str
    time_zone: str
    synchronous_commit: str
    fsync: bool
    full_page_writes: bool
    autovacuum: bool
    is_read_only: bool
    room: int
    in_use: int
    folds_case: bool
    collation_differs: bool


def server_facts(cursor: Cursor) -> ServerFacts:
    """Return the facts. Every role may read them."""
    found = fetch_one(cursor, ServerFacts, _FACTS)
    assert found is not None
    return found


# A limit of -1 is none. `reserved_connections` is a setting since PostgreSQL 16.
_FACTS = """
    select current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding'),
        current_setting('TimeZone'), current_setting('synchronous_commit'), current_setting('fsync')::boolean,
        current_setting('full_page_writes')::boolean, current_setting('autovacuum')::boolean,
        pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean,
        least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0),
            nullif(d.datconnlimit, -1), nullif(r.rolconnlimit, -1)),
        (select count(*)::int from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()),
        lower('Ä') = 'ä',
        coalesce(d.datcollversion <> pg_database_collation_actual_version(d.oid), false)
    from pg_database d, pg_roles r where d.datname = current_database() and r.rolname = current_user"""
