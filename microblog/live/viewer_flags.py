"""How connected viewers stand to the posts that they are told of: what they favourited, boosted, bookmarked, pinned, muted and voted for.

A post that was just published has none of that, except that it may answer in a muted conversation. For others, one question is asked for
all viewers together.
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


async def add_flags(log: EventSource, audience: Recipients, news: Sequence[Update], now: datetime) -> None:
    """Note with each of the news how those stand to its post who are about to be told of it."""
    concerned = {one: viewers for one in news if _may_be_marked(one, now) and (viewers := _viewers(audience, one))}
    if not concerned:
        return
    posts = {_shown(one) for one in concerned}
    found = await log.marks(set().union(*concerned.values()), posts)
    for one, viewers in concerned.items():
        post = _shown(one)
        one.marks = {account: flags for account in viewers if (flags := found.get((account, post))) is not None}


async def flags_in(log: EventSource, subscription: Subscription, passage: Sequence[Update]) -> Mapping[int, PostFlags]:
    """How the subscription's viewer stands to the posts in a passage, by the posts' ids. Those to which they did nothing are left out."""
    account = subscription.subscriber.account
    posts = {_shown(one) for one in passage if one.about is not None}
    if not subscription.personal or account is None or not posts:
        return {}
    return {post: flags for (_, post), flags in (await log.marks({account}, posts)).items()}


def _shown(news: Update) -> int:
    return 0 if news.about is None else news.about.original.id


def _may_be_marked(news: Update, now: datetime) -> bool:
    post = news.about
    if post is None:
        return False
    fresh = news.kind is EventKind.POST_PUBLISHED and news.boost_of is None and post.id >= id_at(now - FRESH)
    return not fresh or post.reply_to is not None


def _viewers(audience: Recipients, news: Update) -> Collection[int]:
    return {each.subscriber.account for each in audience.of(news) if each.personal and each.subscriber.account is not None}
