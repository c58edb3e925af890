"""WebSocket frames: the server cases of the Autobahn test suite, by their numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import Factory, define, field
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from wsproto.frame_protocol import Frame, FrameProtocol

from microblog.live.subscriber import CloseReason
from microblog.model.events import Position
from microblog.web.streaming.stream_connection import StreamIdentity
from microblog.web.streaming.websocket import LINGER_S, MAX_MESSAGE_BYTES, WebSocket
from microblog.web.streaming.websocket import frame as server_frame
from tests.live.fake_log import BroadcasterFixture, PlainEncoder
from tests.web.socket_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, frames


class SilentEncoder(PlainEncoder):
    """An encoder that sends nothing by itself."""

    def opening(self) -> bytes:
        return b""

    def heartbeat(self, position: Position | None) -> bytes:
        return b""

    def close_frame(self, ending: CloseReason, delay: float) -> bytes:
        return b""


@define(eq=False)
class RecordingSocket(WebSocket):
    """A socket that records the client's messages."""

    texts: list[str] = field(factory=list, init=False)

    def message_received(self, text: str) -> None:
        self.texts.append(text)


@define(eq=False)
class Connection:
    """A client and the server's end of its connection."""

    world: BroadcasterFixture = Factory(lambda: BroadcasterFixture().start())
    transport: StringTransport = Factory(StringTransport)
    statuses: list[int] = Factory(list)
    server: RecordingSocket = field(init=False)
    received: list[tuple[int, bytes]] = Factory(list)

    def __attrs_post_init__(self) -> None:
        self.server = RecordingSocket(self.world.broadcaster, SilentEncoder(), StreamIdentity(), self.statuses.append)
        self.server.makeConnection(self.transport)  # type: ignore[no-untyped-call]  # Twisted has no annotations here
        self.world.clock.advance(0)

    def send(self, data: bytes, *, by: int = 0) -> None:
        """Send data, in pieces of `by` bytes unless that is 0."""
        for at in range(0, len(data), by or len(data) or 1):
            self.server.dataReceived(data[at : at + by] if by else data)
        self.received += frames(self.transport.value())
        self.transport.clear()

    @property
    def closed(self) -> bytes | None:
        """The payload of the server's close frame, or None."""
        return next((payload for opcode, payload in self.received if opcode == CLOSE), None)

    @property
    def code(self) -> int | None:
        """The close code, or None."""
        return int.from_bytes(self.closed[:2], "big") if self.closed else None

    @property
    def pongs(self) -> list[bytes]:
        """The payloads of the server's pongs."""
        return [payload for opcode, payload in self.received if opcode == PONG]


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection()
    yield connection
    connection.server.connectionLost(Failure(ConnectionDone()))
    connection.world.broadcaster.stop()


@pytest.mark.parametrize("size", [0, 125, 126, 127, 128, 4096])
@pytest.mark.parametrize("by", [0, 1, 997])
def test_1_1_texts_of_every_length_are_received(connection: Connection, size: int, by: int) -> None:
    connection.send(frame(TEXT, b"*" * size), by=by)
    assert (connection.server.texts, connection.code) == (["*" * size], None)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_1_2_binary_messages_are_rejected(connection: Connection, size: int) -> None:
    connection.send(frame(BINARY, b"\xfe" * size))
    assert connection.code == 1003


