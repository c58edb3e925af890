"""Filters of keywords and posts, and matching them against a post.

Texts are normalized (NFKC, then case-folded) and matched by plain substring search: time is linear in the post, whatever the filter. A
post is normalized once for all accounts, and matched once per account, however many of its streams show it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from attrs import evolve, field, frozen

from microblog.model.ids import AccountId, FilterId, KeywordId, PostId, RelationId
from microblog.model.posts import Post
from microblog.model.word_borders import mark_boundaries, strip_invisible_prefix, whole_word_pattern


class FilterContext(StrEnum):
    """A place in which a filter applies."""

    HOME = "home"
    NOTIFICATIONS = "notifications"
    PUBLIC = "public"
    THREAD = "thread"
    ACCOUNT = "account"


class FilterAction(StrEnum):
    """Effect on a matching post: collapsed behind a warning, hidden, or only its media blurred."""

    WARN = "warn"
    HIDE = "hide"
    BLUR = "blur"


def fold(text: str) -> str:
    """Normalize a text for comparison."""
    return unicodedata.normalize("NFKC", text).casefold()


@frozen
class SearchText:
    """The normalized text of a post, and the same with marked word boundaries."""

    text: str
    marked: str


@frozen
class Keyword:
    """A keyword of a filter. With `whole_word` it does not match a part of a longer word."""

    id: KeywordId
    keyword: str
    whole_word: bool = True
    pattern: str = field(init=False, eq=False, repr=False)

    @pattern.default
    def _pattern(self) -> str:
        visible = strip_invisible_prefix(fold(self.keyword))
        return whole_word_pattern(visible) if self.whole_word else visible

    def matches(self, searched: SearchText) -> bool:
        """True if the text contains the keyword."""
        return self.pattern in (searched.marked if self.whole_word else searched.text)


@frozen
class FilteredPost:
    """A single post that a filter matches by id."""

    id: RelationId
    post: PostId


@frozen
class Filter:
    """A filter of one account."""

    id: FilterId
    title: str
    contexts: tuple[FilterContext, ...]
    action: FilterAction = FilterAction.WARN
    expires_at: datetime | None = None
    keywords: tuple[Keyword, ...] = ()
    posts: tuple[FilteredPost, ...] = ()

    def is_active(self, now: datetime) -> bool:
        """True until the filter expires."""
        return self.expires_at is None or self.expires_at > now


@frozen
class Match:
    """A filter that matches a post, with the matching keywords as typed and the matching post ids."""

    filter: Filter
    keywords: tuple[str, ...] = ()
    posts: tuple[PostId, ...] = ()


@frozen
class FilterSet:
    """The filters of the account `owner`, ready for matching."""

    filters: tuple[Filter, ...] = ()
    owner: AccountId | None = None
    _last_result: list[tuple[Post, datetime, tuple[Match, ...]]] = field(factory=list, init=False, eq=False, repr=False)

    def matches(self, post: Post, now: datetime) -> tuple[Match, ...]:
        """Return the filters of all contexts that match the post or what it boosts.

        The owner's own posts and boosts never match. The result for the last post is cached.
        """
        if not self.filters or self.owner in (post.author.id, post.original.author.id):
            return ()
        if self._last_result and self._last_result[0][0] is post and self._last_result[0][1] == now:
            return self._last_result[0][2]
        searched = post_search_text(post.original)
        found = (_match(one, post.original.id, searched) for one in self.filters if one.is_active(now))
        result = tuple(match for match in found if match is not None)
        self._last_result[:] = [(post, now, result)]
        return result

    def next_end(self, now: datetime) -> datetime | None:
        """Return when the next of the active filters expires; None if none does."""
        return min((one.expires_at for one in self.filters if one.expires_at is not None and one.is_active(now)), default=None)

    def shown(self, post: Post, context: FilterContext, now: datetime) -> Post | None:
        """Return the post, or None if it is hidden.

        Titles of warning filters become its content warning, for outputs that cannot collapse a post.
        """
        matches = self.matches(post, now)
        if is_hidden(matches, context):
            return None
        title = warning_title(matches, context)
        return evolve(post, spoiler=title) if title else post

    def within(self, context: FilterContext) -> FilterSet:
        """Return only the filters of this context."""
        return FilterSet(tuple(one for one in self.filters if context in one.contexts), self.owner) if self.filters else self

    def hiding(self, context: FilterContext) -> FilterSet:
        """Return only the filters that hide posts in this context."""
        if not self.filters:
            return self
        return FilterSet(tuple(one for one in self.filters if one.action is FilterAction.HIDE and context in one.contexts), self.owner)


NO_FILTERS = FilterSet()


def post_search_text(post: Post) -> SearchText:
    """Return the searchable text of a post: content warning, text, poll options, descriptions of media."""
    options = post.poll.options if post.poll else ()
    return search_text("\n\n".join((post.spoiler, post.text, *options, *(one.description for one in post.media))))


@lru_cache(256)
def search_text(text: str) -> SearchText:
    """Normalize a text for keyword matching."""
    plain = fold(text)
    return SearchText(plain, mark_boundaries(plain))


def _match(one: Filter, post: PostId, searched: SearchText) -> Match | None:
    text, marked = searched.text, searched.marked
    keywords = tuple(word.keyword for word in one.keywords if word.pattern in (marked if word.whole_word else text))
    posts = tuple(chosen.post for chosen in one.posts if chosen.post == post)
    return Match(one, keywords, posts) if keywords or posts else None


def warning_title(matches: Iterable[Match], context: FilterContext) -> str:
    """Return the titles of the matches that collapse the post in this context; empty if none does."""
    applying = (match.filter for match in matches if context in match.filter.contexts)
    return ", ".join(one.title for one in applying if one.action is not FilterAction.BLUR)


def is_hidden(matches: Iterable[Match], context: FilterContext) -> bool:
    """True if one of the matches hides the post in this context."""
    return any(match.filter.action is FilterAction.HIDE and context in match.filter.contexts for match in matches)
