"""Filters: words and posts that somebody does not want to see unasked, and finding them in a post. Pure.

Texts are compared folded (NFKC, then case), by plain search: linear in the post, whatever was typed as a filter. A post is folded once
for all accounts, and held once against an account's filters, however many of its streams the post goes to.
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
    """Where a filter counts."""

    HOME = "home"
    NOTIFICATIONS = "notifications"
    PUBLIC = "public"
    THREAD = "thread"
    ACCOUNT = "account"


class FilterAction(StrEnum):
    """What becomes of a post: folded behind a warning, left out, or only its media blurred."""

    WARN = "warn"
    HIDE = "hide"
    BLUR = "blur"


def fold(text: str) -> str:
    """The form in which texts are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


@frozen
class SearchText:
    """All that a post says: folded, and the same with the borders of its words."""

    text: str
    marked: str


@frozen
class Keyword:
    """Something that a post may say. With `whole_word` it must not be a part of a longer word."""

    id: KeywordId
    keyword: str
    whole_word: bool = True
    sought: str = field(init=False, eq=False, repr=False)

    @sought.default
    def _sought(self) -> str:
        seen = strip_invisible_prefix(fold(self.keyword))
        return whole_word_pattern(seen) if self.whole_word else seen

    def found_in(self, said: SearchText) -> bool:
        """True if the post says it."""
        return self.sought in (said.marked if self.whole_word else said.text)


@frozen
class FilteredPost:
    """A single post that a filter is about."""

    id: RelationId
    post: PostId


@frozen
class Filter:
    """One filter of somebody."""

    id: FilterId
    title: str
    contexts: tuple[FilterContext, ...]
    action: FilterAction = FilterAction.WARN
    expires_at: datetime | None = None
    keywords: tuple[Keyword, ...] = ()
    posts: tuple[FilteredPost, ...] = ()

    def counts_at(self, now: datetime) -> bool:
        """False once its time is over."""
        return self.expires_at is None or self.expires_at > now


@frozen
class Match:
    """A filter that a post falls under, and why: the keywords as they were typed, the posts that were chosen."""

    filter: Filter
    keywords: tuple[str, ...] = ()
    posts: tuple[PostId, ...] = ()


@frozen
class FilterSet:
    """The filters of the account `owner`, ready to be held against posts."""

    filters: tuple[Filter, ...] = ()
    owner: AccountId | None = None
    _newest: list[tuple[Post, datetime, tuple[Match, ...]]] = field(factory=list, init=False, eq=False, repr=False)

    def matches(self, post: Post, now: datetime) -> tuple[Match, ...]:
        """The filters that the post, or what it boosts, falls under, wherever they count.

        None for what the owner wrote or boosted. The answer for the post that was asked for last is remembered.
        """
        if not self.filters or self.owner in (post.author.id, post.original.author.id):
            return ()
        if self._newest and self._newest[0][0] is post and self._newest[0][1] == now:
            return self._newest[0][2]
        said = post_search_text(post.original)
        found = (_match(one, post.original.id, said) for one in self.filters if one.counts_at(now))
        result = tuple(match for match in found if match is not None)
        self._newest[:] = [(post, now, result)]
        return result

    def shown(self, post: Post, context: FilterContext, now: datetime) -> Post | None:
        """The post as it is told there where nobody can unfold it: behind the filters' names where they warn, None where they hide."""
        matches = self.matches(post, now)
        if is_hidden(matches, context):
            return None
        title = warning_title(matches, context)
        return evolve(post, spoiler=title) if title else post

    def within(self, context: FilterContext) -> FilterSet:
        """Those of the filters that count there."""
        return FilterSet(tuple(one for one in self.filters if context in one.contexts), self.owner) if self.filters else self

    def hiding(self, context: FilterContext) -> FilterSet:
        """Those of the filters by which posts are left out there."""
        return FilterSet(tuple(one for one in self.filters if one.action is FilterAction.HIDE and context in one.contexts), self.owner)


NO_FILTERS = FilterSet()


def post_search_text(post: Post) -> SearchText:
    """Its content warning, its text, the options of its poll, the descriptions of its media."""
    options = post.poll.options if post.poll else ()
    return search_text("\n\n".join((post.spoiler, post.text, *options, *(one.description for one in post.media))))


@lru_cache(256)
def search_text(text: str) -> SearchText:
    """A text as keywords are sought in it."""
    plain = fold(text)
    return SearchText(plain, mark_boundaries(plain))


def _match(one: Filter, post: PostId, said: SearchText) -> Match | None:
    text, borders = said.text, said.marked
    keywords = tuple(word.keyword for word in one.keywords if word.sought in (borders if word.whole_word else text))
    posts = tuple(chosen.post for chosen in one.posts if chosen.post == post)
    return Match(one, keywords, posts) if keywords or posts else None


def warning_title(matches: Iterable[Match], context: FilterContext) -> str:
    """The titles of those that fold the post there; empty if none does."""
    counting = (match.filter for match in matches if context in match.filter.contexts)
    return ", ".join(one.title for one in counting if one.action is not FilterAction.BLUR)


def is_hidden(matches: Iterable[Match], context: FilterContext) -> bool:
    """True if one of them leaves the post out there."""
    return any(match.filter.action is FilterAction.HIDE and context in match.filter.contexts for match in matches)
