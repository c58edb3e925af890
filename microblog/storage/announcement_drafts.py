"""Announcements that are not published: drafts, scheduled ones, and those that were taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import asdict

from microblog.model.announcements import AnnouncementContent, AnnouncementDraft
from microblog.model.ids import AnnouncementDraftId
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value

_COLUMNS = "id, text, starts_at, ends_at, all_day, scheduled_at, email, updated_at"
MAX_LISTED = 1_000


def _draft(id: int, text: str, starts_at: datetime | None, ends_at: datetime | None, all_day: bool, *rest: Any) -> AnnouncementDraft:
    scheduled_at, email, updated_at = rest
    content = AnnouncementContent(text, starts_at, ends_at, all_day)
    return AnnouncementDraft(AnnouncementDraftId(id), content, scheduled_at, email, updated_at)


def everything(cursor: Cursor) -> list[AnnouncementDraft]:
    """Return the drafts, the newest first."""
    sql = f"select {_COLUMNS} from announcement_drafts order by id desc limit %(limit)s"
    return fetch_all(cursor, _draft, sql, {"limit": MAX_LISTED})


def by_id(cursor: Cursor, *, id: AnnouncementDraftId) -> AnnouncementDraft | None:
    """Return a draft."""
    return fetch_one(cursor, _draft, f"select {_COLUMNS} from announcement_drafts where id = %(id)s", {"id": id})


def lock(cursor: Cursor, *, id: AnnouncementDraftId) -> AnnouncementDraft | None:
    """Return a draft, which nobody else can change until this transaction ends."""
    return fetch_one(cursor, _draft, f"select {_COLUMNS} from announcement_drafts where id = %(id)s for update", {"id": id})


def insert(
    cursor: Cursor, content: AnnouncementContent, *, scheduled_at: datetime | None, email: bool, now: datetime
) -> AnnouncementDraftId:
    """Store a draft and return its id."""
    sql = """insert into announcement_drafts (id, text, starts_at, ends_at, all_day, scheduled_at, email, created_at, updated_at)
        values (new_id(%(now)s), %(text)s, %(starts_at)s, %(ends_at)s, %(all_day)s, %(scheduled_at)s, %(email)s, %(now)s, %(now)s)
        returning id"""
    values = {**asdict(content), "scheduled_at": scheduled_at, "email": email, "now": now}
    return AnnouncementDraftId(fetch_value(cursor, sql, values))


def replace(cursor: Cursor, draft: AnnouncementDraft) -> None:
    """Replace everything of a draft."""
    sql = """update announcement_drafts set text = %(text)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s, all_day = %(all_day)s,
        scheduled_at = %(scheduled_at)s, email = %(email)s, updated_at = %(updated_at)s where id = %(id)s"""
    execute(cursor, sql, {**asdict(draft, recurse=False), **asdict(draft.content)})


def delete(cursor: Cursor, *, id: AnnouncementDraftId) -> None:
    """Delete a draft."""
    execute(cursor, "delete from announcement_drafts where id = %(id)s", {"id": id})
