"""Tests of a started site whose database loses its connections or hangs: responses in time, and recovery by itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, site_process, suspended_database, wait_until

pytestmark = pytest.mark.acceptance

RESPONSE_TIMEOUT_S = 15.0
HEALTH_TIMEOUT_S = 2.0
WRITES = 8  # more than the pool has connections


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[SiteProcess]:
    """A site for one test, not started."""
    with site_process(tmp_path) as site:
        yield site


def timed_request(client: SiteClient, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, float]:
    """Send a request; return its status and duration in seconds."""
    started = time.monotonic()
    status, _, _ = client.request(method, path, fields, Accept="application/json", X_CSRF_Token=client.csrf_token)
    return status, time.monotonic() - started


def test_no_request_fails_after_all_connections_were_terminated(own_site: SiteProcess) -> None:
    own_site.start()
    author = SiteClient(own_site)
    author.sign_up("author")
    with ThreadPoolExecutor(WRITES) as executor:
        for number in range(3):
            before = list(executor.map(lambda n, r=number: author.publish(f"Before {r}-{n}", f"b{r}-{n}"), range(WRITES)))
            with psycopg2.connect(own_site.database_url()) as connection, connection.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'microblog%'")
            after = list(executor.map(lambda n, r=number: author.publish(f"After {r}-{n}", f"a{r}-{n}"), range(WRITES)))
            assert None not in before + after
            assert own_site.get("/health/ready")[0] == 200
    with psycopg2.connect(own_site.database_url()) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*), count(distinct text) from posts")
        assert cursor.fetchone() == (3 * 2 * WRITES, 3 * 2 * WRITES)


def test_requests_fail_in_time_while_the_database_hangs_and_work_afterwards(own_site: SiteProcess) -> None:
    own_site.start()
    author = SiteClient(own_site)
    author.sign_up("author")
    author.publish("Before", "before")
    with ThreadPoolExecutor(16) as executor:
        with suspended_database(own_site):
            requests = {
                ("POST", "/posts"): {"text": "Meanwhile", "key": "meanwhile"},
                ("GET", "/@author/followers"): None,
                ("GET", "/settings"): None,
                ("GET", "/api/v1/accounts/lookup?acct=author"): None,
                ("GET", "/search?q=something"): None,
            }
            pending = [
                (request, executor.submit(timed_request, author, *request, fields))
                for request, fields in requests.items()
                for _ in range(2)
            ]
            for _ in range(3):
                status, seconds = timed_request(author, "GET", "/health/ready")
                assert status == 503
                assert seconds < HEALTH_TIMEOUT_S
                time.sleep(1)
            for request, response in pending:
                status, seconds = response.result(60)
                assert status == 503, request
                assert seconds < RESPONSE_TIMEOUT_S, request
            status, seconds = timed_request(author, "POST", "/posts", {"text": "Still", "key": "still"})
            assert status == 503
            assert seconds < RESPONSE_TIMEOUT_S
        assert wait_until(lambda: own_site.get("/health/ready")[0] == 200, 15), own_site.get("/health/ready")
        assert author.publish("After", "after") is not None
        assert timed_request(author, "GET", "/search?q=after")[0] == 200
    assert "Traceback" not in own_site.log


def test_a_site_whose_database_hangs_can_be_stopped(own_site: SiteProcess) -> None:
    own_site.start()
    author = SiteClient(own_site)
    author.sign_up("author")
    with ThreadPoolExecutor(4) as executor, suspended_database(own_site):
        pending = [executor.submit(author.request, "GET", "/@author/followers") for _ in range(3)]
        assert own_site.process is not None
        own_site.process.send_signal(signal.SIGTERM)
        for response in pending:
            assert response.exception(30) is not None or response.result()[0] in {200, 503}
    assert own_site.process.wait(30) in {0, -signal.SIGTERM}
