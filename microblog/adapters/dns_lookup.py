"""Look-ups of DNS records that are about mail, by twisted.names: for checks of the site's configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from socket import AF_INET6, inet_ntop
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.names import dns
from twisted.names.client import Resolver
from twisted.names.error import DNSNameError, DomainError, ResolverError

from microblog.model.errors import ProbeError

RESOLV_CONF = "/etc/resolv.conf"
TIMEOUTS_S = (1, 2, 4)


@frozen
class DnsLookup:
    """Queries the name servers of this machine, or `servers` (address and port). `timeouts`: seconds of each attempt.

    Names that do not exist have no records; anything else that fails raises ProbeError.
    """

    reactor: Any
    servers: Sequence[tuple[str, int]] = ()
    timeouts: Sequence[int] = TIMEOUTS_S
    _resolver: Resolver = field(init=False, eq=False, repr=False)

    @_resolver.default
    def _make_resolver(self) -> Resolver:
        if self.servers:
            return Resolver(servers=list(self.servers), timeout=self.timeouts, reactor=self.reactor)
        return Resolver(resolv=RESOLV_CONF, timeout=self.timeouts, reactor=self.reactor)

    async def mail_exchangers(self, name: str) -> list[str]:
        """Return the hosts of the MX records, the most preferred first. A null MX (RFC 7505) is the empty name."""
        records = await self._records(self._resolver.lookupMailExchange, name, dns.MX)
        return [str(record.name).rstrip(".") for record in sorted(records, key=lambda record: int(record.preference))]

    async def texts(self, name: str) -> list[str]:
        """Return the texts of the TXT records, each joined from its parts (RFC 7208, section 3.3)."""
        records = await self._records(self._resolver.lookupText, name, dns.TXT)
        return [b"".join(record.data).decode("utf-8", "replace") for record in records]

    async def addresses(self, name: str) -> list[str]:
        """Return the IPv4 and IPv6 addresses."""
        found = await self._records(self._resolver.lookupAddress, name, dns.A)
        found += await self._records(self._resolver.lookupIPV6Address, name, dns.AAAA)
        return [record.dottedQuad() if record.TYPE == dns.A else inet_ntop(AF_INET6, record.address) for record in found]

    async def exists(self, name: str) -> bool:
        """True if there is anything at this name or below it (RFC 8020)."""
        try:
            await self._answer(self._resolver.lookupText, name)
        except DNSNameError:
            return False
        return True

    async def _records(self, look_up: Callable[..., Deferred[Any]], name: str, type: int) -> list[Any]:
        try:
            answers, _, _ = await self._answer(look_up, name)
        except DNSNameError:
            return []
        return [answer.payload for answer in answers if answer.type == type]  # not the aliases (CNAME) that lead to them

    async def _answer(self, look_up: Callable[..., Deferred[Any]], name: str) -> Any:
        try:
            return await look_up(name)
        except DNSNameError:
            raise
        except (DomainError, ResolverError) as problem:
            raise ProbeError(f"The name server reported a failure for {name} ({type(problem).__name__}).") from problem
        except Exception as problem:  # no name server can be reached, or none is configured
            raise ProbeError(f"No name server of this machine answered for {name}.") from problem
