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

NEW_POST_AGE = timedelta(seconds=10)


async def add_flags(log: EventSource, recipients: Recipients, updates: Sequence[Update], now: datetime) -> None:
    """Store the recipients' interactions with the posts of these updates."""
    recipients_by_update = {
        update: viewers for update in updates if _may_have_flags(update, now) and (viewers := _viewers(recipients, update))
    }
    if not recipients_by_update:
        return
    posts = {_shown_post_id(update) for update in recipients_by_update}
    found = await log.flags(set().union(*recipients_by_update.values()), posts)
    for update, viewers in recipients_by_update.items():
        post = _shown_post_id(update)
        update.flags = {account: flags for account in viewers if (flags := found.get((account, post))) is not None}


async def flags_in(log: EventSource, subscription: Subscription, batch: Sequence[Update]) -> Mapping[int, PostFlags]:
    """Return the viewer's interactions with the posts of a batch, by post id. Posts without any are missing."""
    account = subscription.subscriber.account
    posts = {_shown_post_id(update) for update in batch if update.shown_post is not None}
    if not subscription.personal or account is None or not posts:
        return {}
    return {post: flags for (_, post), flags in (await log.flags({account}, posts)).items()}


def _shown_post_id(update: Update) -> int:
    return 0 if update.shown_post is None else update.shown_post.original.id


def _may_have_flags(update: Update, now: datetime) -> bool:
    post = update.shown_post
    if post is None:
        return False
    fresh = update.kind is EventKind.POST_PUBLISHED and update.boost_of is None and post.id >= id_at(now - NEW_POST_AGE)
    return not fresh or post.reply_to is not None


def _viewers(recipients: Recipients, update: Update) -> Collection[int]:
    return {each.subscriber.account for each in recipients.of(update) if each.personal and each.subscriber.account is not None}
