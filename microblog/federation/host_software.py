"""Names and versions of the software of other servers (NodeInfo), for the administrators' list of servers.

They are read when an administrator looks at the list, in a job for each server, and once a day at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from microblog.federation import bounds
from microblog.federation.documents.discovery import read_nodeinfo, read_nodeinfo_links
from microblog.federation.fetching import FetchBudget, Fetcher, NotFetched
from microblog.federation.post_effects import Finish
from microblog.model.errors import TooLarge
from microblog.model.federation import HostSoftware, InvalidDocument
from microblog.storage import host_software, jobs
from microblog.storage.database import Cursor, Transactions

JOB = "federation.software"
PAUSE = timedelta(days=1)
JSON = "application/json"
MAX_LENGTH = 60  # characters of the name and of the version


def request(cursor: Cursor, hosts: Sequence[str], now: datetime) -> None:
    """Enqueue a job for each of these hosts whose software was not read within a day."""
    for host in host_software.unread(cursor, hosts=hosts, before=now - PAUSE):
        jobs.add(cursor, JOB, {"host": host}, due_at=now, now=now, key=host)


@frozen
class SoftwareReader:
    """Reads which software a server runs."""

    fetcher: Fetcher
    database: Transactions
    now: Callable[[], datetime]

    async def read(self, host: str, finish: Finish) -> None:
        """Read and store the software of a host. What it does not tell stays as it is until the next day."""
        software = await self._software(host)

        def store(cursor: Cursor) -> None:
            host_software.store(cursor, host=host, software=software, now=self.now())
            finish(cursor)

        await self.database.run(store)

    async def _software(self, host: str) -> HostSoftware | None:
        scheme, budget = "http" if host in self.fetcher.rules().exempt else "https", FetchBudget()
        try:
            document = await self.fetcher.other(f"{scheme}://{host}/.well-known/nodeinfo", parse_links, budget, accept=JSON)
            return await self.fetcher.other(document, parse_nodeinfo, budget, accept=JSON)
        except (NotFetched, InvalidDocument, TooLarge):
            return None


def parse_links(body: bytes) -> str:
    """Return the address of a server's NodeInfo document. Raises InvalidDocument or TooLarge."""
    return read_nodeinfo_links(bounds.parse_json(body))


def parse_nodeinfo(body: bytes) -> HostSoftware:
    """Return the software that a NodeInfo document names, within the limits. Raises InvalidDocument or TooLarge."""
    found = read_nodeinfo(bounds.parse_json(body))
    return HostSoftware(bounds.line(found.name, MAX_LENGTH), bounds.line(found.version, MAX_LENGTH))
