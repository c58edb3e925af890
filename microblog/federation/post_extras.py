"""Parts of a post of another server besides its text: media, custom emoji, and a preview of the page that it links to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain.link_previews import PreviewScheduler, may_show_preview
from microblog.federation import post_content
from microblog.model.domain_rules import DomainRules
from microblog.model.emojis import in_texts
from microblog.model.federation_posts import RemotePost
from microblog.model.posts import Post
from microblog.storage import emojis, remote_media
from microblog.storage.database import Cursor


@frozen
class PostExtras:
    """Stores these parts in the running transaction. `domains` returns the rules as they are now; without `previews` there are none."""

    domains: Callable[[], DomainRules] = DomainRules
    previews: PreviewScheduler | None = None

    def store(self, cursor: Cursor, post: Post, document: RemotePost, now: datetime) -> None:
        """Store the parts of a new post."""
        if document.attachments:
            self._set_media(cursor, post, document)
        if document.emojis:
            self._set_emojis(cursor, post, document, now)
        self._schedule_preview(cursor, post, document, now, is_new=True)

    def replace(self, cursor: Cursor, post: Post, document: RemotePost, now: datetime) -> None:
        """Store the parts of an edited post, in place of the ones before."""
        self._set_media(cursor, post, document)
        self._set_emojis(cursor, post, document, now)
        self._schedule_preview(cursor, post, document, now, is_new=False)

    def _are_rejected(self, post: Post) -> bool:
        return self.domains().rejects_media(post.author.host or "")

    def _set_media(self, cursor: Cursor, post: Post, document: RemotePost) -> None:
        found = post_content.attachments(document, are_rejected=self._are_rejected(post))
        is_open, at = post.visibility.is_open, post.created_at
        remote_media.set_media(cursor, post=post.id, author=post.author.id, attachments=found, is_open=is_open, now=at)

    def _set_emojis(self, cursor: Cursor, post: Post, document: RemotePost, now: datetime) -> None:
        options = [option.title for option in document.poll.options] if document.poll else []
        known = () if self._are_rejected(post) else emojis.store(cursor, host=post.author.host or "", emojis=document.emojis, now=now)
        emojis.set_of_post(cursor, post=post.id, emojis=in_texts(known, post.html, post.spoiler, *options))

    def _schedule_preview(self, cursor: Cursor, post: Post, document: RemotePost, now: datetime, *, is_new: bool) -> None:
        if self.previews is None:
            return
        has_media = bool(document.attachments or document.poll)
        links = post_content.links(document, post.html) if may_show_preview(post.visibility, has_media=has_media) else []
        if links or not is_new:
            self.previews.schedule(cursor, post.id, links, now)
