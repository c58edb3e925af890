"""Encoding of event log positions for clients.

A position consists of a transaction number and a row number. Two of them in clear text would reveal how much the whole site writes, private
messages included. Each position is therefore encrypted as one AES block with a key of the log: the same position always has the same text,
and the text reveals nothing else.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256
from struct import Struct

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from microblog.model.errors import Malformed
from microblog.model.events import Position
from microblog.model.ids import MAX_ID

_BLOCK = Struct(">QQ")
_TEXT_LENGTH = 22  # length of a block in base64 without padding
UNREADABLE = "Invalid position."


@frozen
class PositionCipher:
    """Encrypts and decrypts positions with a key derived from the log's `secret`."""

    secret: bytes = field(repr=False)
    _cipher: Cipher[ECB] = field(init=False, repr=False)

    @_cipher.default
    def _new_cipher(self) -> Cipher[ECB]:
        # Each block is encrypted alone and no two positions are equal, so ECB reveals nothing.
        return Cipher(AES(sha256(b"positions of the event log\0" + self.secret).digest()), ECB())  # noqa: S305

    def written(self, position: Position) -> Position:
        """Return the position with its text."""
        block = self._cipher.encryptor().update(_BLOCK.pack(position.xid, position.id))
        return evolve(position, text=f"{position.epoch}.{urlsafe_b64encode(block).decode().rstrip('=')}")

    def parse(self, text: str) -> Position:
        """Return the position with this text. Raises Malformed."""
        epoch, _, encoded = text.partition(".")
        if not (text.isascii() and epoch.isalnum() and len(epoch) <= 20 and len(encoded) == _TEXT_LENGTH):
            raise Malformed(UNREADABLE)
        try:
            block = urlsafe_b64decode(f"{encoded}==")
        except Error as problem:
            raise Malformed(UNREADABLE) from problem
        if len(block) != _BLOCK.size:
            raise Malformed(UNREADABLE)
        xid, id = _BLOCK.unpack(self._cipher.decryptor().update(block))
        if max(xid, id) > MAX_ID:
            raise Malformed(UNREADABLE)
        return Position(epoch, xid, id, text)
