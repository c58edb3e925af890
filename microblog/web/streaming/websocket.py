"""WebSocket (RFC 6455) on a connection that was taken over. wsproto parses what comes in; what goes out is framed once for all readers."""

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

from microblog.live.subscriber import MOST_UNSENT, CloseReason
from microblog.model.errors import Malformed, Problem
from microblog.model.events import Position
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.streaming.stream_connection import OpenStream
from microblog.web.streaming.stream_transport import Socket

VERSION = "13"
LONGEST_MESSAGE = 4096  # bytes that a client may say at a time
MOST_FRAMES, FRAMES_S = 256, 10.0  # from one client in so many seconds
LINGER_S = 2.0  # after our close frame, for the other side's
TOO_MUCH = "You say too much at once."
TURNS = 2  # beats from one ping to the next

_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_PROTOCOL = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~/=-]{1,512}")
_SHORT, _MIDDLE = 125, 0xFFFF


class CloseCode(IntEnum):
    """Why we close."""

    NORMAL = 1000
    UNSUPPORTED = 1003
    POLICY = 1008
    TOO_BIG = 1009
    RESTART = 1012
    LATER = 1013
    SLOW = 4008


CODES = {
    CloseReason.STALLED: (CloseCode.SLOW, "You did not read what was sent. Come back with your position."),
    CloseReason.UNAUTHORIZED: (CloseCode.POLICY, "The access token was revoked."),
    CloseReason.RESTART: (CloseCode.RESTART, "The server restarts."),
    CloseReason.UNAVAILABLE: (CloseCode.LATER, "Please try again soon."),
}


