"""A WebSocket client that builds its frames by hand, so that tests can send invalid ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import define, field

from tests.web.http_client import HttpResponse, MemoryConnection, encode_request, parse_responses
from tests.web.live_site import LiveSite

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
MASK = b"\x37\xfa\x21\x3d"


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = MASK, length: int | None = None
) -> bytes:
    """Encode a client's frame. `length` overrides the payload's length in the header."""
    size = len(payload) if length is None else length
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    flag = 0 if mask is None else 0x80
    if size <= 125:
        head = bytes((first, flag | size))
    elif size <= 0xFFFF:
        head = bytes((first, flag | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, flag | 127)) + size.to_bytes(8, "big")
    return head + payload if mask is None else head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Parse a server's frames into opcode and payload."""
    while data:
        assert data[0] & 0x70 == 0, "no reserved bits"
        assert data[0] & 0x80, "whole messages only"
        assert not data[1] & 0x80, "a server does not mask"
        size, at = data[1], 2
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(data[2:10], "big"), 10
        yield data[0] & 0x0F, data[at : at + size]
        data = data[at + size :]


@define(eq=False)
class WebSocketClient:
    """The client's end of an open WebSocket."""

    connection: MemoryConnection
    response: HttpResponse
    data: bytes = b""
    pings: list[bytes] = field(factory=list)
    pongs: list[bytes] = field(factory=list)
    close: tuple[int | None, str] | None = None

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.data += self.connection.send(data)

    def send_json(self, **message: object) -> None:
        """Send a JSON message."""
        self.send(frame(TEXT, json.dumps(message).encode()))

    def read(self) -> list[dict[str, Any]]:
        """Return the messages since the last read."""
        received, self.data, messages = self.data + self.connection.read(), b"", []
        for opcode, payload in frames(received):
            assert self.close is None, "a frame after the close frame"
            if opcode == TEXT:
                messages.append(json.loads(payload))
            elif opcode == PING:
                self.pings.append(payload)
            elif opcode == PONG:
                self.pongs.append(payload)
            else:
                assert opcode == CLOSE
                self.close = (int.from_bytes(payload[:2], "big") if payload else None, payload[2:].decode())
        return messages

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame, or None."""
        self.read()
        return None if self.close is None else self.close[0]


def open_socket(live_site: LiveSite, query: str = "", host: str = "203.0.113.7", **headers: str) -> WebSocketClient:
    """Request a WebSocket at `/api/v1/streaming` with this query. `response.status` is 101 if it was opened."""
    connection = MemoryConnection(live_site.server, host)
    all_headers = UPGRADE | {name.replace("_", "-"): value for name, value in headers.items()}
    data = connection.send(
        encode_request(
            "GET", f"/api/v1/streaming{'?' if query else ''}{query}", {name: value for name, value in all_headers.items() if value}
        )
    )
    head, separator, rest = data.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        [response] = parse_responses(data)
        return WebSocketClient(connection, response)
    [response] = parse_responses(head + separator)
    live_site.reactor.advance(0)
    return WebSocketClient(connection, response, rest)
