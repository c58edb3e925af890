"""Scheduled posts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from attrs import asdict

from microblog.model.ids import AccountId, MediaId, PostId, ScheduledId
from microblog.model.paging import Page
from microblog.model.polls import PollDraft
from microblog.model.posts import PostDraft, Visibility
from microblog.model.scheduled import ScheduledPost
from microblog.storage import media
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

_COLUMNS = f"""s.id, s.account_id, s.scheduled_at, s.draft, s.key, s.problem,
    (select json_agg(json_build_array({media.COLUMNS}) order by m.place) from media m where m.scheduled_id = s.id)"""


def _scheduled(*columns: Any) -> ScheduledPost:
    id, account, at, stored, key, problem, attachments = columns
    try:
        draft, readable = _draft_from(stored, key), True
    except (LookupError, TypeError, ValueError):  # written by another version, or by hand
        draft, readable = PostDraft(_text_from(stored), Visibility.DIRECT, key=key), False
    return ScheduledPost(ScheduledId(id), AccountId(account), at, draft, media.media_list_from(attachments), problem, readable)


def _text_from(stored: object) -> str:
    """Return the text of a draft that cannot be read completely."""
    text = stored.get("text") if isinstance(stored, dict) else None
    return text if isinstance(text, str) else ""


def _draft_from(stored: Mapping[str, Any], key: str | None) -> PostDraft:
    """Build a draft from the JSON of `_stored`. Raises LookupError, TypeError or ValueError for other input."""
    reply_to, allowed = _field(stored, "reply_to", str, None), _field(stored, "allowed", list, None)
    return PostDraft(
        text=_field(stored, "text", str),
        visibility=Visibility(stored["visibility"]),
        spoiler=_field(stored, "spoiler", str),
        sensitive=_field(stored, "sensitive", bool, None),
        language=_field(stored, "language", str, None),
        reply_to=None if reply_to is None else PostId(int(reply_to)),
        key=key,
        never_wider=_field(stored, "never_wider", bool),
        application=_field(stored, "application", str, None),
        website=None if "website" not in stored else _field(stored, "website", str, None),  # missing in rows of older versions
        allowed=None if allowed is None else frozenset(AccountId(int(id)) for id in allowed),
        media=tuple(MediaId(int(id)) for id in _field(stored, "media", list)),
        poll=_poll_from(_field(stored, "poll", dict, None)),
    )


def _poll_from(stored: Mapping[str, Any] | None) -> PollDraft | None:
    if stored is None:
        return None
    options = _field(stored, "options", list)
    seconds, multiple = _field(stored, "seconds", int, None), _field(stored, "multiple", bool)
    return PollDraft(tuple(_checked(option, str) for option in options), seconds, multiple, _field(stored, "hide_totals", bool))


def _field(stored: Mapping[str, Any], name: str, *kinds: Any) -> Any:
    return _checked(stored[name], *kinds)


def _checked(value: Any, *kinds: Any) -> Any:
    """Return the value if it is of one of these types (`None` for its own type). Raises TypeError."""
    if not isinstance(value, tuple(type(None) if kind is None else kind for kind in kinds)):
        raise TypeError(f"{value!r} is none of {kinds}")
    return value


def _stored(draft: PostDraft) -> str:
    """Return the draft as JSON; ids are strings, because some JSON parsers do not support integers of 64 bits."""
    stored = {
        "text": draft.text,
        "visibility": draft.visibility,
        "spoiler": draft.spoiler,
        "sensitive": draft.sensitive,
        "language": draft.language,
        "reply_to": None if draft.reply_to is None else str(draft.reply_to),
        "never_wider": draft.never_wider,
        "application": draft.application,
        "website": draft.website,
        "allowed": None if draft.allowed is None else [str(id) for id in sorted(draft.allowed)],
        "media": [str(id) for id in draft.media],
        "poll": None if draft.poll is None else asdict(draft.poll),
    }
    return orjson.dumps(stored).decode()


def insert(cursor: Cursor, *, account: AccountId, draft: PostDraft, at: datetime, now: datetime) -> ScheduledId:
    """Store the draft with its publication time; return its id. `media.attach_to_scheduled` attaches its media."""
    return ScheduledId(
        fetch_value(
            cursor,
            """insert into scheduled_posts (id, account_id, scheduled_at, draft, key, created_at)
               values (new_id(%(now)s), %(account)s, %(at)s, %(draft)s, %(key)s, %(now)s) returning id""",
            {"account": account, "at": at, "draft": _stored(draft), "key": draft.key, "now": now},
        )
    )


def by_key(cursor: Cursor, *, account: AccountId, key: str) -> ScheduledPost | None:
    """Return the post that was scheduled with this idempotency key."""
    return fetch_one(
        cursor,
        _scheduled,
        f"select {_COLUMNS} from scheduled_posts s where s.account_id = %(account)s and s.key = %(key)s",
        {"account": account, "key": key},
    )


def by_id(cursor: Cursor, *, id: ScheduledId) -> ScheduledPost | None:
    """Return the scheduled post, whoever owns it."""
    return fetch_one(cursor, _scheduled, f"select {_COLUMNS} from scheduled_posts s where s.id = %(id)s", {"id": id})


def lock(cursor: Cursor, *, id: ScheduledId) -> bool:
    """Lock the scheduled post until the transaction ends; return False if it was deleted."""
    return fetch_value(cursor, "select id from scheduled_posts where id = %(id)s for update", {"id": id}) is not None


def lock_scheduling(cursor: Cursor, *, account: AccountId) -> None:
    """Serialise scheduling by the account until the transaction ends, so that its limits hold."""
    execute(cursor, "select pg_advisory_xact_lock(hashtextextended('scheduled ' || %(account)s, 0))", {"account": str(account)})


def page_of(cursor: Cursor, *, account: AccountId, page: Page) -> list[ScheduledPost]:
    """Return the account's scheduled posts, newest first."""
    sql = f"""select {_COLUMNS} from scheduled_posts s
              where s.account_id = %(account)s and s.id < %(max_id)s and s.id > %(min_id)s order by s.id desc limit %(limit)s"""
    return directed(page, fetch_all(cursor, _scheduled, page_sql(sql, page), {"account": account, **bounds(page)}))