@pytest.mark.parametrize("payload", [b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
@pytest.mark.parametrize("by", [0, 1])
def test_2_1_to_2_4_and_2_6_a_pong_has_the_payload_of_its_ping(connection: Connection, payload: bytes, by: int) -> None:
    connection.send(frame(PING, payload), by=by)
    assert (connection.pongs, connection.code) == ([payload], None)


def test_2_5_a_ping_of_126_bytes_is_rejected(connection: Connection) -> None:
    connection.send(frame(PING, b"\xfe" * 126))
    assert (connection.pongs, connection.code) == ([], 1002)


def test_2_7_to_2_9_an_unsolicited_pong_is_ignored(connection: Connection) -> None:
    connection.send(frame(PONG) + frame(PONG, b"unsolicited") + frame(PING, b"ping"))
    assert (connection.pongs, connection.code) == ([b"ping"], None)


@pytest.mark.parametrize("by", [0, 1])
def test_2_10_and_2_11_ten_pings_are_answered_in_their_order(connection: Connection, by: int) -> None:
    connection.send(b"".join(frame(PING, b"payload-%d" % number) for number in range(10)), by=by)
    assert connection.pongs == [b"payload-%d" % number for number in range(10)]


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
def test_3_reserved_bits_are_rejected(connection: Connection, opcode: int, rsv: int) -> None:
    connection.send(frame(TEXT, b"before") + frame(opcode, b"", rsv=rsv) + frame(PING))
    assert (connection.server.texts, connection.code, connection.pongs) == (["before"], 1002, [])


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_4_reserved_opcodes_are_rejected(connection: Connection, opcode: int) -> None:
    connection.send(frame(TEXT, b"before") + frame(opcode, b"x") + frame(PING))
    assert (connection.server.texts, connection.code, connection.pongs) == (["before"], 1002, [])


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_5_1_and_5_2_control_frames_are_never_fragmented(connection: Connection, opcode: int) -> None:
    connection.send(frame(opcode, b"fragment1", fin=False) + frame(CONTINUATION, b"fragment2"))
    assert connection.code == 1002


@pytest.mark.parametrize("by", [0, 1])
def test_5_3_to_5_8_a_text_may_be_fragmented_with_pings_between(connection: Connection, by: int) -> None:
    connection.send(frame(TEXT, b"fragment1", fin=False) + frame(PING, b"ping") + frame(CONTINUATION, b"fragment2"), by=by)
    assert (connection.server.texts, connection.pongs, connection.code) == (["fragment1fragment2"], [b"ping"], None)


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("by", [0, 1])
def test_5_9_to_5_17_a_continuation_without_a_message_is_rejected(connection: Connection, fin: bool, by: int) -> None:
    connection.send(frame(CONTINUATION, b"non-continuation", fin=fin) + frame(TEXT, b"Hello"), by=by)
    assert (connection.server.texts, connection.code) == ([], 1002)


def test_5_18_a_text_within_a_fragmented_text_is_rejected(connection: Connection) -> None:
    connection.send(frame(TEXT, b"fragment1", fin=False) + frame(TEXT, b"fragment2"))
    assert (connection.server.texts, connection.code) == ([], 1002)


def test_5_19_five_fragments_with_two_pings_are_one_text(connection: Connection) -> None:
    connection.send(frame(TEXT, b"1", fin=False) + frame(CONTINUATION, b"2", fin=False) + frame(PING, b"one"))
    connection.send(
        frame(CONTINUATION, b"3", fin=False) + frame(CONTINUATION, b"4", fin=False) + frame(PING, b"two") + frame(CONTINUATION, b"5")
    )
    assert (connection.server.texts, connection.pongs) == (["12345"], [b"one", b"two"])


def test_6_1_empty_fragments_add_nothing(connection: Connection) -> None:
    connection.send(frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"middle", fin=False) + frame(CONTINUATION, b""))
    assert connection.server.texts == ["middle"]


@pytest.mark.parametrize("by", [0, 1])
def test_6_2_characters_may_be_split_between_fragments(connection: Connection, by: int) -> None:
    text = "Hello-µ@ßöäüàá-UTF-8!!"
    encoded = text.encode()
    pieces = [encoded[at : at + 1] for at in range(len(encoded))]
    sent = [frame(CONTINUATION if at else TEXT, piece, fin=at == len(pieces) - 1) for at, piece in enumerate(pieces)]
    connection.send(b"".join(sent), by=by)
    assert connection.server.texts == [text]


@pytest.mark.parametrize(
    "text",
    ["κόσμε", "\x00", "\x80", "\u0800", "\U00010000", "\x7f", "\u07ff", "\uffff", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff", "\ufffe"],
)
def test_6_5_to_6_23_valid_utf_8_is_received(connection: Connection, text: str) -> None:
    connection.send(frame(TEXT, text.encode()))
    assert (connection.server.texts, connection.code) == ([text], None)


INVALID = [
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",  # 6.3: a surrogate in the middle
    b"\xf8\x88\x80\x80\x80",  # 6.8: five bytes
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf",  # 6.10: too high
    b"\xf4\x90\x80\x80",
    b"\x80",  # 6.12: continuation bytes alone
    b"\xbf\x80",
    b"\xc0\x20\xc1\x20",  # 6.13: first bytes alone
    b"\xc0",  # 6.14: cut short
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xc0\xaf",  # 6.16: longer than need be
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xc1\xbf",  # 6.17
    b"\xc0\x80",  # 6.18: a long NUL
    b"\xed\xa0\x80",  # 6.20: surrogates
    b"\xed\xad\xbf\xed\xb0\x80",
    b"\xfe",
    b"\xff",
]


@pytest.mark.parametrize("encoded", INVALID, ids=[each.hex() for each in INVALID])
@pytest.mark.parametrize("by", [0, 1])
def test_6_3_to_6_20_invalid_utf_8_is_rejected(connection: Connection, encoded: bytes, by: int) -> None:
    connection.send(frame(TEXT, encoded), by=by)
    assert (connection.server.texts, connection.code) == ([], 1007)


def test_6_4_invalid_utf_8_is_rejected_before_the_message_is_complete(connection: Connection) -> None:
    connection.send(frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80", fin=False))
    assert connection.code == 1007


def test_7_1_a_close_is_answered_and_later_frames_are_ignored(connection: Connection) -> None:
    connection.send(frame(CLOSE, b"\x03\xe8") + frame(TEXT, b"after") + frame(PING) + frame(CLOSE, b"\x03\xe8"))
    assert (connection.server.texts, connection.pongs, connection.code) == ([], [], 1000)
    assert connection.transport.disconnecting
    assert [opcode for opcode, _ in connection.received] == [CLOSE]


def test_7_3_1_a_close_without_a_code_is_answered_without_one(connection: Connection) -> None:
    connection.send(frame(CLOSE))
    assert connection.closed == b""


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xe8" + b"*" * 124])
def test_7_3_2_and_7_3_6_a_malformed_close_is_rejected(connection: Connection, payload: bytes) -> None:
    connection.send(frame(CLOSE, payload))
    assert connection.code == 1002


@pytest.mark.parametrize("reason", [b"", b"Hello, world!", b"*" * 123])
def test_7_3_3_to_7_3_5_a_close_may_have_a_reason(connection: Connection, reason: bytes) -> None:
    connection.send(frame(CLOSE, b"\x03\xe8" + reason))
    assert connection.code == 1000


def test_7_5_1_a_reason_that_is_not_utf_8_is_rejected(connection: Connection) -> None:
    connection.send(frame(CLOSE, b"\x03\xe8\xce\xba\xed\xa0\x80"))
    assert connection.code == 1007


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_7_7_valid_close_codes_are_echoed(connection: Connection, code: int) -> None:
    connection.send(frame(CLOSE, code.to_bytes(2, "big")))
    assert connection.code == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535])
def test_7_9_and_7_13_invalid_close_codes_are_rejected(connection: Connection, code: int) -> None:
    connection.send(frame(CLOSE, code.to_bytes(2, "big")))
    assert connection.code == 1002


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES + 1, 65_536, 1 << 20])
def test_9_a_long_message_is_rejected_by_its_announced_length(connection: Connection, size: int) -> None:
    connection.send(frame(TEXT, b"*" * (MAX_MESSAGE_BYTES + 1), length=size))
    assert connection.code == 1009


