"""Filters: words and posts that somebody does not want to see unasked, and finding them in a post. Pure.

Texts are compared folded (NFKC, then case), by plain search: linear in the post, whatever was typed as a filter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from attrs import evolve, field, frozen

from microblog.model.ids import FilterId, KeywordId, PostId, RelationId
from microblog.model.posts import Post


class Context(StrEnum):
    """Where a filter counts."""

    HOME = "home"
    NOTIFICATIONS = "notifications"
    PUBLIC = "public"
    THREAD = "thread"
    ACCOUNT = "account"


class Action(StrEnum):
    """What becomes of a post: folded behind a warning, left out, or only its media blurred."""

    WARN = "warn"
    HIDE = "hide"
    BLUR = "blur"


def folded(text: str) -> str:
    """The form in which texts are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


@frozen
class Keyword:
    """Something that a post may say. With `whole_word` it must not be a part of a longer word."""

    id: KeywordId
    keyword: str
    whole_word: bool = True
    sought: str = field(init=False, eq=False, repr=False)

    @sought.default
    def _sought(self) -> str:
        return folded(self.keyword)

    def found_in(self, text: str) -> bool:
        """True if the folded text says it."""
        if not self.whole_word:
            return self.sought in text
        at = text.find(self.sought)
        while at >= 0:
            if self._stands_alone(text, at):
                return True
            at = text.find(self.sought, at + 1)
        return False

    def _stands_alone(self, text: str, at: int) -> bool:
        """A border counts only where the keyword itself has a letter: `#tea` is found in `my#tea`."""
        end = at + len(self.sought)
        before = at > 0 and _is_word(self.sought[0]) and _is_word(text[at - 1])
        after = end < len(text) and _is_word(self.sought[-1]) and _is_word(text[end])
        return not (before or after)


@frozen
class Chosen:
    """A single post that a filter is about."""

    id: RelationId
    post: PostId


@frozen
class Filter:
    """One filter of somebody."""

    id: FilterId
    title: str
    contexts: tuple[Context, ...]
    action: Action = Action.WARN
    expires_at: datetime | None = None
    keywords: tuple[Keyword, ...] = ()
    posts: tuple[Chosen, ...] = ()

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
class Sieve:
    """Somebody's filters, ready to be held against posts."""

    filters: tuple[Filter, ...] = ()

    def matches(self, post: Post, now: datetime) -> tuple[Match, ...]:
        """The filters that the post, or what it boosts, falls under, wherever they count. Their own posts are no exception."""
        if not self.filters:
            return ()
        original = post.original
        text = folded(searched(original))
        found = (_match(one, original.id, text) for one in self.filters if one.counts_at(now))
        return tuple(match for match in found if match is not None)

    def shown(self, post: Post, context: Context, now: datetime) -> Post | None:
        """The post as it is told there where nobody can unfold it: behind the filters' names where they warn, None where they hide."""
        matches = self.matches(post, now)
        if is_hidden(matches, context):
            return None
        title = warning(matches, context)
        return evolve(post, spoiler=title) if title else post

    def within(self, context: Context) -> Sieve:
        """Those of the filters that count there."""
        return Sieve(tuple(one for one in self.filters if context in one.contexts)) if self.filters else self

    def hiding(self, context: Context) -> Sieve:
        """Those of the filters by which posts are left out there."""
        return Sieve(tuple(one for one in self.filters if one.action is Action.HIDE and context in one.contexts))


NOTHING = Sieve()


def searched(post: Post) -> str:
    """All that a post says, for filters."""
    return f"{post.spoiler}\n\n{post.text}"


def _match(one: Filter, post: PostId, text: str) -> Match | None:
    keywords = tuple(keyword.keyword for keyword in one.keywords if keyword.found_in(text))
    posts = tuple(chosen.post for chosen in one.posts if chosen.post == post)
    return Match(one, keywords, posts) if keywords or posts else None


def warning(matches: Iterable[Match], context: Context) -> str:
    """The titles of those that fold the post there; empty if none does."""
    counting = (match.filter for match in matches if context in match.filter.contexts)
    return ", ".join(one.title for one in counting if one.action is not Action.BLUR)


def is_hidden(matches: Iterable[Match], context: Context) -> bool:
    """True if one of them leaves the post out there."""
    return any(match.filter.action is Action.HIDE and context in match.filter.contexts for match in matches)
