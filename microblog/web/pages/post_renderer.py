"""Renders lists of posts for a viewer: HTML is cached per post, the viewer's flags are added per request.

Whole articles are cached for visitors, and for those members who are not the author and have not interacted with the post.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import define, field

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.caching.flags_cache import FlagsCache
from microblog.model.accounts import Viewer
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.filters import FilterContext, Match, is_hidden, warning_title
from microblog.model.ids import PostId
from microblog.model.posts import NO_FLAGS, Post, PostFlags
from microblog.render.html.post_html import (
    PostCounts,
    PostHtml,
    PostHtmlRenderer,
    PostVariant,
    assemble,
    collapse_behind_filters,
    variant_for,
)
from microblog.web.http.response_cache import ResponseCache

MAX_ENTRIES = 5_000
MAX_WHOLE = 2_000  # of each kind


@define(repr=False)
class PostRenderer:
    """Renders posts. Cached fragments are keyed by the version of the post and its author, so they are never stale."""

    html_renderer: PostHtmlRenderer
    flags: FlagsCache
    filters: FilterCache
    responses: ResponseCache
    capacity: int = MAX_ENTRIES
    hits: int = 0
    misses: int = 0
    _entries: dict[PostId, tuple[str, PostHtml]] = field(factory=dict, init=False)
    _for_members: dict[PostId, tuple[Post, str]] = field(factory=dict, init=False)
    _for_visitors: dict[PostId, tuple[Post, str]] = field(factory=dict, init=False)

    def figures(self) -> CacheFigures:
        """Return the statistics of the fragment cache."""
        memory = sum(estimated_bytes(cache.values()) for cache in (self._entries, self._for_members, self._for_visitors))
        return CacheFigures("post_html", self.hits, self.misses, len(self._entries), memory)

    async def of(self, viewer: Viewer | None, posts: Sequence[Post]) -> tuple[str, ...]:
        """Render posts in their order, for this viewer."""
        flags, now = await self.flags.of(viewer, posts), self.filters.now()
        return tuple(self._article(post, viewer, flags.get((post.boost or post).id, NO_FLAGS), now) for post in posts)

    def _article(self, post: Post, viewer: Viewer | None, flags: PostFlags, now: datetime) -> str:
        """Return the article for this viewer. A cached post is the same object for as long as nothing about it changes."""
        original = post.boost or post
        if flags is not NO_FLAGS or original.poll is not None or (viewer is not None and viewer.id == original.author.id):
            fragment = self._fragment(post)
            return assemble(fragment, PostCounts.of(post, now), flags, variant_for(fragment, viewer))
        cache = self._for_visitors if viewer is None else self._for_members
        whole = cache.pop(post.id, None)
        if whole is None or whole[0] is not post:
            fragment = self._fragment(post)
            whole = post, assemble(fragment, PostCounts.of(post), flags, variant_for(fragment, viewer))
        else:
            self.hits += 1
        cache[post.id] = whole
        if len(cache) > min(MAX_WHOLE, self.capacity):
            del cache[next(iter(cache))]
        return whole[1]

    async def filtered(self, viewer: Viewer | None, posts: Sequence[Post], context: FilterContext) -> tuple[str, ...]:
        """Render posts with the viewer's filters applied: some are hidden, some shown behind a warning."""
        if not (await self.filters.of(viewer)).filters:
            return await self.of(viewer, posts)
        matches = await self._matches(viewer, posts, context)
        entry = [post for post in posts if not is_hidden(matches[post.id], context)]
        return self._collapsed(entry, await self.of(viewer, entry), matches, context)

    async def threaded(self, viewer: Viewer | None, posts: Sequence[Post]) -> tuple[str, ...]:
        """Render a thread, one article per post: hidden posts are shown behind a warning, so that replies keep their context."""
        return self._collapsed(
            posts, await self.of(viewer, posts), await self._matches(viewer, posts, FilterContext.THREAD), FilterContext.THREAD
        )

    async def _matches(self, viewer: Viewer | None, posts: Sequence[Post], context: FilterContext) -> Mapping[PostId, Sequence[Match]]:
        """Match each post against the viewer's filters."""
        filter_set, now = (await self.filters.of(viewer)).within(context), self.filters.now()
        return {post.id: filter_set.matches(post, now) for post in posts}

    def _collapsed(
        self, posts: Sequence[Post], rendered: Sequence[str], matches: Mapping[PostId, Sequence[Match]], context: FilterContext
    ) -> tuple[str, ...]:
        titles = [warning_title(matches[post.id], context) for post in posts]
        return tuple(collapse_behind_filters(article, title) if title else article for article, title in zip(rendered, titles, strict=True))

    async def one(self, viewer: Viewer | None, post: Post) -> str:
        """Render a post."""
        return (await self.of(viewer, [post]))[0]

    def streamed(self, post: Post, member: bool, flags: PostFlags = NO_FLAGS) -> str:
        """Render a post for a stream: for all visitors, or for all members with the same `flags`."""
        return assemble(
            self._fragment(post), PostCounts.of(post, self.filters.now()), flags, PostVariant.STREAM if member else PostVariant.ANONYMOUS
        )

    def _fragment(self, post: Post) -> PostHtml:
        version = post.version + "/" + post.boost.version if post.boost else post.version
        entry = self._entries.pop(post.id, None)
        if entry is None or entry[0] != version:
            self.misses += 1
            entry = version, self._render(post)
        else:
            self.hits += 1
        self._entries[post.id] = entry
        if len(self._entries) > self.capacity:
            del self._entries[next(iter(self._entries))]
        return entry[1]

    def _render(self, post: Post) -> PostHtml:
        return self.html_renderer.boosted(post, self._fragment(post.boost)) if post.boost else self.html_renderer.of(post)
