"""The databases of the benchmarks, cached between runs: building one takes minutes, copying it seconds.

    python -m benchmarks.databases [--cache DIRECTORY] [--posts 1000000]

One embedded PostgreSQL with the settings of a site. New migrations are applied to a cached database; if an applied migration or the data
set has changed, the database is rebuilt.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import psycopg2
from attrs import frozen

from benchmarks import backlog, dataset
from benchmarks.dataset import Site
from microblog.adapters.postgres import initdb_command, server_command
from microblog.adapters.postgres_files import Home, dsn, servers_in
from microblog.storage.database import connect, fetch_value
from microblog.storage.migrate import SchemaProblem, migrate

ACCOUNTS = 10_000
SIZES = (100_000, 1_000_000)
CACHE = Path.home() / ".cache" / "microblog-benchmarks"


@frozen
class DatabaseServer:
    """A running server. `home` has the paths of its files."""

    home: Home
    sockets: Path

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return dsn(self.sockets, database)

    def pids(self) -> list[int]:
        """Return the processes of the server."""
        return list(servers_in(self.home.data))

    def administer(self, statement: str) -> list[tuple[object, ...]]:
        """Execute a statement that cannot run in a transaction."""
        with closing(psycopg2.connect(self.url("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def template(self, posts: int) -> str:
        """Return the name of the database with this number of posts, migrated or newly built. Only read or copy it."""
        version = sha256(b"".join(Path(module).read_bytes() for module in (backlog.__file__, dataset.__file__))).hexdigest()[:8]
        expected = f"posts_{posts}_{version}"
        existing = {str(row[0]) for row in self.administer("select datname from pg_database where not datistemplate")}
        if expected not in existing or not self._migrated(expected):
            for outdated in existing:
                if outdated.startswith(f"posts_{posts}_"):
                    self.administer(f"drop database {outdated}")
            self._build(posts, expected)
        return expected

    def _migrated(self, database: str) -> bool:
        with closing(connect(self.url(database))) as connection:
            try:
                migrate(connection)
            except SchemaProblem:  # an applied migration has changed
                return False
            return True

    def site(self, posts: int) -> Site:
        """Return the layout of that database."""
        with closing(psycopg2.connect(self.url(self.template(posts)))) as connection, connection.cursor() as cursor:
            return Site.of(posts, ACCOUNTS, fetch_value(cursor, "select id from accounts where lower(username) = 'person0'"))

    def _build(self, posts: int, expected: str) -> None:
        started = time.monotonic()
        self.administer("drop database if exists building")
        self.administer("create database building")
        site = Site(posts, ACCOUNTS, datetime.now(UTC).replace(microsecond=0))
        with closing(connect(self.url("building"))) as connection:
            migrate(connection)
            dataset.fill(connection, site, lambda step: print(f"{time.monotonic() - started:6.1f} s  {step}", flush=True))
            print(f"{time.monotonic() - started:6.1f} s  backlog", flush=True)
            backlog.pile_up(connection, site, backlog.Backlog())
        self.administer(f"alter database building rename to {expected}")
        print(f"{time.monotonic() - started:6.1f} s  built {expected}", flush=True)

    @contextmanager
    def copy(self, posts: int) -> Iterator[str]:
        """Yield the URL of a writable copy, which is dropped at the end."""
        template, name = self.template(posts), f"copy_{posts}"
        self.administer(f"drop database if exists {name} with (force)")
        self.administer(f"create database {name} template {template} strategy file_copy")
        try:
            yield self.url(name)
        finally:
            self.administer(f"drop database {name} with (force)")


@contextmanager
def database_server(cache: Path, *, durable: bool, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[DatabaseServer]:
    """Run the server: durable as on a site, or not, for building; with these settings besides those of the embedded PostgreSQL."""
    home = Home(cache)
    home.prepare()
    if not home.exists:
        subprocess.run(initdb_command(home), check=True, stdout=subprocess.DEVNULL)
        home.fresh.rename(home.data)
    sockets = home.socket_directory()
    with (cache / "postgres.log").open("ab") as log:
        command = server_command(home, sockets, connections=40, durable=durable) + [f"--{name}={value}" for name, value in settings.items()]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_ready(server, sockets)
        yield DatabaseServer(home, sockets)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _until_ready(server: subprocess.Popen[bytes], sockets: Path) -> None:
    while True:
        try:
            psycopg2.connect(dsn(sockets, "postgres")).close()
        except psycopg2.OperationalError as error:
            if server.poll() is not None:
                raise SystemExit("PostgreSQL did not start; see postgres.log in the cache directory.") from error
            time.sleep(0.05)
        else:
            return


def options(description: str | None) -> argparse.ArgumentParser:
    """Return the argument parser of the commands that use these databases."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where the databases are cached (default: {CACHE})")
    parser.add_argument("--posts", type=int, nargs="+", default=SIZES, help="numbers of posts (default: 100000 1000000)")
    return parser


def main() -> None:
    """Build the missing databases."""
    arguments = options(__doc__).parse_args()
    with database_server(arguments.cache, durable=False) as server:
        for posts in arguments.posts:
            print(server.template(posts))


if __name__ == "__main__":
    main()
