"""Tests that acknowledged posts survive any crash."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg2
from attrs import define, field

from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, killed_at_the_end, wait_until

KILLS = 50
WRITERS = 4


@define
class Writer:
    """Publishes posts one after the other; an unacknowledged post is retried with its idempotency key."""

    client: SiteClient
    name: str
    stopping: threading.Event
    acknowledged: dict[str, int] = field(factory=dict)
    errors: list[str] = field(factory=list)

    def run(self) -> None:
        """Publish until `stopping` is set and the last post is acknowledged."""
        try:
            while not self.stopping.is_set():
                self.publish(f"{self.name}-{len(self.acknowledged)}")
        except BaseException as error:
            self.errors.append(repr(error))
            raise

    def publish(self, key: str) -> None:
        """Publish one post, with retries."""
        for _ in range(1_000):
            with suppress(OSError):
                if (id := self.client.publish(f"Post {key}", key)) is not None:
                    self.acknowledged[key] = id
                    return
            time.sleep(0.05)
        raise AssertionError(f"{key} was never acknowledged.")


def test_acknowledged_posts_survive_50_crashes_of_site_and_database(tmp_path: Path) -> None:
    rng = random.Random(20261120)
    with killed_at_the_end(SiteProcess(tmp_path / "var", {"rate_limits": "off"})) as site:  # not prepared: that one is not durable
        site.start()
        author = SiteClient(site)
        author.sign_up("author")
        stopping = threading.Event()
        writers = [Writer(SiteClient(site, dict(author.cookies), author.csrf_token), f"w{number}", stopping) for number in range(WRITERS)]
        threads = [threading.Thread(target=writer.run) for writer in writers]
        for thread in threads:
            thread.start()
        try:
            for number in range(KILLS):
                time.sleep(rng.uniform(0.05, 0.4))
                if number % 2:
                    site.kill()
                    site.start()
                else:
                    os.kill(site.postmaster_pid(), signal.SIGKILL)
                    assert wait_until(lambda: site.get("/local")[0] == 200, 30), site.log
        finally:
            stopping.set()
            for thread in threads:
                thread.join(60)
        assert [writer.errors for writer in writers if writer.errors] == []
        acknowledged = {key: id for writer in writers for key, id in writer.acknowledged.items()}
        with psycopg2.connect(site.database_url()) as connection, connection.cursor() as cursor:
            cursor.execute("select id, text from posts")
            stored = dict(cursor.fetchall())
        assert len(acknowledged) > KILLS
        assert {id: stored.get(id) for id in acknowledged.values()} == {id: f"Post {key}" for key, id in acknowledged.items()}
        assert len(stored) == len(set(stored.values())), "a post was stored twice"
        assert site.stop() == -signal.SIGTERM  # twistd exits by the signal that stopped it
