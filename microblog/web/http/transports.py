"""Number of unsent bytes of Twisted's transports."""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOProtocol

from microblog.twisted_private import buffered_bytes


def unsent_bytes(transport: Any) -> int:
    """Number of bytes in the send buffer of a transport in this process: with TLS the encrypted ones; 0 if it is unknown."""
    if isinstance(transport, TLSMemoryBIOProtocol):
        transport = transport.transport
    return buffered_bytes(transport) if isinstance(transport, Connection) else 0
