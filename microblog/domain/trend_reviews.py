"""Decisions of moderators about hashtags, and about trending posts and links. Each is in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from microblog.domain import audit
from microblog.domain.search import SearchService
from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.cards import CardId
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import PostId, TagId
from microblog.model.paging import Page
from microblog.model.trends import LinkTrend, ReviewedTag, ReviewedTagUse, TagChanges
from microblog.storage import posts, reviewed_tags, trends
from microblog.storage.database import Cursor, Transactions

T = TypeVar("T")


@frozen
class TrendReviews:
    """Reads and changes what moderators decided. Callers check permissions; each method raises NotFound for an unknown id."""

    database: Transactions
    search: SearchService
    now: Callable[[], datetime]

    async def tags(self, page: Page) -> list[ReviewedTagUse]:
        """Return all hashtags with their recent use, newest first."""
        return await self.database.read(self._with_uses, page)

    async def tag(self, id: TagId) -> ReviewedTagUse:
        """Return a hashtag with its recent use."""
        return await self.database.read(self._tag, id)

    async def tag_named(self, name: str) -> ReviewedTagUse:
        """Return a hashtag by its name, with or without `#`."""
        return await self.database.read(self._tag_named, post_text.tag_key(name.strip().removeprefix("#")))

    async def update_tag(self, by: Viewer, id: TagId, changes: TagChanges) -> ReviewedTagUse:
        """Change a hashtag. Raises Invalid if the new name differs from the old one in more than upper and lower case."""
        return await self.database.run(self._update_tag, by, id, changes)

    async def review_tags(self, by: Viewer, ids: Sequence[TagId], changes: TagChanges) -> None:
        """Change several hashtags, or none of them."""
        await self.database.run(self._review_tags, by, ids, changes)

    async def review_posts(self, by: Viewer, ids: Sequence[PostId], *, approved: bool) -> None:
        """Let several public posts trend or not, or none of them."""
        await self.database.run(self._review_posts, by, ids, approved)

    async def review_links(self, by: Viewer, ids: Sequence[CardId], *, approved: bool) -> list[LinkTrend]:
        """Let several links trend or not, or none of them; return them, without their use."""
        return await self.database.run(self._review_links, by, ids, approved)

    def _with_uses(self, cursor: Cursor, page: Page) -> list[ReviewedTagUse]:
        return self._used(cursor, reviewed_tags.page_of(cursor, page=page))

    def _used(self, cursor: Cursor, found: Sequence[ReviewedTag]) -> list[ReviewedTagUse]:
        uses = self.search.read_uses(cursor, [one.tag for one in found]) if found else []
        return [ReviewedTagUse(*pair) for pair in zip(found, uses, strict=True)]

    def _tag(self, cursor: Cursor, id: TagId) -> ReviewedTagUse:
        return self._used(cursor, [_only(reviewed_tags.by_id(cursor, id=id))])[0]

    def _tag_named(self, cursor: Cursor, key: str) -> ReviewedTagUse:
        return self._used(cursor, [_only(reviewed_tags.by_key(cursor, key=key))])[0]

    def _update_tag(self, cursor: Cursor, by: Viewer, id: TagId, changes: TagChanges) -> ReviewedTagUse:
        self._change(cursor, by, id, changes)
        return self._tag(cursor, id)

    def _review_tags(self, cursor: Cursor, by: Viewer, ids: Sequence[TagId], changes: TagChanges) -> None:
        for id in sorted(set(ids)):
            self._change(cursor, by, id, changes)

    def _change(self, cursor: Cursor, by: Viewer, id: TagId, changes: TagChanges) -> None:
        before = _only(reviewed_tags.lock(cursor, id=id))
        if changes.name is not None and post_text.tag_key(changes.name) != before.tag.key:
            raise Invalid({"display_name": "Display name does not match the previous name"}, codes={"display_name": "ERR_INVALID"})
        reviewed_tags.update(cursor, tag=id, changes=changes, now=self.now())
        facts = _facts(before, changes)
        if not facts and before.reviewed_at is not None:
            return
        action = AuditAction.TAG_UPDATE if set(facts) != {"approved"} else _decision(AuditAction.TAG_APPROVE, changes.approved)
        audit.record(cursor, AuditEntry(action, by.id, f"#{before.tag.name}", id, facts=facts), self.now())

    def _review_posts(self, cursor: Cursor, by: Viewer, ids: Sequence[PostId], approved: bool) -> None:
        for id in sorted(set(ids)):
            post = posts.by_ids(cursor, [id]).get(id) if trends.is_public(cursor, post=id) else None
            if post is None:
                raise NotFound
            if not trends.review_post(cursor, post=id, approved=approved, now=self.now()):
                continue
            action = _decision(AuditAction.TRENDING_POST_APPROVE, approved)
            audit.record(cursor, AuditEntry(action, by.id, post.author.acct, id, post.author.id), self.now())

    def _review_links(self, cursor: Cursor, by: Viewer, ids: Sequence[CardId], approved: bool) -> list[LinkTrend]:
        for id in sorted(set(ids)):
            link = _only(trends.link_by_id(cursor, id=id))
            if not trends.review_link(cursor, card=id, approved=approved, now=self.now()):
                continue
            action = _decision(AuditAction.TRENDING_LINK_APPROVE, approved)
            audit.record(cursor, AuditEntry(action, by.id, link.card.url, id), self.now())
        return [_only(trends.link_by_id(cursor, id=id)) for id in dict.fromkeys(ids)]


_REJECTIONS = {
    AuditAction.TAG_APPROVE: AuditAction.TAG_REJECT,
    AuditAction.TRENDING_POST_APPROVE: AuditAction.TRENDING_POST_REJECT,
    AuditAction.TRENDING_LINK_APPROVE: AuditAction.TRENDING_LINK_REJECT,
}


def _decision(approval: AuditAction, approved: bool | None) -> AuditAction:
    return approval if approved else _REJECTIONS[approval]


def _facts(before: ReviewedTag, changes: TagChanges) -> dict[str, object]:
    """Return what is changed, with the values before."""
    old = {"name": before.tag.name, "usable": before.usable, "listable": before.listable, "approved": before.approved}
    new = {"name": changes.name, "usable": changes.usable, "listable": changes.listable, "approved": changes.approved}
    return {name: {"before": old[name], "after": value} for name, value in new.items() if value is not None and value != old[name]}


def _only(found: Sequence[T]) -> T:
    if not found:
        raise NotFound
    return found[0]
