"""The server of Fedify that tests talk to (peer.mjs), as a child process."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson
from attrs import frozen
from twisted.internet import reactor

from microblog.adapters.child_launcher import command_line
from microblog.adapters.federation_client import FederationClient
from tests.node import NODE

SCRIPT = Path(__file__).with_name("peer.mjs")
START_TIMEOUT_S = 60.0  # it generates a long RSA key


@frozen
class Peer:
    """A started peer. `origin` is its URL, without a final slash, and `port` its TCP port on 127.0.0.1."""

    origin: str
    port: int

    @property
    def host(self) -> str:
        """Return its host, as in handles."""
        return self.origin.partition("//")[2]

    async def control(self, command: str, **values: object) -> Any:
        """Make the peer act; return the result of its command, such as the id of a post. The peer may send requests meanwhile."""
        answer = await self._exchange("POST", orjson.dumps({"command": command, **values}))
        assert "error" not in answer, answer["error"]
        return answer["result"]

    async def requests(self) -> list[dict[str, Any]]:
        """Return the requests since the last `configure`, with their family of signatures and the status of the response."""
        found: list[dict[str, Any]] = (await self._exchange("GET"))["requests"]
        return found

    async def activities(self) -> list[dict[str, Any]]:
        """Return the activities that it accepted since the last `configure`."""
        found: list[dict[str, Any]] = (await self._exchange("GET"))["activities"]
        return found

    async def _exchange(self, method: str, body: bytes = b"") -> Any:
        client = FederationClient(reactor, "tests", exceptions=frozenset({("127.0.0.1", self.port)}))
        try:
            return orjson.loads((await client.send(method, f"http://127.0.0.1:{self.port}/control", {}, body)).body)
        finally:
            await client.stop()


@frozen
class PeerName:
    """The public place of a peer: its `origin`, behind a TLS terminator, and the ports on 127.0.0.1 of the hosts that it can reach.

    `authority` is the certificate that it trusts.
    """

    origin: str
    ports: Mapping[str, int]
    authority: Path


@contextmanager
def run_peer(directory: Path, name: PeerName | None = None) -> Iterator[Peer]:
    """Start a peer and stop it at the end. Another one with the same directory has the same keys."""
    arguments: list[str | Path] = [NODE, SCRIPT, directory / "keys.json"]
    environment = dict(os.environ)
    if name is not None:
        arguments += [name.origin, orjson.dumps(name.ports).decode()]
        environment["NODE_EXTRA_CA_CERTS"] = str(name.authority)
    command = command_line(arguments, directory=directory, at_parents_death=signal.SIGKILL)
    errors = directory / "peer.log"
    with errors.open("ab") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            address = _first_line(process.stdout)
            assert address.startswith("http://127.0.0.1:"), errors.read_text("utf-8", "replace")
            yield Peer(name.origin if name else address, int(address.rpartition(":")[2]))
        finally:
            process.kill()


def _first_line(output: IO[str]) -> str:
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        return output.readline().strip() if selector.select(START_TIMEOUT_S) else ""
