"""Ancestors and descendants of a post, in threads of any length."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from microblog.domain.posts import Posts
from microblog.domain.threads import BRIEF, PAGE, WHOLE, ThreadBounds
from microblog.model.accounts import Viewer
from microblog.model.posts import Post, Visibility
from microblog.storage.database import Cursor, execute
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def posts(db: RolledBackDatabase) -> Posts:
    return make.post_service(db)


def many_replies(cursor: Cursor, author: Viewer, root: Post, number: int, *, deep: bool = False) -> None:
    """Insert replies to the root, or each to the one before, without the cost of publishing."""
    execute(
        cursor,
        """with numbered as (
               select new_id(%(now)s::timestamptz + n * interval '1 second') as id, n from generate_series(1, %(number)s) n)
           insert into posts (id, account_id, text, html, visibility, spoiler, sensitive, thread_id, reply_to, reply_to_account, created_at)
           select m.id, %(author)s, 'reply ' || m.n, '', 'public', '', false, %(root)s,
                  case when %(deep)s and m.n > 1 then (select o.id from numbered o where o.n = m.n - 1) else %(root)s end, %(author)s,
                  %(now)s from numbered m order by m.n""",
        {"number": number, "author": author.id, "root": root.id, "deep": deep, "now": root.created_at},
    )


async def shown(posts: Posts, viewer: Viewer | None, post: Post, within: ThreadBounds | None = None) -> tuple[list[str], list[str], bool]:
    thread = await posts.thread(viewer, post.id, within)
    return [one.text for one in thread.ancestors], [one.text for one in thread.descendants], thread.more


async def test_descendants_of_hidden_posts_are_not_shown(posts: Posts, cursor: Cursor) -> None:
    ada, bob, eve = (make.viewer(cursor) for _ in range(3))
    root = make.post(cursor, ada, "root")
    hidden = make.post(cursor, bob, "hidden", reply_to=root, visibility=Visibility.PRIVATE)
    behind = make.post(cursor, bob, "behind", reply_to=hidden)
    make.post(cursor, ada, "own", reply_to=root)
    last = make.post(cursor, bob, "below", reply_to=behind)
    assert await shown(posts, bob, root) == ([], ["own", "hidden", "behind", "below"], False)
    assert await shown(posts, eve, root) == ([], ["own"], False)
    assert (await shown(posts, bob, last))[0] == ["root", "hidden", "behind"]
    assert (await shown(posts, None, last))[0] == ["behind"]


async def test_anonymous_viewers_get_a_limited_thread_and_users_all_of_it(posts: Posts, cursor: Cursor) -> None:
    ada, wide, deep = make.viewer(cursor), "wide", "deep"
    roots = {name: make.post(cursor, ada, name) for name in (wide, deep)}
    many_replies(cursor, ada, roots[wide], 150)
    many_replies(cursor, ada, roots[deep], 70, deep=True)
    assert await shown(posts, None, roots[wide]) == ([], [f"reply {n}" for n in range(1, BRIEF.descendants + 1)], True)
    assert await shown(posts, None, roots[deep]) == ([], [f"reply {n}" for n in range(1, BRIEF.depth + 1)], False)
    assert len((await shown(posts, ada, roots[wide]))[1]) == 150
    last = (await posts.thread(ada, roots[deep].id)).descendants[-1]
    assert (await shown(posts, None, last))[0] == [f"reply {n}" for n in range(30, 70)]
    assert len((await shown(posts, ada, last))[0]) == 70


async def test_pages_of_replies_are_consecutive(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    root = make.post(cursor, ada, "root")
    many_replies(cursor, ada, root, 250)
    seen: list[str] = []
    for number in range(3):
        _, below, more = await shown(posts, None, root, evolve(PAGE, skip=len(seen)))
        assert more == (number < 2)
        seen += below
    assert seen == [f"reply {n}" for n in range(1, 251)]
    assert await shown(posts, None, root, evolve(PAGE, skip=1_000)) == ([], [], False)


async def test_a_late_reply_of_a_very_long_thread_has_its_context(posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    root = make.post(cursor, ada, "root")
    many_replies(cursor, ada, root, WHOLE.descendants + 500)
    cursor.execute("select max(id) from posts")
    [latest] = cursor.fetchone() or ()
    late = await posts.one(ada, latest)
    make.post(cursor, ada, "answer", reply_to=late, now=make.NOW + timedelta(days=1))
    assert await shown(posts, None, late) == (["root"], ["answer"], False)
    assert len((await shown(posts, ada, root))[1]) == WHOLE.descendants
