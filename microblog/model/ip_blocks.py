"""Blocked IP addresses and networks: their clients cannot sign up, have to be approved, or cannot use the site at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from attrs import field, frozen

from microblog.model.ids import IpBlockId

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class IpSeverity(StrEnum):
    """Effect of a block, in the words of the client API, the mildest first."""

    SIGN_UP_REQUIRES_APPROVAL = "sign_up_requires_approval"
    SIGN_UP_BLOCK = "sign_up_block"
    NO_ACCESS = "no_access"


@frozen
class IpBlockValues:
    """Everything of a block that an administrator sets. It ends at `expires_at`; None: never."""

    network: Network
    severity: IpSeverity
    comment: str = ""
    expires_at: datetime | None = None


@frozen
class IpBlock:
    """A stored block."""

    id: IpBlockId
    values: IpBlockValues
    created_at: datetime


_Networks = Mapping[tuple[int, int], dict[int, datetime | None]]


def _by_length(blocks: Iterable[IpBlockValues]) -> _Networks:
    found: dict[tuple[int, int], dict[int, datetime | None]] = {}
    for block in blocks:
        host_bits = block.network.max_prefixlen - block.network.prefixlen
        found.setdefault((block.network.version, host_bits), {})[int(block.network.network_address) >> host_bits] = block.expires_at
    return found


@frozen
class RefusedNetworks:
    """Blocked networks, to be looked up for each request: one step for each length of prefix that occurs.

    Loopback addresses are never refused: these clients are processes of this machine.
    """

    by_length: _Networks = field(default=(), converter=_by_length)

    def contain(self, address: Address, now: datetime) -> bool:
        """True if the address is in one of the networks, whose block has not expired."""
        if address.is_loopback:
            return False
        for (version, host_bits), networks in self.by_length.items():
            prefix = int(address) >> host_bits
            if version == address.version and prefix in networks:
                expires_at = networks[prefix]
                if expires_at is None or now < expires_at:
                    return True
        return False
