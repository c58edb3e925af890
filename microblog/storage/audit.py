"""The audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson

from microblog.model.audit import AuditAction, AuditEntry, AuditQuery, AuditRecord
from microblog.model.ids import AccountId, AuditId, id_at
from microblog.model.paging import Page
from microblog.storage.database import Cursor, execute, fetch_all
from microblog.storage.paging import bounds, directed, page_sql


def insert(cursor: Cursor, entry: AuditEntry, *, now: datetime) -> None:
    """Store an act with the actor's present name."""
    execute(
        cursor,
        """insert into audit_log (id, created_at, actor_id, actor, action, target, target_id, account_id, text, facts)
           values (new_id(%(now)s), %(now)s, %(by)s, coalesce((select username from accounts where id = %(by)s), ''),
                   %(action)s, %(target)s, %(target_id)s, %(account)s, %(text)s, %(facts)s)""",
        {
            "now": now,
            "by": entry.by,
            "action": entry.action,
            "target": entry.target,
            "target_id": entry.target_id,
            "account": entry.account,
            "text": entry.text,
            "facts": orjson.dumps(dict(entry.facts)).decode(),
        },
    )


def _record(
    id: int,
    at: datetime,
    actor_id: AccountId | None,
    actor: str,
    action: str,
    target: str,
    target_id: int | None,
    account: AccountId | None,
    text: str,
    facts: Mapping[str, object],
) -> AuditRecord:
    entry = AuditEntry(AuditAction(action), actor_id, target, target_id, account, text, facts)
    return AuditRecord(AuditId(id), at, actor, entry)


_SEARCH = """
    select id, created_at, actor_id, actor, action, target, target_id, account_id, text, facts from audit_log
    where id < %(max_id)s and id > %(min_id)s and id >= %(since)s and id < %(until)s and action = any(%(actions)s)
      and (%(actor)s = '' or lower(actor) = lower(%(actor)s) or (%(actor)s = '-' and actor_id is null))
      and (%(target)s = '' or lower(target) = lower(%(target)s))
      and (%(account)s::bigint is null or account_id = %(account)s)
    order by id desc limit %(limit)s"""


def search(cursor: Cursor, *, page: Page, query: AuditQuery) -> list[AuditRecord]:
    """Return the acts that match, newest first."""
    params = bounds(page) | {
        "since": 0 if query.since is None else id_at(query.since),
        "until": bounds(Page())["max_id"] if query.until is None else id_at(query.until),
        "actions": [query.action] if query.action else list(AuditAction),
        "actor": query.actor,
        "target": query.target,
        "account": query.account,
    }
    return directed(page, fetch_all(cursor, _record, page_sql(_SEARCH, page), params))


def delete_old(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` acts from before that time; return how many."""
    sql = "delete from audit_log where id in (select id from audit_log where id < %(before)s order by id limit %(limit)s)"
    return execute(cursor, sql, {"before": id_at(before), "limit": limit})
