"""The pool itself: who hears of a commit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from twisted.internet import reactor

from microblog.storage import jobs
from microblog.storage.database import Database
from tests import make
from tests.make import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """One that commits, one command after the other."""
    database = Database(database_url, reactor, threads=1)
    database.start()
    yield database
    database.stop()


async def test_a_worker_that_takes_and_finishes_jobs_wakes_nobody_but_where_another_of_the_key_may_wait(database: Database) -> None:
    heard: list[int] = []
    database.committed = lambda: heard.append(len(heard))
    for key in (None, "key"):
        await database.run(jobs.add, "kind", {}, due_at=NOW, now=NOW, key=key)
        assert len(heard) == 1, "there is something to do"
        [job] = await database.run(jobs.claim, kinds=["kind"], worker="one", lease_until=LATER, now=NOW, limit=1)
        assert await database.run(jobs.heartbeat, jobs=[job], worker="one", lease_until=LATER) == {job.id}
        assert len(heard) == 1
        assert await database.run(jobs.finish, job, worker="one", now=NOW)
        assert len(heard) == (1 if key is None else 2)
        heard.clear()


async def test_whether_a_command_is_heard_says_it_alone(database: Database) -> None:
    heard: list[int] = []
    database.committed = lambda: heard.append(len(heard))
    await database.run(jobs.claim, kinds=["kind"], worker="one", lease_until=LATER, now=NOW, limit=1)
    await database.run(make.account)
    assert len(heard) == 1
