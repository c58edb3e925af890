"""Finds out which boosts repeat what timelines show already, where memory alone does not tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from microblog.live.event_buffer import EventSource
from microblog.live.recent_entries import COLLECTED, EarlierEntries, RecentEntries
from microblog.live.recipients import Recipients
from microblog.live.subscriber import Subscription
from microblog.live.topics import StreamKind, Topic
from microblog.live.updates import Update
from microblog.live.viewer_state import ViewerState
from microblog.model import repeated_boosts
from microblog.model.events import EventKind

MOST_AT_ONCE = 64
"""Timelines that are looked up for one look at the log: beyond that, a boost counts as new unless memory says otherwise."""


async def look_back(log: EventSource, audience: Recipients, news: Sequence[Update]) -> None:
    """Complete what is remembered of each timeline that one of these boosts goes to, as far as it takes that to tell whether it repeats."""
    wanted: dict[tuple[ViewerState, Topic], EarlierEntries] = {}
    for one in news:
        if _is_boost(one) and one.post is not None:
            for circle, topic in _timelines(audience, one):
                if len(wanted) < MOST_AT_ONCE and (circle, topic) not in wanted and not _tells(circle, topic, one):
                    wanted[circle, topic] = _question(circle, topic, one.post_id or 0, repeated_boosts.REACH)
    if wanted:
        answers = await log.before(list(wanted.values()))
        for ((circle, topic), asked), entries in zip(wanted.items(), answers, strict=True):
            circle.recent.setdefault(topic, RecentEntries()).begin(entries, asked.below)


async def repeats_in(log: EventSource, subscription: Subscription, passage: Sequence[Update], at: float) -> Collection[int]:
    """The ids of those boosts of a passage that repeat what was on the timeline before them."""
    circle, topic = subscription.subscriber.circle, subscription.stream.topics[0]
    if subscription.stream.kind not in COLLECTED or circle is None:
        return ()
    boosts = [news.post_id or 0 for news in passage if _is_boost(news) and subscription.wants(news, at)]
    if not boosts:
        return ()
    [entries] = await log.before([_question(circle, topic, max(boosts) + 1, repeated_boosts.REACH + len(passage))])
    return {entry[0] for entry in entries} - {entry[0] for entry in repeated_boosts.without_repeats(entries)}


def _is_boost(news: Update) -> bool:
    return news.kind is EventKind.POST_PUBLISHED and news.boost_of is not None


def _timelines(audience: Recipients, news: Update) -> Iterator[tuple[ViewerState, Topic]]:
    """The timelines that somebody listens to and that the author's posts may be on."""
    for circle in audience.viewers.following(news.author):
        for topic in (circle.home, *((StreamKind.LIST, id) for id in circle.lists_with(news.author))):
            if audience.hub.members(topic):
                yield circle, topic


def _tells(circle: ViewerState, topic: Topic, news: Update) -> bool:
    """True if it is clear without asking whether the boost repeats."""
    original, recent = news.post and news.post.boost, circle.recent.get(topic)
    if original is None or (recent is not None and (recent.whole or recent.shows(original.id, news.entry[0]))):
        return True
    by = original.author.id
    known = by == circle.account or circle.follows(by) or circle.tags or original.boosts_count > 1
    return not known  # it has never been on any timeline of theirs


def _question(circle: ViewerState, topic: Topic, below: int, limit: int) -> EarlierEntries:
    if topic == circle.home:
        return EarlierEntries(circle.account, below, limit)
    id = int(topic[1])
    return EarlierEntries(circle.account, below, limit, id, circle.lists[id].replies)
