"""WebSocket (RFC 6455) on a connection taken over from HTTP. wsproto parses incoming frames; outgoing ones are shared by all clients."""

from __future__ import annotations

import re
from enum import IntEnum

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from wsproto.frame_protocol import CloseReason as WsCloseReason
from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed
from wsproto.utilities import generate_accept_token

from microblog.live.subscriber import MAX_UNSENT, CloseReason
from microblog.model.errors import Malformed, Problem
from microblog.model.events import Position
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.streaming.stream_connection import OpenStream
from microblog.web.streaming.stream_transport import Socket

VERSION = "13"
MAX_MESSAGE_BYTES = 4096  # bytes of one message of a client
MAX_FRAMES, FRAMES_S = 256, 10.0  # maximum number of frames of one client in FRAMES_S seconds
LINGER_S = 2.0  # maximum wait for the client's close frame after ours
TOO_MANY_MESSAGES = "Too many messages."
HEARTBEATS_PER_PING = 2  # heartbeats per ping

_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_PROTOCOL = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~/=-]{1,512}")
_SHORT, _MIDDLE = 125, 0xFFFF


class CloseCode(IntEnum):
    """Status codes of close frames."""

    NORMAL = 1000
    UNSUPPORTED = 1003
    POLICY = 1008
    TOO_BIG = 1009
    RESTART = 1012
    LATER = 1013
    SLOW = 4008


CODES = {
    CloseReason.STALLED: (CloseCode.SLOW, "The connection is too slow. Reconnect with your position."),
    CloseReason.UNAUTHORIZED: (CloseCode.POLICY, "The access token was revoked."),
    CloseReason.RESTART: (CloseCode.RESTART, "The server is restarting."),
    CloseReason.UNAVAILABLE: (CloseCode.LATER, "Please try again soon."),
}


class NotWebSocket(Problem):
    """The request is not a WebSocket handshake."""

    sentence = "This endpoint requires WebSocket. For server-sent events use its subpaths, such as /api/v1/streaming/user."


