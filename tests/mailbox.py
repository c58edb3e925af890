"""E-mail in tests: runs e-mail jobs on the test's cursor and records the messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from attrs import Factory, define, field, frozen

from microblog.domain.email_composer import EmailComposer
from microblog.domain.email_confirmation import EmailConfirmation
from microblog.domain.email_links import EmailLinks
from microblog.domain.email_queue import EmailOutbox
from microblog.domain.password_reset import PasswordReset
from microblog.domain.passwords import Hashes
from microblog.domain.signed_tokens import TokenSigner
from microblog.jobs.email_jobs import EmailJobs
from microblog.model.jobs import Job
from microblog.render.email.emails import EmailRenderer, EmailSender
from microblog.storage import jobs
from microblog.storage.database import Cursor, execute, fetch_all
from tests import make
from tests.fakes import MailboxTransport, RolledBackDatabase, quick_passwords, result_of
from tests.rfc5322 import body_text, parse, problems

URL = "https://example.org"
UTC = ZoneInfo("UTC")
DELAY = timedelta(seconds=60)


class HasEmailServices(Protocol):
    """The services that write, send and track e-mails."""

    @property
    def email_confirmation(self) -> EmailConfirmation: ...
    @property
    def email_composer(self) -> EmailComposer: ...
    @property
    def outbox(self) -> EmailOutbox: ...
    @property
    def password_reset(self) -> PasswordReset: ...


@frozen
class EmailServices:
    """The e-mail services of a site without other services."""

    email_confirmation: EmailConfirmation
    email_composer: EmailComposer
    outbox: EmailOutbox
    password_reset: PasswordReset


def email_services(cursor: Cursor, now: Callable[[], datetime], url: str = URL, passwords: Hashes | None = None) -> EmailServices:
    """Return the e-mail services on this cursor."""
    database, links = RolledBackDatabase(cursor), EmailLinks(url, TokenSigner(b"k" * 32))
    return EmailServices(
        EmailConfirmation(database, links, now),
        EmailComposer(database, links, "example.org", now),
        EmailOutbox(database, None, now),
        PasswordReset(database, passwords or quick_passwords(), links, now, urlsplit(url).netloc),
    )


@define
class EmailWorker:
    """A worker that runs e-mail jobs on request, due or not."""

    cursor: Cursor
    mail: HasEmailServices
    transport: MailboxTransport = Factory(MailboxTransport)
    zone: ZoneInfo = UTC
    email_jobs: EmailJobs = field(init=False)

    def __attrs_post_init__(self) -> None:
        renderer = EmailRenderer(lambda: EmailSender("Ours", URL, "site@example.org"))
        self.email_jobs = EmailJobs(
            self.mail.email_composer, self.mail.password_reset, renderer, self.transport, "bounces@example.org", DELAY, self.zone
        )

    def deliver(self) -> list[EmailMessage]:
        """Run all jobs and those that they cause; return the e-mails sent, each checked by tests/rfc5322.py."""
        before = len(self.transport.delivered)
        while waiting := self.waiting():
            for job in waiting:
                self.run(job)
        sent = self.transport.delivered[before:]
        assert [problems(envelope.message) for envelope in sent] == [[]] * len(sent)
        return [parse(envelope.message) for envelope in sent]

    def waiting(self) -> list[Job]:
        """Return the e-mail jobs."""
        sql = f"select {jobs.COLUMNS} from jobs j where j.kind like 'email.%%' and j.state = 'waiting' order by j.due_at, j.id"
        return fetch_all(self.cursor, jobs.job_from, sql, {})

    def run(self, job: Job) -> None:
        """Run one job, and delete it unless it fails."""
        result_of(self.email_jobs.tasks()[job.kind](job))  # type: ignore[arg-type]  # tasks are coroutine functions
        execute(self.cursor, "delete from jobs where id = %(id)s", {"id": job.id})

    def link(self, message: EmailMessage, path: str) -> str:
        """Return the path of the link in an e-mail that starts with this prefix."""
        found = re.search(rf"{URL}({path}[A-Za-z0-9_-]*)", body_text(message.as_bytes(), "plain"))
        assert found, f"there is no link to {path}"
        return found[1]


def email_worker(cursor: Cursor) -> EmailWorker:
    """Return a worker at the time make.NOW."""
    return EmailWorker(cursor, email_services(cursor, lambda: make.NOW))