def test_9_the_limit_applies_to_all_fragments_together(connection: Connection) -> None:
    connection.send(frame(TEXT, b"*" * 4000, fin=False) + frame(CONTINUATION, b"*" * 97))
    assert connection.code == 1009


@pytest.mark.parametrize(
    "endless",
    [frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 20_000, frame(PING) * 20_000, frame(PONG) * 20_000, frame(TEXT) * 20_000],
    ids=["empty fragments", "pings", "pongs", "empty texts"],
)
def test_a_flood_of_frames_is_rejected_after_a_few_hundred(connection: Connection, endless: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = [0]

    def counted(self: FrameProtocol) -> Iterator[Frame]:
        for received in every_frame(self):
            parsed[0] += 1
            yield received

    every_frame = FrameProtocol.received_frames
    monkeypatch.setattr(FrameProtocol, "received_frames", counted)
    connection.send(endless, by=65_536)
    assert connection.code == 1008
    assert parsed[0] <= 1_000
    assert len(connection.pongs) <= 256


def test_unmasked_frames_are_rejected(connection: Connection) -> None:
    connection.send(frame(TEXT, b"Hello", mask=None))
    assert (connection.server.texts, connection.code) == ([], 1002)


@pytest.mark.parametrize("head", [b"\x81\xfe\x00\x7d", b"\x81\xff" + bytes(7) + b"\x7e", b"\x81\xff\x80" + bytes(7)])
def test_lengths_that_are_not_minimally_encoded_are_rejected(connection: Connection, head: bytes) -> None:
    connection.send(head + b"\x00\x00\x00\x00")
    assert connection.code == 1002


def test_a_client_that_does_not_close_is_disconnected_after_a_moment(connection: Connection) -> None:
    connection.send(frame(BINARY, b"x"))
    assert not connection.transport.disconnecting
    connection.world.clock.advance(LINGER_S)
    assert connection.transport.disconnecting


def test_server_frames_can_be_parsed_back() -> None:
    for size in (0, 125, 126, 65_535, 65_536):
        assert list(frames(server_frame(TEXT, b"x" * size))) == [(TEXT, b"x" * size)]
