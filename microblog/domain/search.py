"""Search for accounts, hashtags and posts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import regex
from attrs import evolve, field, frozen

from microblog.domain import search_query, validation
from microblog.domain.accounts import Accounts
from microblog.domain.posts import visible_post
from microblog.domain.search_query import ParsedQuery
from microblog.domain.text import post_text, search_words
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import NotFound
from microblog.model.ids import MAX_ID, AccountId, PostId, id_at
from microblog.model.paging import Page
from microblog.model.posts import Post, Tag, TagDay, TagUse
from microblog.storage import accounts, posts, search, tags
from microblog.storage.database import Cursor, Transactions

MAX_RESULTS = 20
MAX_QUERY_LENGTH = 200
DAYS = 7
_ADDRESS = regex.compile(r"/(?:@|users/)(?P<name>[A-Za-z0-9_]{1,30})(?:/(?:statuses/)?(?P<post>[0-9]{1,19}))?(?:/activity)?/?")


@frozen
class SearchResult:
    """Results of a search, best first."""

    accounts: list[Account] = field(factory=list)
    tags: list[Tag] = field(factory=list)
    posts: list[Post] = field(factory=list)


@frozen
class SearchService:
    """Searches accounts by name, hashtags by prefix, and posts by content."""

    database: Transactions
    accounts: Accounts
    now: Callable[[], datetime]

    async def find(self, viewer: Viewer | None, query: str, limit: int = MAX_RESULTS, *, here: bool = False) -> SearchResult:
        """Return accounts whose username or display name matches, hashtags with this prefix, and posts that the viewer may see.

        A leading `@` searches only accounts, a leading `#` no accounts. A blank query finds nothing. `here`: only accounts and posts of
        this site.
        """
        cleaned = post_text.clean(query[:MAX_QUERY_LENGTH], "q")
        people = [] if cleaned.startswith("#") else await self.accounts.search(viewer, cleaned, limit=limit)
        people = [account for account in people if account.host is None or not here]
        if cleaned.startswith("@"):
            return SearchResult(people)
        found = await self.posts(viewer, cleaned, Page(limit), here=here)
        return SearchResult(people, await self.tags(viewer, cleaned, limit=limit), found)

    async def posts(
        self, viewer: Viewer | None, query: str, page: Page, *, offset: int = 0, account: AccountId | None = None, here: bool = False
    ) -> list[Post]:
        """Return the newest posts that match the query (see search_query.py) and that the viewer may see.

        `account` restricts to one author, `here` to posts of this site. Posts of others are found only if their authors opted in, one's own
        always.
        """
        parsed = evolve(search_query.parse(post_text.clean(query[:MAX_QUERY_LENGTH], "q")), here=here)
        if not (parsed.narrow or account):
            return []
        return await self.database.read(self._posts, viewer, parsed, page=within(parsed, page), offset=offset, account=account)

    async def tags(self, viewer: Viewer | None, query: str, *, limit: int = MAX_RESULTS, offset: int = 0) -> list[Tag]:
        """Return hashtags with this prefix, with or without `#`, in posts that the viewer may see: an exact match first, then by use."""
        key, viewer_id = tag_prefix(query), viewer.id if viewer else None
        return await self.database.read(tags.by_prefix, prefix=key, viewer=viewer_id, limit=limit, offset=offset) if key else []

    async def uses(self, wanted: Sequence[Tag]) -> list[TagUse]:
        """Return the public use of the hashtags in the last days, in their order."""
        return await self.database.read(self.read_uses, wanted) if wanted else []

    async def at(self, viewer: Viewer | None, url: str) -> SearchResult:
        """Return the account or post with this URL on this site; empty if there is none or it is hidden from the viewer."""
        path = _local_path(url, self.accounts.base_url)
        match = _ADDRESS.fullmatch(path) if path else None
        if match is None:
            return SearchResult()
        try:
            if match["post"] and int(match["post"]) <= MAX_ID:
                return SearchResult(posts=[await self.database.read(visible_post, PostId(int(match["post"])), viewer)])
            return SearchResult([await self.accounts.by_username(match["name"])]) if not match["post"] else SearchResult()
        except NotFound:
            return SearchResult()

    def name_at(self, url: str) -> str | None:
        """Return the username in the URL of a profile on this site, even if there is no such account; None for any other text."""
        path = _local_path(url, self.accounts.base_url)
        match = _ADDRESS.fullmatch(path) if path else None
        return match["name"] if match and not match["post"] else None

    def _posts(
        self, cursor: Cursor, viewer: Viewer | None, query: ParsedQuery, *, page: Page, offset: int, account: AccountId | None
    ) -> list[Post]:
        author = account if query.author is None else self._author(cursor, viewer, query.author)
        if query.author is not None and (author is None or account not in (None, author)):
            return []
        excluded_authors = [self._author(cursor, viewer, name) for name in query.not_authors]
        wanted = post_query(query, author, [id for id in excluded_authors if id is not None])
        entries = search.posts(cursor, wanted, viewer=viewer.id if viewer else None, page=page, offset=offset, now=self.now())
        return posts.load(cursor, entries)

    def _author(self, cursor: Cursor, viewer: Viewer | None, name: str) -> AccountId | None:
        if name == "me":
            return viewer.id if viewer else None
        username, host = validation.remote_acct(name, self.accounts.host) or (validation.own_username(name, self.accounts.host), None)
        account = accounts.approved_by_username(cursor, username=username, host=host)
        return account.id if account else None

    def read_uses(self, cursor: Cursor, wanted: Sequence[Tag]) -> list[TagUse]:
        """Like `uses`, in a transaction."""
        starts = day_starts(self.now())
        rows = tags.usage(cursor, tags=[tag.id for tag in wanted], since=before_day(starts[-1]))
        return [TagUse(tag, recent_days(starts, [row[1:] for row in rows if row[0] == tag.id])) for tag in wanted]


def day_starts(now: datetime) -> list[int]:
    """Return the beginnings of the last days in UTC as Unix time, today first."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [int((today - timedelta(days=back)).timestamp()) for back in range(DAYS)]


