"""A validator of e-mails: the grammar of RFC 5322 (without its obsolete forms), RFC 2047 and RFC 2045, as far as a site needs it."""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
DOT_ATOM = rf"{ATEXT}+(?:\.{ATEXT}+)*"
QUOTED = r'"(?:[ \t!#-\[\]-~]|\\[ \t!-~])*"'
LITERAL = r"\[[!-Z^-~]*\]"
ADDRESS = rf"(?:{DOT_ATOM}|{QUOTED})@(?:{DOT_ATOM}|{LITERAL})"
ENCODED = r"=\?[A-Za-z0-9-]+\?(?:[bB]\?[A-Za-z0-9+/=]*|[qQ]\?[!->@-~]*)\?="
WORD = rf"(?:{ENCODED}|{ATEXT}+|{QUOTED})"
MAILBOX = rf"(?:{WORD}(?:[ \t]+{WORD})*[ \t]+<{ADDRESS}>|{ADDRESS})"
MESSAGE_ID = rf"<{DOT_ATOM}@(?:{DOT_ATOM}|{LITERAL})>"
DATE = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d [+-]\d{4}"

GRAMMAR = {
    "from": MAILBOX,
    "to": MAILBOX,
    "reply-to": MAILBOX,
    "date": DATE,
    "message-id": MESSAGE_ID,
    "in-reply-to": MESSAGE_ID,
    "references": rf"{MESSAGE_ID}(?:[ \t]+{MESSAGE_ID})*",
    "subject": r"[ -~]*",
    "list-unsubscribe": r"<https?://[!-;=?-~]+>",
    "list-unsubscribe-post": r"List-Unsubscribe=One-Click",
    "auto-submitted": r"auto-generated",
    "content-language": r"[a-z]{2}",
    "mime-version": r"1\.0",
    "content-type": r"multipart/alternative;[ \t]+boundary=\"[^\"]+\"",
}
ONCE = {"from", "to", "date", "message-id", "subject", "mime-version", "content-type"}


def header_fields(raw: bytes) -> list[tuple[str, str]]:
    """Return the headers, still folded."""
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    return [(name, value) for name, _, value in (field.partition(": ") for field in re.split(r"\r\n(?![ \t])", head))]


def problems(raw: bytes) -> list[str]:
    """Return the problems of a message, empty if it is valid."""
    found = [*_lines(raw)]
    names = [name.lower() for name, _ in header_fields(raw)]
    found += [f"{name} is there {names.count(name)} times" for name in sorted({*names, *ONCE}) if names.count(name) != 1]
    for name, value in header_fields(raw):
        unfolded = re.sub(r"\r\n(?=[ \t])", "", value)
        if name.lower() not in GRAMMAR:
            found.append(f"nobody gave a header {name!r}")
        elif not re.fullmatch(GRAMMAR[name.lower()], unfolded):
            found.append(f"{name}: {unfolded!r} is against the grammar")
        found += [f"{word!r} is too long" for word in re.findall(r"=\?\S+\?=", value) if len(word) > 75]
        folds = [line for line in f"{name}: {value}".split("\r\n") if len(line) > 78 and " " in line.strip().removeprefix(f"{name}: ")]
        found += [f"{line!r} could be folded" for line in folds]
    return found + [str(defect) for part in parse(raw).walk() for defect in part.defects]


def _lines(raw: bytes) -> list[str]:
    found = [] if raw.isascii() else ["it is not ASCII"]
    if re.search(rb"\r(?!\n)|(?<!\r)\n|\0", raw):
        found.append("it has a bare CR, LF or NUL")
    if any(len(line) > 998 for line in raw.split(b"\r\n")):
        found.append("a line is too long")
    return found


def parse(raw: bytes) -> EmailMessage:
    """Parse the message as strictly as the standard library can."""
    message = BytesParser(policy=policy.strict.clone(refold_source="none")).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


def body_text(raw: bytes, kind: str) -> str:
    """Return the text of the part of a kind (plain or html)."""
    part = parse(raw).get_body(preferencelist=(kind,))
    assert part is not None
    content: str = part.get_content()
    return content
