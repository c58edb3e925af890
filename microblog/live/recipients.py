"""Who listens to a piece of news: found from the connected viewers in memory, never by asking the database."""

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
    """Everybody who is connected, by what they listen to and by whom they follow."""

    viewers: ViewerStates = Factory(ViewerStates)
    hub: Hub[Subscription] = Factory(Hub)

    def of(self, news: Update) -> Iterator[Subscription]:
        """All for whom it may be; whether it is, the subscription knows. Not to be kept: they come and go."""
        if news.kind in POSTS:
            for circle in self.viewers.following(news.author):
                yield from self.hub.members(circle.home)
                for id in circle.lists_with(news.author) if circle.lists else ():
                    yield from self.hub.members((StreamKind.LIST, id))
            for circle in self.viewers.with_tags(news.tags, news.author) if news.tags else ():
                yield from self.hub.members(circle.home)
        for topic in topics_of(news):
            yield from self.hub.members(topic)

    def wants(self, news: Update) -> bool:
        """True if there is anybody."""
        return next(self.of(news), None) is not None
