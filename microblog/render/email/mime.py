"""Internet messages (RFC 5322) of what is given: headers that nothing typed by anybody can break, text and HTML side by side. Pure.

Chosen (2026-11): headers are encoded here and written as they are. Instead of: the header objects of `email.policy`, which take long names
apart again when they fold them, and lose the quotes of a comma (python/cpython#80222) or encode a Message-ID.
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
# Controls, halves of surrogate pairs, line and paragraph separators, and all that turns the direction of what comes after it.
_UNSAFE = regex.compile(r"[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_UNSAFE_IN_TEXT = regex.compile(r"[^\P{Cc}\n\t]|[\p{Cs}\u202a-\u202e\u2066-\u2069]")
_SPECIAL = regex.compile(r'(["\\])')


@frozen
class MessageThread:
    """What a message is in answer to, and all that came before it: Message-IDs in angle brackets, the oldest first."""

    in_reply_to: str | None = None
    references: tuple[str, ...] = ()


@frozen
class MessageHeaders:
    """The headers of a message. `sender` and `reply_to` are addresses, `name` is the sender's in words."""

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
        """Names and encoded values, in the order in which they are written."""
        found = {
            "From": mailbox(self.name, self.sender),
            "To": self.recipient,
            "Subject": encode_header("Subject", self.subject),
            "Date": format_datetime(self.date),
            "Message-ID": self.message_id,
            "In-Reply-To": self.thread.in_reply_to,
            "References": "\r\n ".join(self.thread.references),
            "Reply-To": self.reply_to,
            "Auto-Submitted": "auto-generated",  # RFC 3834, section 5: no answering machine answers
            "Content-Language": self.language,
        }
        if self.unsubscribe:  # RFC 8058
            found["List-Unsubscribe"] = f"<{self.unsubscribe}>"
            found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return {name: value for name, value in found.items() if value}


def single_line(text: str) -> str:
    """The text on one line, without anything that could end it or turn it around."""
    return " ".join(_UNSAFE.sub(" ", text).split())


def clean_text(text: str) -> str:
    """The text with its lines, without other controls, and with nothing that turns its direction for the rest of the message."""
    return _UNSAFE_IN_TEXT.sub("", text.replace("\r\n", "\n"))


def encode_header(name: str, text: str) -> str:
    """The value of an unstructured header, folded and encoded (RFC 2047)."""
    tidy = single_line(text)
    charset = "us-ascii" if tidy.isascii() and "=?" not in tidy else "utf-8"
    return Header(tidy, charset, maxlinelen=MAX_LINE, header_name=name).encode(linesep="\r\n")


def mailbox(name: str, address: str) -> str:
    """`name <address>`, the name quoted or encoded so that whatever it holds is nothing but a name."""
    tidy = single_line(name)
    if not tidy:
        return address
    shown = '"' + _SPECIAL.sub(r"\\\1", tidy) + '"'
    if not tidy.isascii() or "=?" in tidy or len(shown) > MAX_LINE - len("From: "):
        shown = Header(tidy, "utf-8", maxlinelen=MAX_LINE, header_name="From").encode(linesep="\r\n")
    return f"{shown}\r\n <{address}>"


class _VerbatimPolicy(EmailPolicy):
    """Writes the headers that are given as they are; those of the bodies are the package's own."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Keep it."""
        return super().header_store_parse(name, value) if _is_body_header(name) else (name, value)

    def fold(self, name: str, value: Any) -> str:
        """Write it."""
        return super().fold(name, value) if _is_body_header(name) else f"{name}: {value}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Write it."""
        return self.fold(name, value).encode("ascii")


_POLICY = _VerbatimPolicy(linesep="\r\n", cte_type="7bit", raise_on_defect=True)


def _is_body_header(name: str) -> bool:
    return name.lower() in ("mime-version", "content-type", "content-transfer-encoding")


def build_message(head: MessageHeaders, text: str, html: str) -> bytes:
    """The whole message, its lines ending in CRLF, in ASCII throughout."""
    made = EmailMessage(_POLICY)
    made.set_content(_replace_surrogates(text))
    made.add_alternative(_replace_surrogates(html), subtype="html")
    _set_headers(made, head.fields())  # last, for setting the content takes away every Content-... header
    return made.as_bytes()


def _set_headers(made: EmailMessage, fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if not value.isascii() or regex.search(r"\r(?!\n)|(?<!\r)\n|\r\n(?![ \t])", value):
            raise ValueError(f"The header {name} would break the message.")
        made[name] = value


def _replace_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
