"""Filters of the viewer: keywords and single posts that are hidden or marked with a warning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import evolve, frozen

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.posts import visible_post
from microblog.domain.text import post_text
from microblog.domain.validation import ValidationErrors
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.filters import Filter, FilterAction, FilterContext, FilteredPost, Keyword
from microblog.model.ids import FilterId, KeywordId, PostId, RelationId
from microblog.storage import events, filters
from microblog.storage.database import Cursor, Transactions

MAX_TITLE_LENGTH = 256
MAX_KEYWORD_LENGTH = 256
MAX_FILTERS = 100
MAX_KEYWORDS = 200  # of one filter
MAX_TOTAL_KEYWORDS = 1_000  # of all filters of an account: each is matched against each post
MAX_POSTS = 500  # of one filter
MAX_LIFETIME_S = 10 * 365 * 24 * 3600
UNWANTED_CONTEXT = "Context None or invalid context supplied"
SEVERAL_KEYWORDS = "This filter has several keywords or posts. Use an app that supports filters with several keywords to change it."

T = TypeVar("T")


@frozen
class KeywordDraft:
    """A new keyword, or with `id` a change to an existing one: None leaves a value unchanged, `removed` deletes the keyword."""

    keyword: str | None = None
    whole_word: bool | None = None
    id: KeywordId | None = None
    removed: bool = False


@frozen
class FilterDraft:
    """A new filter or a change to one; None leaves a value unchanged. `expires_in`: seconds from now, only used with `expiry`."""

    title: str | None = None
    contexts: Sequence[str] | None = None
    action: str | None = None
    expiry: bool = False
    expires_in: int | None = None
    keywords: Sequence[KeywordDraft] = ()


@frozen
class Filters:
    """The viewer's filters. All methods raise NotFound for filters of others."""

    database: Transactions
    filter_cache: FilterCache
    now: Callable[[], datetime]

    async def of(self, viewer: Viewer) -> list[Filter]:
        """Return all filters, oldest first, including expired ones."""
        return await self.database.read(filters.of_account, account=viewer.id)

    async def one(self, viewer: Viewer, id: FilterId) -> Filter:
        """Return one filter."""
        return await self.database.read(_own, viewer, id)

    async def with_keyword(self, viewer: Viewer, id: KeywordId) -> tuple[Filter, Keyword]:
        """Return a keyword with its filter."""
        return await self.database.read(_of_keyword, viewer, id)

    async def with_post(self, viewer: Viewer, id: RelationId) -> tuple[Filter, FilteredPost]:
        """Return a filtered post with its filter."""
        return await self.database.read(_of_post, viewer, id)

    async def create(self, viewer: Viewer, draft: FilterDraft) -> Filter:
        """Create a filter. Raise Invalid (fields title, context, filter_action, expires_in, keyword, base)."""
        return await self._do(viewer, self._make, draft)

    async def change(self, viewer: Viewer, id: FilterId, draft: FilterDraft, *, single: bool = False) -> Filter:
        """Change a filter. Raise Invalid as `create` does; with `single`, also if the filter has more than one keyword or post."""
        return await self._do(viewer, self._change, id, draft, single)

    async def delete(self, viewer: Viewer, id: FilterId) -> None:
        """Delete a filter."""
        await self._do(viewer, self._delete, id)

    async def add_keyword(self, viewer: Viewer, id: FilterId, draft: KeywordDraft) -> Keyword:
        """Add a keyword. Raise Invalid (fields keyword, base)."""
        return await self._do(viewer, self._add_keyword, id, draft)

    async def change_keyword(self, viewer: Viewer, id: KeywordId, draft: KeywordDraft) -> Keyword:
        """Change a keyword. Raise Invalid."""
        return await self._do(viewer, self._change_keyword, id, draft)

    async def remove_keyword(self, viewer: Viewer, id: KeywordId, *, filter_too: bool = False) -> None:
        """Remove a keyword. With `filter_too`, delete the filter together with its last keyword."""
        await self._do(viewer, self._remove_keyword, id, filter_too)

    async def add_post(self, viewer: Viewer, id: FilterId, post: PostId) -> FilteredPost:
        """Add a post that the viewer may see. Raise Invalid if it is already in the filter."""
        return await self._do(viewer, self._add_post, id, post)

    async def remove_post(self, viewer: Viewer, id: RelationId) -> None:
        """Remove a post."""
        await self._do(viewer, self._remove_post, id)

    async def _do(self, viewer: Viewer, command: Callable[..., T], *args: object) -> T:
        """Run a command and record the change for streams, in one transaction."""

        def run_and_record(cursor: Cursor) -> T:
            result = command(cursor, viewer, *args)
            events.record(cursor, EventKind.FILTERS_CHANGED, at=self.now(), account=viewer.id)
            return result

        return await self.database.run(run_and_record)

    def _make(self, cursor: Cursor, viewer: Viewer, draft: FilterDraft) -> Filter:
        if filters.count(cursor, account=viewer.id) >= MAX_FILTERS:
            raise Invalid({"base": f"You already have the maximum number of filters ({MAX_FILTERS})"})
        new_filter = self._validated(Filter(FilterId(0), "", ()), draft)
        id = filters.insert(cursor, new_filter, account=viewer.id, now=self.now())
        return self._with_keywords(cursor, viewer, id, draft)

    def _change(self, cursor: Cursor, viewer: Viewer, id: FilterId, draft: FilterDraft, single: bool) -> Filter:
        before = _own(cursor, viewer, id)
        after = self._validated(before, draft)
        if single and len(before.keywords) + len(before.posts) > 1 and evolve(after, title=before.title) != before:
            raise Invalid({"base": SEVERAL_KEYWORDS})
        filters.update(cursor, after)
        return self._with_keywords(cursor, viewer, id, draft)

    def _with_keywords(self, cursor: Cursor, viewer: Viewer, id: FilterId, draft: FilterDraft) -> Filter:
        existing = {keyword.id: keyword for keyword in _own(cursor, viewer, id).keywords}
        removed = sum(wanted.removed and wanted.id in existing for wanted in draft.keywords)
        new = sum(wanted.id is None and not wanted.removed for wanted in draft.keywords)
        _check_keyword_limits(cursor, viewer, within=len(existing) - removed, removed=removed, new=new)
        for wanted in draft.keywords:
            if wanted.id is None:
                if not wanted.removed:
                    self._new_keyword(cursor, id, wanted)
            elif wanted.id not in existing:
                raise NotFound
            elif wanted.removed:
                filters.remove_keyword(cursor, id=wanted.id)
            else:
                filters.change_keyword(cursor, _validated_keyword(existing[wanted.id], wanted))
        return _own(cursor, viewer, id)

    def _delete(self, cursor: Cursor, viewer: Viewer, id: FilterId) -> None:
        if not filters.delete(cursor, account=viewer.id, id=id):
            raise NotFound

    def _add_keyword(self, cursor: Cursor, viewer: Viewer, id: FilterId, draft: KeywordDraft) -> Keyword:
        _check_keyword_limits(cursor, viewer, within=len(_own(cursor, viewer, id).keywords), removed=0, new=1)
        return self._new_keyword(cursor, id, draft)

    def _new_keyword(self, cursor: Cursor, id: FilterId, draft: KeywordDraft) -> Keyword:
        keyword = _validated_keyword(Keyword(KeywordId(0), ""), draft)
        new_id = filters.add_keyword(cursor, filter=id, keyword=keyword.keyword, whole_word=keyword.whole_word, now=self.now())
        return evolve(keyword, id=new_id)

    def _change_keyword(self, cursor: Cursor, viewer: Viewer, id: KeywordId, draft: KeywordDraft) -> Keyword:
        keyword = _validated_keyword(_of_keyword(cursor, viewer, id)[1], draft)
        filters.change_keyword(cursor, keyword)
        return keyword

    def _remove_keyword(self, cursor: Cursor, viewer: Viewer, id: KeywordId, filter_too: bool) -> None:
        within, _ = _of_keyword(cursor, viewer, id)
        if filter_too and len(within.keywords) + len(within.posts) == 1:
            filters.delete(cursor, account=viewer.id, id=within.id)
        else:
            filters.remove_keyword(cursor, id=id)

    def _add_post(self, cursor: Cursor, viewer: Viewer, id: FilterId, post: PostId) -> FilteredPost:
        if len(_own(cursor, viewer, id).posts) >= MAX_POSTS:
            raise Invalid({"base": f"A filter has at most {MAX_POSTS} posts"})
        original = visible_post(cursor, post, viewer).original.id
        row_id = filters.add_post(cursor, filter=id, post=original, now=self.now())
        if row_id is None:
            raise Invalid({"status": "Status has already been taken"}, codes={"status": "ERR_TAKEN"})
        return FilteredPost(row_id, original)

    def _remove_post(self, cursor: Cursor, viewer: Viewer, id: RelationId) -> None:
        _of_post(cursor, viewer, id)
        filters.remove_post(cursor, id=id)

    def _validated(self, before: Filter, draft: FilterDraft) -> Filter:
        """The filter with the draft's changes, except keywords. Raise Invalid with all errors."""
        errors = ValidationErrors()
        title = before.title if draft.title is None else errors.collect(lambda: _title(draft.title or ""), "")
        if post_text.is_blank(title):
            errors.add("title", "Title can't be blank", "ERR_BLANK")
        values = dict.fromkeys(draft.contexts if draft.contexts is not None else before.contexts)
        if not values or not set(values) <= set(FilterContext):
            errors.add("context", UNWANTED_CONTEXT, "ERR_INCLUSION")
        action = draft.action or before.action
        if action not in set(FilterAction):
            errors.add("filter_action", "Filter action is not included in the list", "ERR_INCLUSION")
        expires_at = errors.collect(lambda: self._expiry(draft), None) if draft.expiry else before.expires_at
        errors.raise_if_any()
        contexts = tuple(context for context in FilterContext if context in values)
        return evolve(before, title=title, contexts=contexts, action=FilterAction(action), expires_at=expires_at)

    def _expiry(self, draft: FilterDraft) -> datetime | None:
        if draft.expires_in is None:
            return None
        if not 0 <= draft.expires_in <= MAX_LIFETIME_S:
            raise Invalid({"expires_in": "Expires in is not included in the list"}, codes={"expires_in": "ERR_INCLUSION"})
        return self.now() + timedelta(seconds=draft.expires_in)


