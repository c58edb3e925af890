"""Acceptance of e-mail addresses that people give: blocked domains, blocked mail hosts and blocked addresses."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.domain import canonical_email_blocks, email_domain_blocks
from microblog.domain.ports import MailHosts
from microblog.model.email_domain_blocks import EmailDomainBlock, domain_and_parents
from microblog.model.errors import Invalid
from microblog.storage.database import Cursor, Transactions


def names_of(email: str) -> list[str]:
    """Return the domain of an address and all domains above it; nothing for an empty address."""
    domain = email.rpartition("@")[2]
    return domain_and_parents(domain) if domain else []


async def names_with_mail_hosts(database: Transactions, mail_hosts: MailHosts | None, email: str) -> list[str]:
    """Return the domain of an address, the hosts that receive its mail, their addresses, and all domains above.

    The hosts are only looked up if a block of one of them would make a difference. No transaction is open meanwhile.
    """
    names = names_of(email)
    if not names or mail_hosts is None or not await database.read(_hosts_matter, names):
        return names
    hosts = await mail_hosts.of(names[0])
    return list(dict.fromkeys([*names, *(name for host in hosts for name in domain_and_parents(host))]))


def refusal(cursor: Cursor, email: str, domain_blocks: Sequence[EmailDomainBlock]) -> str | None:
    """Return why an address is refused, given the domain blocks that hold for it; None if it is not."""
    if email_domain_blocks.refuses(domain_blocks):
        return email_domain_blocks.BLOCKED
    return canonical_email_blocks.BLOCKED if canonical_email_blocks.is_blocked(cursor, email) else None


def check(cursor: Cursor, email: str, names: Sequence[str]) -> None:
    """Refuse a new address of an account, whose domain and mail hosts are `names`. Raises Invalid (field email)."""
    reason = refusal(cursor, email, email_domain_blocks.matching(cursor, names))
    if reason:
        raise Invalid({"email": reason}, codes={"email": "ERR_BLOCKED"})


def _hosts_matter(cursor: Cursor, names: Sequence[str]) -> bool:
    return email_domain_blocks.are_there_any(cursor) and not email_domain_blocks.refuses(email_domain_blocks.matching(cursor, names))
