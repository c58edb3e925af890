"""Choice of the inboxes that an activity is delivered to. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from attrs import field, frozen

from microblog.federation.hosts import host_of
from microblog.model.deliveries import Inbox, Recipient
from microblog.model.domain_rules import DomainRules
from microblog.model.posts import Visibility


@frozen
class InboxRules:
    """Rules for hosts that get activities: others than this site, allowed by its rules and not dead. `exempt` are hosts of tests."""

    site_host: str
    domains: DomainRules = field(factory=DomainRules)
    dead_hosts: frozenset[str] = frozenset()
    exempt: frozenset[str] = frozenset()

    def usable_host(self, recipient: Recipient) -> str | None:
        """Return the host of a recipient; None if nothing may be delivered to it. An inbox on another host is not used."""
        host = self.host_of(recipient.id)
        if host is None or host == self.site_host or host in self.dead_hosts or not self.domains.is_allowed(host):
            return None
        return host if self.host_of(recipient.inbox) == host else None

    def host_of(self, uri: str) -> str | None:
        """Return the host of a URI."""
        return host_of(uri, self.exempt)


def choose_inboxes(recipients: Iterable[Recipient], visibility: Visibility, rules: InboxRules) -> tuple[Inbox, ...]:
    """Return the inboxes for an activity, each once: the shared one of a host for all of its accounts that name one.

    A direct post to one account of a host goes to its own inbox, so that servers without a notion of direct posts show it to nobody else.
    """
    by_host: defaultdict[str, dict[str, Recipient]] = defaultdict(dict)
    for recipient in recipients:
        if host := rules.usable_host(recipient):
            by_host[host].setdefault(recipient.id, recipient)
    return tuple(Inbox(host, url) for host, accounts in by_host.items() for url in _urls(host, [*accounts.values()], visibility, rules))


def _urls(host: str, accounts: list[Recipient], visibility: Visibility, rules: InboxRules) -> Iterable[str]:
    """Return the inboxes of the accounts of one host."""
    if visibility is Visibility.DIRECT and len(accounts) == 1:
        return [accounts[0].inbox]
    shared = Counter(each.shared_inbox for each in accounts if rules.host_of(each.shared_inbox) == host)
    # One server has one shared inbox. Accounts that name different ones would multiply requests: the most frequent one is used.
    chosen = min(shared, key=lambda url: (-shared[url], url), default="")
    return dict.fromkeys(chosen if each.shared_inbox in shared else each.inbox for each in accounts)
