"""API entities of the blocks of sign-ups."""

from __future__ import annotations

from microblog.model.canonical_email_blocks import CanonicalEmailBlock
from microblog.model.email_domain_blocks import AttemptDay, EmailDomainBlock
from microblog.model.ip_blocks import IpBlock, IpSeverity
from microblog.render.api.definition import Definition, key
from microblog.render.api.schemas import DIGITS, FLAG, ID, MOMENT, TEXT, array_of, nullable, one_of
from microblog.render.api.site import moment, moment_or_null

_DAY = Definition[AttemptDay, None](
    "",
    {
        "day": key(DIGITS, lambda day, _: str(day.start)),
        "accounts": key(DIGITS, lambda day, _: str(day.addresses)),
        "uses": key(DIGITS, lambda day, _: str(day.attempts)),
    },
)

ADMIN_EMAIL_DOMAIN_BLOCK = Definition[EmailDomainBlock, None](
    "AdminEmailDomainBlock",
    {
        "id": key(ID, lambda block, _: str(block.id)),
        "domain": key(TEXT, lambda block, _: block.domain),
        "created_at": key(MOMENT, lambda block, _: moment(block.created_at)),
        "history": key({**array_of(_DAY), "minItems": 7, "maxItems": 7}, lambda block, _: _DAY.each(block.history, None)),
        "allow_with_approval": key(FLAG, lambda block, _: block.allow_with_approval),
    },
)
"""Admin::EmailDomainBlock, https://docs.joinmastodon.org/entities/Admin_EmailDomainBlock/."""

ADMIN_CANONICAL_EMAIL_BLOCK = Definition[CanonicalEmailBlock, None](
    "AdminCanonicalEmailBlock",
    {
        "id": key(ID, lambda block, _: str(block.id)),
        "canonical_email_hash": key(TEXT, lambda block, _: block.hash),
    },
)
"""Admin::CanonicalEmailBlock, https://docs.joinmastodon.org/entities/Admin_CanonicalEmailBlock/."""

ADMIN_IP_BLOCK = Definition[IpBlock, None](
    "AdminIpBlock",
    {
        "id": key(ID, lambda block, _: str(block.id)),
        "ip": key(TEXT, lambda block, _: str(block.values.network)),
        "severity": key(one_of(*IpSeverity), lambda block, _: block.values.severity),
        "comment": key(TEXT, lambda block, _: block.values.comment),
        "created_at": key(MOMENT, lambda block, _: moment(block.created_at)),
        "expires_at": key(nullable(MOMENT), lambda block, _: moment_or_null(block.values.expires_at)),
    },
)
"""Admin::IpBlock, https://docs.joinmastodon.org/entities/Admin_IpBlock/."""
