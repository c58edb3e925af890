"""Fixtures with real processes and real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.federation_sites import run_federated_site
from tests.acceptance.named_sites import NamedServers, Person, run_named_servers
from tests.acceptance.site_process import SiteProcess, killed_at_the_end, site_process, twistd_path
from tests.federation.file_server import FileServer, run_file_server
from tests.federation.peer import Peer, run_peer
from tests.node import require


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[SiteProcess]:
    """A site for one test, not started. `new_site` is started by the program twistd."""
    with site_process(tmp_path) as site:
        yield site


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[SiteProcess]:
    """A site for one test, not started, started as by an administrator, whose first start has to make its database."""
    with killed_at_the_end(SiteProcess(tmp_path / "var", program=(twistd_path(),))) as site:
        yield site


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site for all tests of a module, with open registration and without rate limits."""
    with site_process(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as site:
        site.start()
        yield site
        site.stop()


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site shared by all tests of real clients; each test creates its own accounts or cleans up."""
    with site_process(tmp_path_factory.mktemp("site"), rate_limits="off", registration="open") as site:
        site.start()
        yield site
        site.stop()


@pytest.fixture(scope="session")
def peer_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the keys of all peers: it takes long to make them."""
    return tmp_path_factory.mktemp("peer")


@pytest.fixture(scope="session")
def peer(peer_keys: Path) -> Iterator[Peer]:
    """A started server of Fedify, shared by all tests; each begins with people of its own, or with a `configure`."""
    require("@fedify/fedify")
    with run_peer(peer_keys) as peer:
        yield peer


@pytest.fixture(scope="session")
def file_server() -> Iterator[FileServer]:
    """A started server of files, on this process's reactor."""
    with run_file_server() as server:
        yield server


@pytest.fixture(scope="session")
def federated_site(tmp_path_factory: pytest.TempPathFactory, peer: Peer, file_server: FileServer) -> Iterator[SiteProcess]:
    """A started site that federates with the peer, whose files are on the server of files. Shared by all tests."""
    with run_federated_site(tmp_path_factory.mktemp("federated"), peer.port, file_server.port) as site:
        yield site


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, peer_keys: Path) -> Iterator[NamedServers]:
    """Two sites and a server of Fedify, over TLS and with names, shared by all tests; each creates its own accounts."""
    require("@fedify/fedify")
    with run_named_servers(tmp_path_factory.mktemp("named"), peer_keys) as servers:
        yield servers
        for site in servers.sites.values():
            assert "Traceback" not in site.log
            assert "Starting factory" not in site.log  # a line for each connection


@pytest.fixture
def people(servers: NamedServers) -> tuple[Person, Person]:
    """Ada on one of the two sites, and Ben on the other. The sites are the same program with the same settings."""
    return servers.register("a.test", "ada"), servers.register("b.test", "ben")
