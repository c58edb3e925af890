"""An authoritative name server of the domain `example.` in this process, by twisted.names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import fail
from twisted.names import dns
from twisted.names.authority import FileAuthority
from twisted.names.common import ResolverBase
from twisted.names.error import ResolverError
from twisted.names.server import DNSServerFactory

TTL_S = 60
_REACTOR: Any = reactor


class _Zone(FileAuthority):
    """The zone `example`. As RFC 8020 asks, a name above an existing one exists. Questions for a name of `failing` end in SERVFAIL."""

    def __init__(self, records: Mapping[str, Sequence[Any]], failing: Collection[str]) -> None:
        ResolverBase.__init__(self)
        self.soa: Any = (b"example", dns.Record_SOA(b"ns.example", b"admin.example", 1, TTL_S, TTL_S, TTL_S, TTL_S))
        names = {".".join(name.split(".")[start:]) for name in records for start in range(name.count(".") + 1)}
        self.records: Any = {name.encode(): [*records.get(name, ()), dns.Record_HINFO(b"", b"", ttl=TTL_S)] for name in names}
        self._failing = {name.encode() for name in failing}

    def query(self, query: dns.Query, timeout: object = None) -> Any:
        """Return the records that answer a question, as IResolver asks."""
        if query.name.name.lower() in self._failing:
            return fail(ResolverError(query.name.name))
        return super().query(query, timeout)  # type: ignore[no-untyped-call]  # Twisted's, without annotations


@contextmanager
def name_server(records: Mapping[str, Sequence[Any]], failing: Collection[str] = ()) -> Iterator[tuple[str, int]]:
    """Serve these records of names below `example`; yields the address of the server. It fails to answer for names of `failing`."""
    factory = DNSServerFactory(authorities=[_Zone(records, failing)])
    protocol = dns.DNSDatagramProtocol(factory)
    port = _REACTOR.listenUDP(0, protocol, interface="127.0.0.1")
    try:
        yield "127.0.0.1", port.getHost().port
    finally:
        port.stopListening()


def mx(host: str, preference: int = 10) -> dns.Record_MX:
    """Return an MX record."""
    return dns.Record_MX(preference, host.encode(), ttl=TTL_S)


def txt(*parts: str) -> dns.Record_TXT:
    """Return a TXT record of these parts."""
    return dns.Record_TXT(*(part.encode() for part in parts), ttl=TTL_S)


def a(address: str) -> dns.Record_A:
    """Return an A record."""
    return dns.Record_A(address, ttl=TTL_S)
