"""API entities of the rules for other servers."""

from __future__ import annotations

from microblog.model.domain_rules import AllowedDomain, DomainSeverity, StoredDomainRule
from microblog.render.api.definition import Definition, key
from microblog.render.api.schemas import FLAG, ID, MOMENT, TEXT, nullable, one_of
from microblog.render.api.site import moment

DOMAIN_BLOCK = Definition[StoredDomainRule, None](
    "DomainBlock",
    {
        "domain": key(TEXT, lambda stored, _: stored.rule.public_domain),
        "digest": key(TEXT, lambda stored, _: stored.rule.digest),
        "severity": key(one_of("silence", "suspend"), lambda stored, _: stored.rule.severity),
        "comment": key(TEXT, lambda stored, _: stored.public_comment),
    },
)
"""DomainBlock, https://docs.joinmastodon.org/entities/DomainBlock/: what visitors see."""

ADMIN_DOMAIN_BLOCK = Definition[StoredDomainRule, None](
    "AdminDomainBlock",
    {
        "id": key(ID, lambda stored, _: str(stored.id)),
        "domain": key(TEXT, lambda stored, _: stored.rule.domain),
        "digest": key(TEXT, lambda stored, _: stored.rule.digest),
        "created_at": key(MOMENT, lambda stored, _: moment(stored.created_at)),
        "severity": key(one_of(*DomainSeverity), lambda stored, _: stored.rule.severity),
        "reject_media": key(FLAG, lambda stored, _: stored.rule.reject_media),
        "reject_reports": key(FLAG, lambda stored, _: stored.rule.reject_reports),
        "private_comment": key(nullable(TEXT), lambda stored, _: stored.private_comment or None),
        "public_comment": key(nullable(TEXT), lambda stored, _: stored.public_comment or None),
        "obfuscate": key(FLAG, lambda stored, _: stored.rule.obfuscate),
    },
)
"""Admin::DomainBlock, https://docs.joinmastodon.org/entities/Admin_DomainBlock/."""

ADMIN_DOMAIN_ALLOW = Definition[AllowedDomain, None](
    "AdminDomainAllow",
    {
        "id": key(ID, lambda allowed, _: str(allowed.id)),
        "domain": key(TEXT, lambda allowed, _: allowed.domain),
        "created_at": key(MOMENT, lambda allowed, _: moment(allowed.created_at)),
    },
)
"""Admin::DomainAllow, https://docs.joinmastodon.org/entities/Admin_DomainAllow/."""
