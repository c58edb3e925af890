"""Tags as something to follow, and to show on one's profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain.follows import require_account
from microblog.domain.search import SearchService
from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, RelationId, TagId
from microblog.model.paging import Page
from microblog.model.posts import Tag, TagUse
from microblog.model.profile_features import FeaturedTag, FollowedTag, TagFlags
from microblog.storage import events, followed_tags, tags
from microblog.storage.database import Cursor, Transactions

MOST_FEATURED = 10
MOST_FOLLOWED = 1_000
SUGGESTED = 10


@frozen
class HashtagService:
    """What people do with tags. Every method that takes a name raises NotFound for what can be no tag."""

    database: Transactions
    search: SearchService
    now: Callable[[], datetime]

    async def one(self, viewer: Viewer | None, name: str) -> TagUse:
        """The tag with its last days. One that stands only where the viewer may not look is like one that was never used."""
        key = _key(name)
        found = await self.database.read(tags.by_key, key=key, viewer=viewer.id if viewer else None)
        [use] = await self.search.uses(found or [Tag(TagId(0), key, name)])
        return use

    async def flags(self, viewer: Viewer | None, wanted: Sequence[Tag]) -> dict[str, TagFlags]:
        """How the viewer stands to the tags, by their keys; nothing for nobody."""
        if viewer is None or not wanted:
            return {}
        found = await self.database.read(followed_tags.flags, account=viewer.id, keys=[tag.key for tag in wanted])
        return {tag.key: found.get(tag.key, TagFlags()) for tag in wanted}

    async def follow(self, viewer: Viewer, name: str) -> None:
        """Show at home what is posted with the tag. Raises Invalid above the maximum."""
        await self.database.run(self._follow, viewer, _key(name), _bare(name))

    async def unfollow(self, viewer: Viewer, name: str) -> None:
        """Show it no more."""
        await self.database.run(self._unfollow, viewer, _key(name))

    async def followed(self, viewer: Viewer, page: Page) -> list[FollowedTag]:
        """What the viewer follows, the newest follow first."""
        return await self.database.read(followed_tags.followed, account=viewer.id, page=page)

    async def feature(self, viewer: Viewer, name: str) -> FeaturedTag:
        """Show the tag on one's profile. Raises Invalid above the maximum."""
        return await self.database.run(self._feature, viewer, _key(name), _bare(name))

    async def unfeature(self, viewer: Viewer, name: str) -> None:
        """Show it there no more."""
        await self.database.run(followed_tags.unfeature, account=viewer.id, key=_key(name))

    async def remove(self, viewer: Viewer, id: RelationId) -> None:
        """The same by the feature's own id. Raises NotFound."""
        if not await self.database.run(followed_tags.remove, account=viewer.id, id=id):
            raise NotFound

    async def featured(self, account: AccountId) -> list[FeaturedTag]:
        """The tags on somebody's profile. Raises NotFound if there is nobody."""
        return await self.database.read(_featured, account)

    async def suggested(self, viewer: Viewer) -> list[Tag]:
        """Tags that the viewer uses and might show."""
        return await self.database.read(followed_tags.used_by, account=viewer.id, limit=SUGGESTED)

    def _follow(self, cursor: Cursor, viewer: Viewer, key: str, name: str) -> None:
        if followed_tags.count_followed(cursor, account=viewer.id) >= MOST_FOLLOWED:
            raise Invalid({"base": f"You follow already the maximum number of tags ({MOST_FOLLOWED})"})
        tag = followed_tags.known(cursor, key=key, name=name, now=self.now())
        if followed_tags.follow(cursor, account=viewer.id, tag=tag, now=self.now()):
            events.record(cursor, EventKind.TAG_FOLLOWED, at=self.now(), account=viewer.id, data={"tag": key})

    def _unfollow(self, cursor: Cursor, viewer: Viewer, key: str) -> None:
        if followed_tags.unfollow(cursor, account=viewer.id, key=key):
            events.record(cursor, EventKind.TAG_UNFOLLOWED, at=self.now(), account=viewer.id, data={"tag": key})

    def _feature(self, cursor: Cursor, viewer: Viewer, key: str, name: str) -> FeaturedTag:
        there = followed_tags.count_featured(cursor, account=viewer.id)
        tag = followed_tags.known(cursor, key=key, name=name, now=self.now())
        if followed_tags.feature(cursor, account=viewer.id, tag=tag, now=self.now()) and there >= MOST_FEATURED:
            raise Invalid({"base": "You have already featured the maximum number of hashtags"})
        return next(one for one in followed_tags.featured(cursor, account=viewer.id) if one.tag.id == tag)


def _key(name: str) -> str:
    """The folded key of a tag. Raises NotFound for what can be none."""
    parsed = post_text.parse(f"#{_bare(name)}", "").tags
    if len(parsed) != 1 or parsed[0].name != _bare(name):
        raise NotFound
    return parsed[0].key


def _bare(name: str) -> str:
    """The name without the sign that people may type before it."""
    return name.removeprefix("#")


def _featured(cursor: Cursor, account: AccountId) -> list[FeaturedTag]:
    if require_account(cursor, account).suspended_at:
        return []
    return followed_tags.featured(cursor, account=account)
