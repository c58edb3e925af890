"""Serialization of posts for one viewer: shared JSON, with the viewer's own flags and filter results."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.caching.flags_cache import FlagsCache
from microblog.model.accounts import Viewer
from microblog.model.posts import NO_FLAGS, Post
from microblog.render.api.filters import encode_filter_results
from microblog.render.api.status_json import NO_FILTERS, StatusJsonCache, json_array
from microblog.web.http.sliced_encoding import map_in_slices


@frozen
class StatusSerializer:
    """Encodes posts as API JSON. Reads the flags of a page that are not cached in one query."""

    statuses: StatusJsonCache
    flags: FlagsCache
    filter_cache: FilterCache

    async def each(self, viewer: Viewer | None, posts: Sequence[Post]) -> list[bytes]:
        """Each post as JSON, in the given order, with the viewer's filters that match it."""
        flags, viewer_id = await self.flags.of(viewer, posts), viewer.id if viewer else None
        filter_set, now = await self.filter_cache.of(viewer), self.filter_cache.now()

        def encode(post: Post) -> bytes:
            filtered = encode_filter_results(filter_set.matches(post, now)) if filter_set.filters else NO_FILTERS
            return self.statuses.encoded(post, viewer_id, flags.get((post.boost or post).id, NO_FLAGS), filtered)

        return await map_in_slices(posts, encode)

    async def many(self, viewer: Viewer | None, posts: Sequence[Post]) -> bytes:
        """The posts as a JSON list."""
        return json_array(await self.each(viewer, posts))

    async def one(self, viewer: Viewer | None, post: Post) -> bytes:
        """One post as JSON."""
        return (await self.each(viewer, [post]))[0]