def counts(cursor: Cursor, *, account: AccountId, day: datetime, excluding: ScheduledId | None) -> tuple[int, int]:
    """Count the account's scheduled posts, without `excluding`: all of them, and those on the UTC day of `day`."""
    found = fetch_one(
        cursor,
        lambda total, on_day: (int(total), int(on_day)),
        """select count(*), count(*) filter (where (scheduled_at at time zone 'UTC')::date = (%(day)s at time zone 'UTC')::date)
           from scheduled_posts where account_id = %(account)s and id is distinct from %(excluding)s""",
        {"account": account, "day": day, "excluding": excluding},
    )
    return found or (0, 0)


def reschedule(cursor: Cursor, *, id: ScheduledId, at: datetime) -> None:
    """Change the publication time and clear the problem."""
    execute(cursor, "update scheduled_posts set scheduled_at = %(at)s, problem = '' where id = %(id)s", {"id": id, "at": at})


def set_problem(cursor: Cursor, *, id: ScheduledId, problem: str) -> None:
    """Store the reason why the post could not be published."""
    execute(cursor, "update scheduled_posts set problem = %(problem)s where id = %(id)s", {"id": id, "problem": problem})


def delete(cursor: Cursor, *, id: ScheduledId) -> bool:
    """Delete the scheduled post; return False if it was deleted before."""
    return bool(execute(cursor, "delete from scheduled_posts where id = %(id)s", {"id": id}))


def delete_all(cursor: Cursor, *, account: AccountId) -> int:
    """Delete all of the account's scheduled posts; return their number."""
    return execute(cursor, "delete from scheduled_posts where account_id = %(account)s", {"account": account})
