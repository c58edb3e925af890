"""Notes of moderators about accounts and reports, the posts that they see of an account, and what waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from microblog.model.account_history import ModerationNote
from microblog.model.admin_metrics import WaitingCounts
from microblog.model.ids import AccountId, ModerationNoteId, PostId, ReportId
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value

_SELECT = """select n.id, n.account_id, n.report_id, (select a.username from accounts a where a.id = n.author_id), n.text, n.created_at
    from moderation_notes n"""


def _note(*columns: Any) -> ModerationNote:
    return ModerationNote(*columns)


def insert_note(
    cursor: Cursor, *, account: AccountId, report: ReportId | None, author: AccountId, text: str, now: datetime
) -> ModerationNoteId:
    """Store a note about an account, or about a report on it; return its id."""
    return ModerationNoteId(
        fetch_value(
            cursor,
            """insert into moderation_notes (id, account_id, report_id, author_id, text, created_at)
               values (new_id(%(now)s), %(account)s, %(report)s, %(author)s, %(text)s, %(now)s) returning id""",
            {"account": account, "report": report, "author": author, "text": text, "now": now},
        )
    )


def notes_of_account(cursor: Cursor, *, account: AccountId) -> list[ModerationNote]:
    """Return the notes about an account and about the reports on it, oldest first."""
    return fetch_all(cursor, _note, f"{_SELECT} where n.account_id = %(account)s order by n.id", {"account": account})


def notes_of_report(cursor: Cursor, *, report: ReportId) -> list[ModerationNote]:
    """Return the notes about a report, oldest first."""
    return fetch_all(cursor, _note, f"{_SELECT} where n.report_id = %(report)s order by n.id", {"report": report})


def note_by_id(cursor: Cursor, *, id: int) -> list[ModerationNote]:
    """Return the note: one row or none."""
    return fetch_all(cursor, _note, f"{_SELECT} where n.id = %(id)s", {"id": id})


def delete_note(cursor: Cursor, *, id: int) -> bool:
    """Delete a note; return False if there is none."""
    return bool(execute(cursor, "delete from moderation_notes where id = %(id)s", {"id": id}))


def newest_posts(cursor: Cursor, *, author: AccountId, limit: int) -> list[PostId]:
    """Return the ids of the newest public posts of the author, also of a suspended one, newest first; without boosts."""
    sql = """select id from posts where account_id = %(author)s and boost_of is null and deleted_at is null
        and visibility in ('public', 'unlisted') order by id desc limit %(limit)s"""
    return fetch_all(cursor, PostId, sql, {"author": author, "limit": limit})


def waiting(cursor: Cursor) -> WaitingCounts:
    """Count what waits for a moderator."""
    found = fetch_one(
        cursor,
        WaitingCounts,
        """select (select count(*) from reports where closed_at is null)::int,
                  (select count(*) from users u join accounts a on a.id = u.account_id
                   where u.approved_at is null and u.confirmed_at is not null and a.suspended_at is null and a.deleted_at is null)::int,
                  (select count(*) from appeals where decided_at is null)::int""",
    )
    assert found is not None
    return found
