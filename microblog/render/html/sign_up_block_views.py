"""View models of the pages of blocks of sign-ups. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen

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
KEEP = "keep"  # the end that a block has

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
class IpBlockForm:
    """The form of a block, as submitted. `durations` has a choice of KEEP for a block that expires."""

    ip: str = ""
    severity: str = IpSeverity.SIGN_UP_BLOCK
    comment: str = ""
    expires_in: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    severities: Mapping[IpSeverity, str] = SEVERITIES
    durations: Mapping[str, str] = DURATIONS


@frozen
class IpBlocksPage:
    """A page of blocked networks, with the form for another one."""

    blocks: tuple[IpBlock, ...]
    older: str | None
    form: IpBlockForm


@frozen
class IpBlockPage:
    """The page of one block, with the form to change it."""

    block: IpBlock
    form: IpBlockForm


def changed_form(form: IpBlockForm, block: IpBlock) -> IpBlockForm:
    """Return the form with the durations for a block that is changed: its end can be kept, if it has one."""
    return evolve(form, durations={KEEP: "As before", **DURATIONS}) if block.values.expires_at else form


def form_of(block: IpBlock) -> IpBlockForm:
    """Return the form of a stored block."""
    values = block.values
    form = IpBlockForm(str(values.network), values.severity, values.comment, KEEP if values.expires_at else "")
    return changed_form(form, block)


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
