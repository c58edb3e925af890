"""Delivery rules: visibility and the viewer's preferences, evaluated in memory. Pure.

The timelines in storage/timelines.py implement the same rules in SQL, and model/timeline_rules.py on values of the database for the
cached timelines; tests compare the three. The rules here are asked for each post and each open stream, so they look at as little as
possible: at who follows the author, instead of at whom each viewer follows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from microblog.live.topics import Stream, StreamKind, topics_of
from microblog.live.updates import ANNOUNCEMENTS, PERSONAL, POSTS, Update
from microblog.live.viewer_state import ViewerState
from microblog.model.events import EventKind
from microblog.model.lists import ListReplies
from microblog.model.posts import Visibility
from microblog.model.visibility import ViewerRelation, may_see


@cache
def _rule(visibility: Visibility, is_author: bool, is_mentioned: bool, follows_author: bool, blocked: bool) -> bool:
    """Cached visibility rule; it has only few different arguments."""
    return may_see(ViewerRelation(visibility, is_author, is_mentioned, follows_author, blocked))


def _may_see(visibility: Visibility, author: int, mentions: frozenset[int], viewer: ViewerState | None) -> bool:
    if viewer is None:
        return _rule(visibility, False, False, False, False)
    me = viewer.account
    return _rule(visibility, author == me, me in mentions, viewer.follows(author), author in viewer.blocked_by)


def visible(update: Update, viewer: ViewerState | None) -> bool:
    """True if the viewer (None: anonymous) may see the post. For a boost, the boosted post must be visible too."""
    if update.open_by is not None:
        return viewer is None or not viewer.blocked_by or viewer.blocked_by.isdisjoint(update.open_by)
    if update.visibility is None or not _may_see(update.visibility, update.author, update.mentions, viewer):
        return False
    if update.boost_of is None:
        return True
    if update.post is None or update.post.boost is None:  # it is being deleted: its content is not available any more
        return viewer is None or update.boost_author not in viewer.blocked_by
    original = update.post.boost
    return _may_see(original.visibility, original.author.id, frozenset(mention.account_id for mention in original.mentions), viewer)


def _not_hidden(update: Update, viewer: ViewerState | None, now: float) -> bool:
    """False if the viewer blocks or mutes the author, the account replied to or the boosted author, or blocks its domain."""
    if viewer is None or update.author == viewer.account:
        return True
    if viewer.domains and not viewer.domains.isdisjoint(update.hosts):
        return False
    if not viewer.blocks.isdisjoint(update.shown):
        return False
    mutes = viewer.mutes
    return mutes is None or mutes.keys().isdisjoint(update.shown) or not any(mutes.get(account, 0) > now for account in update.shown)


def _in_home(update: Update, viewer: ViewerState | None, now: float) -> bool:
    if viewer is None:
        return False
    if update.author == viewer.account:
        return True
    if viewer.lists and viewer.hides_from_home(update.author):
        return False
    return _by_followee(update, viewer, now) or (bool(viewer.tags) and _by_followed_tag(update, viewer, now))


def _by_followed_tag(update: Update, viewer: ViewerState, now: float) -> bool:
    """True for public posts with a hashtag that the viewer follows. The same rules as on the hashtag's own timeline apply."""
    if not _has_followed_tag(update, viewer):
        return False
    limited = update.post is not None and update.post.author.limited_at is not None
    return update.kind is EventKind.POST_DELETED or (not limited and _not_hidden(update, viewer, now))


def _has_followed_tag(update: Update, viewer: ViewerState) -> bool:
    return update.visibility is Visibility.PUBLIC and update.boost_of is None and not viewer.tags.isdisjoint(update.tags)


def _by_followee(update: Update, viewer: ViewerState, now: float) -> bool:
    if not viewer.follows(update.author):
        return False
    if update.kind is EventKind.POST_DELETED:
        return True
    parent_author = update.reply_to_account
    if update.replies_to_other and parent_author != viewer.account and not (parent_author and viewer.follows(parent_author)):
        return False
    return _matches_follow_options(update, viewer, now)


