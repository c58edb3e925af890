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
from tests.acceptance.site_process import site_process, wait_until

KILLS = 50
WRITERS = 4


@define
class Writer:
    """Posts one after the other. What is not acknowledged is sent again under its key, until it is."""

    visitor: SiteClient
    name: str
    stopping: threading.Event
    acknowledged: dict[str, int] = field(factory=dict)
    wrong: list[str] = field(factory=list)

    def run(self) -> None:
        """Until told to stop, and the last one is acknowledged."""
        try:
            while not self.stopping.is_set():
                self.publish(f"{self.name}-{len(self.acknowledged)}")
        except BaseException as problem:
            self.wrong.append(repr(problem))
            raise

    def publish(self, key: str) -> None:
        """One post."""
        for _ in range(1_000):
            with suppress(OSError):
                if (id := self.visitor.publish(f"Post {key}", key)) is not None:
                    self.acknowledged[key] = id
                    return
            time.sleep(0.05)
        raise AssertionError(f"{key} was never acknowledged.")


def test_every_acknowledged_post_survives_50_sudden_deaths_of_site_and_database_and_none_is_there_twice(tmp_path: Path) -> None:
    chance = random.Random(20261120)
    with site_process(tmp_path, rate_limits="off") as ours:
        ours.start()
        author = SiteClient(ours)
        author.sign_up("author")
        stopping = threading.Event()
        writers = [Writer(SiteClient(ours, dict(author.cookies), author.csrf_token), f"w{number}", stopping) for number in range(WRITERS)]
        threads = [threading.Thread(target=writer.run) for writer in writers]
        for thread in threads:
            thread.start()
        try:
            for number in range(KILLS):
                time.sleep(chance.uniform(0.05, 0.4))
                if number % 2:
                    ours.kill()
                    ours.start()
                else:
                    os.kill(ours.postmaster_pid(), signal.SIGKILL)
                    assert wait_until(lambda: ours.get("/local")[0] == 200, 30), ours.log
        finally:
            stopping.set()
            for thread in threads:
                thread.join(60)
        assert [writer.wrong for writer in writers if writer.wrong] == []
        acknowledged = {key: id for writer in writers for key, id in writer.acknowledged.items()}
        with psycopg2.connect(ours.database_url()) as connection, connection.cursor() as cursor:
            cursor.execute("select id, text from posts")
            stored = dict(cursor.fetchall())
        assert len(acknowledged) > KILLS
        assert {id: stored.get(id) for id in acknowledged.values()} == {id: f"Post {key}" for key, id in acknowledged.items()}
        assert len(stored) == len(set(stored.values())), "a post is there twice"
        assert ours.stop() == -signal.SIGTERM  # twistd passes on what ended it
