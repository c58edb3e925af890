"""Rules of the site for other servers: the domains that are suspended or limited, or the only ones that are allowed.

A rule holds for its domain and all subdomains, and the most specific one wins. Domains are in the spelling of federation/hosts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from attrs import field, frozen

from microblog.model.ids import DomainRuleId


class DomainSeverity(StrEnum):
    """Effect of a rule on a domain, in the words of the client API.

    SUSPEND: nothing is taken from it or sent to it, and its accounts are hidden. SILENCE: its accounts are limited. NOOP: only the flags.
    """

    SUSPEND = "suspend"
    SILENCE = "silence"
    NOOP = "noop"


@frozen
class DomainRule:
    """A rule for a domain. `obfuscate` hides a part of its name in public lists."""

    domain: str
    severity: DomainSeverity = DomainSeverity.NOOP
    reject_media: bool = False
    reject_reports: bool = False
    obfuscate: bool = False

    @property
    def public_domain(self) -> str:
        """The name for public lists: whole, or with the middle half replaced by asterisks, as Mastodon does."""
        if not self.obfuscate:
            return self.domain
        visible = len(self.domain) // 4
        hidden = range(visible + 1, len(self.domain) - visible)
        return "".join("*" if place in hidden and char != "." else char for place, char in enumerate(self.domain))

    @property
    def digest(self) -> str:
        """SHA-256 of the name in hexadecimal, by which clients compare lists with obfuscated names."""
        return sha256(self.domain.encode()).hexdigest()


@frozen
class RuleToStore:
    """A rule with its comments, as an administrator writes it."""

    rule: DomainRule
    public_comment: str = ""
    private_comment: str = ""


@frozen
class StoredDomainRule:
    """A rule as moderators see it. The private comment is for them only."""

    id: DomainRuleId
    rule: DomainRule
    public_comment: str
    private_comment: str
    created_at: datetime


@frozen
class AllowedDomain:
    """A host on the allow-list."""

    id: DomainRuleId
    domain: str
    created_at: datetime


@frozen
class DomainImpact:
    """Counts for a domain: known accounts, their follows of people here, follows of them, and deliveries that wait."""

    accounts: int = 0
    followers: int = 0
    following: int = 0
    deliveries: int = 0


@frozen
class HiddenBy:
    """Effect of the rules on the accounts of a host."""

    suspended: bool = False
    limited: bool = False


def _by_domain(rules: Iterable[DomainRule]) -> Mapping[str, DomainRule]:
    return {rule.domain: rule for rule in rules}


@frozen
class DomainRules:
    """All rules of the site. With an allow-list (`allowed`), it federates only with the hosts on it, without their subdomains."""

    rules: Mapping[str, DomainRule] = field(factory=dict, converter=_by_domain)
    allowed: frozenset[str] | None = None

    def rule_for(self, host: str) -> DomainRule | None:
        """Return the rule of the host or of the closest domain above it, or None. A port does not matter."""
        labels = host.partition(":")[0].split(".")
        domains = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self.rules[domain] for domain in domains if domain in self.rules), None)

    def is_allowed(self, host: str) -> bool:
        """True if the site takes anything from the host and sends anything to it."""
        if self.allowed is not None and host not in self.allowed:
            return False
        return not self._has_severity(host, DomainSeverity.SUSPEND)

    def is_limited(self, host: str) -> bool:
        """True if the host's accounts are limited: only followers see their posts outside of threads and profiles."""
        return self._has_severity(host, DomainSeverity.SILENCE)

    def hidden_by(self, *hosts: str) -> HiddenBy:
        """Return what the rules do to an account that belongs to these hosts: that of its name, and that of its id."""
        return HiddenBy(not all(map(self.is_allowed, hosts)), any(map(self.is_limited, hosts)))

    def rejects_media(self, host: str) -> bool:
        """True if no media of the host are fetched or shown."""
        rule = self.rule_for(host)
        return not self.is_allowed(host) or (rule is not None and rule.reject_media)

    def rejects_reports(self, host: str) -> bool:
        """True if reports by the host's accounts are dropped."""
        rule = self.rule_for(host)
        return not self.is_allowed(host) or (rule is not None and rule.reject_reports)

    def _has_severity(self, host: str, severity: DomainSeverity) -> bool:
        rule = self.rule_for(host)
        return rule is not None and rule.severity is severity
