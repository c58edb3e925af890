"""The filter of the audit log, in the query of its page, its files and its API."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from microblog.model.audit import AuditAction, AuditQuery
from microblog.model.errors import Invalid
from microblog.web.http.request import Request

FIELDS = ("actor", "action", "target", "from", "to")
"""`actor` is a username, or `-` for the command line; `target` the whole name of an account, domain or other target; days are in UTC."""
MAX_NAME = 320  # characters


def audit_query(request: Request) -> AuditQuery:
    """Return the filter that was sent. Raises Invalid (fields action, from, to)."""
    fields, action = request.fields, request.fields.value("action", max=100)
    if action and action not in set(AuditAction):
        raise Invalid({"action": "This act does not exist"})
    first, last = _day(request, "from"), _day(request, "to")
    if first and last and last < first:
        raise Invalid({"to": "The last day is before the first"})
    return AuditQuery(
        actor=fields.text("actor", max=MAX_NAME).strip().removeprefix("@"),
        action=action,
        target=fields.text("target", max=MAX_NAME).strip().removeprefix("@"),
        since=datetime.combine(first, time(), UTC) if first else None,
        until=datetime.combine(last, time(), UTC) + timedelta(days=1) if last else None,
    )


def _day(request: Request, name: str) -> date | None:
    text = request.fields.value(name, max=100)
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as problem:
        raise Invalid({name: "Enter a day such as 2026-03-04"}) from problem
    if day is not None and not 1970 <= day.year <= 9998:
        raise Invalid({name: "Enter a day such as 2026-03-04"})
    return day
