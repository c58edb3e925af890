"""Renders lists of posts for a viewer: HTML is cached per post, the viewer's flags are added per request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.posts import Posts
from microblog.model.accounts import Viewer
from microblog.model.caches import CacheFigures, estimated_bytes
from microblog.model.filters import FilterContext, Match, is_hidden, warning_title
from microblog.model.ids import PostId
from microblog.model.posts import Post, PostFlags
from microblog.render.html.post_html import PostCounts, PostHtml, PostHtmlCache, PostVariant, articles, assemble, fold_behind_filters
from microblog.web.http.response_cache import ResponseCache

REMEMBERED = 5_000
NO_FLAGS = PostFlags()


@define
class PostRenderer:
    """Renders posts. Cached fragments are keyed by the version of the post and its author, so they are never stale."""

    fragments: PostHtmlCache
    posts: Posts
    sieves: FilterCache
    answers: ResponseCache
    remembered: int = REMEMBERED
    hits: int = 0
    misses: int = 0
    _kept: dict[PostId, tuple[str, PostHtml]] = field(factory=dict, init=False)

    def figures(self) -> CacheFigures:
        """Return the statistics of the fragment cache."""
        return CacheFigures("post_html", self.hits, self.misses, len(self._kept), estimated_bytes(self._kept.values()))

    async def of(self, viewer: Viewer | None, posts: Sequence[Post]) -> tuple[str, ...]:
        """Render posts in their order, for this viewer."""
        flags, now = await self.posts.flags(viewer, posts), self.posts.now()
        rows = [(self._fragment(post), PostCounts.of(post, now), flags.get(post.original.id, NO_FLAGS)) for post in posts]
        return articles(rows, viewer)

    async def listed(self, viewer: Viewer | None, posts: Sequence[Post], context: FilterContext) -> tuple[str, ...]:
        """Render posts with the viewer's filters applied: some are hidden, some shown behind a warning."""
        sifted = await self._sifted(viewer, posts, context)
        kept = [post for post in posts if not is_hidden(sifted[post.id], context)]
        return self._folded(kept, await self.of(viewer, kept), sifted, context)

    async def threaded(self, viewer: Viewer | None, posts: Sequence[Post]) -> tuple[str, ...]:
        """Render a thread, one article per post: hidden posts are shown behind a warning, so that replies keep their context."""
        return self._folded(
            posts, await self.of(viewer, posts), await self._sifted(viewer, posts, FilterContext.THREAD), FilterContext.THREAD
        )

    async def _sifted(self, viewer: Viewer | None, posts: Sequence[Post], context: FilterContext) -> Mapping[PostId, Sequence[Match]]:
        """Match each post against the viewer's filters."""
        sieve, now = (await self.sieves.of(viewer)).within(context), self.sieves.now()
        return {post.id: sieve.matches(post, now) for post in posts}

    def _folded(
        self, posts: Sequence[Post], made: Sequence[str], sifted: Mapping[PostId, Sequence[Match]], context: FilterContext
    ) -> tuple[str, ...]:
        titles = [warning_title(sifted[post.id], context) for post in posts]
        return tuple(fold_behind_filters(article, title) if title else article for article, title in zip(made, titles, strict=True))

    async def one(self, viewer: Viewer | None, post: Post) -> str:
        """Render a post."""
        return (await self.of(viewer, [post]))[0]

    def live(self, post: Post, member: bool, flags: PostFlags = NO_FLAGS) -> str:
        """Render a post for a stream: for all visitors, or for all members with the same `flags`."""
        return assemble(
            self._fragment(post), PostCounts.of(post, self.posts.now()), flags, PostVariant.STREAM if member else PostVariant.ANONYMOUS
        )

    def _fragment(self, post: Post) -> PostHtml:
        version = post.version + "/" + post.boost.version if post.boost else post.version
        kept = self._kept.pop(post.id, None)
        if kept is None or kept[0] != version:
            self.misses += 1
            kept = version, self._made(post)
            if len(self._kept) >= self.remembered:
                del self._kept[next(iter(self._kept))]
        else:
            self.hits += 1
        self._kept[post.id] = kept
        return kept[1]

    def _made(self, post: Post) -> PostHtml:
        return self.fragments.boosted(post, self._fragment(post.boost)) if post.boost else self.fragments.of(post)
