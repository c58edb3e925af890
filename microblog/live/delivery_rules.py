"""Delivery rules: visibility and the viewer's preferences, evaluated in memory. Pure.

The timelines in storage/timelines.py implement the same rules in SQL; a test compares the two.
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


def visible(news: Update, viewer: ViewerState | None) -> bool:
    """True if the viewer (None: anonymous) may see the post. For a boost, the boosted post must be visible too."""
    if news.visibility is None or not _may_see(news.visibility, news.author, news.mentions, viewer):
        return False
    if news.boost_of is None:
        return True
    if news.post is None or news.post.boost is None:  # it is being deleted: its content is not available any more
        return viewer is None or news.boost_author not in viewer.blocked_by
    original = news.post.boost
    return _may_see(original.visibility, original.author.id, frozenset(named.account_id for named in original.mentions), viewer)


def _not_hidden(news: Update, viewer: ViewerState | None, now: float) -> bool:
    """False if the viewer blocks or mutes the author, the account replied to or the boosted author."""
    return (
        viewer is None
        or news.author == viewer.account
        or not (viewer.hides(news.author, now) or viewer.hides(news.reply_to_account, now) or viewer.hides(news.boost_author, now))
    )


def _in_home(news: Update, viewer: ViewerState | None, now: float) -> bool:
    if viewer is None:
        return False
    if news.author == viewer.account:
        return True
    if viewer.hides_from_home(news.author):
        return False
    return _by_followed_tag(news, viewer, now) or _by_followee(news, viewer, now)


def _by_followed_tag(news: Update, viewer: ViewerState, now: float) -> bool:
    """True for public posts with a hashtag that the viewer follows. The same rules as on the hashtag's own timeline apply."""
    if not _has_followed_tag(news, viewer):
        return False
    limited = news.post is not None and news.post.author.limited_at is not None
    return news.kind is EventKind.POST_DELETED or (not limited and _not_hidden(news, viewer, now))


def _has_followed_tag(news: Update, viewer: ViewerState) -> bool:
    return news.visibility is Visibility.PUBLIC and news.boost_of is None and not viewer.tags.isdisjoint(news.tags)


def _by_followee(news: Update, viewer: ViewerState, now: float) -> bool:
    if not viewer.follows(news.author):
        return False
    if news.kind is EventKind.POST_DELETED:
        return True
    answered = news.reply_to_account
    if news.replies_to_other and answered != viewer.account and not (answered and viewer.follows(answered)):
        return False
    return _as_followed(news, viewer, now)


def _as_followed(news: Update, viewer: ViewerState, now: float) -> bool:
    """False if the viewer follows the author without boosts or in other languages only."""
    if news.boost_of is not None and news.author in viewer.quiet:
        return False
    return viewer.wants_language(news.author, news.language) and _not_hidden(news, viewer, now)


def _in_list(news: Update, stream: Stream, viewer: ViewerState | None, now: float) -> bool:
    members = None if viewer is None else viewer.lists.get(int(stream.of))
    if viewer is None or members is None or news.author not in members.accounts or not viewer.follows(news.author):
        return False
    if news.kind is EventKind.POST_DELETED:
        return True
    answered = news.reply_to_account
    if news.replies_to_other and answered is not None and answered != viewer.account:
        if members.replies is ListReplies.NONE or (members.replies is ListReplies.LIST and answered not in members.accounts):
            return False
        if members.replies is ListReplies.FOLLOWED and not viewer.follows(answered):
            return False
    return _as_followed(news, viewer, now)


def _in_public(news: Update, viewer: ViewerState | None, now: float) -> bool:
    limited = news.post is not None and news.post.author.limited_at is not None
    return not limited and _not_hidden(news, viewer, now)


def _always(_news: Update, _circle: ViewerState | None, _now: float) -> bool:
    return True


_PREFERENCES: dict[StreamKind, Callable[[Update, ViewerState | None, float], bool]] = {
    StreamKind.USER: _in_home,
    StreamKind.PUBLIC: _in_public,
    StreamKind.TAG: _not_hidden,
    StreamKind.AUTHOR: _always,
    StreamKind.AUTHOR_POSTS: _always,
    StreamKind.THREAD: _always,
}


def should_deliver(news: Update, stream: Stream, viewer: ViewerState | None, now: float) -> bool:
    """True if the update, which belongs to one of the stream's topics, should be delivered to the viewer.

    `now` is a Unix time and decides whether mutes have expired.
    """
    if news.kind in POSTS:
        if stream.media and news.post is not None and not news.post.original.media:
            return False
        if stream.kind is StreamKind.LIST:
            return _in_list(news, stream, viewer, now) and visible(news, viewer)
        prefers = _PREFERENCES.get(stream.kind)
        return prefers is not None and prefers(news, viewer, now) and visible(news, viewer)
    if news.kind in (EventKind.FILTERS_CHANGED, EventKind.NOTIFICATIONS_MERGED):
        return viewer is not None and news.author == viewer.account
    return viewer is not None if news.kind in ANNOUNCEMENTS else _may_notify(news, viewer)


def _may_notify(news: Update, viewer: ViewerState | None) -> bool:
    """True unless a block happened since the notification or conversation entry was written. All else was checked then."""
    if news.kind not in PERSONAL or viewer is None or news.author != viewer.account:
        return False
    by = news.subject if news.conversation is None else news.conversation.last.author.id
    return by not in viewer.blocks and by not in viewer.blocked_by


def may_concern(news: Update, stream: Stream, viewer: ViewerState | None) -> bool:
    """True if the update belongs to the stream, as far as its event tells without loading its content."""
    if news.kind in POSTS and stream.kind is StreamKind.USER:
        return viewer is not None and (news.author == viewer.account or viewer.follows(news.author) or _has_followed_tag(news, viewer))
    if news.kind in POSTS and stream.kind is StreamKind.LIST:
        return viewer is not None and int(stream.of) in viewer.lists_containing(news.author)
    return any(topic in stream.topics for topic in topics_of(news))
