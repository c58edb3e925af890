"""What goes with posts, together: media, pictures of profiles, polls, posts to come, who is told of them, previews of links."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from microblog.domain.attachments import Attachments
from microblog.domain.cards import Cards, Promises
from microblog.domain.pictures import Pictures
from microblog.domain.polls import Polls
from microblog.domain.ports import Studio, Web
from microblog.domain.posts import Posts
from microblog.domain.scheduled import Schedules
from microblog.domain.telling import Tellings
from microblog.storage.database import Transactions


@frozen
class World:
    """What they need of the world outside: a studio, and something that waits for so many seconds.

    `web` fetches link previews; without it there are none. `chance` gives uniform numbers in [0, 1).
    """

    studio: Studio
    pause: Callable[[float], Awaitable[object]]
    web: Web | None = None
    chance: Callable[[], float] = lambda: 0.0

    def promises(self, url: str) -> Promises | None:
        """What posts of the site at `url` promise."""
        return None if self.web is None else Promises(url, self.chance)


@frozen
class PostingServices:
    """The services about what goes with posts."""

    attachments: Attachments
    pictures: Pictures
    polls: Polls
    schedules: Schedules
    tellings: Tellings
    cards: Cards | None = None

    @classmethod
    def on(cls, database: Transactions, posts: Posts, world: World) -> PostingServices:
        """All of them."""
        studio, now = world.studio, posts.now
        return cls(
            Attachments(database, studio, now, world.pause),
            Pictures(database, studio, now),
            Polls(database, now),
            Schedules(database, posts, now),
            Tellings(database, now),
            Cards(database, world.web, studio, now) if world.web else None,
        )
