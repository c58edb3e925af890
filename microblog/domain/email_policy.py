"""Acceptance of e-mail addresses that people give: blocked domains and blocked addresses."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.domain import canonical_email_blocks, email_domain_blocks
from microblog.model.email_domain_blocks import EmailDomainBlock
from microblog.model.errors import Invalid
from microblog.storage.database import Cursor


def refusal(cursor: Cursor, email: str, domain_blocks: Sequence[EmailDomainBlock]) -> str | None:
    """Return why an address is refused, given the domain blocks that hold for it; None if it is not."""
    if email_domain_blocks.refuses(domain_blocks):
        return email_domain_blocks.BLOCKED
    return canonical_email_blocks.BLOCKED if canonical_email_blocks.is_blocked(cursor, email) else None


def check(cursor: Cursor, email: str) -> None:
    """Refuse a new address of an account. Raises Invalid (field email)."""
    reason = refusal(cursor, email, email_domain_blocks.matching(cursor, email))
    if reason:
        raise Invalid({"email": reason}, codes={"email": "ERR_BLOCKED"})
