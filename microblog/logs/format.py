"""Log events as lines: text for people, JSON for programs. Nothing secret gets into either."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum, StrEnum
from types import FrameType
from typing import Any

import orjson
from twisted.logger import LogEvent, formatEvent, formatTime

from microblog.logs.context import log_context
from microblog.logs.field_names import KNOWN


class LogFormat(StrEnum):
    """Format of the log: lines of text, or one JSON object in each line."""

    TEXT = "text"
    JSON = "json"


_OURS = "microblog"
_LEGACY = "log_legacy"  # namespace of events of Twisted's older interface
_SUFFIX = ("request_id", "user_id", "job_id")  # of lines of text, unless the sentence itself has them
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]*(?=@)")
_QUERY = re.compile(r"(?<=\S)\?[\w.~%+-]+=[^\s\"'<>)]*")
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)


def redacted(text: str) -> str:
    """Return the text without query strings, without user names and passwords in URLs, and without Authorization headers.

    A safety net for the messages of exceptions and of other programs; our own sentences have none of these.
    """
    return _BEARER.sub(r"\1 ...", _QUERY.sub("?...", _URL_PASSWORD.sub("...", text)))


def timestamp(seconds: float) -> str:
    """Return the time in UTC with milliseconds (RFC 3339)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_fields(event: LogEvent) -> dict[str, Any]:
    """Return the fields of the event as JSON values: those of the current request or job, its own, and the exception.

    Events of libraries have only the former: their fields may be any objects.
    """
    current = log_context.get()
    fields: dict[str, Any] = {} if current is None else dict(current.known())
    if str(event.get("log_namespace", "")).partition(".")[0] == _OURS:
        fields |= {name: _plain(value) for name, value in event.items() if name in KNOWN and value is not None}
    failure = event.get("log_failure")
    if failure is not None:
        fields["exception"] = failure.type.__qualname__
        fields["traceback"] = redacted(failure.getTraceback())
    return fields


def json_line(event: LogEvent) -> str | None:
    """Return the event as a line with a JSON object, or None if it has no text."""
    message = formatEvent(event)
    if not message:
        return None
    level = event.get("log_level")
    line = {
        "time": timestamp(event["log_time"]),
        "level": "info" if level is None else level.name,
        "logger": _logger_of(event),
        "message": redacted(message),
        **event_fields(event),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode("utf-8", "replace")


def text_line(event: LogEvent) -> str | None:
    """Return the event as a line of text, followed by indented lines if it has a traceback or stack. None if it has no text."""
    message = formatEvent(event)
    if not message:
        return None
    level, fields = event.get("log_level"), event_fields(event)
    system = f"{_logger_of(event)}#{'info' if level is None else level.name}"
    known = " ".join(f"{name}={fields[name]}" for name in _SUFFIX if name in fields and f"{{{name}}}" not in str(event.get("log_format")))
    details = [text for name in ("traceback", "stack") if (text := fields.get(name))]
    text = "\n".join([f"{redacted(message)}{f' [{known}]' if known else ''}", *details]).rstrip("\n")
    return f"{formatTime(event['log_time'])} [{system}] " + text.replace("\n", "\n\t") + "\n"


def stack_of(frame: FrameType) -> str:
    """Return the lines of code that the frame and its callers are at, innermost last. Contains no values."""
    return "".join(traceback.format_list(list(_summary(frame))))


def _summary(frame: FrameType) -> Iterator[traceback.FrameSummary]:
    yield from traceback.StackSummary.extract(traceback.walk_stack(frame), limit=60)[::-1]


def _logger_of(event: LogEvent) -> str:
    name = str(event.get("log_namespace") or _LEGACY)
    return "twisted" if name == _LEGACY else name


def _plain(value: object) -> str | int | float | bool:
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, (int, float)) else redacted(str(value))
