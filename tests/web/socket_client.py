"""The client's end of a WebSocket, with frames made by hand, so that they can be wrong in every way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import define, field

from tests.web.memory import Line, Reply, replies, request
from tests.web.sample_data import Village

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
MASK = b"\x37\xfa\x21\x3d"


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = MASK, length: int | None = None
) -> bytes:
    """One frame of a client. `length` claims another length than the payload has."""
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
    """The frames of a server: opcode and payload."""
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
class Ws:
    """An open socket. What came is kept apart by kind."""

    line: Line
    opened: Reply
    data: bytes = b""
    pings: list[bytes] = field(factory=list)
    pongs: list[bytes] = field(factory=list)
    close: tuple[int | None, str] | None = None

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.data += self.line.send(data)

    def say(self, **message: object) -> None:
        """Send a message."""
        self.send(frame(TEXT, json.dumps(message).encode()))

    def read(self) -> list[dict[str, Any]]:
        """The messages since the last time."""
        came, self.data, found = self.data + self.line.read(), b"", []
        for opcode, payload in frames(came):
            assert self.close is None, "nothing comes after the close"
            if opcode == TEXT:
                found.append(json.loads(payload))
            elif opcode == PING:
                self.pings.append(payload)
            elif opcode == PONG:
                self.pongs.append(payload)
            else:
                assert opcode == CLOSE
                self.close = (int.from_bytes(payload[:2], "big") if payload else None, payload[2:].decode())
        return found

    @property
    def code(self) -> int | None:
        """With which code the server closed; None while it has not."""
        self.read()
        return None if self.close is None else self.close[0]


def open_socket(village: Village, query: str = "", host: str = "203.0.113.7", **headers: str) -> Ws:
    """Ask for a socket at `/api/v1/streaming` with this query. Whether it opened, `opened.status` says."""
    line = Line(village.server, host)
    given = UPGRADE | {name.replace("_", "-"): value for name, value in headers.items()}
    data = line.send(
        request("GET", f"/api/v1/streaming{'?' if query else ''}{query}", {name: value for name, value in given.items() if value})
    )
    head, separator, rest = data.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        [refused] = replies(data)
        return Ws(line, refused)
    [opened] = replies(head + separator)
    village.reactor.advance(0)
    return Ws(line, opened, rest)
