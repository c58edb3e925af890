"""Tests of a site of two processes behind a real PgBouncer in transaction mode, with few connections."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from benchmarks.queries import Query
from microblog.adapters.postgres_files import ROLE, dsn
from microblog.storage.database import connect
from microblog.storage.schema_check import prepare_database
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import free_port, site_process, wait_until
from tests.servers import PostgresServer
from tests.storage import test_plans as plans

pytestmark = pytest.mark.acceptance

SETTINGS = """
[databases]
* = host={sockets} port=5432 user={role}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
{extra_settings}
"""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer.below(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def pooler(postgres: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the database through PgBouncer."""
    if shutil.which("pgbouncer") is None:
        pytest.skip("pgbouncer is missing: apt-get install -y pgbouncer")
    port, settings = free_port(), tmp_path / "pgbouncer.ini"
    extra_settings = getattr(request, "param", "")
    settings.write_text(SETTINGS.format(sockets=postgres.sockets, role=ROLE, listen=port, extra_settings=extra_settings))
    user = "nobody" if os.getuid() == 0 else getpass.getuser()
    for directory in [settings, *(above for above in settings.parents if above.is_relative_to("/tmp/pytest-of-root"))]:
        directory.chmod(0o755)  # PgBouncer refuses root, so another user must be able to read it
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(["pgbouncer", "-u", user, str(settings)], stderr=log) as process:
        url = f"postgresql://{ROLE}@127.0.0.1:{port}/postgres"
        try:
            assert wait_until(lambda: _is_up(url), 10), (tmp_path / "log").read_text()
            yield url
        finally:
            process.send_signal(signal.SIGINT)


def _is_up(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_site_of_two_processes_works_behind_pgbouncer(pooler: str, tmp_path: Path) -> None:
    common = {"database_url": pooler, "database_pooler": "on", "public_url": "http://127.0.0.1:8080", "rate_limits": "off"}
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    with site_process(tmp_path / "1", **common) as first, site_process(tmp_path / "2", **common) as second:
        first.start()
        second.start()
        author = SiteClient(first)
        author.sign_up("author")
        reader = SiteClient(second)
        reader.sign_up("reader")
        assert reader.request("POST", "/@author/follow", {"csrf": reader.csrf_token})[0] == 303
        ids = [author.publish(f"Post {number} for @reader #tea", f"key{number}") for number in range(30)]
        assert author.publish("Post 0 for @reader #tea", "key0") == ids[0]
        for path in ("/home", "/notifications", "/local", "/@author", "/search?q=post", "/tags/tea", f"/@author/{ids[3]}", "/settings"):
            assert reader.request("GET", path)[0] == 200, path
        assert "Post 29" in reader.request("GET", "/home")[2]
        assert wait_until(lambda: "mentioned you" in reader.request("GET", "/notifications")[2], 15)  # a job adds the notification
        assert wait_until(lambda: first.get("/health/ready")[0] == second.get("/health/ready")[0] == 200, 10)
        for each in (first, second):
            assert "Traceback" not in each.log
            assert each.stop() in {0, -signal.SIGTERM}


@pytest.mark.parametrize("pooler", ["", "ignore_startup_parameters = options"], indirect=True)
def test_without_the_pooler_setting_the_start_fails_with_advice(pooler: str, tmp_path: Path) -> None:
    with site_process(tmp_path, database_url=pooler) as site:
        process = site.launch()
        assert process.wait(30) == 1
        assert "MICROBLOG_DATABASE_POOLER=on" in site.log
        assert "Traceback" not in site.log


def test_every_storage_statement_works_through_pgbouncer(pooler: str, postgres: PostgresServer) -> None:
    prepare_database(dsn(postgres.sockets, "postgres"))
    connection = connect(pooler)
    errors: dict[str, str] = {}
    queries: list[Query] = [*plans.CALLED.values()]
    for query in queries:
        with connection.cursor() as cursor:
            try:
                query.run(cursor)
            except psycopg2.IntegrityError:
                pass  # made-up values may violate foreign keys
            except psycopg2.Error as error:
                errors[query.name] = str(error)
        connection.rollback()
    connection.close()
    assert errors == {}
