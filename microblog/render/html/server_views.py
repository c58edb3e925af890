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
    DomainSeverity.SILENCE: "Limit: only followers see its posts, and it does not appear in public timelines, search or trends",
    DomainSeverity.SUSPEND: "Suspend: nothing is exchanged with it, and everything from it is deleted here",
    DomainSeverity.NOOP: "None: only the options below apply",
}
BADGES = {DomainSeverity.SUSPEND: "Suspended", DomainSeverity.SILENCE: "Limited", DomainSeverity.NOOP: "Rule"}


@frozen
class ServersPage:
    """A page of servers (`federation.servers.ListedServer`). `has_allow_list`: only listed servers are federated with.

    `public_url` is the one that other servers know.
    """

    servers: tuple[object, ...]
    counts: DeliveryCounts
    filter: HostFilter
    query: str
    has_allow_list: bool
    public_url: str | None = None
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
    """The form of a rule, as stored or as submitted. `existing` is the stored one; `impact`: the known accounts and follows."""

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
        """The sentence about the accounts and follows of the domain that the site knows."""
        return known_sentence(self.wanted.rule.domain, self.impact)


def known_sentence(domain: str, impact: DomainImpact) -> str:
    """Return what a site knows of a domain: "This site knows 3 accounts on b.example. ..."."""
    if not impact.accounts:
        return f"This site knows no accounts on {domain}."
    follows = f"People here have {_count(impact.followers, 'follower')} there, and follow {_count(impact.following, 'account')}."
    return f"This site knows {_count(impact.accounts, 'account')} on {domain}. {follows}"


def consequence(domain: str, severity: DomainSeverity, impact: DomainImpact) -> str:
    """Return what will happen when a rule is saved."""
    if severity is DomainSeverity.SUSPEND:
        sentences = [f"{domain} and its subdomains can no longer send anything to this site, and nothing is sent to them."]
        if impact.accounts:
            hidden = _count(impact.accounts, "known account")
            sentences.append(f"{hidden} will be hidden at once, and everything stored about them will be deleted.")
        if impact.followers or impact.following:
            lost = f"{_count(impact.followers, 'follower')} and {_count(impact.following, 'follow')}"
            sentences.append(f"People here will lose {lost}, and will be notified.")
        if impact.deliveries:
            sentences.append(f"{_count(impact.deliveries, 'waiting delivery', 'waiting deliveries')} will be dropped.")
        return " ".join([*sentences, "Removing the rule later won't bring posts and follows back."])
    if severity is DomainSeverity.SILENCE:
        return (
            f"Only followers will see posts from {domain} and its subdomains ({_count(impact.accounts, 'known account')}). They won't "
            "appear in public timelines, search or trends, follow requests from there will need approval, and people here will only get "
            "notifications from accounts there that they follow."
        )
    return f"Accounts on {domain} and its subdomains will be visible, even if a rule for a parent domain hides them now."


def removal(domain: str, rule: DomainRule) -> str:
    """Return what will happen when a rule is removed."""
    if rule.severity is DomainSeverity.SUSPEND:
        return f"This site and {domain} will exchange posts again. Its accounts will be shown again, without their old posts and follows."
    return f"Accounts on {domain} will be treated like those on any other server again."


def _count(count: int, one: str, many: str = "") -> str:
    return f"{number(count)} {plural(count, one, many)}"
