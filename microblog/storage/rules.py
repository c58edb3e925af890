"""Rules of the site. Deleted ones stay in the table, because reports refer to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson

from microblog.model.ids import RuleId
from microblog.model.rules import Rule, RuleText
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value


def _rule(id: int, text: str, hint: str, translations: Mapping[str, Mapping[str, str]]) -> Rule:
    return Rule(RuleId(id), text, hint, {language: RuleText(**words) for language, words in translations.items()})


def current(cursor: Cursor) -> list[Rule]:
    """Return the rules in their order, without deleted ones."""
    return fetch_all(cursor, _rule, "select id, text, hint, translations from rules where deleted_at is null order by position, id")


def lock(cursor: Cursor) -> None:
    """Let nobody else change the rules until this transaction ends."""
    fetch_value(cursor, "select pg_advisory_xact_lock(-7415963104)")


def insert(cursor: Cursor, *, text: str, hint: str, now: datetime) -> RuleId:
    """Add a rule after all others and return its id."""
    sql = """insert into rules (text, hint, position, created_at, updated_at)
        values (%(text)s, %(hint)s, (select coalesce(max(position), 0) + 1 from rules), %(now)s, %(now)s) returning id"""
    return RuleId(fetch_value(cursor, sql, {"text": text, "hint": hint, "now": now}))


def update(cursor: Cursor, *, id: RuleId, text: str, hint: str, now: datetime) -> None:
    """Change the words of a rule."""
    sql = "update rules set text = %(text)s, hint = %(hint)s, updated_at = %(now)s where id = %(id)s"
    execute(cursor, sql, {"id": id, "text": text, "hint": hint, "now": now})


def set_translation(cursor: Cursor, *, id: RuleId, language: str, words: RuleText | None, now: datetime) -> None:
    """Set the words of a rule in a language; None: remove them."""
    given = None if words is None else orjson.dumps({language: {"text": words.text, "hint": words.hint}}).decode()
    sql = """update rules set updated_at = %(now)s, translations = translations - %(language)s || coalesce(%(given)s, '{}')::jsonb
        where id = %(id)s"""
    execute(cursor, sql, {"id": id, "language": language, "given": given, "now": now})


def swap(cursor: Cursor, *, one: RuleId, other: RuleId) -> None:
    """Let two rules change places."""
    sql = """update rules r set position = o.position from rules o
        where (r.id, o.id) in ((%(one)s, %(other)s), (%(other)s, %(one)s))"""
    execute(cursor, sql, {"one": one, "other": other})


def mark_deleted(cursor: Cursor, *, id: RuleId, now: datetime) -> None:
    """Take a rule from the list."""
    execute(cursor, "update rules set deleted_at = %(now)s where id = %(id)s", {"id": id, "now": now})
