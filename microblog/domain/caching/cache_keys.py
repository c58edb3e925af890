"""Invalidation keys and expiry times of cached values.

A key stands for a set of rows; database triggers write the keys of each change into the invalidation log.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from sys import intern

from attrs import frozen

from microblog.model.accounts import Session, Viewer
from microblog.model.filters import FilterSet
from microblog.model.ids import AccountId, PostId
from microblog.model.oauth import TokenContext
from microblog.model.posts import Post, PostThread

PUBLIC = "public"
NEWS = "news"


@frozen
class CacheDependencies:
    """The invalidation keys of a cached value, and the time at which it expires even without a change (None: never)."""

    keys: frozenset[str] = frozenset()
    until: datetime | None = None

    def __or__(self, other: CacheDependencies) -> CacheDependencies:
        """The union of the keys, with the earlier expiry."""
        return CacheDependencies(self.keys | other.keys, earliest(self.until, other.until))


def earliest(*times: datetime | None) -> datetime | None:
    """Return the earliest of the times that are not None; None if there is none."""
    return min((at for at in times if at is not None), default=None)


NEVER_CACHED = CacheDependencies(until=datetime.min.replace(tzinfo=UTC))


def of_keys(*keys: str) -> CacheDependencies:
    """Dependencies on these keys only."""
    return CacheDependencies(frozenset(keys))


def of_author(author: AccountId) -> str:
    """Key of the set of an account's posts (publishing, deleting), not of their content."""
    return intern(f"f{author}")  # interned: thousands of cached timelines share it


def author_of(key: str) -> AccountId:
    """The account of a key that `of_author` made."""
    return AccountId(int(key[1:]))


def of_account(account: AccountId) -> str:
    """Key of an account's public profile, without its counters."""
    return intern(f"a{account}")


def of_account_counts(account: AccountId) -> str:
    """Key of the counters of an account. The log has their values (`InvalidationLog.latest`)."""
    return intern(f"k{account}")


def of_profile(account: AccountId) -> tuple[str, ...]:
    """Keys of a profile page: posts, public profile with counters, pinned posts."""
    return of_author(account), of_account(account), of_account_counts(account), f"g{account}"


def of_viewer_state(viewer: AccountId) -> str:
    """Key of the viewer's relationships, lists and filters."""
    return f"v{viewer}"


def of_interactions(viewer: AccountId) -> str:
    """Key of the viewer's favourites, boosts, bookmarks, pins, votes and muted threads. The log has the posts that they are about."""
    return f"i{viewer}"


def of_post(post: PostId) -> str:
    """Key of one post with its media, poll and card, but not of its author and its counters."""
    return intern(f"p{post}")


def of_post_counts(post: PostId) -> str:
    """Key of the counters of a post. The log has their values (`InvalidationLog.latest`)."""
    return intern(f"c{post}")


def of_thread(thread: PostId) -> str:
    """Key of the set of posts in a thread."""
    return f"t{thread}"


def of_notifications(account: AccountId) -> str:
    """Key of an account's notifications, direct messages and follow requests."""
    return f"n{account}"


def of_posts(posts: Iterable[Post], now: datetime, *, counts: bool = True) -> CacheDependencies:
    """Dependencies of posts as everybody sees them: content, authors, mentioned accounts, ends of polls, and counters if `counts`."""
    keys: set[str] = set()
    until = None
    for post in posts:
        for item in (post,) if post.boost is None else (post, post.boost):
            keys.update((of_post(item.id), of_account(item.author.id)))
            if counts:
                keys.update((of_post_counts(item.id), of_account_counts(item.author.id)))
            keys.update(of_account(mention.account_id) for mention in item.mentions)
            if item.poll is not None and not item.poll.ended(now):
                until = earliest(until, item.poll.expires_at)
    return CacheDependencies(frozenset(keys), until)


def of_conversation(thread: PostThread, requested: PostId, now: datetime) -> CacheDependencies:
    """Dependencies of a thread page. `requested`: the id in the request, which may be that of a boost."""
    keys = of_keys(of_post(requested), of_thread(thread.post.thread_id or thread.post.id))
    return keys | of_posts([thread.post, *thread.ancestors, *thread.descendants], now)


def of_filter_set(viewer: Viewer, filter_set: FilterSet, now: datetime) -> CacheDependencies:
    """Dependencies of a viewer's filters, which may expire."""
    return CacheDependencies(
        frozenset({of_viewer_state(viewer.id)}), earliest(*(item.expires_at for item in filter_set.filters if item.is_active(now)))
    )


def of_viewer(viewer: Viewer) -> CacheDependencies:
    """Dependencies of the viewer's own account and login."""
    return of_keys(of_account(viewer.id), f"l{viewer.id}")


def of_session(viewer: Viewer, session: Session) -> CacheDependencies:
    """Dependencies of a session and its viewer."""
    return of_viewer(viewer) | CacheDependencies(frozenset({f"s{session.id}"}), session.expires_at)


def of_token(context: TokenContext) -> CacheDependencies:
    """Dependencies of an access token and its owner, if it has one."""
    token = of_keys(f"o{context.id}")
    return token if context.viewer is None else of_viewer(context.viewer) | token
