"""Look-ups of the hosts that receive the mail of a domain, within bounded time and number: while people wait for their sign-up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.logger import Logger

from microblog.adapters.dns_lookup import DnsLookup
from microblog.coroutines import gather
from microblog.model.errors import ProbeError

TIMEOUT_S = 3.0
AT_ONCE = 20  # look-ups; further ones are not made
MAX_HOSTS = 10  # of a domain, the most preferred first

_log = Logger()


@define(eq=False)
class MailHostLookup:
    """Asks the DNS for mail hosts and their addresses. What is not known after `timeout_s` seconds is left out, and logged."""

    reactor: Any
    dns: DnsLookup
    timeout_s: float = TIMEOUT_S
    at_once: int = AT_ONCE
    _running: int = field(init=False, default=0)

    async def of(self, domain: str) -> Sequence[str]:
        """Return the mail hosts of a domain in lower case, the most preferred first, then the addresses of these hosts."""
        found: list[str] = []
        if self._running >= self.at_once:
            _log.warn("The mail hosts of {host} are not looked up: too many look-ups are running", host=domain)
            return found
        self._running += 1
        try:
            await Deferred.fromCoroutine(self._collect(domain, found)).addTimeout(self.timeout_s, self.reactor)
        except TimeoutError:
            _log_incomplete(domain, f"The name servers did not answer within {self.timeout_s:g} seconds.")
        except ProbeError as problem:
            _log_incomplete(domain, str(problem))
        finally:
            self._running -= 1
        return found

    async def _collect(self, domain: str, found: list[str]) -> None:
        """Add the hosts and addresses to `found`. Without MX records, the domain itself receives its mail (RFC 5321, section 5.1)."""
        hosts = [host.lower() for host in (await self.dns.mail_exchangers(domain))[:MAX_HOSTS] if host]
        found += hosts
        await gather(self._add_addresses(host, found) for host in hosts or [domain])

    async def _add_addresses(self, host: str, found: list[str]) -> None:
        try:
            addresses = await self.dns.addresses(host)
        except ProbeError as problem:
            _log_incomplete(host, str(problem))
        else:
            found += [address for address in addresses if address not in found]


def _log_incomplete(host: str, reason: str) -> None:
    _log.warn("The mail hosts of {host} are not fully known: {reason}", host=host, reason=reason)
