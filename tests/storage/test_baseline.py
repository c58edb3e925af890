"""Upgrades: this version takes over the sites of all releases, with their data, settings, metrics and waiting jobs."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg2
import pytest

from microblog import __version__
from microblog.adapters.postgres_files import dsn
from microblog.config import setting_docs
from microblog.storage.database import Cursor, connect
from microblog.storage.migrate import known, migrate
from tests.acceptance.site_process import site_process
from tests.baseline import current_names, dump, recorded_database, recorded_names, releases
from tests.jobs.test_workers import build_workers

pytestmark = pytest.mark.acceptance
CHANGELOG = Path(__file__).parent.parent.parent / "CHANGELOG.md"


def old_database(postgres: Path, version: str) -> str:
    """Create the database of that release and return its URL."""
    name = f"baseline_{version.replace('.', '_')}"
    connection = psycopg2.connect(dsn(postgres, "postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"drop database if exists {name}")
        cursor.execute(f"create database {name}")
    connection.close()
    url = dsn(postgres, name)
    connection = connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(recorded_database(version))
    connection.close()
    return url


def rows(url: str) -> dict[str, int]:
    """Count the rows of each non-empty table."""
    connection = connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public' and tablename <> 'migrations'")
        counted = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"select count(*) from {table}")
            counted[table] = int((cursor.fetchone() or [0])[0])
    connection.close()
    return {table: count for table, count in counted.items() if count}


def schema(url: str) -> str:
    """Dump the schema. Without parentheses, because pg_dump writes more of them each time that a condition is restored."""
    return re.sub(r"[()]", "", dump(url, "--schema-only"))


def test_every_release_has_a_baseline() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+)(?!.*unreleased)", CHANGELOG.read_text("utf-8"), re.MULTILINE)
    assert sorted(released) == releases()


@pytest.mark.parametrize("version", releases())
def test_upgrading_the_database_of_a_release_gives_the_current_schema_and_keeps_its_rows(
    postgres: Path, database_url: str, version: str
) -> None:
    url = old_database(postgres, version)
    before = rows(url)
    assert len(before) > 30
    connection = connect(url)
    migrate(connection)
    connection.close()
    assert {table: rows(url).get(table) for table in before} == before
    assert schema(url) == schema(database_url)


@pytest.mark.parametrize("version", releases())
def test_a_site_starts_on_the_database_of_a_release_and_shows_its_posts(postgres: Path, tmp_path: Path, version: str) -> None:
    with site_process(tmp_path, database_url=old_database(postgres, version)) as started:
        started.start()
        for path in ("/", "/@ann", "/api/v1/timelines/public"):
            status, body = started.get(path)
            assert (status, b"Tea or coffee?" in body) == (200, True), path
        names = current_names(started.get("/metrics")[1].decode(), {})
        started.stop()
    assert set(recorded_names(version).metrics) <= set(names.metrics)


@pytest.mark.parametrize("version", releases())
def test_settings_metrics_and_job_kinds_of_a_release_still_exist(cursor: Cursor, tmp_path: Path, version: str) -> None:
    """A removed name needs an upgrade path, which this test must then name."""
    old = recorded_names(version)
    assert set(old.settings) <= {doc.name for doc in setting_docs()}
    assert set(old.jobs) <= {kind for worker in build_workers(cursor, tmp_path).workers.values() for kind in worker.tasks}


def test_the_baseline_of_a_released_version_has_its_schema() -> None:
    if __version__ in releases():
        applied = re.findall(r"\((\d+), '(\d{4}_\w+\.sql)', '([0-9a-f]{64})'", recorded_database(__version__))
        assert [(int(number), name, digest) for number, name, digest in applied] == [
            (step.number, step.name, step.digest) for step in known()
        ]
