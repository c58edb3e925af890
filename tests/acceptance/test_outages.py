"""A started site whose database is restarted, or hangs: what people and machines are told, how soon, and that nothing has to be done."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import psycopg2
import pytest

from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, wait_until

pytestmark = pytest.mark.acceptance

ANSWERED_S = 15.0
HEALTH_S = 2.0
WRITES = 8  # as many as connections and more


@contextmanager
def hanging(site: SiteProcess) -> Iterator[None]:
    """Nothing of its PostgreSQL moves."""
    main = psutil.Process(site.postmaster_pid())
    everybody = [main, *main.children(recursive=True)]
    for process in everybody:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in everybody:
            os.kill(process.pid, signal.SIGCONT)


def asked(visitor: SiteClient, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, float]:
    """The status, and how long it took."""
    began = time.monotonic()
    status, _, _ = visitor.request(method, path, fields, Accept="application/json", X_CSRF_Token=visitor.csrf_token)
    return status, time.monotonic() - began


def test_after_every_connection_was_cut_no_write_and_no_look_fails(own_site: SiteProcess) -> None:
    own_site.start()
    author = SiteClient(own_site)
    author.sign_up("author")
    with ThreadPoolExecutor(WRITES) as hands:
        for round_ in range(3):
            before = list(hands.map(lambda n, r=round_: author.publish(f"Before {r}-{n}", f"b{r}-{n}"), range(WRITES)))
            with psycopg2.connect(own_site.database_url()) as connection, connection.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'microblog%'")
            after = list(hands.map(lambda n, r=round_: author.publish(f"After {r}-{n}", f"a{r}-{n}"), range(WRITES)))
            assert None not in before + after
            assert own_site.get("/health")[0] == 200
    with psycopg2.connect(own_site.database_url()) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*), count(distinct text) from posts")
        assert cursor.fetchone() == (3 * 2 * WRITES, 3 * 2 * WRITES)


def test_while_the_database_hangs_everybody_is_told_in_time_and_then_all_goes_on(own_site: SiteProcess) -> None:
    own_site.start()
    author = SiteClient(own_site)
    author.sign_up("author")
    author.publish("Before", "before")
    with ThreadPoolExecutor(16) as hands:
        with hanging(own_site):
            calls = {
                ("POST", "/posts"): {"text": "Meanwhile", "key": "meanwhile"},
                ("GET", "/@author/followers"): None,
                ("GET", "/settings"): None,
                ("GET", "/api/v1/accounts/lookup?acct=author"): None,
                ("GET", "/search?q=something"): None,
            }
            waiting = [(call, hands.submit(asked, author, *call, fields)) for call, fields in calls.items() for _ in range(2)]
            for _ in range(3):
                status, took = asked(author, "GET", "/health")
                assert status == 503
                assert took < HEALTH_S
                time.sleep(1)
            for call, answer in waiting:
                status, took = answer.result(60)
                assert status == 503, call
                assert took < ANSWERED_S, call
            status, took = asked(author, "POST", "/posts", {"text": "Still", "key": "still"})
            assert status == 503
            assert took < ANSWERED_S
        assert wait_until(lambda: own_site.get("/health")[0] == 200, 15), own_site.get("/health")
        assert author.publish("After", "after") is not None
        assert asked(author, "GET", "/search?q=after")[0] == 200
    assert "Traceback" not in own_site.log


def test_a_site_whose_database_hangs_can_be_stopped(own_site: SiteProcess) -> None:
    own_site.start()
    author = SiteClient(own_site)
    author.sign_up("author")
    with ThreadPoolExecutor(4) as hands, hanging(own_site):
        waiting = [hands.submit(author.request, "GET", "/@author/followers") for _ in range(3)]
        assert own_site.process is not None
        own_site.process.send_signal(signal.SIGTERM)
        for answer in waiting:
            assert answer.exception(30) is not None or answer.result()[0] in {200, 503}
    assert own_site.process.wait(30) in {0, -signal.SIGTERM}
