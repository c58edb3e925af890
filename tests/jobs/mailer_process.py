"""A process that sends the queued e-mails of a database, for tests: python -m tests.jobs.mailer_process DSN PORT.

It exits when no job is left.
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

from microblog.adapters.smtp import MailServer, SmtpTransport, Tls
from microblog.domain.email_composer import EmailComposer
from microblog.domain.email_links import EmailLinks
from microblog.domain.password_reset import PasswordReset
from microblog.domain.signed_tokens import TokenSigner
from microblog.jobs import email_jobs
from microblog.jobs.worker import Worker
from microblog.render.email.emails import EmailRenderer, EmailSender
from microblog.storage.database import Cursor, Database, fetch_value
from tests.fakes import quick_passwords


def now() -> datetime:
    return datetime.now(UTC)


def remaining_jobs(cursor: Cursor) -> int:
    return int(fetch_value(cursor, "select count(*) from jobs where state in ('waiting', 'running')"))


async def main(reactor: Any, dsn: str, port: str) -> None:
    database = Database(dsn, reactor)
    database.start()
    links = EmailLinks("https://site.test", TokenSigner(b"k"))
    composer, password_reset = EmailComposer(database, links, "site.test", now), PasswordReset(database, quick_passwords(), links, now)
    transport = SmtpTransport(MailServer("localhost", int(port), tls=Tls.OFF), reactor, "site.test")
    renderer = EmailRenderer(lambda: EmailSender("Ours", "https://site.test", "site@site.test"))
    email_job_services = email_jobs.EmailJobs(
        composer, password_reset, renderer, transport, "bounces@site.test", timedelta(0), ZoneInfo("UTC")
    )
    worker = Worker(
        database,
        email_job_services.tasks(),
        now,
        reactor,
        f"mailer-{os.getpid()}",
        random.random,
        email_jobs.RETRY_POLICIES,
        concurrency=4,
        lease=2.0,
        poll=0.2,
    )
    worker.start()
    print("ready", flush=True)
    while await database.read(remaining_jobs):
        await task.deferLater(reactor, 0.1)
    await worker.stop()
    database.stop()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
