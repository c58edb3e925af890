"""Limit of new hosts in one domain: whoever owns a domain has any number of subdomains, each of which could be a server with accounts."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from attrs import define, field

from microblog.federation.hosts import registered_domain

PER_DOMAIN = 10
WINDOW = timedelta(days=1)
MAX_REMEMBERED = 20_000  # domains


@define
class _Domain:
    """Hosts of a domain that were new since a time."""

    since: datetime
    hosts: set[str] = field(factory=set)


@define
class NewHosts:
    """Decides whether a host that this site does not know yet may be asked for anything. One process counts for itself."""

    _domains: OrderedDict[str, _Domain] = field(factory=OrderedDict, init=False)

    def is_admitted(self, host: str, now: datetime) -> bool:
        """True if the host was admitted within a day."""
        domain = self._domains.get(registered_domain(host))
        return domain is not None and now < domain.since + WINDOW and host in domain.hosts

    def admit(self, host: str, now: datetime) -> bool:
        """Return True if the host is one of the first ten new ones of its domain in a day."""
        name = registered_domain(host)
        domain = self._domains.get(name)
        if domain is None or now >= domain.since + WINDOW:
            domain = self._domains[name] = _Domain(now)
            self._domains.move_to_end(name)
            if len(self._domains) > MAX_REMEMBERED:
                self._domains.popitem(last=False)
        if len(domain.hosts) < PER_DOMAIN:
            domain.hosts.add(host)
        return host in domain.hosts
