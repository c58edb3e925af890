"""What is known about bytes that were written to a transport of Twisted."""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOProtocol

from microblog.twisted_private import buffered_bytes


def unsent_bytes(transport: Any) -> int:
    """Number of bytes that wait in this process's buffer of a transport: with TLS the encrypted ones, 0 where it is unknown."""
    if isinstance(transport, TLSMemoryBIOProtocol):
        transport = transport.transport
    return buffered_bytes(transport) if isinstance(transport, Connection) else 0
