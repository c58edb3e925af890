"""Recipients of an update, found among the connected viewers in memory, without a database query."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import Factory, define

from microblog.live.hub import Hub
from microblog.live.subscriber import Subscription
from microblog.live.topics import StreamKind, topics_of
from microblog.live.updates import POSTS, Update
from microblog.live.viewer_state import ViewerStates


@define
class Recipients:
    """All subscriptions, by topic and by followed account."""

    viewer_states: ViewerStates = Factory(ViewerStates)
    hub: Hub[Subscription] = Factory(Hub)

    def of(self, update: Update) -> Iterator[Subscription]:
        """Yield the subscriptions that may receive the update; each decides by itself. Not to be stored: subscriptions change."""
        if update.kind in POSTS:
            for viewer in self.viewer_states.following(update.author):
                yield from self.hub.members(viewer.home)
                for id in viewer.lists_containing(update.author) if viewer.lists else ():
                    yield from self.hub.members((StreamKind.LIST, id))
            for viewer in self.viewer_states.with_tags(update.tags, update.author) if update.tags else ():
                yield from self.hub.members(viewer.home)
        for topic in topics_of(update):
            yield from self.hub.members(topic)

    def has_any(self, update: Update) -> bool:
        """True if the update has any potential recipient."""
        return next(self.of(update), None) is not None
