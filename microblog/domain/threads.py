"""What stands around a post in its conversation, as far as somebody may see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from attrs import frozen

from microblog.model.ids import AccountId, PostId
from microblog.model.posts import Post
from microblog.storage import posts, threads
from microblog.storage.database import Cursor


@frozen
class ThreadBounds:
    """How much of a conversation is wanted: the nearest ancestors, and so many descendants after the first `skip`, down to a depth."""

    ancestors: int
    descendants: int
    depth: int
    skip: int = 0


WHOLE = ThreadBounds(4_096, 4_096, 4_096)
"""What members' programs get."""
BRIEF = ThreadBounds(40, 60, 20)
"""What everybody's programs get."""
PAGE = ThreadBounds(40, 100, 4_096)
"""What a page shows."""


def ancestors(cursor: Cursor, post: Post, viewer: AccountId | None, limit: int) -> list[PostId]:
    """What the post answers, and so on, from the first on; the chain ends where something is gone or hidden."""
    if post.reply_to is None:
        return []
    chain = threads.above(cursor, post=post.id, limit=limit)
    visible = posts.visible(cursor, ids=chain, viewer=viewer)
    seen = next((place for place, id in enumerate(chain) if id not in visible), len(chain))
    return chain[:seen][::-1]


def descendants(cursor: Cursor, post: Post, viewer: AccountId | None, within: ThreadBounds) -> list[tuple[PostId, int]]:
    """What answers the post and how deep, depth first, without what was skipped; one more than wanted where there are more.

    Nothing is found behind what is hidden. Who may see a post is asked for those alone that come in question.
    """
    answers: dict[PostId, list[PostId]] = {}
    for id, above in threads.outline(cursor, thread=post.thread_id or post.id, post=post.id):
        answers.setdefault(above, []).append(id)
    wanted, known, hidden = within.skip + within.descendants + 1, set[PostId](), set[PostId]()
    while True:
        found = list(islice(_walked(answers, post.id, hidden, within.depth), wanted))
        unknown = [id for id, _ in found if id not in known]
        if not unknown:
            return found[within.skip :]
        known.update(unknown)
        hidden.update(set(unknown) - posts.visible(cursor, ids=unknown, viewer=viewer))


def _walked(answers: Mapping[PostId, Sequence[PostId]], top: PostId, hidden: set[PostId], depth: int) -> Iterator[tuple[PostId, int]]:
    """Depth first, from depth 1 on; answers to the same post in the order in which they are given."""
    waiting = [(id, 1) for id in reversed(answers.get(top, ()))]
    while waiting:
        id, deep = waiting.pop()
        if id not in hidden:
            yield id, deep
            if deep < depth:
                waiting.extend((below, deep + 1) for below in reversed(answers.get(id, ())))
