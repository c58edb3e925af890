"""Blocked e-mail domains: nobody signs up with an address of such a domain or of its subdomains, or only after approval.

A domain is also blocked if a block holds for a host that receives its mail, or is one of the IP address of such a host.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address

from attrs import frozen

from microblog.model.ids import EmailDomainBlockId

HISTORY_DAYS = 7


@frozen
class AttemptDay:
    """Sign-ups with addresses of a blocked domain on one day, which begins at `start` (Unix time of midnight in UTC).

    `addresses` counts the network addresses that they came from.
    """

    start: int
    addresses: int = 0
    attempts: int = 0


@frozen
class EmailDomainBlock:
    """A blocked domain or IP address. `allow_with_approval`: sign-ups wait for approval instead of being refused.

    `history`: the last seven days, today first; empty if it was not read.
    """

    id: EmailDomainBlockId
    domain: str
    allow_with_approval: bool
    created_at: datetime
    history: tuple[AttemptDay, ...] = ()


def domain_and_parents(domain: str) -> list[str]:
    """Return the domain and all domains above it, the most specific one first; of an IP address only itself."""
    try:
        return [str(ip_address(domain))]
    except ValueError:
        labels = domain.split(".")
        return [".".join(labels[start:]) for start in range(len(labels))]