def _matches_follow_options(update: Update, viewer: ViewerState, now: float) -> bool:
    """False if the viewer follows the author without boosts or in other languages only."""
    if update.boost_of is not None and update.author in viewer.quiet:
        return False
    return (viewer.languages is None or viewer.wants_language(update.author, update.language)) and _not_hidden(update, viewer, now)


def _in_list(update: Update, stream: Stream, viewer: ViewerState | None, now: float) -> bool:
    members = None if viewer is None else viewer.lists.get(int(stream.of))
    if viewer is None or members is None or update.author not in members.accounts or not viewer.follows(update.author):
        return False
    if update.kind is EventKind.POST_DELETED:
        return True
    parent_author = update.reply_to_account
    if update.replies_to_other and parent_author != viewer.account:
        if members.replies is ListReplies.NONE or (members.replies is ListReplies.LIST and parent_author not in members.accounts):
            return False
        if members.replies is ListReplies.FOLLOWED and not (parent_author and viewer.follows(parent_author)):
            return False
    return _matches_follow_options(update, viewer, now)


def _in_public(update: Update, viewer: ViewerState | None, now: float) -> bool:
    limited = update.post is not None and update.post.author.limited_at is not None
    return not limited and _not_hidden(update, viewer, now)


def _always(_update: Update, _viewer: ViewerState | None, _now: float) -> bool:
    return True


_PREFERENCES: dict[StreamKind, Callable[[Update, ViewerState | None, float], bool]] = {
    StreamKind.USER: _in_home,
    StreamKind.PUBLIC: _in_public,
    StreamKind.LOCAL: _in_public,
    StreamKind.REMOTE: _in_public,
    StreamKind.TAG: _in_public,
    StreamKind.LOCAL_TAG: _in_public,
    StreamKind.AUTHOR: _always,
    StreamKind.AUTHOR_POSTS: _always,
    StreamKind.THREAD: _always,
}


def should_deliver(update: Update, stream: Stream, viewer: ViewerState | None, now: float) -> bool:
    """True if the update, which belongs to one of the stream's topics, should be delivered to the viewer.

    `now` is a Unix time and decides whether mutes have expired.
    """
    if update.kind in POSTS:
        if stream.media and update.post is not None and not update.post.original.media:
            return False
        if stream.kind is StreamKind.LIST:
            return _in_list(update, stream, viewer, now) and visible(update, viewer)
        preference = _PREFERENCES.get(stream.kind)
        return preference is not None and preference(update, viewer, now) and visible(update, viewer)
    if update.kind in (EventKind.FILTERS_CHANGED, EventKind.NOTIFICATIONS_MERGED):
        return viewer is not None and update.author == viewer.account
    return viewer is not None if update.kind in ANNOUNCEMENTS else _may_notify(update, viewer)


def _may_notify(update: Update, viewer: ViewerState | None) -> bool:
    """True unless a block happened since the notification or conversation entry was written. All else was checked then."""
    if update.kind not in PERSONAL or viewer is None or update.author != viewer.account:
        return False
    by = update.subject if update.conversation is None else update.conversation.last.author.id
    return by not in viewer.blocks and by not in viewer.blocked_by and viewer.domains.isdisjoint(update.hosts)


def may_concern(update: Update, stream: Stream, viewer: ViewerState | None) -> bool:
    """True if the update belongs to the stream, as far as its event tells without loading its content."""
    if update.kind in POSTS and stream.kind is StreamKind.USER:
        return viewer is not None and (
            update.author == viewer.account or viewer.follows(update.author) or _has_followed_tag(update, viewer)
        )
    if update.kind in POSTS and stream.kind is StreamKind.LIST:
        return viewer is not None and int(stream.of) in viewer.lists_containing(update.author)
    return any(topic in stream.topics for topic in topics_of(update))
