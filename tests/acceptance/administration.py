"""The services of the administrator's commands, on the database of a started site and in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

from twisted.internet import reactor

from microblog.application.federation_tools import FederationTools
from microblog.cli.services import Services, build_services
from microblog.config import load
from microblog.storage.database import connect
from tests.acceptance.site_process import SiteProcess
from tests.fakes import quick_passwords
from tests.live.test_event_log import CommittingDatabase


@contextmanager
def open_database(site: SiteProcess) -> Iterator[CommittingDatabase]:
    """Yield a connection to a site's database."""
    with closing(connect(site.settings.get("database_url") or site.database_url())) as connection:
        yield CommittingDatabase(connection)


@contextmanager
def administrator(site: SiteProcess) -> Iterator[Services]:
    """Yield the services of most commands."""
    with open_database(site) as database:
        yield build_services(load(site.environment()), database, quick_passwords())


@asynccontextmanager
async def federation_tools(site: SiteProcess) -> AsyncIterator[FederationTools]:
    """Yield what `microblog federation` uses."""
    with open_database(site) as database:
        tools = FederationTools.on(load(site.environment()), reactor, database)
        await tools.domains.rules.read()
        yield tools
