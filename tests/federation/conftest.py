"""Fixtures with another implementation of ActivityPub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.federation.actor_server import ActorServer, run_actor_server
from tests.federation.peer import Peer, run_peer
from tests.node import require


@pytest.fixture(scope="session")
def shared_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A started server of Fedify, shared by all tests."""
    require("@fedify/fedify")
    with run_peer(tmp_path_factory.mktemp("peer")) as peer:
        yield peer


@pytest.fixture
def actor_server(shared_peer: Peer) -> Iterator[ActorServer]:
    """A server with one actor, which may talk to the peer."""
    with run_actor_server(shared_peer.port) as server:
        yield server