def frame(opcode: int, payload: bytes) -> bytes:
    """Encode one unmasked frame (RFC 6455 section 5.2)."""
    length = len(payload)
    if length <= _SHORT:
        return bytes((0x80 | opcode, length)) + payload
    if length <= _MIDDLE:
        return bytes((0x80 | opcode, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8, "big") + payload


def text_frame(payload: bytes) -> bytes:
    """A text message in one frame."""
    return frame(Opcode.TEXT, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame. `reason` is at most 123 bytes."""
    return frame(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode())


PING = frame(Opcode.PING, b"")


def offered_protocol(request: Request) -> str | None:
    """The client's preferred subprotocol, or None if it is not valid (RFC 6455 section 4.1)."""
    first = (request.header("Sec-WebSocket-Protocol") or "").partition(",")[0].strip()
    return first if _PROTOCOL.fullmatch(first) else None


def check_handshake(request: Request) -> None:
    """Raise NotWebSocket or Malformed unless the request is a WebSocket handshake (RFC 6455 section 4.2.1)."""
    options = {option.strip().lower() for option in (request.header("Connection") or "").split(",")}
    if "upgrade" not in options or (request.header("Upgrade") or "").strip().lower() != "websocket":
        raise NotWebSocket
    if request.header("Sec-WebSocket-Version") != VERSION:
        raise NotWebSocket
    if not _KEY.fullmatch(request.header("Sec-WebSocket-Key") or ""):
        raise Malformed("The Sec-WebSocket-Key is not 16 bytes in base64.")


def accepted(request: Request, protocol: WebSocket) -> Response:
    """The response that completes the handshake. Call `check_handshake` first."""
    key = generate_accept_token((request.header("Sec-WebSocket-Key") or "").encode("ascii")).decode("ascii")
    response = Response.stream(protocol, status=101).with_headers(
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": key}
    )
    protocol_name = offered_protocol(request)
    return response if protocol_name is None else response.with_header("Sec-WebSocket-Protocol", protocol_name)


@define(eq=False)
class WebSocket(OpenStream):
    """An open WebSocket. `message_received` is called with each text message."""

    _frames: FrameProtocol | None = field(default=None, init=False)
    _message: list[str] = field(factory=list, init=False)
    _length: int = field(default=0, init=False)
    _count: int = field(default=0, init=False)
    _counted_from: float = field(default=0.0, init=False)
    _heartbeats: int = field(default=0, init=False)
    _ignoring: bool = field(default=False, init=False)
    _awaiting_pong: bool = field(default=False, init=False)
    _closing: Socket | None = field(default=None, init=False)
    _linger: IDelayedCall | None = field(default=None, init=False)

    def message_received(self, text: str) -> None:
        """Handle a text message of the client."""

    # From the client

    def dataReceived(self, data: bytes) -> None:
        """Parse incoming frames."""
        if self._ignoring or (self.socket is None and self._closing is None):
            return
        if self._frames is None:
            self._frames = FrameProtocol(client=False, extensions=[])
        self._awaiting_pong = False
        self._frames.receive_bytes(data)
        try:
            for received in self._frames.received_frames():
                if received.frame_finished and self._exceeds_frame_rate():
                    self.close(CloseCode.POLICY, TOO_MANY_MESSAGES)
                    if self._count > 2 * MAX_FRAMES:  # it continues after our close frame: do not wait for its reply
                        self._ignoring = True
                        return
                self._received(received)
        except ParseFailed as error:
            self._ignoring = True  # what follows cannot be parsed
            self.close(error.code, "Invalid WebSocket frame.")

    def _received(self, received: Frame) -> None:
        if received.opcode is Opcode.CLOSE:
            self._close_received(received)
        elif self.socket is None:
            return  # we sent a close frame, and wait only for the client's
        elif received.opcode is Opcode.PING:
            if self.socket.unsent() <= MAX_UNSENT and isinstance(received.payload, bytes):
                self.socket.write(frame(Opcode.PONG, received.payload))
        elif received.opcode is Opcode.BINARY:
            self.close(CloseCode.UNSUPPORTED, "Only text messages are supported.")
        elif isinstance(received.payload, str):
            self._text(received.payload, whole=received.message_finished)

    def _text(self, piece: str, *, whole: bool) -> None:
        self._length += len(piece.encode())
        if self._length > MAX_MESSAGE_BYTES:
            self.close(CloseCode.TOO_BIG, "This message is too long.")
            return
        self._message.append(piece)
        if whole:
            text = "".join(self._message)
            self._message, self._length = [], 0
            self.message_received(text)

    def _exceeds_frame_rate(self) -> bool:
        now = self.feed.seconds()
        if now - self._counted_from > FRAMES_S:
            self._counted_from, self._count = now, 0
        self._count += 1
        return self._count > MAX_FRAMES

    def _close_received(self, received: Frame) -> None:
        """Reply to the client's close frame, unless it is itself a reply (RFC 6455 section 5.5.1)."""
        code = received.payload[0] if received.payload else None
        if self.socket is not None:
            no_code = code in (None, WsCloseReason.NO_STATUS_RCVD)
            self.close(0 if no_code else int(code or CloseCode.NORMAL), "")
        self._finish()

    # To the client

    def heartbeat(self, position: Position | None) -> None:
        """Send a ping at every second heartbeat; close if no pong followed the last one."""
        super().heartbeat(position)
        self._heartbeats = (self._heartbeats + 1) % HEARTBEATS_PER_PING
        if self.socket is None or self.socket.unsent() or self._heartbeats:
            return
        if self._awaiting_pong:
            self.feed.dismiss(self.subscriber, CloseReason.STALLED)
            self.socket.close(graceful=False)
            return
        self._awaiting_pong = True
        self.socket.write(PING)

    def end(self, reason: CloseReason, delay: float) -> None:
        """Send the reason, and close. A client whose authorization was revoked gets no buffered data."""
        socket = self.socket
        if socket is None:
            return
        if reason is CloseReason.UNAUTHORIZED and socket.unsent():
            self.socket = None
            socket.close(graceful=False)
            return
        if data := self.encoder.close_frame(reason, delay):
            socket.write(data)
        self._send_close(*CODES.get(reason, (CloseCode.NORMAL, "")))

    def close(self, code: int, reason: str) -> None:
        """Close because of what the client sent. Code 0 replies to a close frame without a code."""
        if self.socket is not None:
            self.feed.dismiss(self.subscriber)
            self._send_close(code, reason)

    def _send_close(self, code: int, reason: str) -> None:
        """Send our close frame, and wait for the client's, up to LINGER_S seconds."""
        socket, self.socket = self.socket, None
        if socket is None:
            return
        self._closing = socket
        socket.write(close_frame(code, reason) if code else frame(Opcode.CLOSE, b""))
        self._linger = self.feed.clock.callLater(LINGER_S, self._finish)

    def _finish(self) -> None:
        """Close the connection, after both close frames or the timeout."""
        closing, self._closing = self._closing, None
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        if closing is not None:
            closing.close(graceful=not closing.unsent())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the subscription."""
        self._closing = None
        self._finish()
        super().connectionLost(reason)
