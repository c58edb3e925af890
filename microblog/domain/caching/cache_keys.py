"""What something that was read rests on: keys of what would make it untrue if it changed (migration 0012), and times that would."""

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
    """The keys, and until when it can be true if nothing changes (None: for ever)."""

    keys: frozenset[str] = frozenset()
    until: datetime | None = None

    def __or__(self, other: CacheDependencies) -> CacheDependencies:
        """Both."""
        return CacheDependencies(self.keys | other.keys, earliest(self.until, other.until))


def earliest(*times: datetime | None) -> datetime | None:
    """The first of the times that there are."""
    return min((at for at in times if at is not None), default=None)


NEVER_CACHED = CacheDependencies(until=datetime.min.replace(tzinfo=UTC))


def of_keys(*keys: str) -> CacheDependencies:
    """These alone."""
    return CacheDependencies(frozenset(keys))


def of_author(author: AccountId) -> str:
    """What somebody posts: which posts there are, not what they say."""
    return intern(f"f{author}")  # thousands of readers follow the same


def author_of(key: str) -> AccountId:
    """Whom `of_author` gave the key for."""
    return AccountId(int(key[1:]))


def of_account(account: AccountId) -> str:
    """What everybody sees of somebody."""
    return intern(f"a{account}")


def of_profile(account: AccountId) -> tuple[str, ...]:
    """What somebody posts and pins, and who they are."""
    return of_author(account), of_account(account), of_viewer_state(account)


def of_viewer_state(viewer: AccountId) -> str:
    """How somebody sees others: relations, lists, filters, and what they did to posts."""
    return f"v{viewer}"


def of_post(post: PostId) -> str:
    """One post, with all that is shown with it but its author."""
    return intern(f"p{post}")


def of_thread(thread: PostId) -> str:
    """Which posts there are in a conversation."""
    return f"t{thread}"


def of_notifications(account: AccountId) -> str:
    """What somebody is told of, what was written to them, and who asks to follow them."""
    return f"n{account}"


def of_posts(posts: Iterable[Post], now: datetime) -> CacheDependencies:
    """Posts as everybody sees them, with their authors and whom they name; polls end."""
    keys: set[str] = set()
    until = None
    for post in posts:
        for one in (post,) if post.boost is None else (post, post.boost):
            keys.update((of_post(one.id), of_account(one.author.id)))
            keys.update(of_account(named.account_id) for named in one.mentions)
            if one.poll is not None and not one.poll.ended(now):
                until = earliest(until, one.poll.expires_at)
    return CacheDependencies(frozenset(keys), until)


def of_conversation(thread: PostThread, asked: PostId, now: datetime) -> CacheDependencies:
    """A post amid its conversation, for which was asked by its own id or that of a boost of it."""
    keys = of_keys(of_post(asked), of_thread(thread.post.thread_id or thread.post.id))
    return keys | of_posts([thread.post, *thread.ancestors, *thread.descendants], now)


def of_filter_set(viewer: Viewer, sieve: FilterSet, now: datetime) -> CacheDependencies:
    """Somebody's filters; they end too."""
    return CacheDependencies(
        frozenset({of_viewer_state(viewer.id)}), earliest(*(one.expires_at for one in sieve.filters if one.counts_at(now)))
    )


def of_viewer(viewer: Viewer) -> CacheDependencies:
    """Who somebody is."""
    return of_keys(of_account(viewer.id), f"l{viewer.id}")


def of_session(viewer: Viewer, session: Session) -> CacheDependencies:
    """Who comes with a cookie."""
    return of_viewer(viewer) | CacheDependencies(frozenset({f"s{session.id}"}), session.expires_at)


def of_token(access: TokenContext) -> CacheDependencies:
    """Who comes with a token."""
    token = of_keys(f"o{access.id}")
    return token if access.viewer is None else of_viewer(access.viewer) | token
