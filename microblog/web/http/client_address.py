"""The address of a client, also behind trusted proxies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN: Address = IPv4Address("0.0.0.0")  # noqa: S104 - a stand-in for "no address", nothing listens here
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_FORWARDED_FOR = re.compile(r'(?:^|[;,\s])for="?(\[[0-9A-Fa-f:.]{2,45}\]|[^\s",;]{1,64})', re.IGNORECASE)
_MAX_CHAIN = 32


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """Parse an address, also `[v6]`, `[v6]:port` or `v4:port`; IPv4-mapped IPv6 gives IPv4. None if it is not an address.

    The zone of a link-local address (RFC 4007, section 11) is left out: it names an interface of another machine.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or IPv6Address(int(found))
    return found


@lru_cache(maxsize=4096)
def network_of(address: Address) -> str:
    """The network that rate limits count as one client: the IPv4 address, or the IPv6 /64, which one household has."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))


@frozen
class Proxies:
    """The trusted proxies. `unix`: every peer on a UNIX socket. Default: none.

    Trust in a loopback address includes UNIX sockets: both are only reachable for processes of this machine, and without it all
    clients behind the socket would count as one.
    """

    networks: tuple[Network, ...] = ()
    unix: bool = False

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Proxies:
        """Parse entries such as `127.0.0.1`, `10.0.0.0/8` and `unix`. Raises ValueError for anything else."""
        cleaned = [entry.strip() for entry in entries if entry.strip()]
        return cls(tuple(ip_network(entry) for entry in cleaned if entry != "unix"), "unix" in cleaned)

    def trusts(self, address: Address | None) -> bool:
        """True if `address` is a trusted proxy. `None` is the peer on a UNIX socket."""
        if address is None:
            return self.unix or any(self.trusts(loopback) for loopback in _LOOPBACK)
        return any(address in network for network in self.networks)

    def client(self, peer: Address | None, forwarded: Sequence[str]) -> Address:
        """The client's address: the last in the chain (client first, as in X-Forwarded-For) that is not a trusted proxy."""
        if not forwarded or not self.trusts(peer):
            return peer or UNKNOWN
        nearest = peer
        for text in reversed(forwarded[-_MAX_CHAIN:]):
            address = parse_address(text.strip())
            if address is None:
                break
            nearest = address
            if not self.trusts(address):
                break
        return nearest or UNKNOWN


def forwarded_chain(x_forwarded_for: Sequence[bytes], forwarded: Sequence[bytes]) -> list[str]:
    """The chain of addresses in forwarding headers, client first.

    X-Forwarded-For takes precedence: nearly every proxy sets it, and passes on a client's own `Forwarded` (RFC 7239) unchanged.
    """
    if x_forwarded_for:
        return b",".join(x_forwarded_for).decode("latin-1").split(",")
    return [found.group(1) for found in _FORWARDED_FOR.finditer(b",".join(forwarded).decode("latin-1"))]
