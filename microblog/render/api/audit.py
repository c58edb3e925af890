"""The API entity of the audit log. Mastodon's API has none."""

from __future__ import annotations

from microblog.model.audit import AuditAction, AuditRecord
from microblog.render.api.definition import Definition, key
from microblog.render.api.schemas import ID, MOMENT, TEXT, nullable, one_of
from microblog.render.api.site import moment

ADMIN_AUDIT_RECORD = Definition[AuditRecord, None](
    "AdminAuditRecord",
    {
        "id": key(ID, lambda record, _: str(record.id)),
        "created_at": key(MOMENT, lambda record, _: moment(record.at)),
        "actor": key(nullable(TEXT), lambda record, _: record.actor or None),
        "action": key(one_of(*AuditAction), lambda record, _: record.entry.action),
        "target": key(TEXT, lambda record, _: record.entry.target),
        "target_id": key(nullable(ID), lambda record, _: _id(record.entry.target_id)),
        "account_id": key(nullable(ID), lambda record, _: _id(record.entry.account)),
        "text": key(TEXT, lambda record, _: record.entry.text),
        "facts": key({"type": "object"}, lambda record, _: dict(record.entry.facts)),
    },
)
"""An act of a moderator or administrator. `actor` is a username at that time, null for the command line and for jobs.

`facts` depend on the act.
"""


def _id(id: int | None) -> str | None:
    return None if id is None else str(id)
