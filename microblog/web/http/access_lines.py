"""Lines of the access log: one for each request, as text or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import orjson
from attrs import field, frozen

from microblog.logs.context import LogContext
from microblog.logs.format import LogFormat


class LoggedRequest(Protocol):
    """A request as the access log shows it. `label`: the path without query and without tokens."""

    @property
    def client_text(self) -> str:
        """The client's address."""

    @property
    def method_name(self) -> str:
        """GET, POST ..."""

    @property
    def label(self) -> str:
        """The path as logged."""

    @property
    def code(self) -> int:
        """The status of the response."""

    @property
    def sentLength(self) -> int:  # noqa: N802 - Twisted's name
        """Bytes of the response's body."""

    @property
    def log_context(self) -> LogContext:
        """Request id, user and route."""


@frozen
class RefusedRequest:
    """A request that was refused before it was complete: method and path are not known for sure."""

    client_text: str
    code: int
    sentLength: int  # noqa: N815 - Twisted's name
    log_context: LogContext
    method_name: str = field(default="-", init=False)
    label: str = field(default="-", init=False)


AccessLine = Callable[[str, LoggedRequest, float | None], str]
"""Returns the line of a request, given the time (RFC 3339) and the duration in seconds, if it is known."""


def text_line(time: str, request: LoggedRequest, duration_s: float | None) -> str:
    """Return time, client, method, path, status, bytes, milliseconds, request id, user id and route; "-" for what is not known."""
    context = request.log_context
    duration = "-" if duration_s is None else f"{duration_s * 1_000:.1f}ms"
    ids = f"{context.request_id} {context.user_id or '-'} {context.route or '-'}"
    return f"{time} {request.client_text} {request.method_name} {request.label} {request.code} {request.sentLength} {duration} {ids}\n"


def json_line(time: str, request: LoggedRequest, duration_s: float | None) -> str:
    """Return a JSON object with the fields of `logs/field_names.py`; what is not known is left out."""
    context = request.log_context
    line: dict[str, str | int | float | None] = {
        "time": time,
        "level": "info",
        "logger": "microblog.access",
        "message": f"{request.method_name} {request.label} {request.code}",
        "event": "request",
        "client": request.client_text,
        "method": request.method_name,
        "path": request.label,
        "status": request.code,
        "bytes": request.sentLength,
        "request_id": context.request_id,
    }
    if context.user_id is not None:
        line["user_id"] = context.user_id
    if context.route is not None:
        line["route"] = context.route
    if duration_s is not None:
        line["duration_ms"] = round(duration_s * 1_000, 1)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode()


LINES: Mapping[LogFormat, AccessLine] = {LogFormat.TEXT: text_line, LogFormat.JSON: json_line}
