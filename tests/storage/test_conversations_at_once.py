"""Concurrent posts, edits and deletions in one thread: each conversation still ends with its newest post."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from itertools import permutations
from typing import Any

from microblog.domain.posts import Posts
from microblog.model.accounts import Viewer
from microblog.model.errors import NotFound
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import posts as post_rows
from microblog.storage.database import Cursor, Database, fetch_all
from tests import make
from tests.storage.test_people_at_once import CLOCK, at_once, database, people

__all__ = ["database"]

ROUNDS = 25
SPOKEN = """
    select member.id, p.thread_id, array(select other from unnest(said.people) other where other <> member.id order by other), max(p.id)
    from posts p cross join lateral (
        select array(select p.account_id union select m.account_id from mentions m where m.post_id = p.id) as people) said
    cross join lateral unnest(said.people) member (id)
    where p.visibility = 'direct' and p.deleted_at is null group by 1, 2, 3 order by 1, 2, 3"""
KEPT = "select account_id, thread_id, participants, last_post_id from conversations order by 1, 2, 3"


async def test_conversations_match_their_posts_after_concurrent_changes(database: Database) -> None:
    """Concurrent deletions of the last posts, a post during a deletion, an edit that moves a post: no conversation is lost or left over."""
    posts = Posts(database, "example.org", "https://example.org", 500, CLOCK)
    crowd, chance = await people(database, 3), random.Random(5)
    await database.run(_befriend, crowd)
    first = await posts.publish(crowd[0], _draft(crowd, chance))
    standing = [first]
    for _ in range(ROUNDS):
        gone, changed = standing[-4:], standing[:2]
        commands: list[Coroutine[Any, Any, Post]] = [posts.delete(Viewer(post.author), post.id) for post in gone if post.id != first.id]
        commands += [posts.edit(Viewer(post.author), post.id, _draft(crowd, chance)) for post in changed]
        commands += [posts.publish(chance.choice(crowd), _draft(crowd, chance, answered)) for answered in [first, *standing[2:6]]]
        wrong = [each for each in await at_once(commands) if isinstance(each, BaseException) and not isinstance(each, NotFound)]
        assert wrong == []
        standing = await database.read(_standing)
        kept, spoken = await database.read(_rows, KEPT), await database.read(_rows, SPOKEN)
        assert kept == spoken


def _draft(crowd: list[Viewer], chance: random.Random, reply_to: Post | None = None) -> PostDraft:
    named = crowd if chance.random() < 0.8 else crowd[:2]
    words = " ".join(f"@{one.account.username}" for one in named)
    return PostDraft(f"{words} {chance.random()}", Visibility.DIRECT, reply_to=reply_to.id if reply_to else None)


def _befriend(cursor: Cursor, crowd: list[Viewer]) -> None:
    """Make the accounts follow each other, because direct posts of strangers are filtered."""
    for one, other in permutations(crowd, 2):
        make.follow(cursor, one, other)


def _standing(cursor: Cursor) -> list[Post]:
    ids = fetch_all(cursor, int, "select id from posts where deleted_at is null order by id")
    return list(post_rows.by_ids(cursor, ids).values())


def _rows(cursor: Cursor, sql: str) -> list[tuple[object, ...]]:
    return fetch_all(cursor, lambda *columns: columns, sql)
