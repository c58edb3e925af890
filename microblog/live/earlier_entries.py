"""Detection of boosts that repeat a post which the timeline already shows, where entries in memory are not enough."""

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

MAX_TIMELINES = 64
"""Maximum number of timelines looked up per poll. In others, a boost counts as new unless the entries in memory show that it repeats."""


async def load_earlier_entries(log: EventSource, recipients: Recipients, updates: Sequence[Update]) -> None:
    """Load earlier entries of the timelines that receive one of these boosts, as far as needed to detect repeats."""
    wanted: dict[tuple[ViewerState, Topic], EarlierEntries] = {}
    for update in updates:
        if _is_boost(update) and update.post is not None:
            for viewer, topic in _timelines(recipients, update):
                if len(wanted) < MAX_TIMELINES and (viewer, topic) not in wanted and not _is_known(viewer, topic, update):
                    wanted[viewer, topic] = _query(viewer, topic, update.post_id or 0, repeated_boosts.WINDOW)
    if wanted:
        results = await log.entries_before(list(wanted.values()))
        for ((viewer, topic), query), entries in zip(wanted.items(), results, strict=True):
            viewer.recent.setdefault(topic, RecentEntries()).load(entries, query.below)


async def repeats_in(log: EventSource, subscription: Subscription, batch: Sequence[Update], at: float) -> Collection[int]:
    """Return the ids of those boosts in the batch that repeat a post which the timeline showed before them."""
    viewer, topic = subscription.subscriber.viewer_state, subscription.stream.topics[0]
    if subscription.stream.kind not in COLLECTED or viewer is None:
        return ()
    boosts = [update.post_id or 0 for update in batch if _is_boost(update) and subscription.wants(update, at)]
    if not boosts:
        return ()
    [entries] = await log.entries_before([_query(viewer, topic, max(boosts) + 1, repeated_boosts.WINDOW + len(batch))])
    return {entry[0] for entry in entries} - {entry[0] for entry in repeated_boosts.without_repeats(entries)}


def _is_boost(update: Update) -> bool:
    return update.kind is EventKind.POST_PUBLISHED and update.boost_of is not None


def _timelines(recipients: Recipients, update: Update) -> Iterator[tuple[ViewerState, Topic]]:
    """Yield timelines that have subscribers and may contain the author's posts."""
    for viewer in recipients.viewer_states.following(update.author):
        for topic in (viewer.home, *((StreamKind.LIST, id) for id in viewer.lists_containing(update.author))):
            if recipients.hub.members(topic):
                yield viewer, topic


def _is_known(viewer: ViewerState, topic: Topic, update: Update) -> bool:
    """True if entries in memory tell whether the boost is a repeat."""
    original, recent = update.post and update.post.boost, viewer.recent.get(topic)
    if original is None or (recent is not None and (recent.is_complete or recent.shows(original.id, update.entry[0]))):
        return True
    by = original.author.id
    known = by == viewer.account or viewer.follows(by) or viewer.tags or original.boosts_count > 1
    return not known  # the post cannot be on any of the viewer's timelines


def _query(viewer: ViewerState, topic: Topic, below: int, limit: int) -> EarlierEntries:
    if topic == viewer.home:
        return EarlierEntries(viewer.account, below, limit)
    id = int(topic[1])
    return EarlierEntries(viewer.account, below, limit, id, viewer.lists[id].replies)
