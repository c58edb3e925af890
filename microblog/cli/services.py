"""Services that commands use while the site's database is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import click
from attrs import frozen
from twisted.internet.threads import deferToThreadPool

from microblog import application
from microblog.application import services
from microblog.application.backups import BackupError
from microblog.application.site import fixed_site_settings
from microblog.config import Settings
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.announcements import Announcements
from microblog.domain.audit import AuditLog
from microblog.domain.canonical_email_blocks import CanonicalEmailBlocks
from microblog.domain.demo.fill import DemoSite
from microblog.domain.email_domain_blocks import EmailDomainBlocks
from microblog.domain.guessable_passwords import site_words
from microblog.domain.ip_blocks import IpBlocks
from microblog.domain.jobs import Jobs
from microblog.domain.passwords import Hashes, Passwords
from microblog.domain.post_admin import PostAdmin
from microblog.domain.registration import Registrations
from microblog.domain.remote_account_admin import RemoteAccountAdmin
from microblog.domain.statistics import DailyStatistics
from microblog.domain.tokens import Tokens
from microblog.domain.username_blocks import UsernameBlocks
from microblog.model.errors import ProbeError, Problem
from microblog.storage.database import Database, Transactions
from microblog.storage.schema_check import prepare_database, require_site

TIMEOUT_S = 60.0  # longer than for requests: a command may do much, and only the administrator waits for it

FAILURES: tuple[type[Exception], ...] = (Problem, ProbeError, OSError, BackupError, *application.START_PROBLEMS)
"""Errors that end a command with their text as its message."""


@frozen
class Services:
    """Services that commands use while the database is open."""

    database: Transactions
    announcements: Announcements
    account_admin: AccountAdmin
    registrations: Registrations
    demo: DemoSite
    tokens: Tokens
    statistics: DailyStatistics

    @property
    def jobs(self) -> Jobs:
        """The queue of jobs."""
        return Jobs(self.database, self.account_admin.now)

    @property
    def posts(self) -> PostAdmin:
        """The commands about posts."""
        return PostAdmin(self.database, self.account_admin.now)

    @property
    def audit_log(self) -> AuditLog:
        """The audit log."""
        return AuditLog(self.database)

    @property
    def email_domain_blocks(self) -> EmailDomainBlocks:
        """The blocked e-mail domains."""
        return EmailDomainBlocks(self.database, self.account_admin.now)

    @property
    def canonical_email_blocks(self) -> CanonicalEmailBlocks:
        """The blocked e-mail addresses."""
        return CanonicalEmailBlocks(self.database, self.account_admin.now)

    @property
    def ip_blocks(self) -> IpBlocks:
        """The blocked IP addresses."""
        return IpBlocks(self.database, self.account_admin.now)

    @property
    def username_blocks(self) -> UsernameBlocks:
        """The blocked usernames."""
        return UsernameBlocks(self.database, self.account_admin.now)

    @property
    def accounts_elsewhere(self) -> RemoteAccountAdmin:
        """The commands about accounts of other servers."""
        return RemoteAccountAdmin(self.database, self.account_admin.now)


@asynccontextmanager
async def open_services(settings: Settings, reactor: Any) -> AsyncIterator[Services]:
    """Open the services on the site's database, after migrating it.

    An embedded server that is not running is started, and stopped at the end.
    """
    async with open_server(settings, reactor) as url:
        for name in await deferToThreadPool(reactor, reactor.getThreadPool(), prepare_database, url):
            click.echo(f"Applied migration {name}.", err=True)
        database = Database(url, reactor, threads=1, timeout_s=TIMEOUT_S, pooled=settings.database_pooler)
        passwords = Passwords(reactor, site_words=site_words(fixed_site_settings(settings).name, settings.domain))
        database.start()
        passwords.start()
        try:
            yield build_services(settings, database, passwords)
        finally:
            passwords.stop()
            await deferToThreadPool(reactor, reactor.getThreadPool(), database.stop)


def build_services(settings: Settings, database: Transactions, passwords: Hashes) -> Services:
    """Return the services on this database."""

    registrations = Registrations(database, passwords, partial(fixed_site_settings, settings), auto_confirm=True, now=services.now)
    url, now = settings.public_url, services.now
    demo = DemoSite(database, passwords, settings.domain, url, now)
    statistics = DailyStatistics(database, settings.time_zone, now)
    announcements = Announcements(database, settings.domain, url, now)
    return Services(database, announcements, AccountAdmin(database, passwords, now), registrations, demo, Tokens(database, now), statistics)


@asynccontextmanager
async def open_server(settings: Settings, reactor: Any, *, create: bool = False) -> AsyncIterator[str]:
    """Yield the URL of the site's database. An embedded server that is not running is started, and stopped at the end.

    Raises SiteNotFound if there is no site, without creating anything. With `create`, creates the data directory.
    """
    if not create:
        application.require_place(settings)
    url = application.running_database(settings)
    server = None if url else application.embedded_database(settings, reactor)
    if url is None:
        assert server is not None  # either the settings or the embedded server give the URL
        if create:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = await server.start()
    try:
        if not create:
            place = str(settings.data_dir) if settings.database_url is None else "MICROBLOG_DATABASE_URL"
            await deferToThreadPool(reactor, reactor.getThreadPool(), require_site, url, place)
        yield url
    finally:
        if server is not None:
            await server.stop()
