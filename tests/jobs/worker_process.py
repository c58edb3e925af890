"""A process with a worker and a scheduler on a real database, for tests: python -m tests.jobs.worker_process DSN NAME.

Each job of kind "note" adds a row to the table `ran` and takes 20 ms. The process exits when no job is left.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred

from microblog.jobs.scheduler import Every, MissedRuns, Scheduler, Timer
from microblog.jobs.worker import Worker
from microblog.model.jobs import Job
from microblog.storage import jobs
from microblog.storage.database import Cursor, Database, execute

TIMER = Timer("tick", Every(timedelta(seconds=1)), MissedRuns.EACH)


def record_run(cursor: Cursor, job: Job) -> None:
    execute(cursor, "insert into ran (job, pid) values (%(job)s, %(pid)s)", {"job": job.id, "pid": os.getpid()})


def now() -> datetime:
    return datetime.now(UTC)


async def main(reactor: Any, dsn: str, name: str) -> None:
    database = Database(dsn, reactor)
    database.start()

    async def perform(job: Job) -> None:
        await database.run(record_run, job)
        await task.deferLater(reactor, 0.02)

    tasks = {"note": perform, TIMER.kind: perform}
    worker = Worker(database, tasks, now, reactor, f"{name}-{os.getpid()}", random.random, lease=2.0, poll=0.2, drain=5.0)
    scheduler = Scheduler(database, [TIMER], now, worker.wake, every=0.1)
    worker.start()
    scheduler_service = scheduler.service(reactor)
    scheduler_service.startService()
    print("ready", flush=True)
    while True:
        await task.deferLater(reactor, 0.1)
        counts = await database.read(jobs.counts)
        if not counts.waiting and not counts.running:
            break
    await scheduler_service.stopService()
    await worker.stop()
    database.stop()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