def before_day(start: int) -> int:
    """Return the largest id from before a day."""
    return id_at(datetime.fromtimestamp(start, UTC)) - 1


def recent_days(starts: Sequence[int], rows: Iterable[tuple[int, int, int]]) -> tuple[TagDay, ...]:
    """Return the use on the days that begin at `starts`, from rows of days since 1970, people and posts."""
    used = {day * 86_400: (people, posts) for day, people, posts in rows}
    return tuple(TagDay(start, *used.get(start, (0, 0))) for start in starts)


def tag_prefix(query: str) -> str:
    """Return the folded beginning of a hashtag that is searched for, with or without `#`."""
    return post_text.tag_key(query[:MAX_QUERY_LENGTH].strip().removeprefix("#"))


def post_query(query: ParsedQuery, author: AccountId | None, not_authors: Sequence[AccountId]) -> search.PostQuery:
    """Return the database query. Hashtags are added to the words, because the word index narrows the result fast."""
    terms = [search.query_of(term.words, term.starts) for term in query.terms]
    if terms:
        terms += [search.query_of(*search_words.parts(word)) for key in query.tags for word in search_words.words_in(key)]
    return search.PostQuery(
        query=" & ".join(terms),
        without=[search.query_of(term.words, term.starts) for term in query.without],
        phrases=query.phrases,
        without_phrases=query.without_phrases,
        tags=query.tags,
        without_tags=query.without_tags,
        account=author,
        not_accounts=not_authors,
        has=query.has,
        has_not=query.has_not,
        languages=query.languages,
        not_languages=query.not_languages,
        among=query.among,
        here=query.here,
    )


def within(query: ParsedQuery, page: Page) -> Page:
    """Return the page restricted to the time range of the query."""
    highest = min((bound for bound in (query.before, page.max_id) if bound is not None), default=None)
    if query.after is None:
        return evolve(page, max_id=highest)
    if page.min_id is not None:
        return evolve(page, max_id=highest, min_id=max(query.after, page.min_id))
    return evolve(page, max_id=highest, since_id=max(query.after, page.since_id or 0))


def _local_path(url: str, base_url: str) -> str | None:
    """Return the path of a URL of this site, http or https; None for any other text."""
    try:
        parts = urlsplit(url.strip()[:2_048])
    except ValueError:
        return None
    is_local = parts.scheme in ("http", "https") and parts.netloc.lower() == urlsplit(base_url).netloc.lower()
    return parts.path if is_local else None
