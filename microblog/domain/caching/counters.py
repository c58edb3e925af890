"""Current counters of cached posts and accounts, from the values in the invalidation log."""

from __future__ import annotations

from datetime import date

from attrs import evolve

from microblog.domain.caching import cache_keys
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.model.accounts import Account
from microblog.model.posts import Post


def account_with_counts(account: Account, log: InvalidationLog, since: int) -> Account:
    """Return the account, which was current at position `since`, with its current counters."""
    value = log.latest(cache_keys.of_account_counts(account.id), since)
    if value is None:
        return account
    posts, followers, following, last_post_on = value.split(",")
    return evolve(
        account,
        posts_count=int(posts),
        followers_count=int(followers),
        following_count=int(following),
        last_post_on=date.fromisoformat(last_post_on) if last_post_on else None,
    )


def post_with_counts(post: Post, log: InvalidationLog, since: int) -> Post:
    """Return the post, which was current at position `since`, with its current counters, those of its author, and of what it boosts."""
    author = account_with_counts(post.author, log, since)
    boost = None if post.boost is None else post_with_counts(post.boost, log, since)
    value = log.latest(cache_keys.of_post_counts(post.id), since)
    if value is not None:
        replies, boosts, favourites = map(int, value.split(","))
        return evolve(post, author=author, boost=boost, replies_count=replies, boosts_count=boosts, favourites_count=favourites)
    return post if author is post.author and boost is post.boost else evolve(post, author=author, boost=boost)
