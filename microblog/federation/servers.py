"""The other servers that this site knows, for its administrators."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import audit
from microblog.federation import host_software
from microblog.federation.domain_rules import CurrentRules
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.deliveries import DeliveryCounts, HostDetails, HostFilter
from microblog.model.domain_rules import DomainRule
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId
from microblog.storage import delivery_stats, federation_start
from microblog.storage.database import Cursor, Transactions


@frozen
class ListedServer:
    """A server with the rule that holds for it, which may be that of a domain above it. `is_refused`: by a rule or the allow-list."""

    details: HostDetails
    rule: DomainRule | None
    is_refused: bool

    @property
    def may_be_asked(self) -> bool:
        """True for a server that the site has had to do with, and still has."""
        return not self.is_refused and self.details.dead_since is None and bool(self.details.accounts or self.details.seen_at)


@frozen
class Servers:
    """Lists servers, and lets what waits for one be tried at once. Callers check permissions."""

    database: Transactions
    rules: CurrentRules
    now: Callable[[], datetime]

    async def counts(self) -> DeliveryCounts:
        """Return the numbers of all servers."""
        return await self.database.read(delivery_stats.counts)

    async def public_url(self) -> str | None:
        """Return the public URL under which other servers know the site; None if it never federated."""
        return await self.database.read(federation_start.public_url)

    async def page(self, filter: HostFilter, query: str, after: str, limit: int) -> list[ListedServer]:
        """Return servers whose name contains `query`, in alphabetical order after the name `after`.

        What software they run is read if that was not done for a day.
        """
        found = await self.database.read(delivery_stats.hosts, filter=filter, query=query, after=after, limit=limit)
        domains = self.rules.domains
        listed = [ListedServer(each, domains.rule_for(each.host), not domains.is_allowed(each.host)) for each in found]
        known = [each.details.host for each in listed if each.may_be_asked]
        await self.database.run(host_software.request, known, self.now())
        return listed

    async def retry(self, host: str, by: AccountId | None = None) -> int:
        """Try everything that waits for a host now, and deliver to it again if it was dead; return how much waits. Raises NotFound."""
        return await self.database.run(retry, host, by, self.now())


def retry(cursor: Cursor, host: str, by: AccountId | None, now: datetime) -> int:
    """Try everything that waits for a host now; return how much that is. Raises NotFound. `by`: None on the command line."""
    waiting = delivery_stats.retry_now(cursor, host=host, now=now)
    if waiting is None:
        raise NotFound(f"No server is known as {host}.")
    audit.record(cursor, AuditEntry(AuditAction.SERVER_RETRY, by, host), now)
    return waiting
