"""A process that sends the letters of a database, to be killed: python -m tests.jobs.one_mailer DSN PORT.

It ends when no job of mail is left.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from twisted.internet import task
from twisted.internet.defer import Deferred

from microblog.adapters.smtp import Server, SmtpOffice, Tls
from microblog.domain.email_composer import Dispatch
from microblog.domain.email_links import Links
from microblog.domain.password_reset import Recoveries
from microblog.domain.signed_tokens import Seals
from microblog.jobs import email_jobs
from microblog.jobs.worker import Worker
from microblog.render.email.emails import Letters, Sender
from microblog.storage.database import Cursor, Database, scalar
from tests.fakes import quick_passwords


def now() -> datetime:
    return datetime.now(UTC)


def left(cursor: Cursor) -> int:
    return int(scalar(cursor, "select count(*) from jobs where state in ('waiting', 'running')"))


async def main(reactor: Any, dsn: str, port: str) -> None:
    database = Database(dsn, reactor)
    database.start()
    links = Links("https://site.test", Seals(b"k"))
    dispatch, recoveries = Dispatch(database, links, "site.test", now), Recoveries(database, quick_passwords(), links, now)
    office = SmtpOffice(Server("localhost", int(port), tls=Tls.OFF), reactor, "site.test")
    letters = Letters(Sender("Ours", "https://site.test", "site@site.test"))
    mailing = email_jobs.Mailing(dispatch, recoveries, letters, office, "bounces@site.test", timedelta(0), ZoneInfo("UTC"))
    worker = Worker(
        database, mailing.tasks(), now, reactor, f"mailer-{os.getpid()}", random.random, email_jobs.PLANS, at_once=4, lease=2.0, poll=0.2
    )
    worker.start()
    print("ready", flush=True)
    while await database.read(left):
        await task.deferLater(reactor, 0.1)
    await worker.stop()
    database.stop()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
