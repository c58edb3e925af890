"""Finding posts by what they say. See migration 0045 for what is indexed, and domain/search_query.py for what can be asked.

However many posts have a word, one search looks at a bounded number of them, the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, PostId
from microblog.model.paging import Page
from microblog.storage.database import Cursor, Params, every, scalar
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.timelines import Entry
from microblog.storage.visibility import VISIBLE, WANTED

SAMPLE = 4_000
"""So many of the newest posts say whether a word is common; a page is looked for among them first then."""
COMMON = 40
"""Posts of the sample that have a common word. What is rarer is found by the index, in a hundredth of all posts at most."""
NEWEST = 40_000
"""Among so many posts one is looked for that has a common word and is rare by the rest of the wish."""
MOST_MATCHES = 4_000
"""Posts with a tag, or of an author, that are compared with the rest of the wish, the newest."""

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
    "reply": "p.reply_to is not null",
    "sensitive": "p.sensitive",
}
"""What a post can be or have beside its text."""


_AMONG = {
    "all": "true",
    "public": "p.visibility = 'public'",
    "library": """(p.account_id = %(viewer)s
        or exists (select from favourites sl where sl.post_id = p.id and sl.account_id = %(viewer)s)
        or exists (select from bookmarks sl where sl.post_id = p.id and sl.account_id = %(viewer)s)
        or exists (select from mentions sl where sl.post_id = p.id and sl.account_id = %(viewer)s)
        or exists (select from posts sl where sl.boost_of = p.id and sl.account_id = %(viewer)s and sl.deleted_at is null))""",
}
_TAGGED = "exists (select from post_tags st join tags sn on sn.id = st.tag_id where st.post_id = p.id and sn.key = {key})"

_BETWEEN = "post_id < %(max_id)s and post_id > %(min_id)s"
_NEWEST = """(
    select post_id, words from post_words where post_id < %(max_id)s and post_id > %(min_id)s order by post_id desc limit {rows}) w
    join posts p on p.id = w.post_id and w.words @@ %(query)s::tsquery"""
_IS_COMMON = f"""select count(*) from (
    select from (select words from post_words where {_BETWEEN} order by post_id desc limit {SAMPLE}) w
    where words @@ %(query)s::tsquery limit {COMMON}) found"""
# Found whole before they are sorted: for a limited number the planner might go through all posts in their order.
_WITH_WORDS = f"""(with found as materialized (select post_id from post_words where words @@ %(query)s::tsquery and {_BETWEEN})
    select post_id from found) w join posts p on p.id = w.post_id"""
_WITH_TAG = f"""(select post_id from post_tags where tag_id = (select id from tags where key = %(tag)s) and {_BETWEEN}
    order by post_id desc limit {MOST_MATCHES}) w join posts p on p.id = w.post_id"""
_WITH_WORDS_BY = f"""(with found as materialized (
        select m.post_id from post_words m join posts b on b.id = m.post_id
        where m.words @@ %(query)s::tsquery and b.account_id = %(account)s and m.{_BETWEEN.replace(" and ", " and m.")})
    select post_id from found) w join posts p on p.id = w.post_id"""
_BY = f"""(select id as post_id from posts where account_id = %(account)s and boost_of is null and deleted_at is null
        and id < %(max_id)s and id > %(min_id)s order by id desc limit {MOST_MATCHES}) w join posts p on p.id = w.post_id"""
_WORDS_TOO = " join post_words o on o.post_id = p.id and o.words @@ %(query)s::tsquery"


@frozen
class Wish:
    """What posts must be like: as domain/search_query.py has it, with accounts instead of their names.

    `query` is what the words must be like, as the text of a tsquery; empty for any. `indexed`: some words must be there.
    """

    query: str = ""
    indexed: bool = False
    phrases: Sequence[str] = ()
    without_phrases: Sequence[str] = ()
    tags: Sequence[str] = ()
    without_tags: Sequence[str] = ()
    account: AccountId | None = None
    not_accounts: Sequence[AccountId] = ()
    has: Sequence[str] = ()
    has_not: Sequence[str] = ()
    languages: Sequence[str] = ()
    not_languages: Sequence[str] = ()
    among: str = "all"


def query_of(words: Sequence[str], starts: Sequence[str]) -> str:
    """The text of a tsquery for all of these words, and beginnings of words."""
    return " & ".join([*(_quoted(word) for word in words), *(f"{_quoted(start)}:*" for start in starts)])


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def posts(cursor: Cursor, wish: Wish, *, viewer: AccountId | None, page: Page, offset: int, now: datetime) -> list[Entry]:
    """The newest posts like that, of those that the viewer may see and whose authors let them be found.

    Nothing where the wish has neither words nor a tag nor an author.
    """
    params = _params(wish) | {"viewer": viewer, "offset": offset, "now": now} | bounds(page)
    conditions = " and ".join(_conditions(wish))
    found: list[Entry] = []
    for source in _sources(cursor, wish, page, params):
        sql = f"select p.id, p.boost_of from {source} where {conditions} order by p.id desc limit %(limit)s offset %(offset)s"
        found = every(cursor, _entry, page_sql(sql, page), params)
        if len(found) == page.limit:
            break
    return directed(page, found)


def _sources(cursor: Cursor, wish: Wish, page: Page, params: Params) -> list[str]:
    """Where to look, one after the other until a page is full."""
    if wish.indexed and wish.account is not None:
        return [_WITH_WORDS_BY]
    if wish.indexed:
        is_common = scalar(cursor, page_sql(_IS_COMMON, page), params) == COMMON
        return [_NEWEST.format(rows=SAMPLE), _NEWEST.format(rows=NEWEST)] if is_common else [_WITH_WORDS]
    rest = _WORDS_TOO if wish.query else ""
    if wish.account is not None:
        return [_BY + rest]
    return [_WITH_TAG + rest] if wish.tags else []


def _conditions(wish: Wish) -> list[str]:
    said = "search_said(p.spoiler, p.text)"
    return [
        "p.boost_of is null and p.deleted_at is null and p.id < %(max_id)s and p.id > %(min_id)s",
        *(_TAGGED.format(key=f"%(tag_{place})s") for place in range(len(wish.tags))),
        *(f"not {_TAGGED.format(key=f'%(no_tag_{place})s')}" for place in range(len(wish.without_tags))),
        "p.account_id <> all(%(not_accounts)s::bigint[])" if wish.not_accounts else "true",
        "lower(p.language) = any(%(languages)s)" if wish.languages else "true",
        "(lower(p.language) = any(%(not_languages)s)) is not true" if wish.not_languages else "true",
        *(HAS[thing] for thing in wish.has),
        *(f"({HAS[thing]}) is not true" for thing in wish.has_not),
        "p.account_id = %(account)s" if wish.account is not None else "true",
        _AMONG[wish.among],
        _FINDABLE,
        VISIBLE,
        WANTED,
        f"{said} like all(%(phrases)s)" if wish.phrases else "true",
        f"not {said} like any(%(without)s)" if wish.without_phrases else "true",
    ]


def _params(wish: Wish) -> dict[str, object]:
    return {
        "query": wish.query,
        "phrases": [_within(phrase) for phrase in wish.phrases],
        "without": [_within(phrase) for phrase in wish.without_phrases],
        "tag": wish.tags[0] if wish.tags else None,
        **{f"tag_{place}": key for place, key in enumerate(wish.tags)},
        **{f"no_tag_{place}": key for place, key in enumerate(wish.without_tags)},
        "account": wish.account,
        "not_accounts": list(wish.not_accounts),
        "languages": list(wish.languages),
        "not_languages": list(wish.not_languages),
    }


def _entry(id: int, boost_of: int | None) -> Entry:
    return PostId(id), None if boost_of is None else PostId(boost_of)


def _within(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
