"""Blocked e-mail domains: commands of administrators, and the blocks that hold for an address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address

from attrs import evolve, frozen

from microblog.domain import audit, validation
from microblog.domain.ports import MailHosts
from microblog.domain.text import urls
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.email_domain_blocks import HISTORY_DAYS, AttemptDay, EmailDomainBlock
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, EmailDomainBlockId
from microblog.model.paging import Page
from microblog.storage import email_domain_blocks
from microblog.storage.database import Cursor, Transactions

BLOCKED = "E-mail address is of a provider that is not allowed here"


@frozen
class EmailDomainBlocks:
    """Lists and changes the blocks. Callers check permissions. `by` is the administrator, None on the command line."""

    database: Transactions
    now: Callable[[], datetime]
    mail_hosts: MailHosts | None = None

    async def page(self, page: Page) -> list[EmailDomainBlock]:
        """Return blocks with their history, newest first."""
        return await self.database.read(self._page, page)

    async def everything(self) -> list[EmailDomainBlock]:
        """Return all blocks in alphabetical order, without history."""
        return await self.database.read(email_domain_blocks.everything)

    async def one(self, id: EmailDomainBlockId) -> EmailDomainBlock:
        """Return a block with its history. Raises NotFound."""
        return await self.database.read(self._one, id)

    async def mail_hosts_of(self, text: str) -> list[str]:
        """Return names and addresses of the hosts that receive the mail of a domain, as far as the DNS tells. Raises Invalid."""
        domain = normalized(text)
        return [] if self.mail_hosts is None else list(await self.mail_hosts.of(domain))

    async def add(
        self, text: str, *, hosts: Sequence[str] = (), allow_with_approval: bool = False, by: AccountId | None = None
    ) -> EmailDomainBlock:
        """Block a domain and its subdomains, and mail hosts. Raises Invalid (field domain), also if all are blocked already."""
        domains = list(dict.fromkeys(normalized(name) for name in (text, *hosts)))
        return await self.database.run(self._add, domains, allow_with_approval, by)

    async def remove(self, id: EmailDomainBlockId, by: AccountId | None = None) -> EmailDomainBlock:
        """Delete a block and return it. Raises NotFound."""
        return await self.database.run(self._remove, id, by)

    async def remove_domain(self, text: str) -> EmailDomainBlock:
        """Delete the block of exactly this domain, for the command line. Raises Invalid or NotFound."""
        domain = normalized(text)
        found = await self.database.read(email_domain_blocks.of_domains, domains=[domain])
        if not found:
            raise NotFound(f"The e-mail domain {domain} is not blocked.")
        return await self.remove(found[0].id)

    def _page(self, cursor: Cursor, page: Page) -> list[EmailDomainBlock]:
        return self._with_history(cursor, email_domain_blocks.page_of(cursor, page=page))

    def _one(self, cursor: Cursor, id: EmailDomainBlockId) -> EmailDomainBlock:
        found = email_domain_blocks.by_id(cursor, id=id)
        if found is None:
            raise NotFound
        return self._with_history(cursor, [found])[0]

    def _add(self, cursor: Cursor, domains: Sequence[str], allow_with_approval: bool, by: AccountId | None) -> EmailDomainBlock:
        now = self.now()
        results = [
            email_domain_blocks.add(cursor, domain=domain, allow_with_approval=allow_with_approval, by=by, now=now) for domain in domains
        ]
        added = [block for block in results if block is not None]
        if not added:
            raise Invalid({"domain": "Domain has already been taken"}, codes={"domain": "ERR_TAKEN"})
        for block in added:
            self._record(cursor, AuditAction.EMAIL_DOMAIN_BLOCK_CREATE, by, block)
        return self._with_history(cursor, added[:1])[0]

    def _remove(self, cursor: Cursor, id: EmailDomainBlockId, by: AccountId | None) -> EmailDomainBlock:
        removed = email_domain_blocks.remove(cursor, id=id)
        if removed is None:
            raise NotFound
        self._record(cursor, AuditAction.EMAIL_DOMAIN_BLOCK_DELETE, by, removed)
        return removed

    def _record(self, cursor: Cursor, action: AuditAction, by: AccountId | None, block: EmailDomainBlock) -> None:
        facts = {"allow_with_approval": block.allow_with_approval}
        audit.record(cursor, AuditEntry(action, by, block.domain, block.id, facts=facts), self.now())

    def _with_history(self, cursor: Cursor, blocks: Sequence[EmailDomainBlock]) -> list[EmailDomainBlock]:
        days = _last_days(self.now())
        rows = email_domain_blocks.attempts(cursor, blocks=[block.id for block in blocks], since=days[-1])
        counts = {(block, day): (addresses, attempts) for block, day, addresses, attempts in rows}
        return [
            evolve(block, history=tuple(AttemptDay(_start(day), *counts.get((block.id, day), (0, 0))) for day in days)) for block in blocks
        ]


def normalized(text: str) -> str:
    """Return a domain, or the IP address of a mail server, as it is stored: in lower case and ASCII. Raises Invalid (field domain)."""
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return urls.ascii_host(validation.domain(text))


def are_there_any(cursor: Cursor) -> bool:
    """True if anything is blocked."""
    return email_domain_blocks.exist(cursor)


def matching(cursor: Cursor, names: Sequence[str]) -> list[EmailDomainBlock]:
    """Return the blocks of these domains and addresses."""
    return email_domain_blocks.of_domains(cursor, domains=names) if names else []


def refuses(blocks: Sequence[EmailDomainBlock]) -> bool:
    """True if the blocks that hold for an address refuse it; False if a sign-up has to be approved, or there are none."""
    return any(not block.allow_with_approval for block in blocks)


def count_attempt(cursor: Cursor, blocks: Sequence[EmailDomainBlock], address: str, now: datetime) -> None:
    """Count a sign-up from this network address in the history of the blocks."""
    email_domain_blocks.count_attempt(cursor, blocks=[block.id for block in blocks], day=_last_days(now)[0], address=address)


def _last_days(now: datetime) -> list[date]:
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=back) for back in range(HISTORY_DAYS)]


def _start(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
