"""Who is told of which news: the visibility rule and the wishes of the connected viewer, on values in memory. Pure.

The timelines of storage/timelines.py say the same in SQL; a test holds the two equal.
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
    """The one rule; it has so few different questions that each is asked only once."""
    return may_see(ViewerRelation(visibility, is_author, is_mentioned, follows_author, blocked))


def _seen(visibility: Visibility, author: int, mentions: frozenset[int], circle: ViewerState | None) -> bool:
    if circle is None:
        return _rule(visibility, False, False, False, False)
    me = circle.account
    return _rule(visibility, author == me, me in mentions, circle.follows(author), author in circle.blocked_by)


def visible(news: Update, circle: ViewerState | None) -> bool:
    """True if the viewer (None: nobody in particular) may see the post at all; a boost, if they may see what is boosted too."""
    if news.visibility is None or not _seen(news.visibility, news.author, news.mentions, circle):
        return False
    if news.boost_of is None:
        return True
    if news.post is None or news.post.boost is None:  # it is being deleted: what it said is not told
        return circle is None or news.boost_author not in circle.blocked_by
    original = news.post.boost
    return _seen(original.visibility, original.author.id, frozenset(named.account_id for named in original.mentions), circle)


def _wanted(news: Update, circle: ViewerState | None, now: float) -> bool:
    """False if the viewer shuns whoever wrote, is answered or is boosted."""
    return (
        circle is None
        or news.author == circle.account
        or not (circle.hides(news.author, now) or circle.hides(news.reply_to_account, now) or circle.hides(news.boost_author, now))
    )


def _in_home(news: Update, circle: ViewerState | None, now: float) -> bool:
    if circle is None:
        return False
    if news.author == circle.account:
        return True
    if circle.keeps_from_home(news.author):
        return False
    return _by_followed_tag(news, circle, now) or _by_followee(news, circle, now)


def _by_followed_tag(news: Update, circle: ViewerState, now: float) -> bool:
    """True for public posts with a tag that the viewer follows; author and visibility apart, as on the tag's own timeline."""
    if not _has_followed_tag(news, circle):
        return False
    limited = news.post is not None and news.post.author.limited_at is not None
    return news.kind is EventKind.POST_DELETED or (not limited and _wanted(news, circle, now))


def _has_followed_tag(news: Update, circle: ViewerState) -> bool:
    return news.visibility is Visibility.PUBLIC and news.boost_of is None and not circle.tags.isdisjoint(news.tags)


def _by_followee(news: Update, circle: ViewerState, now: float) -> bool:
    if not circle.follows(news.author):
        return False
    if news.kind is EventKind.POST_DELETED:
        return True
    answered = news.reply_to_account
    if news.answers_another and answered != circle.account and not (answered and circle.follows(answered)):
        return False
    return _as_followed(news, circle, now)


def _as_followed(news: Update, circle: ViewerState, now: float) -> bool:
    """True unless the viewer follows the author in another way: without boosts, in other languages."""
    if news.boost_of is not None and news.author in circle.quiet:
        return False
    return circle.wants_language(news.author, news.language) and _wanted(news, circle, now)


def _in_list(news: Update, stream: Stream, circle: ViewerState | None, now: float) -> bool:
    members = None if circle is None else circle.lists.get(int(stream.of))
    if circle is None or members is None or news.author not in members.accounts or not circle.follows(news.author):
        return False
    if news.kind is EventKind.POST_DELETED:
        return True
    answered = news.reply_to_account
    if news.answers_another and answered is not None and answered != circle.account:
        if members.replies is ListReplies.NONE or (members.replies is ListReplies.LIST and answered not in members.accounts):
            return False
        if members.replies is ListReplies.FOLLOWED and not circle.follows(answered):
            return False
    return _as_followed(news, circle, now)


def _in_public(news: Update, circle: ViewerState | None, now: float) -> bool:
    limited = news.post is not None and news.post.author.limited_at is not None
    return not limited and _wanted(news, circle, now)


def _anyway(_news: Update, _circle: ViewerState | None, _now: float) -> bool:
    return True


_WISHES: dict[StreamKind, Callable[[Update, ViewerState | None, float], bool]] = {
    StreamKind.USER: _in_home,
    StreamKind.PUBLIC: _in_public,
    StreamKind.TAG: _wanted,
    StreamKind.AUTHOR: _anyway,
    StreamKind.AUTHOR_POSTS: _anyway,
    StreamKind.THREAD: _anyway,
}


def should_deliver(news: Update, stream: Stream, circle: ViewerState | None, now: float) -> bool:
    """True if news of one of the stream's topics is to be told to this viewer at the time `now` (Unix, for mutes that end)."""
    if news.kind in POSTS:
        if stream.media and news.post is not None and not news.post.original.media:
            return False
        if stream.kind is StreamKind.LIST:
            return _in_list(news, stream, circle, now) and visible(news, circle)
        wish = _WISHES.get(stream.kind)
        return wish is not None and wish(news, circle, now) and visible(news, circle)
    if news.kind in (EventKind.FILTERS_CHANGED, EventKind.NOTIFICATIONS_MERGED):
        return circle is not None and news.author == circle.account
    return circle is not None if news.kind in ANNOUNCEMENTS else _is_told(news, circle)


def _is_told(news: Update, circle: ViewerState | None) -> bool:
    """A notice was written only if its receiver wanted it, and a conversation likewise; what came between since is a block."""
    if news.kind not in PERSONAL or circle is None or news.author != circle.account:
        return False
    by = news.subject if news.conversation is None else news.conversation.last.author.id
    return by not in circle.blocks and by not in circle.blocked_by


def may_concern(news: Update, stream: Stream, circle: ViewerState | None) -> bool:
    """True if the news belongs to the stream, before anybody asks what is in it."""
    if news.kind in POSTS and stream.kind is StreamKind.USER:
        return circle is not None and (news.author == circle.account or circle.follows(news.author) or _has_followed_tag(news, circle))
    if news.kind in POSTS and stream.kind is StreamKind.LIST:
        return circle is not None and int(stream.of) in circle.lists_with(news.author)
    return any(topic in stream.topics for topic in topics_of(news))
