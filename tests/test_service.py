"""Tests of `twistd microblog` before the site runs."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from twisted.internet import reactor as real
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from microblog.service import BACKLOG, keep_steady, stop_listening, with_room


def test_timers_use_a_monotonic_clock() -> None:
    reactor = Clock()  # plans as every reactor does: by its own `seconds`
    keep_steady(reactor)
    before = time.monotonic()
    planned = reactor.callLater(5, lambda: None).getTime()
    assert before + 5 <= planned <= time.monotonic() + 5


def test_a_reactor_with_pending_calls_keeps_its_clock() -> None:
    reactor = Clock()
    reactor.callLater(5, lambda: None)
    keep_steady(reactor)
    assert reactor.seconds() == 0


@pytest.mark.parametrize("listen", ["tcp:8080:interface=127.0.0.1", "tcp6:8080", "unix:/run/microblog.sock"])
def test_the_listen_backlog_has_room_for_all_reconnecting_clients(listen: str) -> None:
    assert with_room(listen) == f"{listen}:backlog={BACKLOG}"
    serverFromString(Clock(), with_room(listen))


@pytest.mark.parametrize("listen", ["tcp:8080:backlog=7", "systemd:domain=INET:index=0"])
def test_an_explicit_backlog_and_other_endpoints_are_kept(listen: str) -> None:
    assert with_room(listen) == listen


async def test_connections_that_wait_are_accepted_before_the_port_closes() -> None:
    accepted: list[Protocol] = []

    class Accepted(Protocol):
        def connectionMade(self) -> None:
            accepted.append(self)

    reactor: Any = real
    port = reactor.listenTCP(0, Factory.forProtocol(Accepted), BACKLOG, "127.0.0.1")
    address = ("127.0.0.1", port.getHost().port)
    clients = [socket.create_connection(address) for _ in range(150)]  # more than Twisted accepts at once
    await maybeDeferred(stop_listening, port)
    assert len(accepted) == len(clients)
    for client in clients:
        client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
