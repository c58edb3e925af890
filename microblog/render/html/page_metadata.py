"""What a page says about itself to browsers, search engines and whoever shows a card of it."""

from __future__ import annotations

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.media import MediaKind
from microblog.model.posts import Post, Visibility
from microblog.render.html.formatting import excerpt
from microblog.render.html.view_models import SiteView


@frozen
class PageMetadata:
    """`path` is the page's canonical address on this site (empty: it has none), `feed` that of its Atom feed, `kind` OpenGraph's type.

    Pages without a canonical address are for one viewer and are never indexed.
    """

    title: str
    description: str = ""
    path: str = ""
    index: bool = True
    feed: str = ""
    image: str = ""
    kind: str = "website"

    @property
    def robots(self) -> str:
        """What search engines may do with it."""
        return "" if self.index and self.path else "noindex"


def account_metadata(account: Account, site: SiteView) -> PageMetadata:
    """A profile's head; not for search engines if the owner asked for that."""
    return PageMetadata(
        f"{account.name} (@{account.username})",
        description=excerpt(account.bio) or f"{account.name} on {site.name}.",
        path=f"/@{account.username}",
        index=account.indexable and account.limited_at is None,
        feed=f"/@{account.username}/feed.atom",
        image=account.avatar or "",
        kind="profile",
    )


def post_metadata(post: Post, site: SiteView) -> PageMetadata:
    """A post's head. A content warning stands for what it hides; a post that not everybody may find is not for search engines."""
    author = post.author
    text = excerpt(f"Content warning: {post.spoiler}" if post.spoiler else post.text)
    return PageMetadata(
        f"{author.name} on {site.name}: “{excerpt(text, 60)}”" if text else f"Post by {author.name}",
        description=text,
        path=f"/@{author.username}/{post.id}",
        index=author.indexable and author.limited_at is None and post.visibility is Visibility.PUBLIC,
        feed=f"/@{author.username}/feed.atom",
        image=_picture(post) or author.avatar or "",
        kind="article",
    )


def _picture(post: Post) -> str | None:
    """The first picture of a post, unless it is better not shown unasked."""
    first = next((piece for piece in post.media if piece.kind is MediaKind.IMAGE), None)
    return None if first is None or post.sensitive or post.spoiler else first.preview_path