class NotWebSocket(Problem):
    """The request does not ask for a WebSocket."""

    sentence = "This address speaks WebSocket. Server-sent events are below it, such as /api/v1/streaming/user."


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame, as servers send it: not masked (RFC 6455 section 5.2)."""
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
    """The last frame. `reason` is at most 123 bytes."""
    return frame(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode())


PING = frame(Opcode.PING, b"")


def offered_protocol(request: Request) -> str | None:
    """The subprotocol that the client would like most, if it is one (RFC 6455 section 4.1)."""
    first = (request.header("Sec-WebSocket-Protocol") or "").partition(",")[0].strip()
    return first if _PROTOCOL.fullmatch(first) else None


def check_handshake(request: Request) -> None:
    """Raises NotWebSocket or Malformed unless the request opens a WebSocket (RFC 6455 section 4.2.1)."""
    wishes = {wish.strip().lower() for wish in (request.header("Connection") or "").split(",")}
    if "upgrade" not in wishes or (request.header("Upgrade") or "").strip().lower() != "websocket":
        raise NotWebSocket
    if request.header("Sec-WebSocket-Version") != VERSION:
        raise NotWebSocket
    if not _KEY.fullmatch(request.header("Sec-WebSocket-Key") or ""):
        raise Malformed("The Sec-WebSocket-Key is not 16 bytes in base64.")


def accepted(request: Request, protocol: WebSocket) -> Response:
    """The answer that hands the connection over. Call `check_handshake` before."""
    key = generate_accept_token((request.header("Sec-WebSocket-Key") or "").encode("ascii")).decode("ascii")
    response = Response.stream(protocol, status=101).with_headers(
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": key}
    )
    chosen = offered_protocol(request)
    return response if chosen is None else response.with_header("Sec-WebSocket-Protocol", chosen)


@define(eq=False)
class WebSocket(OpenStream):
    """One open WebSocket. `said` is called with each text that the client says."""

    _frames: FrameProtocol | None = field(default=None, init=False)
    _message: list[str] = field(factory=list, init=False)
    _length: int = field(default=0, init=False)
    _count: int = field(default=0, init=False)
    _counted_from: float = field(default=0.0, init=False)
    _turn: int = field(default=0, init=False)
    _deaf: bool = field(default=False, init=False)
    _unanswered: bool = field(default=False, init=False)
    _closing: Socket | None = field(default=None, init=False)
    _linger: IDelayedCall | None = field(default=None, init=False)

    def said(self, text: str) -> None:
        """The client said this."""

    # From the client

    def dataReceived(self, data: bytes) -> None:
        """Bytes of frames."""
        if self._deaf or (self.socket is None and self._closing is None):
            return
        if self._frames is None:
            self._frames = FrameProtocol(client=False, extensions=[])
        self._unanswered = False
        self._frames.receive_bytes(data)
        try:
            for received in self._frames.received_frames():
                if received.frame_finished and self._too_many():
                    self.close(CloseCode.POLICY, TOO_MUCH)
                    if self._count > 2 * MOST_FRAMES:  # it goes on although it was told: its answer to our close is not looked for
                        self._deaf = True
                        return
                self._received(received)
        except ParseFailed as broken:
            self._deaf = True  # what follows cannot be understood
            self.close(broken.code, "This is no proper WebSocket frame.")

    def _received(self, received: Frame) -> None:
        if received.opcode is Opcode.CLOSE:
            self._closed(received)
        elif self.socket is None:
            return  # we have closed, and wait for nothing but the other side's close
        elif received.opcode is Opcode.PING:
            if self.socket.unsent() <= MOST_UNSENT and isinstance(received.payload, bytes):
                self.socket.write(frame(Opcode.PONG, received.payload))
        elif received.opcode is Opcode.BINARY:
            self.close(CloseCode.UNSUPPORTED, "Only text is understood here.")
        elif isinstance(received.payload, str):
            self._text(received.payload, whole=received.message_finished)

    def _text(self, piece: str, *, whole: bool) -> None:
        self._length += len(piece.encode())
        if self._length > LONGEST_MESSAGE:
            self.close(CloseCode.TOO_BIG, "This message is too long.")
            return
        self._message.append(piece)
        if whole:
            text = "".join(self._message)
            self._message, self._length = [], 0
            self.said(text)

    def _too_many(self) -> bool:
        now = self.feed.seconds()
        if now - self._counted_from > FRAMES_S:
            self._counted_from, self._count = now, 0
        self._count += 1
        return self._count > MOST_FRAMES

    def _closed(self, received: Frame) -> None:
        """The client's close: answer it, if it is no answer itself (RFC 6455 section 5.5.1)."""
        code = received.payload[0] if received.payload else None
        if self.socket is not None:
            nothing = code in (None, WsCloseReason.NO_STATUS_RCVD)
            self.close(0 if nothing else int(code or CloseCode.NORMAL), "")
        self._over()

    # To the client

    def heartbeat(self, position: Position | None) -> None:
        """A ping each second time; whoever did not answer the last one is gone."""
        super().heartbeat(position)
        self._turn = (self._turn + 1) % TURNS
        if self.socket is None or self.socket.unsent() or self._turn:
            return
        if self._unanswered:
            self.feed.dismiss(self.subscriber, CloseReason.STALLED)
            self.socket.close(politely=False)
            return
        self._unanswered = True
        self.socket.write(PING)

    def end(self, ending: CloseReason, delay: float) -> None:
        """Say why, and close. Whoever may not read any more gets nothing of what still waits."""
        socket = self.socket
        if socket is None:
            return
        if ending is CloseReason.UNAUTHORIZED and socket.unsent():
            self.socket = None
            socket.close(politely=False)
            return
        if said := self.manner.close_frame(ending, delay):
            socket.write(said)
        self._bye(*CODES.get(ending, (CloseCode.NORMAL, "")))

    def close(self, code: int, reason: str) -> None:
        """Close because of what the client did. Code 0 answers a close that gave none."""
        if self.socket is not None:
            self.feed.dismiss(self.subscriber)
            self._bye(code, reason)

    def _bye(self, code: int, reason: str) -> None:
        """Send our close frame; the connection is closed when the other side's has come, or has not come in time."""
        socket, self.socket = self.socket, None
        if socket is None:
            return
        self._closing = socket
        socket.write(close_frame(code, reason) if code else frame(Opcode.CLOSE, b""))
        self._linger = self.feed.clock.callLater(LINGER_S, self._over)

    def _over(self) -> None:
        """Both sides have said that they close, or one does not."""
        closing, self._closing = self._closing, None
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        if closing is not None:
            closing.close(politely=not closing.unsent())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The reader went, or we closed."""
        self._closing = None
        self._over()
        super().connectionLost(reason)
