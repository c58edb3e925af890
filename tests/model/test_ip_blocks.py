"""Look-up of addresses in blocked networks."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from microblog.model.ip_blocks import Address, IpBlockValues, IpSeverity, Network, RefusedNetworks
from tests.make import NOW

# A few bits only, so that networks contain addresses of the other draw.
V4 = st.builds(lambda bits, length: ip_network((f"192.0.2.{bits}", length), strict=False), st.integers(0, 255), st.integers(22, 32))
V6 = st.builds(lambda bits, length: ip_network((f"2001:db8::{bits:x}", length), strict=False), st.integers(0, 255), st.integers(110, 128))
ADDRESSES = st.one_of(
    st.integers(0, 255).map(lambda bits: ip_address(f"192.0.2.{bits}")),
    st.integers(0, 255).map(lambda bits: ip_address(f"2001:db8::{bits:x}")),
)


def refused(*networks: Network) -> RefusedNetworks:
    return RefusedNetworks([IpBlockValues(network, IpSeverity.NO_ACCESS) for network in networks])


@given(st.lists(st.one_of(V4, V6), max_size=5), ADDRESSES)
def test_an_address_is_refused_if_a_network_contains_it(networks: list[Network], address: Address) -> None:
    assert refused(*networks).contain(address, NOW) == any(address in network for network in networks)


def test_a_network_is_refused_until_its_block_expires() -> None:
    values = IpBlockValues(IPv4Network("192.0.2.0/24"), IpSeverity.NO_ACCESS, expires_at=NOW + timedelta(minutes=1))
    networks, address = RefusedNetworks([values]), ip_address("192.0.2.9")
    assert networks.contain(address, NOW)
    assert not networks.contain(address, NOW + timedelta(minutes=1))


def test_loopback_addresses_are_never_refused() -> None:
    networks = refused(IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
    assert not networks.contain(ip_address("127.0.0.1"), NOW)
    assert not networks.contain(ip_address("::1"), NOW)
    assert networks.contain(ip_address("192.0.2.1"), NOW)
