"""View models of the pages of blocks of sign-ups. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.email_domain_blocks import EmailDomainBlock


@frozen
class EmailDomainsPage:
    """A page of blocked e-mail domains, with the form for another one as submitted."""

    blocks: tuple[EmailDomainBlock, ...]
    older: str | None = None
    domain: str = ""
    allow_with_approval: bool = False
    errors: Mapping[str, str] = field(factory=dict)

    def attempts(self, block: EmailDomainBlock) -> int:
        """Return the number of sign-ups in the last seven days."""
        return sum(day.attempts for day in block.history)
