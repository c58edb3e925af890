"""Invalidation keys and expiry times of cached values.

A key stands for a set of rows; database triggers write the keys of each change into the invalidation log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from sys import intern

from attrs import frozen

from microblog.model.accounts import Account, Session, Viewer
from microblog.model.ids import AccountId, PostId
from microblog.model.oauth import TokenContext
from microblog.model.posts import Post, PostThread

PUBLIC = "public"
NEWS = "news"
HASHTAG_CHARACTERS = 2  # of a hashtag that are part of its key
TRENDS = "trends"
"""Key of the decisions of moderators about trends."""
PEOPLE = "people"
"""Key of which accounts there are: logged if one is suspended, limited or deleted, or is not any more."""


@frozen
class CacheDependencies:
    """The invalidation keys of a cached value, and the time at which it expires even without a change (None: never).

    `shared`: sets of further keys, and `authors`: accounts whose sets of posts matter (`of_author`). Other values have the same sets, so
    that a value with hundreds of keys costs no more than a reference to each set.
    """

    keys: frozenset[str] = frozenset()
    until: datetime | None = None
    shared: tuple[frozenset[str], ...] = ()
    authors: frozenset[AccountId] = frozenset()

    def __or__(self, other: CacheDependencies) -> CacheDependencies:
        """The union of the keys, with the earlier expiry."""
        authors = self.authors | other.authors if self.authors and other.authors else self.authors or other.authors
        return CacheDependencies(self.keys | other.keys, earliest(self.until, other.until), self.shared + other.shared, authors)

    def is_touched_by(self, changed: frozenset[str]) -> bool:
        """True if one of the changed keys is among these."""
        if not (changed.isdisjoint(self.keys) and all(map(changed.isdisjoint, self.shared))):
            return True
        return bool(self.authors) and not self.authors.isdisjoint([author_of(key) for key in changed if key[0] == "f"])

    def each_key(self) -> Iterator[str]:
        """Yield every key."""
        return chain(self.keys, *self.shared, map(of_author, self.authors))


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


def of_accounts(accounts: Iterable[Account]) -> list[str]:
    """Keys of accounts with their counters."""
    return [key for account in accounts for key in (of_account(account.id), of_account_counts(account.id))]


def of_account_state(account: AccountId) -> str:
    """Key of the posts of an account that was suspended, limited or deleted, or is not any more (`PostJournal` reads them again)."""
    return f"x{account}"


def of_remote_keys(account: AccountId) -> str:
    """Key of the public keys of an account of another server."""
    return f"y{account}"


def of_user(account: AccountId) -> str:
    """Key of the login of an account: role, approval, preferences."""
    return f"l{account}"


def of_profile(account: AccountId) -> tuple[str, ...]:
    """Keys of a profile page: posts, public profile with counters, pinned posts."""
    return of_author(account), of_account(account), of_account_counts(account), of_pins(account)


def of_pins(account: AccountId) -> str:
    """Key of an account's pinned posts."""
    return f"g{account}"


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


def of_hashtags(prefix: str) -> str:
    """Key of the uses of all hashtags that begin like this prefix, which has at least HASHTAG_CHARACTERS."""
    return f"h{prefix[:HASHTAG_CHARACTERS]}"


def of_notifications(account: AccountId) -> str:
    """Key of an account's notifications, direct messages and follow requests."""
    return f"n{account}"


def of_posts(posts: Iterable[Post], now: datetime, *, counts: bool = True) -> CacheDependencies:
    """Dependencies of posts as everybody sees them: content, authors, mentioned accounts, ends of polls, and counters if `counts`."""
    listed = list(posts)
    return CacheDependencies(frozenset().union(*(keys_of_post(post, counts=counts) for post in listed)), end_of_polls(listed, now))


def keys_of_post(post: Post, *, counts: bool = True) -> frozenset[str]:
    """Keys of a post as everybody sees it, and of what it boosts; with the counters if `counts`."""
    keys: set[str] = set()
    for item in (post,) if post.boost is None else (post, post.boost):
        keys.update((of_post(item.id), of_account(item.author.id)))
        if counts:
            keys.update((of_post_counts(item.id), of_account_counts(item.author.id)))
        keys.update(of_account(mention.account_id) for mention in item.mentions)
    return frozenset(keys)


def end_of_polls(posts: Iterable[Post], now: datetime) -> datetime | None:
    """Return when the first of the posts' open polls ends; None if there is none."""
    polls = [poll for post in posts if (poll := (post.boost or post).poll) is not None]
    return earliest(*(poll.expires_at for poll in polls if not poll.ended(now))) if polls else None


def of_conversation(thread: PostThread, requested: PostId, now: datetime) -> CacheDependencies:
    """Dependencies of a thread page. `requested`: the id in the request, which may be that of a boost."""
    keys = of_keys(of_post(requested), of_thread(thread.id))
    return keys | of_posts([thread.post, *thread.ancestors, *thread.descendants], now)


def of_viewer(viewer: Viewer) -> CacheDependencies:
    """Dependencies of the viewer's own account and login."""
    return of_keys(of_account(viewer.id), of_user(viewer.id))


def of_session(viewer: Viewer, session: Session) -> CacheDependencies:
    """Dependencies of a session and its viewer."""
    return of_viewer(viewer) | CacheDependencies(frozenset({f"s{session.id}"}), session.expires_at)


def of_token(context: TokenContext) -> CacheDependencies:
    """Dependencies of an access token and its owner, if it has one."""
    token = of_keys(f"o{context.id}")
    return token if context.viewer is None else of_viewer(context.viewer) | token
