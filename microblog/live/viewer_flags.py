"""Interactions of connected viewers with the posts that they receive: favourites, boosts, bookmarks, pins, mutes and votes.

A new post has none, unless it replies in a muted conversation. For other posts, one query loads the interactions of all viewers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from microblog.live.event_buffer import EventSource
from microblog.live.recipients import Recipients
from microblog.live.subscriber import Subscription
from microblog.live.updates import Update
from microblog.model.events import EventKind
from microblog.model.ids import id_at
from microblog.model.posts import PostFlags

FRESH = timedelta(seconds=10)


async def add_flags(log: EventSource, recipients: Recipients, news: Sequence[Update], now: datetime) -> None:
    """Store the recipients' interactions with the posts of these updates."""
    concerned = {one: viewers for one in news if _may_be_marked(one, now) and (viewers := _viewers(recipients, one))}
    if not concerned:
        return
    posts = {_shown(one) for one in concerned}
    found = await log.flags(set().union(*concerned.values()), posts)
    for one, viewers in concerned.items():
        post = _shown(one)
        one.flags = {account: flags for account in viewers if (flags := found.get((account, post))) is not None}


async def flags_in(log: EventSource, subscription: Subscription, batch: Sequence[Update]) -> Mapping[int, PostFlags]:
    """Return the viewer's interactions with the posts of a batch, by post id. Posts without any are missing."""
    account = subscription.subscriber.account
    posts = {_shown(one) for one in batch if one.about is not None}
    if not subscription.personal or account is None or not posts:
        return {}
    return {post: flags for (_, post), flags in (await log.flags({account}, posts)).items()}


def _shown(news: Update) -> int:
    return 0 if news.about is None else news.about.original.id


def _may_be_marked(news: Update, now: datetime) -> bool:
    post = news.about
    if post is None:
        return False
    fresh = news.kind is EventKind.POST_PUBLISHED and news.boost_of is None and post.id >= id_at(now - FRESH)
    return not fresh or post.reply_to is not None


def _viewers(recipients: Recipients, news: Update) -> Collection[int]:
    return {each.subscriber.account for each in recipients.of(news) if each.personal and each.subscriber.account is not None}
