"""A process with a worker and a schedule on a real database, to be raced and killed: python -m tests.jobs.one_process DSN NAME.

Each job of kind "note" adds a row to `ran`, takes 20 ms, and is done. The process ends when nothing is left to do.
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


def note(cursor: Cursor, job: Job) -> None:
    execute(cursor, "insert into ran (job, pid) values (%(job)s, %(pid)s)", {"job": job.id, "pid": os.getpid()})


def now() -> datetime:
    return datetime.now(UTC)


async def main(reactor: Any, dsn: str, name: str) -> None:
    database = Database(dsn, reactor)
    database.start()

    async def carry_out(job: Job) -> None:
        await database.run(note, job)
        await task.deferLater(reactor, 0.02)

    tasks = {"note": carry_out, TIMER.kind: carry_out}
    worker = Worker(database, tasks, now, reactor, f"{name}-{os.getpid()}", random.random, lease=2.0, poll=0.2, drain=5.0)
    schedule = Scheduler(database, [TIMER], now, worker.wake, every=0.1)
    worker.start()
    watching = schedule.service(reactor)
    watching.startService()
    print("ready", flush=True)
    while True:
        await task.deferLater(reactor, 0.1)
        counts = await database.read(jobs.counts)
        if not counts.waiting and not counts.running:
            break
    await watching.stopService()
    await worker.stop()
    database.stop()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
