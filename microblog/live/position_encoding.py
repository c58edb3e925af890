"""Positions of the event log as strangers read them.

A position is a transaction's number and a row's number: two of them tell how much the whole site has written meanwhile, private messages
too. So their texts are one block of AES under a key of the log: each position has one text, and the text tells nothing but that.
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
from microblog.model.events import LARGEST, Position

_BLOCK = Struct(">QQ")
_LETTERS = 22  # of a block in base64 without padding
UNREADABLE = "This is no position in the event log."


@frozen
class PositionCipher:
    """Writes and reads positions under a key that is derived from the log's `secret`."""

    secret: bytes = field(repr=False)
    _cipher: Cipher[ECB] = field(init=False, repr=False)

    @_cipher.default
    def _made(self) -> Cipher[ECB]:
        # A block is ever enciphered alone, and none stands for two positions: there is nothing that a mode would hide.
        return Cipher(AES(sha256(b"positions of the event log\0" + self.secret).digest()), ECB())  # noqa: S305

    def written(self, position: Position) -> Position:
        """The same position with its text."""
        block = self._cipher.encryptor().update(_BLOCK.pack(position.xid, position.id))
        return evolve(position, text=f"{position.epoch}.{urlsafe_b64encode(block).decode().rstrip('=')}")

    def parse(self, text: str) -> Position:
        """The position that has this text. Raises Malformed for what cannot be one."""
        epoch, _, letters = text.partition(".")
        if not (text.isascii() and epoch.isalnum() and len(epoch) <= 20 and len(letters) == _LETTERS):
            raise Malformed(UNREADABLE)
        try:
            block = urlsafe_b64decode(f"{letters}==")
        except Error as problem:
            raise Malformed(UNREADABLE) from problem
        if len(block) != _BLOCK.size:
            raise Malformed(UNREADABLE)
        xid, id = _BLOCK.unpack(self._cipher.decryptor().update(block))
        if max(xid, id) > LARGEST:
            raise Malformed(UNREADABLE)
        return Position(epoch, xid, id, text)