def _title(text: str) -> str:
    title = post_text.clean_line(text[: 2 * MAX_TITLE_LENGTH], "title")
    if len(title) > MAX_TITLE_LENGTH:
        raise Invalid({"title": f"Title is too long (maximum is {MAX_TITLE_LENGTH} characters)"}, codes={"title": "ERR_TOO_LONG"})
    return title


def _validated_keyword(before: Keyword, draft: KeywordDraft) -> Keyword:
    keyword = before.keyword if draft.keyword is None else post_text.clean_line(draft.keyword[: 2 * MAX_KEYWORD_LENGTH], "keyword")
    if post_text.is_blank(keyword):
        raise Invalid({"keyword": "Keyword can't be blank"}, codes={"keyword": "ERR_BLANK"})
    if len(keyword) > MAX_KEYWORD_LENGTH:
        message = f"Keyword is too long (maximum is {MAX_KEYWORD_LENGTH} characters)"
        raise Invalid({"keyword": message}, codes={"keyword": "ERR_TOO_LONG"})
    return Keyword(before.id, keyword, before.whole_word if draft.whole_word is None else draft.whole_word)


def _check_keyword_limits(cursor: Cursor, viewer: Viewer, *, within: int, removed: int, new: int) -> None:
    """Raise Invalid if `new` keywords exceed the limit of the filter, which has `within`, or of the account, after removing `removed`."""
    if new and within + new > MAX_KEYWORDS:
        raise Invalid({"base": f"A filter has at most {MAX_KEYWORDS} keywords"})
    if new and filters.count_keywords(cursor, account=viewer.id) - removed + new > MAX_TOTAL_KEYWORDS:
        raise Invalid({"base": f"All filters together have at most {MAX_TOTAL_KEYWORDS:,} keywords"})


def _own(cursor: Cursor, viewer: Viewer, id: FilterId) -> Filter:
    found = filters.by_id(cursor, account=viewer.id, id=id)
    if found is None:
        raise NotFound
    return found


def _of_keyword(cursor: Cursor, viewer: Viewer, id: KeywordId) -> tuple[Filter, Keyword]:
    found = filters.of_keyword(cursor, account=viewer.id, keyword=id)
    for keyword in found.keywords if found else ():
        if found and keyword.id == id:
            return found, keyword
    raise NotFound


def _of_post(cursor: Cursor, viewer: Viewer, id: RelationId) -> tuple[Filter, FilteredPost]:
    found = filters.of_post(cursor, account=viewer.id, filter_post=id)
    for chosen in found.posts if found else ():
        if found and chosen.id == id:
            return found, chosen
    raise NotFound
