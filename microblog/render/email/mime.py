"""Builder of e-mail messages (RFC 5322) with a text and an HTML part; no user input can inject headers. Pure.

Headers are encoded here and written unchanged. The header objects of `email.policy` are not used (2026-11), because they split long names
when they fold them, lose the quotes around a comma (python/cpython#80222), or encode a Message-ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

import regex
from attrs import frozen

MAX_LINE = 76  # characters (RFC 2047, section 2)
# Control characters, lone surrogates, line and paragraph separators, and characters that change the direction of the text after them.
_UNSAFE = regex.compile(r"[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_UNSAFE_IN_TEXT = regex.compile(r"[^\P{Cc}\n\t]|[\p{Cs}\u202a-\u202e\u2066-\u2069]")
_SPECIAL = regex.compile(r'(["\\])')


@frozen
class MessageThread:
    """Threading headers: the parent's Message-ID, and those of all messages before it, oldest first. All are in angle brackets."""

    in_reply_to: str | None = None
    references: tuple[str, ...] = ()


@frozen
class MessageHeaders:
    """The headers of a message. `sender` and `reply_to` are addresses, `name` is the sender's display name."""

    message_id: str
    date: datetime
    name: str
    sender: str
    recipient: str
    subject: str
    language: str = "en"
    reply_to: str | None = None
    unsubscribe: str | None = None
    thread: MessageThread = MessageThread()

    def fields(self) -> dict[str, str]:
        """Return the names and encoded values, in the order of the message."""
        values = {
            "From": mailbox(self.name, self.sender),
            "To": self.recipient,
            "Subject": encode_header("Subject", self.subject),
            "Date": format_datetime(self.date),
            "Message-ID": self.message_id,
            "In-Reply-To": self.thread.in_reply_to,
            "References": "\r\n ".join(self.thread.references),
            "Reply-To": self.reply_to,
            "Auto-Submitted": "auto-generated",  # RFC 3834, section 5: prevents automatic replies
            "Content-Language": self.language,
        }
        if self.unsubscribe:  # RFC 8058
            values["List-Unsubscribe"] = f"<{self.unsubscribe}>"
            values["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return {name: value for name, value in values.items() if value}


def single_line(text: str) -> str:
    """Return the text as a single line, without control characters and changes of text direction."""
    return " ".join(_UNSAFE.sub(" ", text).split())


def clean_text(text: str) -> str:
    """Return the text with its line breaks, without other control characters and changes of text direction."""
    return _UNSAFE_IN_TEXT.sub("", text.replace("\r\n", "\n"))


def encode_header(name: str, text: str) -> str:
    """Encode and fold the value of an unstructured header (RFC 2047)."""
    line = single_line(text)
    charset = "us-ascii" if line.isascii() and "=?" not in line else "utf-8"
    return Header(line, charset, maxlinelen=MAX_LINE, header_name=name).encode(linesep="\r\n")


def mailbox(name: str, address: str) -> str:
    """Return `name <address>`. The name is quoted or encoded, so it cannot contain another address."""
    line = single_line(name)
    if not line:
        return address
    shown = '"' + _SPECIAL.sub(r"\\\1", line) + '"'
    if not line.isascii() or "=?" in line or len(shown) > MAX_LINE - len("From: "):
        shown = Header(line, "utf-8", maxlinelen=MAX_LINE, header_name="From").encode(linesep="\r\n")
    return f"{shown}\r\n <{address}>"


class _VerbatimPolicy(EmailPolicy):
    """Writes the message's headers unchanged; headers of the body parts are left to the standard library."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Store the value unchanged."""
        return super().header_store_parse(name, value) if _is_body_header(name) else (name, value)

    def fold(self, name: str, value: Any) -> str:
        """Return the header line without folding it."""
        return super().fold(name, value) if _is_body_header(name) else f"{name}: {value}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the header line without folding it."""
        return self.fold(name, value).encode("ascii")


_POLICY = _VerbatimPolicy(linesep="\r\n", cte_type="7bit", raise_on_defect=True)


def _is_body_header(name: str) -> bool:
    return name.lower() in ("mime-version", "content-type", "content-transfer-encoding")


def build_message(headers: MessageHeaders, text: str, html: str) -> bytes:
    """Return the message in ASCII with CRLF line ends."""
    message = EmailMessage(_POLICY)
    message.set_content(_replace_surrogates(text))
    message.add_alternative(_replace_surrogates(html), subtype="html")
    _set_headers(message, headers.fields())  # last, because setting the content removes all Content-* headers
    return message.as_bytes()


def _set_headers(message: EmailMessage, fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if not value.isascii() or regex.search(r"\r(?!\n)|(?<!\r)\n|\r\n(?![ \t])", value):
            raise ValueError(f"The header {name} would break the message.")
        message[name] = value


def _replace_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
