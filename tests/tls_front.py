"""A TLS terminator for tests, like the reverse proxy of a site: connections to it are passed on to a port of 127.0.0.1.

It runs on a thread of its own, so that it works while a test waits.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field


@define(eq=False)
class TlsFront:
    """A terminator on a free port. `target` is the port of the server behind it; while it is 0, connections are closed."""

    certificate: Path
    target: int = 0
    port: int = 0
    _stop: asyncio.Event = field(init=False, factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    _ready: threading.Event = field(init=False, factory=threading.Event)
    _writers: set[asyncio.StreamWriter] = field(init=False, factory=set)

    async def run(self) -> None:
        """Serve until `stop`."""
        self._loop = asyncio.get_running_loop()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        while self._writers:
            await asyncio.sleep(0.01)

    def wait(self) -> None:
        """Wait until it listens."""
        assert self._ready.wait(10)

    def stop(self) -> None:
        """Close everything."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        self._writers.add(writer)
        with suppress(OSError):
            behind = await asyncio.open_connection("127.0.0.1", self.target)
            writers.append(behind[1])
            self._writers.add(behind[1])
            await asyncio.gather(_copy(reader, behind[1]), _copy(behind[0], writer))
        for each in writers:
            each.transport.abort()
            with suppress(OSError):
                await each.wait_closed()
            self._writers.discard(each)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what arrives, and close the connection at its end."""
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def run_tls_front(certificate: Path, target: int = 0) -> Iterator[TlsFront]:
    """Run a terminator on a thread."""
    front = TlsFront(certificate, target)
    thread = threading.Thread(target=lambda: asyncio.run(front.run()), name="tls-front", daemon=True)
    thread.start()
    front.wait()
    try:
        yield front
    finally:
        front.stop()
        thread.join(10)
