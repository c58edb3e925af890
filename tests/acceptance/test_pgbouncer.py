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
from tests.servers import Server
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
{more}
"""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.below(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def pooler(postgres: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the database by way of PgBouncer."""
    lacks = "pgbouncer is missing: apt-get install -y pgbouncer"
    if shutil.which("pgbouncer") is None:
        pytest.fail(lacks) if os.environ.get("MICROBLOG_REQUIRE_BROWSER") else pytest.skip(lacks)
    port, settings = free_port(), tmp_path / "pgbouncer.ini"
    more = getattr(request, "param", "")
    settings.write_text(SETTINGS.format(sockets=postgres.sockets, role=ROLE, listen=port, more=more))
    user = "nobody" if os.getuid() == 0 else getpass.getuser()
    for directory in [settings, *(above for above in settings.parents if above.is_relative_to("/tmp/pytest-of-root"))]:
        directory.chmod(0o755)  # PgBouncer refuses root, and has to read it as somebody else
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(["pgbouncer", "-u", user, str(settings)], stderr=log) as running:
        url = f"postgresql://{ROLE}@127.0.0.1:{port}/postgres"
        try:
            assert wait_until(lambda: _answers(url), 10), (tmp_path / "log").read_text()
            yield url
        finally:
            running.send_signal(signal.SIGINT)


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_site_of_two_processes_lives_behind_it(pooler: str, tmp_path: Path) -> None:
    common = {"database_url": pooler, "database_pooler": "on", "public_url": "http://127.0.0.1:8080", "rate_limits": "off"}
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    with site_process(tmp_path / "1", **common) as one, site_process(tmp_path / "2", **common) as two:
        one.start()
        two.start()
        author = SiteClient(one)
        author.sign_up("author")
        reader = SiteClient(two)
        reader.sign_up("reader")
        assert reader.request("POST", "/@author/follow", {"csrf": reader.csrf_token})[0] == 303
        ids = [author.publish(f"Post {number} for @reader #tea", f"key{number}") for number in range(30)]
        assert author.publish("Post 0 for @reader #tea", "key0") == ids[0]
        for path in ("/home", "/notifications", "/local", "/@author", "/search?q=post", "/tags/tea", f"/@author/{ids[3]}", "/settings"):
            assert reader.request("GET", path)[0] == 200, path
        assert "Post 29" in reader.request("GET", "/home")[2]
        assert wait_until(lambda: "mentioned you" in reader.request("GET", "/notifications")[2], 15)  # told by a job
        assert wait_until(lambda: one.get("/health")[0] == two.get("/health")[0] == 200, 10)
        for each in (one, two):
            assert "Traceback" not in each.log
            assert each.stop() in {0, -signal.SIGTERM}


@pytest.mark.parametrize("pooler", ["", "ignore_startup_parameters = options"], indirect=True)
def test_without_the_setting_the_site_says_at_start_what_to_set(pooler: str, tmp_path: Path) -> None:
    with site_process(tmp_path, database_url=pooler) as ours:
        process = ours.launch()
        assert process.wait(30) == 1
        assert "MICROBLOG_DATABASE_POOLER=on" in ours.log
        assert "Traceback" not in ours.log


def test_every_statement_of_storage_can_be_sent_through_it(pooler: str, postgres: Server) -> None:
    prepare_database(dsn(postgres.sockets, "postgres"))
    connection = connect(pooler)
    wrong: dict[str, str] = {}
    queries: list[Query] = [*plans.CALLED.values()]
    for query in queries:
        with connection.cursor() as cursor:
            try:
                query.run(cursor)
            except psycopg2.IntegrityError:
                pass  # what is made up may fit no other row
            except psycopg2.Error as problem:
                wrong[query.name] = str(problem)
        connection.rollback()
    connection.close()
    assert wrong == {}
