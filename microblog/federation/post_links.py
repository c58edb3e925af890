"""Links in the document of a post to objects that may be on other servers."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.federation.documents.ids import SiteIds
from microblog.federation.documents.write_post import PostLinks
from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post
from microblog.storage import post_addresses
from microblog.storage.database import Cursor


@frozen
class LinkedPost:
    """A post with what its document needs besides."""

    post: Post
    links: PostLinks


def linked_posts(cursor: Cursor, posts: Sequence[Post], ids: SiteIds) -> list[LinkedPost]:
    """Return the posts with the addresses of their parents and of mentioned accounts of other servers."""
    parents = {each.id: each.uri or ids.post(each.author, each.id) for each in post_addresses.of_posts(cursor, ids=_parents(posts))}
    remote = [mention for post in posts for mention in post.mentions if mention.host is not None]
    uris = {each.id: each.uri for each in post_addresses.of_accounts(cursor, ids=[mention.account_id for mention in remote])}
    return [LinkedPost(post, _links(post, parents.get(post.reply_to) if post.reply_to else None, uris)) for post in posts]


def _parents(posts: Sequence[Post]) -> list[PostId]:
    return [post.reply_to for post in posts if post.reply_to is not None]


def _links(post: Post, reply_to: str | None, uris: dict[AccountId, str]) -> PostLinks:
    accounts = {mention.account_id: uris[mention.account_id] for mention in post.mentions if mention.account_id in uris}
    return PostLinks(reply_to=reply_to, accounts=accounts)
