"""View models of the administrators' pages about other servers."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.deliveries import DeliveryCounts, HostFilter
from microblog.model.domain_rules import DomainImpact, DomainRule, DomainSeverity, RuleToStore, StoredDomainRule
from microblog.render.formatting import number, plural

FILTERS = {
    HostFilter.ALL: "All",
    HostFilter.RULES: "With a rule",
    HostFilter.ALLOWED: "Allowed",
    HostFilter.SLOW: "Failing",
    HostFilter.DEAD: "Dead",
    HostFilter.WAITING: "Waiting",
}
SEVERITIES = {
    DomainSeverity.SILENCE: "Limit: only followers see its posts; it is not in timelines, search and trends",
    DomainSeverity.SUSPEND: "Suspend: nothing is received or sent, and everything from it is deleted here",
    DomainSeverity.NOOP: "None: only what is selected below",
}
BADGES = {DomainSeverity.SUSPEND: "Suspended", DomainSeverity.SILENCE: "Limited", DomainSeverity.NOOP: "Rule"}


@frozen
class ServersPage:
    """A page of servers (`federation.servers.ListedServer`). `has_allow_list`: only listed servers are federated with."""

    servers: tuple[object, ...]
    counts: DeliveryCounts
    filter: HostFilter
    query: str
    has_allow_list: bool
    older: str | None = None
    errors: Mapping[str, str] = field(factory=dict)

    @property
    def tabs(self) -> list[tuple[HostFilter, str]]:
        """The filters with their labels; that of the allow-list only where there is one."""
        return [(filter, label) for filter, label in FILTERS.items() if self.has_allow_list or filter is not HostFilter.ALLOWED]

    @staticmethod
    def badge(rule: DomainRule) -> str:
        """The label of a rule."""
        return BADGES[rule.severity]


@frozen
class RulePage:
    """The form of a rule, as stored or as submitted. `existing` is the stored one; `impact` what there is of the domain here."""

    wanted: RuleToStore
    existing: StoredDomainRule | None
    impact: DomainImpact
    errors: Mapping[str, str] = field(factory=dict)

    @property
    def severities(self) -> Mapping[DomainSeverity, str]:
        """The severities with their labels."""
        return SEVERITIES

    @property
    def known(self) -> str:
        """What there is of the domain here."""
        return known_sentence(self.wanted.rule.domain, self.impact)


def known_sentence(domain: str, impact: DomainImpact) -> str:
    """Return what a site knows of a domain: "This site knows 3 accounts of b.example. ..."."""
    if not impact.accounts:
        return f"This site knows no accounts of {domain}."
    followers, following = _count(impact.followers, "follower"), _count(impact.following, "follow")
    return f"This site knows {_count(impact.accounts, 'account')} of {domain}. People here have {followers} and {following} there."


def consequence(domain: str, severity: DomainSeverity, impact: DomainImpact) -> str:
    """Return what will happen when a rule is saved."""
    if severity is DomainSeverity.SUSPEND:
        sentences = [f"{domain} and its subdomains can no longer send anything to this site, and nothing is sent to them."]
        if impact.accounts:
            hidden = _count(impact.accounts, "known account")
            sentences.append(f"{hidden} will be hidden at once, and what is stored of them is deleted.")
        if impact.followers or impact.following:
            lost = f"{_count(impact.followers, 'follower')} and {_count(impact.following, 'follow')}"
            sentences.append(f"People here lose {lost}, and are notified.")
        if impact.deliveries:
            sentences.append(f"{_count(impact.deliveries, 'waiting delivery', 'waiting deliveries')} will be dropped.")
        return " ".join([*sentences, "Removing the rule later does not bring posts and follows back."])
    if severity is DomainSeverity.SILENCE:
        return (
            f"Only followers will see posts of the {_count(impact.accounts, 'known account')} of {domain} and its subdomains. They are not "
            "in public timelines, search and trends; their follow requests need approval, and strangers among them do not notify anyone."
        )
    return f"Accounts of {domain} and its subdomains stay visible, and what a rule for a domain above it hides is shown again."


def removal(domain: str, rule: DomainRule) -> str:
    """Return what will happen when a rule is removed."""
    if rule.severity is DomainSeverity.SUSPEND:
        return f"{domain} can send to this site again and is sent to. Its accounts are shown again, without their old posts and follows."
    return f"Accounts of {domain} are treated as those of any other server again."


def _count(count: int, one: str, many: str = "") -> str:
    return f"{number(count)} {plural(count, one, many)}"
