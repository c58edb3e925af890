"""Followed hashtags, and hashtags featured on profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.follows import require_account
from microblog.domain.search import SearchService, tag_prefix
from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, RelationId, TagId
from microblog.model.paging import Page
from microblog.model.posts import Tag, TagUse
from microblog.model.profile_features import MAX_FEATURED_TAGS, FeaturedTag, FollowedTag, TagFlags, TagForViewer
from microblog.storage import events, followed_tags, tags
from microblog.storage.database import Cursor, Transactions

MAX_FOLLOWED = 1_000
SUGGESTED = 10


@frozen
class HashtagService:
    """The commands about hashtags. Every method that takes a name raises NotFound if it is not a valid hashtag."""

    database: Transactions
    search: SearchService
    now: Callable[[], datetime]

    async def one(self, viewer: Viewer | None, name: str) -> TagUse:
        """Return the hashtag with its recent use. A hashtag used only in posts hidden from the viewer looks unused."""
        key = _key(name)
        found = await self.database.read(tags.by_key, key=key, viewer=viewer.id if viewer else None)
        [use] = await self.search.uses(found or [Tag(TagId(0), key, name)])
        return use

    async def found(self, viewer: Viewer | None, query: str, *, limit: int, offset: int = 0) -> list[TagForViewer]:
        """Return the hashtags of `SearchService.tags` with their recent use and the viewer's flags."""
        prefix = tag_prefix(query)
        return await self.database.read(self._found, viewer, prefix, limit, offset) if prefix else []

    def found_dependencies(self, viewer: Viewer | None, query: str) -> CacheDependencies:
        """Return the cache dependencies of what `found` returns. Its days begin at midnight, UTC."""
        prefix = tag_prefix(query)
        if len(prefix) < cache_keys.HASHTAG_CHARACTERS:
            return cache_keys.NEVER_CACHED
        tomorrow = self.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        viewer_keys = [cache_keys.of_viewer_state(viewer.id)] if viewer else []
        return CacheDependencies(frozenset((cache_keys.of_hashtags(prefix), *viewer_keys)), tomorrow)

    async def flags(self, viewer: Viewer | None, wanted: Sequence[Tag]) -> dict[str, TagFlags]:
        """Return the viewer's flags (followed, featured) of the hashtags by key; empty for an anonymous viewer."""
        if viewer is None or not wanted:
            return {}
        found = await self.database.read(followed_tags.flags, account=viewer.id, keys=[tag.key for tag in wanted])
        return {tag.key: found.get(tag.key, TagFlags()) for tag in wanted}

    async def follow(self, viewer: Viewer, name: str) -> None:
        """Follow the hashtag. Raises Invalid above the maximum."""
        await self.database.run(self._follow, viewer, _key(name), _bare(name))

    async def unfollow(self, viewer: Viewer, name: str) -> None:
        """Stop following the hashtag."""
        await self.database.run(self._unfollow, viewer, _key(name))

    async def followed(self, viewer: Viewer, page: Page) -> list[FollowedTag]:
        """Return the followed hashtags, newest follow first."""
        return await self.database.read(followed_tags.followed, account=viewer.id, page=page)

    async def feature(self, viewer: Viewer, name: str) -> FeaturedTag:
        """Feature the hashtag on the viewer's profile. Raises Invalid above the maximum."""
        return await self.database.run(self._feature, viewer, _key(name), _bare(name))

    async def unfeature(self, viewer: Viewer, name: str) -> None:
        """Stop featuring the hashtag."""
        await self.database.run(self._unfeature, viewer, _key(name))

    async def remove(self, viewer: Viewer, id: RelationId) -> None:
        """Stop featuring a hashtag, by the feature's own id. Raises NotFound."""
        await self.database.run(self._remove, viewer, id)

    async def featured(self, account: AccountId) -> list[FeaturedTag]:
        """Return the hashtags featured on a profile. Raises NotFound."""
        return await self.database.read(_featured, account)

    async def suggested(self, viewer: Viewer) -> list[Tag]:
        """Return hashtags that the viewer uses and might feature."""
        return await self.database.read(followed_tags.used_by, account=viewer.id, limit=SUGGESTED)

    def _found(self, cursor: Cursor, viewer: Viewer | None, prefix: str, limit: int, offset: int) -> list[TagForViewer]:
        found = tags.by_prefix(cursor, prefix=prefix, viewer=viewer.id if viewer else None, limit=limit, offset=offset)
        uses = self.search.read_uses(cursor, found) if found else []
        if viewer is None:
            return [TagForViewer(use, None) for use in uses]
        flags = followed_tags.flags(cursor, account=viewer.id, keys=[tag.key for tag in found]) if found else {}
        return [TagForViewer(use, flags.get(use.tag.key, TagFlags())) for use in uses]

    def _follow(self, cursor: Cursor, viewer: Viewer, key: str, name: str) -> None:
        if followed_tags.count_followed(cursor, account=viewer.id) >= MAX_FOLLOWED:
            raise Invalid({"base": f"You already follow the maximum number of hashtags ({MAX_FOLLOWED})"})
        tag = followed_tags.get_or_create(cursor, key=key, name=name, now=self.now())
        if followed_tags.follow(cursor, account=viewer.id, tag=tag, now=self.now()):
            events.record(cursor, EventKind.TAG_FOLLOWED, at=self.now(), account=viewer.id, data={"tag": key})

    def _unfollow(self, cursor: Cursor, viewer: Viewer, key: str) -> None:
        if followed_tags.unfollow(cursor, account=viewer.id, key=key):
            events.record(cursor, EventKind.TAG_UNFOLLOWED, at=self.now(), account=viewer.id, data={"tag": key})

    def _feature(self, cursor: Cursor, viewer: Viewer, key: str, name: str) -> FeaturedTag:
        count = followed_tags.count_featured(cursor, account=viewer.id)
        tag = followed_tags.get_or_create(cursor, key=key, name=name, now=self.now())
        is_new = followed_tags.feature(cursor, account=viewer.id, tag=tag, now=self.now())
        if is_new and count >= MAX_FEATURED_TAGS:
            raise Invalid({"base": "You have already featured the maximum number of hashtags"})
        found = next(one for one in followed_tags.featured(cursor, account=viewer.id) if one.tag.id == tag)
        if is_new:
            self._record(cursor, EventKind.TAG_FEATURED, viewer, found.tag)
        return found

    def _unfeature(self, cursor: Cursor, viewer: Viewer, key: str) -> None:
        if tag := followed_tags.unfeature(cursor, account=viewer.id, key=key):
            self._record(cursor, EventKind.TAG_UNFEATURED, viewer, tag)

    def _remove(self, cursor: Cursor, viewer: Viewer, id: RelationId) -> None:
        tag = followed_tags.unfeature_by_id(cursor, account=viewer.id, id=id)
        if tag is None:
            raise NotFound
        self._record(cursor, EventKind.TAG_UNFEATURED, viewer, tag)

    def _record(self, cursor: Cursor, kind: EventKind, viewer: Viewer, tag: Tag) -> None:
        events.record(cursor, kind, at=self.now(), account=viewer.id, data={"tag": tag.key, "name": tag.name})


def _key(name: str) -> str:
    """Return the folded key of a hashtag. Raises NotFound if it cannot be one."""
    parsed = post_text.parse(f"#{_bare(name)}", "").tags
    if len(parsed) != 1 or parsed[0].name != _bare(name):
        raise NotFound
    return parsed[0].key


def _bare(name: str) -> str:
    """Return the name without a leading `#`."""
    return name.removeprefix("#")


def _featured(cursor: Cursor, account: AccountId) -> list[FeaturedTag]:
    if require_account(cursor, account).suspended_at:
        return []
    return followed_tags.featured(cursor, account=account)
