"""Activities that have their effect at the same time, on several connections: nothing is stored twice, lost or left over."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

from microblog.federation.effects import Effects
from microblog.model.posts import Post, PostDraft
from microblog.storage.database import Cursor, Database, fetch_all
from tests import make
from tests.federation.documents import PUBLIC, activity
from tests.federation.internet import Internet
from tests.federation.remote_side import BO, build_effects, local_post, note, store_activity, store_actor
from tests.storage.test_people_at_once import at_once, database

__all__ = ["database"]

ROUNDS = 8


def rows(cursor: Cursor, sql: str) -> list[tuple[Any, ...]]:
    return fetch_all(cursor, lambda *columns: columns, sql)


def prepare(cursor: Cursor) -> Post:
    store_actor(cursor)
    return make.post(cursor, make.viewer(cursor))


async def let_happen(database: Database, effects: Effects, documents: list[dict[str, Any]]) -> None:
    """Let all of this happen at once."""
    ids = [await database.run(store_activity, document) for document in documents]
    commands: list[Coroutine[Any, Any, Any]] = [effects.apply(id, lambda cursor: None) for id in ids]
    assert [each for each in await at_once(commands) if isinstance(each, BaseException)] == []


async def test_the_same_activity_ten_times_at_once(database: Database) -> None:
    post, effects = await database.run(prepare), build_effects(database, Internet(), lambda: make.NOW)
    boost = activity("Announce", local_post(post), id=f"{BO}/boosts/1", to=[PUBLIC])
    like = activity("Like", local_post(post), id=f"{BO}#likes/1")
    for happened in (activity("Create", note(inReplyTo=local_post(post))), boost, like):
        await let_happen(database, effects, [happened] * 10)
    counted = f"select replies, boosts, favourites from post_counts where post_id = {post.id}"
    assert await database.read(rows, counted) == [(1, 1, 1)]
    assert await database.read(rows, "select count(*) from posts") == [(3,)]
    kinds = await database.read(rows, "select kind, count(*) from notifications group by 1 order by 1")
    assert kinds == [("favourite", 1), ("mention", 1), ("reblog", 1)]


async def test_replies_and_their_parents_find_each_other_at_once(database: Database) -> None:
    effects = build_effects(database, Internet(), lambda: make.NOW)
    await database.run(prepare)
    for each in range(ROUNDS):
        chain = [f"{each}.{number}" for number in range(5)]
        notes = [note(chain[0]), *(note(id, inReplyTo=f"{BO}/statuses/{above}") for above, id in pairwise(chain))]
        await let_happen(database, effects, [activity("Create", document) for document in reversed(notes)])
    assert await database.read(rows, "select count(*) from posts where reply_to_uri is not null") == [(0,)]
    assert await database.read(rows, "select count(distinct thread_id) from posts where uri is not null") == [(ROUNDS,)]


async def test_replies_of_people_here_move_with_their_thread(database: Database) -> None:
    effects, service = build_effects(database, Internet(), lambda: make.NOW), make.post_service(database)
    await database.run(prepare)
    ada = await database.run(make.viewer)
    for each in range(ROUNDS):
        above, below = note(f"{each}.0"), note(f"{each}.1", inReplyTo=f"{BO}/statuses/{each}.0")
        await let_happen(database, effects, [activity("Create", below)])
        [(parent,)] = await database.read(rows, f"select id from posts where uri = '{below['id']}'")
        answers = [service.publish(ada, PostDraft(f"answer {number}", reply_to=parent)) for number in range(4)]
        id = await database.run(store_activity, activity("Create", above))
        found = await at_once([*answers, effects.apply(id, lambda cursor: None)])
        assert [one for one in found if isinstance(one, BaseException)] == []
        await service.publish(ada, PostDraft("a late answer", reply_to=parent))
    threads = "select thread_id, count(*) from posts where uri is not null or reply_to is not null group by 1"
    assert [count for _, count in await database.read(rows, threads)] == [7] * ROUNDS


async def test_what_is_deleted_while_it_arrives_is_gone(database: Database) -> None:
    post, effects = await database.run(prepare), build_effects(database, Internet(), lambda: make.NOW)
    for each in range(ROUNDS):
        boost, like = (
            activity("Announce", local_post(post), id=f"{BO}/boosts/{each}"),
            activity("Like", local_post(post), id=f"{BO}#{each}"),
        )
        happened = [activity("Create", note(str(each))), activity("Delete", f"{BO}/statuses/{each}"), boost, activity("Undo", boost)]
        await let_happen(database, effects, [*happened, like, activity("Undo", like)])
    assert await database.read(rows, "select count(*) from posts where uri is not null and deleted_at is null") == [(0,)]
    counted = f"select replies, boosts, favourites from post_counts where post_id = {post.id}"
    assert await database.read(rows, counted) == [(0, 0, 0)]
