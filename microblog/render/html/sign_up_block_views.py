"""View models of the pages of blocks of sign-ups. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.canonical_email_blocks import CanonicalEmailBlock
from microblog.model.email_domain_blocks import EmailDomainBlock
from microblog.model.ip_blocks import IpBlock, IpSeverity
from microblog.model.username_blocks import NameComparison, UsernameBlock

SEVERITIES = {
    IpSeverity.SIGN_UP_REQUIRES_APPROVAL: "Sign-ups wait for approval",
    IpSeverity.SIGN_UP_BLOCK: "No sign-ups",
    IpSeverity.NO_ACCESS: "No access to the site",
}
DURATIONS = {"": "Never", "86400": "1 day", "604800": "1 week", "2592000": "30 days", "31536000": "1 year"}

COMPARISONS = {NameComparison.EQUALS: "This name only", NameComparison.CONTAINS: "Names that contain it"}


@frozen
class EmailDomainsPage:
    """A page of blocked e-mail domains, with the form for another one as submitted.

    `hosts`: names and addresses of its mail hosts, to be blocked too; None if they were not looked up. `ticked`: those that were chosen.
    """

    blocks: tuple[EmailDomainBlock, ...] = ()
    older: str | None = None
    domain: str = ""
    allow_with_approval: bool = False
    hosts: tuple[str, ...] | None = None
    ticked: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(factory=dict)

    def attempts(self, block: EmailDomainBlock) -> int:
        """Return the number of sign-ups in the last seven days."""
        return sum(day.attempts for day in block.history)


@frozen
class CanonicalEmailsPage:
    """A page of blocked e-mail addresses, with the form for another one as submitted.

    `is_blocked`: whether the address in the form is blocked; None if nobody asked.
    """

    blocks: tuple[CanonicalEmailBlock, ...] = ()
    older: str | None = None
    email: str = ""
    is_blocked: bool | None = None
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class IpBlocksPage:
    """A page of blocked networks, with the form for another one as submitted."""

    blocks: tuple[IpBlock, ...]
    older: str | None = None
    ip: str = ""
    severity: str = IpSeverity.SIGN_UP_BLOCK
    comment: str = ""
    expires_in: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    severities: Mapping[IpSeverity, str] = SEVERITIES
    durations: Mapping[str, str] = DURATIONS


@frozen
class UsernamesPage:
    """A page of blocked usernames, with the form for another one as submitted."""

    blocks: tuple[UsernameBlock, ...] = ()
    older: str | None = None
    username: str = ""
    comparison: str = NameComparison.EQUALS
    allow_with_approval: bool = False
    errors: Mapping[str, str] = field(factory=dict)
    comparisons: Mapping[NameComparison, str] = COMPARISONS
