"""Finding posts by what they say. See migration 0006 for what is indexed, and domain/search_query.py for what can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, PostId
from microblog.model.paging import Page
from microblog.storage.database import Cursor, every, first
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.timelines import Entry
from microblog.storage.visibility import VISIBLE, WANTED

_WORDS = "search_words(p.spoiler, p.text)"
_SAID = r"lower(regexp_replace(p.spoiler || ' ' || p.text, '\s+', ' ', 'g'))"

# Quiet (unlisted) posts are found by whom they are for, not by everybody; what others wrote, only if they want to be found.
_FINDABLE = """(p.account_id = %(viewer)s or (
    exists (select from accounts sa where sa.id = p.account_id and sa.indexable)
    and (p.visibility <> 'unlisted' or exists (select from mentions sm where sm.post_id = p.id and sm.account_id = %(viewer)s)
         or exists (select from follows sf where sf.followee_id = p.account_id and sf.follower_id = %(viewer)s))))"""

_MEDIA = "exists (select from media sq where sq.post_id = p.id and sq.place is not null{kind})"
HAS = {
    "link": "p.html like '%%<a href=%%rel=\"nofollow noopener\"%%'",
    "media": _MEDIA.format(kind=""),
    "image": _MEDIA.format(kind=" and sq.kind = 'image'"),
    "video": _MEDIA.format(kind=" and sq.kind in ('video', 'gifv')"),
    "audio": _MEDIA.format(kind=" and sq.kind = 'audio'"),
    "poll": "exists (select from polls sq where sq.post_id = p.id)",
}
"""What a post can have beside its text."""


@frozen
class Wish:
    """What posts must be like: as domain/search_query.py has it, with the account instead of its name."""

    words: Sequence[str] = ()
    starts: Sequence[str] = ()
    texts: Sequence[str] = ()
    without_words: Sequence[str] = ()
    without_texts: Sequence[str] = ()
    account: AccountId | None = None
    has: Sequence[str] = ()
    has_not: Sequence[str] = ()


def asked(cursor: Cursor, wish: Wish) -> tuple[str, str]:
    """The words of the wish as tsqueries: what must be there, and that the rest is not. Either may be empty, as where nothing is a word."""
    found = first(
        cursor,
        lambda wanted, unwanted: (wanted, unwanted),
        """with wanted as (
               select plainto_tsquery('pg_catalog.simple', search_plain(word))::text as query from unnest(%(words)s::text[]) word
               union all select to_tsquery('pg_catalog.simple', word || ':*')::text from unnest(%(starts)s::text[]) word),
           unwanted as (
               select plainto_tsquery('pg_catalog.simple', search_plain(word))::text as query from unnest(%(without)s::text[]) word)
           select (select coalesce(string_agg('(' || query || ')', ' & '), '') from wanted where query <> ''),
                  (select coalesce(string_agg('!(' || query || ')', ' & '), '') from unwanted where query <> '')""",
        {"words": list(wish.words), "starts": list(wish.starts), "without": list(wish.without_words)},
    )
    assert found is not None
    return found


def posts(cursor: Cursor, wish: Wish, *, viewer: AccountId | None, page: Page, offset: int, now: datetime) -> list[Entry]:
    """The newest posts like that, of those that the viewer may see and whose authors let them be found.

    Nothing where the wish has neither words nor an author.
    """
    wanted, unwanted = asked(cursor, wish)
    if not wanted and wish.account is None:
        return []
    query = " & ".join(filter(None, (wanted, unwanted)))
    conditions = [
        "p.boost_of is null and p.deleted_at is null and p.id < %(max_id)s and p.id > %(min_id)s",
        f"{_WORDS} @@ %(query)s::tsquery" if query else "true",
        f"{_SAID} like all(%(texts)s)" if wish.texts else "true",
        f"not {_SAID} like any(%(without)s)" if wish.without_texts else "true",
        "p.account_id = %(account)s" if wish.account is not None else "true",
        *(HAS[thing] for thing in wish.has),
        *(f"not ({HAS[thing]})" for thing in wish.has_not),
        _FINDABLE,
        VISIBLE,
        WANTED,
    ]
    sql = f"select p.id, p.boost_of from posts p where {' and '.join(conditions)} order by p.id desc limit %(limit)s offset %(offset)s"
    params = {
        "query": query,
        "texts": [_within(text) for text in wish.texts],
        "without": [_within(text) for text in wish.without_texts],
        "account": wish.account,
        "viewer": viewer,
        "offset": offset,
        "now": now,
    }
    return directed(page, every(cursor, _entry, page_sql(sql, page), bounds(page) | params))


def _entry(id: int, boost_of: int | None) -> Entry:
    return PostId(id), None if boost_of is None else PostId(boost_of)


def _within(text: str) -> str:
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
