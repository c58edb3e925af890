"""Metadata of pages for browsers, search engines and link previews."""

from __future__ import annotations

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.media import MediaKind
from microblog.model.posts import Post, Visibility
from microblog.render.formatting import excerpt
from microblog.render.site_view import SiteView


@frozen
class PageMetadata:
    """Metadata of one page. `path` is its canonical path (empty: none), `feed` that of its feed, `kind` its Open Graph type.

    Pages without a canonical path are for one viewer and are never indexed. `original` is the URL of the same on another server,
    `document` the path of its ActivityPub document on this one.
    """

    title: str
    description: str = ""
    path: str = ""
    index: bool = True
    feed: str = ""
    image: str = ""
    kind: str = "website"
    original: str = ""
    document: str = ""

    @property
    def robots(self) -> str:
        """The value of the robots meta element; empty if the page may be indexed."""
        return "" if self.index and self.path else "noindex"


def account_metadata(account: Account, site: SiteView) -> PageMetadata:
    """Return the metadata of a profile; not indexed if the owner chose that, or if the account is limited."""
    return PageMetadata(
        f"{account.name} (@{account.acct})",
        description=excerpt(account.bio) or f"{account.name} on {site.name}.",
        path="" if account.page else f"/@{account.username}",
        index=account.host is None and account.indexable and account.limited_at is None,
        feed="" if account.page else f"/@{account.username}/feed.atom",
        image=account.avatar or "",
        kind="profile",
        original=account.page or "",
        document="" if account.page else f"/users/{account.username}",
    )


def post_metadata(post: Post, site: SiteView) -> PageMetadata:
    """Return the metadata of a post. A content warning replaces the text; only public posts of indexable authors are indexed."""
    author = post.author
    text = excerpt(f"Content warning: {post.spoiler}" if post.spoiler else post.text)
    return PageMetadata(
        f"{author.name} on {site.name}: “{excerpt(text, 60)}”" if text else f"Post by {author.name}",
        description=text,
        path="" if post.uri else f"/@{author.username}/{post.id}",
        index=author.indexable and author.limited_at is None and post.visibility is Visibility.PUBLIC,
        feed="" if author.page else f"/@{author.username}/feed.atom",
        image=_preview_image(post) or author.avatar or "",
        kind="article",
        original=post.url or post.uri or "",
        document="" if post.uri else f"/users/{author.username}/statuses/{post.id}",
    )


def _preview_image(post: Post) -> str | None:
    """Return the preview of the first image, unless the post is sensitive or has a content warning."""
    first = next((media for media in post.media if media.kind is MediaKind.IMAGE), None)
    return None if first is None or post.has_sensitive_media or post.spoiler else first.preview_path
