"""Ancestors and descendants of a post, as far as a viewer may see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from attrs import frozen

from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post, PostThread
from microblog.storage import threads
from microblog.storage.database import Cursor


@frozen
class ThreadBounds:
    """Limits of a thread: nearest ancestors, descendants after the first `skip`, and depth."""

    ancestors: int
    descendants: int
    depth: int
    skip: int = 0


@frozen
class ThreadIds:
    """A thread by the ids of its posts; the fields are those of PostThread."""

    post: PostId
    ancestors: tuple[PostId, ...]
    descendants: tuple[PostId, ...]
    depths: tuple[int, ...]
    more: bool

    @property
    def all(self) -> tuple[PostId, ...]:
        """All ids."""
        return self.post, *self.ancestors, *self.descendants

    def thread(self, posts: Mapping[PostId, Post]) -> PostThread | None:
        """Return the thread with those of these posts that were not deleted since; None if the post itself was."""
        if self.post not in posts:
            return None
        above = tuple(posts[id] for id in self.ancestors if id in posts)
        below = [(posts[id], depth) for id, depth in zip(self.descendants, self.depths, strict=True) if id in posts]
        return PostThread(posts[self.post], above, tuple(post for post, _ in below), tuple(depth for _, depth in below), self.more)


WHOLE = ThreadBounds(4_096, 4_096, 4_096)
"""Limits of the API for authenticated clients."""
BRIEF = ThreadBounds(40, 60, 20)
"""Limits of the API for anonymous clients."""
PAGE = ThreadBounds(40, 100, 4_096)
"""Limits of a page."""


def ancestors(cursor: Cursor, post: Post, viewer: AccountId | None, limit: int) -> list[PostId]:
    """Return the chain of posts that the post replies to, from the first on; it ends where one is deleted or hidden."""
    if post.reply_to is None:
        return []
    chain = threads.ancestors(cursor, post=post.id, limit=limit)
    visible = threads.shown(cursor, ids=chain, viewer=viewer)
    visible_count = next((index for index, id in enumerate(chain) if id not in visible), len(chain))
    return chain[:visible_count][::-1]


def descendants(cursor: Cursor, post: Post, viewer: AccountId | None, within: ThreadBounds) -> list[tuple[PostId, int]]:
    """Return the replies with their depth, depth first, after `skip`; one more than the limit if there are more.

    Replies below a hidden post are left out. Visibility is queried only for posts that are candidates for the result.
    """
    replies: dict[PostId, list[PostId]] = {}
    for id, above in threads.outline(cursor, thread=post.thread_id or post.id, post=post.id):
        replies.setdefault(above, []).append(id)
    needed, known, hidden = within.skip + within.descendants + 1, set[PostId](), set[PostId]()
    while True:
        found = list(islice(_walk(replies, post.id, hidden, within.depth), needed))
        unknown = [id for id, _ in found if id not in known]
        if not unknown:
            return found[within.skip :]
        known.update(unknown)
        hidden.update(set(unknown) - threads.shown(cursor, ids=unknown, viewer=viewer))


def _walk(replies: Mapping[PostId, Sequence[PostId]], top: PostId, hidden: set[PostId], depth: int) -> Iterator[tuple[PostId, int]]:
    """Yield replies depth first with their depth (from 1); replies to the same post keep their order."""
    stack = [(id, 1) for id in reversed(replies.get(top, ()))]
    while stack:
        id, level = stack.pop()
        if id not in hidden:
            yield id, level
            if level < depth:
                stack.extend((below, level + 1) for below in reversed(replies.get(id, ())))
