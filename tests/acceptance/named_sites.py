"""Servers with names over TLS: two sites of ours, a.test and b.test, and one of Fedify, c.test, which reach each other only so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen
from mastodon import Mastodon

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, site_process
from tests.certificates import create_certificates
from tests.federation.peer import Peer, PeerName, run_peer
from tests.tls_front import TlsFront, run_tls_front

NAMES = ("a.test", "b.test", "c.test")


@frozen
class Person:
    """An account of one of the sites, with its client."""

    host: str
    client: Mastodon
    name: str

    @property
    def handle(self) -> str:
        """Return the handle by which others find the account."""
        return f"{self.name}@{self.host}"

    @property
    def id(self) -> str:
        """Return the id by which other servers know the account."""
        return f"https://{self.host}/users/{self.name}"


@frozen
class NamedServers:
    """The servers. `fronts` are their TLS terminators: without a target, a server cannot be reached from the others."""

    sites: dict[str, SiteProcess]
    fronts: dict[str, TlsFront]
    peer: Peer

    def register(self, host: str, name: str) -> Person:
        """Create an account whose name begins with `name`."""
        client = register_account(self.sites[host], name)
        return Person(host, client, client.me().username)


@contextmanager
def run_named_servers(directory: Path, peer_keys: Path) -> Iterator[NamedServers]:
    """Start all servers; stop them at the end."""
    certificates = create_certificates(directory, *NAMES)
    with ExitStack() as stack:
        fronts = {name: stack.enter_context(run_tls_front(certificates.server)) for name in NAMES}
        ports = {name: front.port for name, front in fronts.items()}
        settings = {
            "federation": "on",
            "federation_test_names": ", ".join(f"{name}=127.0.0.1:{port}" for name, port in ports.items()),
            "federation_ca_file": str(certificates.authority),
            "rate_limits": "off",
            "registration": "open",
        }
        sites = {}
        for name in NAMES[:2]:
            place = directory / name
            place.mkdir()
            sites[name] = stack.enter_context(site_process(place, public_url=f"https://{name}", **settings))
            fronts[name].target = sites[name].port
            sites[name].launch()
        peer = stack.enter_context(run_peer(peer_keys, PeerName("https://c.test", ports, certificates.authority)))
        fronts["c.test"].target = peer.port
        for site in sites.values():
            site.wait()
        yield NamedServers(sites, fronts, peer)
        for site in sites.values():
            site.stop()
