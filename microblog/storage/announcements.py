"""Announcements, their readers and their emoji reactions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from attrs import asdict

from microblog.model.announcements import Announcement, AnnouncementContent, Reaction
from microblog.model.emojis import emojis_from
from microblog.model.ids import AccountId, AnnouncementId
from microblog.storage import emojis
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value, first_column

_SELECT = f"""
    select n.id, n.text, n.html, n.published_at, n.updated_at, n.starts_at, n.ends_at, n.all_day,
           exists (select from announcement_reads r where r.announcement_id = n.id and r.account_id = %(viewer)s),
           (select json_agg(json_build_array(name, count, mine) order by first, name) from (
               select r.name, count(*), bool_or(r.account_id is not distinct from %(viewer)s) as mine, min(r.created_at) as first
               from announcement_reactions r where r.announcement_id = n.id group by r.name) counted),
           {emojis.in_texts("n.text")}
    from announcements n"""


def _announcement(id: int, *columns: Any) -> Announcement:
    text, html, published_at, updated_at, starts_at, ends_at, all_day, read, reactions, found = columns
    return Announcement(
        AnnouncementId(id),
        text,
        html,
        published_at,
        updated_at,
        starts_at,
        ends_at,
        all_day,
        read,
        tuple(Reaction(name, count, bool(mine)) for name, count, mine in reactions or ()),
        emojis_from(found, text),
    )


def current(cursor: Cursor, *, viewer: AccountId | None, now: datetime) -> list[Announcement]:
    """Return the announcements that have not ended, earliest first."""
    sql = _SELECT + " where n.ends_at is null or n.ends_at > %(now)s order by n.id"
    return fetch_all(cursor, _announcement, sql, {"viewer": viewer, "now": now})


def newest(cursor: Cursor, *, limit: int) -> list[Announcement]:
    """Return all announcements, newest first."""
    return fetch_all(cursor, _announcement, _SELECT + " order by n.id desc limit %(limit)s", {"viewer": None, "limit": limit})


def by_ids(cursor: Cursor, *, ids: Collection[int], now: datetime) -> list[Announcement]:
    """Return those of the announcements that exist and have not ended, without any viewer's read state and reactions."""
    sql = _SELECT + " where n.id = any(%(ids)s) and (n.ends_at is null or n.ends_at > %(now)s)"
    return fetch_all(cursor, _announcement, sql, {"viewer": None, "ids": list(ids), "now": now})


def by_id(cursor: Cursor, *, id: int, viewer: AccountId | None) -> list[Announcement]:
    """Return the announcement: one row or none."""
    return fetch_all(cursor, _announcement, _SELECT + " where n.id = %(id)s", {"id": id, "viewer": viewer})


def insert(cursor: Cursor, announcement: Announcement) -> AnnouncementId:
    """Store the announcement; return its id."""
    return AnnouncementId(
        fetch_value(
            cursor,
            """insert into announcements (id, text, html, starts_at, ends_at, all_day, published_at, updated_at)
               values (new_id(%(at)s), %(text)s, %(html)s, %(starts_at)s, %(ends_at)s, %(all_day)s, %(at)s, %(at)s) returning id""",
            {
                "text": announcement.text,
                "html": announcement.html,
                "starts_at": announcement.starts_at,
                "ends_at": announcement.ends_at,
                "all_day": announcement.all_day,
                "at": announcement.published_at,
            },
        )
    )


def update(cursor: Cursor, content: AnnouncementContent, *, id: int, html: str, now: datetime) -> None:
    """Replace everything of a published announcement."""
    execute(
        cursor,
        """update announcements set text = %(text)s, html = %(html)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
               all_day = %(all_day)s, updated_at = %(now)s where id = %(id)s""",
        {**asdict(content), "id": id, "html": html, "now": now},
    )


def delete(cursor: Cursor, *, id: int) -> bool:
    """Delete the announcement; return False if there is none."""
    return bool(execute(cursor, "delete from announcements where id = %(id)s", {"id": id}))


def mark_read(cursor: Cursor, *, id: AnnouncementId, account: AccountId) -> None:
    """Mark the announcement as read by the account."""
    execute(
        cursor,
        "insert into announcement_reads (announcement_id, account_id) values (%(id)s, %(account)s) on conflict do nothing",
        {"id": id, "account": account},
    )


def reactions_of(cursor: Cursor, *, id: AnnouncementId) -> set[str]:
    """Return the distinct reactions; no other transaction can add one until this one ends."""
    execute(cursor, "select from announcements where id = %(id)s for no key update", {"id": id})
    cursor.execute("select distinct name from announcement_reactions where announcement_id = %(id)s", {"id": id})
    return set(first_column(cursor.fetchall()))


def react(cursor: Cursor, *, id: AnnouncementId, account: AccountId, name: str, now: datetime) -> bool:
    """Add the account's emoji reaction; return False if it exists already."""
    return bool(
        execute(
            cursor,
            """insert into announcement_reactions (announcement_id, account_id, name, created_at)
               values (%(id)s, %(account)s, %(name)s, %(now)s) on conflict do nothing""",
            {"id": id, "account": account, "name": name, "now": now},
        )
    )


def unreact(cursor: Cursor, *, id: AnnouncementId, account: AccountId, name: str) -> bool:
    """Remove the account's emoji reaction; return False if there is none."""
    return bool(
        execute(
            cursor,
            "delete from announcement_reactions where announcement_id = %(id)s and account_id = %(account)s and name = %(name)s",
            {"id": id, "account": account, "name": name},
        )
    )
