"""Full-text search for posts.

The section "Search" of the initial migration describes the index, domain/search_query.py the query syntax. However many posts contain a
word, a search checks only a bounded number of the newest ones against its other conditions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, PostId
from microblog.model.paging import Page
from microblog.storage.database import Cursor, Params, fetch_all, fetch_value
from microblog.storage.paging import bounds, directed, page_sql
from microblog.storage.timelines import Entry
from microblog.storage.visibility import VISIBLE_AMONG_MANY, WANTED

SAMPLE = 4_000
"""Number of newest posts that decide whether a word is common. If it is, a page is searched for among them first."""
COMMON = 40
"""A word is common if at least this many posts of the sample contain it."""
MAX_MATCHES = 4_000
"""Most posts with the words, with a tag, or of an author, that are checked against the other conditions; the newest ones."""
MAX_PHRASE_MATCHES = 1_000
"""Most posts with all words of a phrase that are checked for the phrase, the newest ones: folding a post's text is slow."""

# Unlisted posts are found by their mentions and followers only; posts of others, only if their authors allow indexing; posts of limited
# accounts, only by their followers.
_FINDABLE = """(p.account_id = %(viewer)s or (
    exists (select from accounts sa where sa.id = p.account_id and sa.indexable and (sa.limited_at is null or exists (
        select from follows sf where sf.followee_id = p.account_id and sf.follower_id = %(viewer)s)))
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
"""Conditions of `has:` operators."""


_SCOPES = {
    "all": "true",
    "public": "p.visibility = 'public'",
    "library": """(p.account_id = %(viewer)s
        or exists (select from favourites sl where sl.post_id = p.id and sl.account_id = %(viewer)s)
        or exists (select from bookmarks sl where sl.post_id = p.id and sl.account_id = %(viewer)s)
        or exists (select from mentions sl where sl.post_id = p.id and sl.account_id = %(viewer)s)
        or exists (select from posts sl where sl.boost_of = p.id and sl.account_id = %(viewer)s and sl.deleted_at is null))""",
}
_HAS_TAG = "exists (select from post_tags st join tags sn on sn.id = st.tag_id where st.post_id = p.id and sn.key = {key})"

_WORD = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_SPAN = "\x01"
"""Placeholder in a tsquery for the number of a time span; no word contains it."""
_BETWEEN = "post_id < %(max_id)s and post_id > %(min_id)s"
_IN_SAMPLE = f"""(
    select post_id, words from post_words where {_BETWEEN} order by post_id desc limit {SAMPLE}) w
    join posts p on p.id = w.post_id and w.words @@ %(query)s::tsquery"""
_IS_COMMON = f"""select count(*) from (
    select from (select words from post_words where {_BETWEEN} order by post_id desc limit {SAMPLE}) w
    where words @@ %(query)s::tsquery limit {COMMON}) found"""
# Time spans are searched one after the other, on demand, so the order of the loops is the order of the posts. Each span's matches are
# collected completely before they are sorted: with a limit, the planner might scan all posts in their order instead.
_IN_SPANS = f"""(
    select m.post_id from generate_series({{first}}, {{last}}, {{step}}) span (n) cross join lateral (
        with found as materialized (
            select post_id from post_words where search_spans(post_id, words) @@ replace(%(spanned)s, '{_SPAN}', span.n::text)::tsquery)
        select post_id from found where {_BETWEEN} order by post_id desc) m
    limit {{most}}) w"""
_SPAN_BITS = 45
_NEWEST_SPAN = f"(select max(post_id) from post_words where {_BETWEEN}) >> {_SPAN_BITS}"
_OLDEST_SPAN = f"(select min(post_id) from post_words where {_BETWEEN}) >> {_SPAN_BITS}"
_WITH_TAG = f"""(select post_id from post_tags where tag_id = (select id from tags where key = %(tag)s) and {_BETWEEN}
    order by post_id desc limit {MAX_MATCHES}) w"""
_BY_AUTHOR = f"""(select id as post_id from posts where account_id = %(account)s and boost_of is null and deleted_at is null
    and id < %(max_id)s and id > %(min_id)s order by id desc limit {MAX_MATCHES}) w"""
_HAS_WORDS = "exists (select from post_words o where o.post_id = p.id and o.words @@ %(words)s::tsquery)"


@frozen
class PostQuery:
    """A search as in domain/search_query.py, with account ids in place of usernames.

    `query` is the text of a tsquery for the required words; `without` are texts of tsqueries for the excluded words. `here`: only posts of
    this site.
    """

    query: str = ""
    without: Sequence[str] = ()
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
    here: bool = False


def query_of(words: Sequence[str], starts: Sequence[str]) -> str:
    """Return the text of a tsquery that requires all of these words and prefixes."""
    return " & ".join([*(_quoted(word) for word in words), *(f"{_quoted(start)}:*" for start in starts)])


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def posts(cursor: Cursor, search: PostQuery, *, viewer: AccountId | None, page: Page, offset: int, now: datetime) -> list[Entry]:
    """Return the matching posts that the viewer may see and whose authors allow indexing, newest first.

    None without a word, tag or author in the search.
    """
    params = _params(search) | {"viewer": viewer, "offset": offset, "now": now} | bounds(page)
    found: list[Entry] = []
    for sql in _statements(cursor, search, page, params):
        found = fetch_all(cursor, _entry, page_sql(sql, page), params)
        if len(found) == page.limit:
            break
    return directed(page, found)


def _statements(cursor: Cursor, search: PostQuery, page: Page, params: Params) -> Iterator[str]:
    """Yield queries to be tried until one fills a page: each finds all matches of the earlier ones, and more."""
    conditions = " and ".join(_conditions(search))
    select = "select p.id, p.boost_of from {source} where {conditions} order by p.id desc limit %(limit)s offset %(offset)s"
    narrow = _BY_AUTHOR if search.account is not None else _WITH_TAG if search.tags else None
    if narrow is not None:
        words = f" and {_HAS_WORDS}" if params["words"] else ""
        yield select.format(source=f"{narrow} join posts p on p.id = w.post_id", conditions=conditions + words)
        if fetch_value(cursor, page_sql(f"select count(*) from {narrow}", page), params) < MAX_MATCHES:
            return
    elif search.query and fetch_value(cursor, page_sql(_IS_COMMON, page), params) == COMMON:
        yield select.format(source=_IN_SAMPLE, conditions=f"{conditions} and {_HAS_WORDS}" if search.without else conditions)
    if search.query:
        most = MAX_PHRASE_MATCHES if search.phrases or search.without_phrases else MAX_MATCHES
        yield _in_spans(page, most, f"{conditions} and {_HAS_WORDS}" if search.without else conditions)


def _in_spans(page: Page, most: int, conditions: str) -> str:
    first, last, step = (_OLDEST_SPAN, _NEWEST_SPAN, 1) if page.upward else (_NEWEST_SPAN, _OLDEST_SPAN, -1)
    source = _IN_SPANS.format(first=first, last=last, step=step, most=most)
    return f"""select id, boost_of from (
        select p.id, p.boost_of from {source}
        cross join lateral (select p.id, p.boost_of from posts p where p.id = w.post_id and {conditions} offset 0) p
        limit %(limit)s offset %(offset)s) p order by id desc"""


def _conditions(search: PostQuery) -> list[str]:
    text = "search_said(p.spoiler, p.text)"
    return [
        "p.boost_of is null and p.deleted_at is null and p.id < %(max_id)s and p.id > %(min_id)s",
        *(_HAS_TAG.format(key=f"%(tag_{place})s") for place in range(len(search.tags))),
        *(f"not {_HAS_TAG.format(key=f'%(no_tag_{place})s')}" for place in range(len(search.without_tags))),
        "p.account_id <> all(%(not_accounts)s::bigint[])" if search.not_accounts else "true",
        "lower(p.language) = any(%(languages)s)" if search.languages else "true",
        "(lower(p.language) = any(%(not_languages)s)) is not true" if search.not_languages else "true",
        *(HAS[kind] for kind in search.has),
        *(f"({HAS[kind]}) is not true" for kind in search.has_not),
        "p.account_id = %(account)s" if search.account is not None else "true",
        "p.uri is null" if search.here else "true",
        _SCOPES[search.among],
        _FINDABLE,
        VISIBLE_AMONG_MANY,
        WANTED,
        f"{text} like all(%(phrases)s)" if search.phrases else "true",
        f"not {text} like any(%(without)s)" if search.without_phrases else "true",
    ]


def _params(search: PostQuery) -> dict[str, object]:
    return {
        "query": search.query,
        "spanned": _WORD.sub(rf"'{_SPAN}:\1'", search.query),
        "words": " & ".join([*filter(None, [search.query]), *(f"!({words})" for words in search.without)]),
        "phrases": [_like_pattern(phrase) for phrase in search.phrases],
        "without": [_like_pattern(phrase) for phrase in search.without_phrases],
        "tag": search.tags[0] if search.tags else None,
        **{f"tag_{place}": key for place, key in enumerate(search.tags)},
        **{f"no_tag_{place}": key for place, key in enumerate(search.without_tags)},
        "account": search.account,
        "not_accounts": list(search.not_accounts),
        "languages": list(search.languages),
        "not_languages": list(search.not_languages),
    }


def _entry(id: int, boost_of: int | None) -> Entry:
    return PostId(id), None if boost_of is None else PostId(boost_of)


def _like_pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
