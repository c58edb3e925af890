"""The base class of protocols that send one large response body."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol


class BodySender(Protocol):
    """Takes over a connection, writes the body of a response and closes. Received data is ignored.

    The client has to read as fast as any response, and shutdown waits for it. `unwritten`: bytes not yet passed to the transport.
    """

    transport: Any  # a transport and consumer at once
    unwritten = 0
